/**
 * Turns an event into its line of JSON. This is the hot path of recording: the kinds that every statement makes are
 * put together from cached pieces, the rest goes through `JSON.stringify`. A line never holds a raw control
 * character, so a terminal or a log collector that shows one is not steered by it.
 */
import type { RecordedText, RecordedValue } from "#protocols/wire/transcript.ts";
import type { EventBody } from "./events.ts";

/** Of ASCII, the one control character that JSON lets stand raw. */
const DELETE = "\u007f";

/**
 * Whether JSON is printable ASCII; any other takes the slower way through `escapeControls` and UTF-8. Both questions are
 * answered by native code, some eight times as fast as a regular expression, and rows are long.
 */
function isPlain(json: string): boolean {
  return Buffer.byteLength(json) === json.length && !json.includes(DELETE);
}

/** What JSON lets stand raw although terminals or JavaScript act on it: DEL, C1, line and paragraph separators, BOM, bidi controls. */
const CONTROLS = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Writes control characters outside ASCII as `\uXXXX`; inside a JSON text they can only stand in strings. */
export function escapeControls(json: string): string {
  return json.replace(CONTROLS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Fractions of a millisecond by their microseconds: writing a number with a fraction is slow. */
const FRACTIONS = Array.from({ length: 1000 }, (_, micros) => `.${String(micros).padStart(3, "0")}`);

/** Milliseconds with three digits of a fraction, as JSON; what cannot be a duration is 0. */
function millis(ms: number): string {
  const micros = ms >= 0 && ms < 1e12 ? Math.round(ms * 1000) : 0;
  const whole = Math.floor(micros / 1000);
  return `${whole}${FRACTIONS[micros - whole * 1000] ?? ""}`;
}

/** What a statement's verdict adds to its event; the same objects come back while a verdict is cached. */
interface Judged {
  readonly verdict: string;
  readonly rule: string | null;
  readonly reason: string | null;
  readonly tables: readonly string[];
}

type Rows = Extract<EventBody, { kind: "rows" }>;

/** Writes event lines; one for each journal, because it remembers the last verdict, statement and columns. */
export class LineWriter {
  /** True when the last line is printable ASCII: one byte a character, nothing to escape. */
  plain = true;
  #verdict = "";
  #rule: string | null = null;
  #reason: string | null = null;
  #tables: readonly string[] | undefined;
  #judged = "";
  #judgedPlain = true;
  #sql: RecordedText | undefined;
  #sqlJson = "";
  #sqlPlain = true;
  #tag = "";
  #tagJson = '""';
  #tagPlain = true;
  #columns: Rows["columns"] | undefined;
  #columnsJson = "";
  #columnsPlain = true;
  #atMs = Number.NaN;
  #at = "";
  #second = Number.NaN;
  /** The time of that second, without a fraction. */
  #secondText = "";

  /**
   * The line without its newline. `sinceStartMs` is rounded to microseconds.
   * Where `plain` is false afterwards, `escapeControls` is to be applied.
   */
  line(seq: number, prev: string, nowMs: number, sinceStartMs: number, event: EventBody): string {
    this.plain = true;
    if (nowMs !== this.#atMs) {
      this.#atMs = nowMs;
      this.#at = `","at":"${this.#timeOf(nowMs)}","sinceStartMs":`;
    }
    return `{"seq":${seq},"prev":"${prev}${this.#at}${millis(sinceStartMs)},${this.#body(event)}`;
  }

  /** As `toISOString`, which takes a microsecond and more each time. */
  #timeOf(nowMs: number): string {
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#secondText = new Date(second * 1000).toISOString().slice(0, -".000Z".length);
    }
    return `${this.#secondText}${FRACTIONS[Math.floor(nowMs) - second * 1000] ?? ".000"}Z`;
  }

  #body(event: EventBody): string {
    switch (event.kind) {
      case "statement":
        return `"kind":"statement","sql":${this.#text(event.sql)},"upstreamSql":${this.#json(event.upstreamSql)},"parameters":${this.#values(event.parameters)},${this.#verdictOf(event)}}`;
      case "prepare":
        return `"kind":"prepare","name":${this.#json(event.name)},"sql":${this.#text(event.sql)},"upstreamSql":${this.#json(event.upstreamSql)},${this.#verdictOf(event)}}`;
      case "rows":
        return `"kind":"rows","statement":${event.statement},"columns":${this.#columnsOf(event.columns)},"rows":${this.#cells(event.rows)}}`;
      case "result":
        return `"kind":"result","statement":${event.statement},"tag":${this.#tagOf(event.tag)},"rows":${event.rows},"durationMs":${millis(event.durationMs)},"beyond":${this.#json(event.beyond)}}`;
      default: {
        // `kind` first, so that a person and a `grep` find it in the same place in every line.
        const { kind, ...rest } = event;
        return this.#json({ kind, ...rest }).slice(1);
      }
    }
  }

  #json(value: unknown): string {
    if (value === null) return "null";
    const json = JSON.stringify(value);
    if (!isPlain(json)) this.plain = false;
    return json;
  }

  /** The statement's text; a session that repeats itself repeats it. */
  #text(sql: RecordedText): string {
    if (sql !== this.#sql) {
      this.#sql = sql;
      this.#sqlJson = JSON.stringify(sql);
      this.#sqlPlain = isPlain(this.#sqlJson);
    }
    if (!this.#sqlPlain) this.plain = false;
    return this.#sqlJson;
  }

  #tagOf(tag: string): string {
    if (tag !== this.#tag) {
      this.#tag = tag;
      this.#tagJson = JSON.stringify(tag);
      this.#tagPlain = isPlain(this.#tagJson);
    }
    if (!this.#tagPlain) this.plain = false;
    return this.#tagJson;
  }

  /** A statement that is run again shows the same columns. */
  #columnsOf(columns: Rows["columns"]): string {
    if (columns !== this.#columns) {
      this.#columns = columns;
      this.#columnsJson = JSON.stringify(columns);
      this.#columnsPlain = isPlain(this.#columnsJson);
    }
    if (!this.#columnsPlain) this.plain = false;
    return this.#columnsJson;
  }

  #values(list: readonly RecordedValue[]): string {
    return list.length === 0 ? "[]" : this.#json(list);
  }

  #cells(rows: Rows["rows"]): string {
    return rows.length === 0 ? "[]" : this.#json(rows);
  }

  #verdictOf(judged: Judged): string {
    if (
      judged.tables !== this.#tables ||
      judged.verdict !== this.#verdict ||
      judged.rule !== this.#rule ||
      judged.reason !== this.#reason
    ) {
      this.#verdict = judged.verdict;
      this.#rule = judged.rule;
      this.#reason = judged.reason;
      this.#tables = judged.tables;
      const [verdict, rule, reason] = [judged.verdict, judged.rule, judged.reason].map((part) => JSON.stringify(part));
      this.#judged = `"verdict":${verdict},"rule":${rule},"reason":${reason},"tables":${JSON.stringify(judged.tables)}`;
      this.#judgedPlain = isPlain(this.#judged);
    }
    if (!this.#judgedPlain) this.plain = false;
    return this.#judged;
  }
}
