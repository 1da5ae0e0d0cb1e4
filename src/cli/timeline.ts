/**
 * A recorded event as lines of a readable timeline. Everything that came from an agent or a database is made visible
 * first; rows of one result become one small table, masked cells marked. JSON output does not pass through here.
 */
import type { Beyond, RecordedBinary, RecordedColumn, RecordedText, RecordedValue } from "#protocols/wire/transcript.ts";
import type { RecordedEvent } from "#src/recording/events.ts";
import { bytesText, durationText, momentText, offsetText } from "./moments.ts";
import type { Colors } from "./screen.ts";
import { type Cell, tableLines } from "./table.ts";
import { disarmed, visible, visibleLines } from "./visible.ts";

/** One event, or the rows of one result. */
export interface Entry {
  readonly sinceStartMs: number;
  readonly lines: readonly string[];
}

export interface TimelineOptions {
  readonly paint: Colors;
  /** Rows shown of one result. */
  readonly rowsMax: number;
  /** Whether a statement that was rewritten is shown as it was sent, too. */
  readonly sent: boolean;
}

export interface Timeline {
  /** What `event` makes ready to be shown: nothing while the rows of a result are still being gathered. */
  take(event: RecordedEvent): Entry[];
  /** What is left at the end. */
  end(): Entry[];
}

const INDENT = "            ";
const SQL_LINES_MAX = 200;
export const MASK_MARK = "▒";
export const NULL_MARK = "∅";
export const LEGEND = `${MASK_MARK} masked for this principal   ${NULL_MARK} NULL   control and invisible characters are shown as \\x1b, \\u{202e} …`;

interface PendingRows {
  readonly statement: number | null;
  readonly sinceStartMs: number;
  readonly columns: readonly RecordedColumn[];
  readonly rows: (readonly RecordedValue[])[];
  left: number;
}

export function makeTimeline(options: TimelineOptions): Timeline {
  let pending: PendingRows | undefined;
  /** The sentence of the last refusal: the error that tells the client so need not repeat it. */
  let said: string | undefined;
  let http = false;
  const flush = (): Entry[] => {
    if (pending === undefined) return [];
    const entry = { sinceStartMs: pending.sinceStartMs, lines: rowLines(pending, options.paint) };
    pending = undefined;
    return [entry];
  };
  return {
    take(recorded) {
      const event = disarmed(recorded);
      if (event.kind === "session-start") http = event.protocol === "http";
      if (event.kind !== "rows") {
        const lines = eventLines(event, { ...options, http }, said);
        said = event.kind === "denied" ? event.message : undefined;
        return [...flush(), { sinceStartMs: event.sinceStartMs, lines }];
      }
      const before =
        pending !== undefined && pending.statement === event.statement && sameColumns(pending.columns, event.columns) ? [] : flush();
      pending ??= { statement: event.statement, sinceStartMs: event.sinceStartMs, columns: event.columns, rows: [], left: 0 };
      const room = Math.max(0, options.rowsMax - pending.rows.length);
      pending.rows.push(...event.rows.slice(0, room));
      pending.left += Math.max(0, event.rows.length - room);
      return before;
    },
    end: flush,
  };
}

function sameColumns(left: readonly RecordedColumn[], right: readonly RecordedColumn[]): boolean {
  return (
    left.length === right.length &&
    left.every((column, index) => column.name === right[index]?.name && column.masked === right[index]?.masked)
  );
}

