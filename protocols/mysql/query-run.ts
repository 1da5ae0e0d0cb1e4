/**
 * One text query of the gateway's own on a connection of its own (the catalogue reader): packets in, rows out. Results are
 * collected, under a limit, since nobody but the gateway sees them. The connection has EOF packets and no query attributes.
 *
 * Source: MySQL source documentation, "Text Resultset".
 */
import { Fault } from "#protocols/wire/fault.ts";
import { readColumn } from "./column.ts";
import { ANSWER, COMMAND, STATUS } from "./constants.ts";
import { PayloadCursor } from "./cursor.ts";
import { isEof, readEof, readError, readOk } from "./outcome.ts";
import { packets, takePacket } from "./packet.ts";

export type Row = Readonly<Record<string, string | null>>;

/** A catalogue of 100,000 columns takes some 20 MB. */
const RESULT_BYTES_MAX = 256 * 1024 * 1024;

type Phase = "first" | "columns" | "rows";

export class QueryRun {
  readonly request: Buffer;
  readonly #capabilities: number;
  readonly #rows: Row[] = [];
  readonly #names: string[] = [];
  #parts: Buffer[] = [];
  #waiting = 0;
  #bytes = 0;
  #phase: Phase = "first";
  #columns = 0;

  /** @param capabilities agreed on with the target */
  constructor(sql: string, capabilities: number) {
    this.#capabilities = capabilities;
    this.request = packets(Buffer.concat([Buffer.from([COMMAND.query]), Buffer.from(sql)]), 0);
  }

  /**
   * @returns the rows once the answer is complete, undefined until then
   * @throws Fault `catalogue-unavailable` when the query failed, `upstream-out-of-step`, `malformed-message`
   */
  push(chunk: Buffer): readonly Row[] | undefined {
    this.#bytes += chunk.length;
    if (this.#bytes > RESULT_BYTES_MAX) throw new Fault("upstream-out-of-step", "the target's answer to the catalogue reader is too large");
    this.#parts.push(chunk);
    this.#waiting += chunk.length;
    let received = this.#parts.length === 1 ? chunk : Buffer.concat(this.#parts, this.#waiting);
    let done = false;
    for (let packet = takePacket(received); packet !== undefined && !done; packet = takePacket(received)) {
      received = packet.rest;
      done = this.#onPacket(packet.payload);
    }
    if (done && received.length > 0) throw new Fault("upstream-out-of-step", "the target said more than it was asked");
    this.#parts = received.length === 0 ? [] : [received];
    this.#waiting = received.length;
    return done ? this.#rows : undefined;
  }

  /** @returns whether the answer is complete */
  #onPacket(payload: Buffer): boolean {
    if (payload[0] === ANSWER.error) {
      const { errno } = readError(payload, this.#capabilities);
      throw new Fault("catalogue-unavailable", `the target refused a query of the gateway's own (${errno})`);
    }
    switch (this.#phase) {
      case "first":
        if (payload[0] === ANSWER.ok) return (readOk(payload, this.#capabilities).status & STATUS.moreResults) === 0;
        this.#columns = new PayloadCursor(payload).lenenc();
        this.#phase = "columns";
        return false;
      case "columns":
        if (this.#names.length < this.#columns) this.#names.push(readColumn(payload).name);
        else this.#phase = "rows";
        return false;
      case "rows":
        if (isEof(payload)) return (readEof(payload).status & STATUS.moreResults) === 0;
        this.#rows.push(this.#row(payload));
        return false;
    }
  }

  #row(payload: Buffer): Row {
    const cursor = new PayloadCursor(payload);
    const entries = this.#names.map((name) => [name, cursor.lenencBytesOrNull()?.toString("utf8") ?? null] as const);
    cursor.end("a row");
    return Object.fromEntries(entries);
  }
}
