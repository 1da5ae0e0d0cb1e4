/**
 * Counts a session's summary from its events, for a session whose worker died before it could tell. The numbers are
 * those of the recording: cells and bytes that its limits kept out are counted where an event states them.
 */
import type { RecordedValue } from "#protocols/wire/transcript.ts";
import type { SessionSummary } from "#src/audit/records.ts";
import { EVENT_SCHEMA } from "./event-schema.ts";
import type { RecordedEvent } from "./events.ts";
import type { Sealed } from "./seal.ts";

type Counts = { -readonly [Name in "statements" | "rows" | "maskedCells" | "denied" | "bytes"]: number };
type Start = Extract<RecordedEvent, { kind: "session-start" }>;

export class SessionCounter {
  readonly #counts: Counts = { statements: 0, rows: 0, maskedCells: 0, denied: 0, bytes: 0 };
  #start: Start | undefined;
  /** Masked columns of the last `rows` event, by its statement. */
  #masked: { readonly statement: number | null; readonly columns: number } | undefined;

  /** Takes one line of the recording. A line that is no event of this version counts for nothing. */
  line(line: string): void {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      // Sealing goes on: what stands in the journal is kept whatever it is.
      return;
    }
    const event = EVENT_SCHEMA.safeParse(value);
    if (event.success) this.#count(event.data);
  }

  #count(event: RecordedEvent): void {
    switch (event.kind) {
      case "session-start":
        this.#start = event;
        return;
      case "statement":
        this.#counts.statements += 1;
        return;
      case "denied":
        this.#counts.denied += 1;
        return;
      case "rows":
        this.#masked = { statement: event.statement, columns: event.columns.filter((column) => column.masked).length };
        for (const row of event.rows) for (const cell of row) this.#counts.bytes += sizeOf(cell);
        return;
      case "result":
        this.#counts.rows += event.rows;
        if (this.#masked?.statement === event.statement) this.#counts.maskedCells += event.rows * (this.#masked?.columns ?? 0);
        this.#counts.bytes += event.beyond?.bytes ?? 0;
        this.#masked = undefined;
        return;
      case "copy":
        this.#counts.bytes += event.bytes;
        return;
      default:
        return;
    }
  }

  /** The summary of the sealed session; undefined when the journal held no `session-start`. */
  summary(sealed: Sealed): SessionSummary | undefined {
    const start = this.#start;
    if (start === undefined) return undefined;
    return {
      id: sealed.recording.sessionId,
      startedAt: sealed.startedAt,
      endedAt: sealed.endedAt,
      principal: start.principal,
      target: start.target,
      protocol: protocolOf(start.protocol),
      remote: start.remote,
      label: start.label,
      ...this.#counts,
      status: sealed.status,
    };
  }
}

function sizeOf(cell: RecordedValue): number {
  if (typeof cell === "string") return Buffer.byteLength(cell);
  if (cell === null) return 0;
  if (cell.bytes !== undefined) return cell.bytes;
  return "hex" in cell ? cell.hex.length / 2 : 0;
}

function protocolOf(name: string): SessionSummary["protocol"] {
  return name === "mysql" || name === "http" ? name : "postgres";
}