function eventLines(
  event: RecordedEvent,
  { paint, sent, http }: TimelineOptions & { readonly http: boolean },
  said: string | undefined,
): string[] {
  const line = (mark: string, words: string): string => `${paint.dim(offsetText(event.sinceStartMs).padStart(9))}  ${mark} ${words}`;
  switch (event.kind) {
    case "session-start":
      return [line(paint.green("●"), `${paint.bold("start")}  ${momentText(event.at)}`), ...startLines(event, paint)];
    case "prepare":
      return [line(paint.cyan("○"), `prepare ${name(event.name)}  ${verdict(event, paint)}`), ...sqlLines(event, paint, sent)];
    case "statement":
      return [line(paint.cyan("▶"), verdict(event, paint)), ...sqlLines(event, paint, sent), ...parameterLines(event.parameters, paint)];
    case "rows":
      return []; // gathered by the timeline until their result is whole
    case "result":
      return [
        line(
          "◀",
          `${visible(event.tag)}  ${paint.dim(`${http ? "" : `${rowCount(event.rows)} · `}${durationText(event.durationMs)}`)}${beyond(event.beyond)}`,
        ),
      ];
    case "copy":
      return [
        line(
          "⇄",
          `${http ? "body" : "COPY"} ${event.direction === "in" ? "to" : "from"} the target, ${event.outcome}, ${bytesText(event.bytes)}${beyond(event.beyond)}`,
        ),
        ...copyLines(event.data),
      ];
    case "head":
      return [
        line(event.direction === "in" ? "→" : "←", event.status === null ? "request" : `response ${event.status}`),
        ...indented(event.fields.map((field) => `${paint.dim(`${visible(field.name)}:`)} ${visible(field.value)}`)),
      ];
    case "denied":
      return [line(paint.red("✗"), `${paint.red("denied")}  ${tail(event.reason, event.rule)}`), ...indented(visibleLines(event.message))];
    case "held":
      return [line(paint.yellow("‖"), `held by ${visible(event.rule)}`)];
    case "skipped":
      return [line(paint.yellow("⊘"), paint.dim(`statement ${event.statement} was not run, because of ${event.because}`))];
    case "error":
      return [line(paint.red("!"), `error from the ${event.from}  ${visible(event.fields["C"] ?? "")}`), ...fieldLines(event.fields, said)];
    case "notice":
      return [line("i", "notice"), ...fieldLines(event.fields, undefined)];
    case "notify":
      return [line("i", `notification on ${visible(event.channel)}: ${visible(textOf(event.payload))}`)];
    case "body":
      return [line("…", `whole message ${bytesText(event.bytes)}, sha256 ${visible(event.sha256)}`)];
    case "cancel":
      return [line(paint.yellow("⊘"), `cancel asked for by ${visible(event.remote)}`)];
    case "session-end":
      return [
        line(
          paint.green("■"),
          `${paint.bold("end")}  ${visible(event.status)}${event.reason === null ? "" : `: ${visible(event.reason)}`}`,
        ),
      ];
  }
}

function startLines(event: Extract<RecordedEvent, { kind: "session-start" }>, paint: Colors): string[] {
  const { principal } = event;
  const groups = principal.groups.length === 0 ? "no groups" : `groups ${principal.groups.map(visible).join(", ")}`;
  const actor = principal.actor === null ? "" : `, acted for by ${visible(principal.actor)}`;
  return indented([
    `${paint.bold(visible(principal.name))} (${groups}${actor}; ${visible(principal.issuer)})`,
    `on ${paint.bold(visible(event.target))}${event.protocol === "http" ? "" : `, database ${visible(event.database)}`}, from ${visible(event.remote)}`,
    `user label ${name(event.label)}${event.application === null ? "" : `, application ${name(event.application)}`}`,
  ]);
}

interface Judged {
  readonly verdict: string;
  readonly rule: string | null;
  readonly reason: string | null;
  readonly tables: readonly string[];
}

function verdict(event: Judged, paint: Colors): string {
  const shades: Readonly<Record<string, (text: string) => string>> = {
    allow: paint.green,
    mask: paint.yellow,
    deny: paint.red,
    hold: paint.yellow,
  };
  const shade = shades[event.verdict] ?? ((text: string) => text);
  const tables = event.tables.length === 0 ? "" : paint.dim(`  ${event.tables.map(visible).join(", ")}`);
  return `${shade(visible(event.verdict))}  ${tail(event.reason, event.rule)}${tables}`.trimEnd();
}

function tail(reason: string | null, rule: string | null): string {
  return [reason === null ? "" : visible(reason), rule === null ? "" : `rule ${visible(rule)}`].filter((part) => part !== "").join("  ");
}

function sqlLines(
  event: { readonly sql: RecordedText; readonly upstreamSql: RecordedText | null },
  paint: Colors,
  sent: boolean,
): string[] {
  const { sql, upstreamSql } = event;
  if (upstreamSql === null) return indented(textLines(sql));
  if (!sent)
    return indented([...textLines(sql), paint.dim(`rewritten for the target: ${bytesText(sizeOf(upstreamSql))}; --sent shows it`)]);
  return indented([...textLines(sql), paint.dim("as sent to the target:"), ...textLines(upstreamSql).map(paint.dim)]);
}

function sizeOf(text: RecordedText): number {
  return typeof text === "string" ? Buffer.byteLength(text) : text.bytes;
}

function parameterLines(parameters: readonly RecordedValue[], paint: Colors): string[] {
  return indented(parameters.map((value, index) => `${paint.dim(`$${index + 1} =`)} ${valueText(value)}`));
}

function textLines(text: RecordedText): string[] {
  const lines = visibleLines(typeof text === "string" ? text : text.head);
  const shown = lines.length > SQL_LINES_MAX ? [...lines.slice(0, SQL_LINES_MAX), `… ${lines.length - SQL_LINES_MAX} more lines`] : lines;
  return typeof text === "string" ? shown : [...shown, excessNote(text)];
}

function excessNote(excess: { readonly bytes: number; readonly sha256: string | null }): string {
  return `… ${bytesText(excess.bytes)} in all${excess.sha256 === null ? "" : `, sha256 ${visible(excess.sha256)}`}`;
}

function fieldLines(fields: Readonly<Record<string, string>>, said: string | undefined): string[] {
  const labels: readonly (readonly [key: string, label: string])[] = [
    ["M", ""],
    ["D", "detail: "],
    ["H", "hint: "],
    ["P", "at character "],
  ];
  return indented(
    labels.flatMap(([key, label]) => (fields[key] === undefined || fields[key] === said ? [] : visibleLines(`${label}${fields[key]}`))),
  );
}

function copyLines(data: RecordedText | RecordedBinary): string[] {
  if (typeof data === "object" && "hex" in data) return indented([valueText(data)]);
  return indented(textLines(data));
}

function rowLines(pending: PendingRows, paint: Colors): string[] {
  const columns = pending.columns.map((column) => ({
    title: column.masked ? `${visible(column.name)} ${MASK_MARK}` : visible(column.name),
  }));
  const rows = pending.rows.map((row) => row.map((value, index) => cell(value, pending.columns[index]?.masked === true, paint)));
  const left = pending.left === 0 ? [] : [paint.dim(`… ${rowCount(pending.left)} more on record: --rows all, or --json`)];
  return indented([...tableLines(columns, rows, paint.dim), ...left]);
}

function cell(value: RecordedValue, masked: boolean, paint: Colors): Cell {
  const text = valueText(value);
  if (masked) return { text: `${MASK_MARK} ${text}`, paint: paint.yellow };
  return value === null ? { text, paint: paint.dim } : { text };
}

/** One value on one line. */
export function valueText(value: RecordedValue): string {
  if (value === null) return NULL_MARK;
  if (typeof value === "string") return visible(value);
  if ("hex" in value) return `\\x${visible(value.hex)}`;
  return `${visible(value.head)}${excessNote(value)}`;
}

function textOf(text: RecordedText): string {
  return typeof text === "string" ? text : `${text.head}${excessNote(text)}`;
}

function name(text: string): string {
  return text === "" ? '""' : visible(text);
}

function rowCount(rows: number): string {
  return `${rows} ${rows === 1 ? "row" : "rows"}`;
}

function beyond(value: Beyond | null): string {
  return value === null
    ? ""
    : `; past the recording's limits: ${rowCount(value.rows)}, ${bytesText(value.bytes)}, sha256 ${visible(value.sha256)}`;
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `${INDENT}${line}`);
}
