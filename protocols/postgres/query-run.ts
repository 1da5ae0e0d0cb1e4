/**
 * One simple query of the gateway's own on a connection of its own (the catalogue reader): messages in, rows out.
 * Results are collected, under a limit, since nobody but the gateway sees them.
 */
import { Fault } from "#protocols/wire/fault.ts";
import { SERVER } from "./constants.ts";
import { readDataRow, readErrorFields, readRowDescription } from "./decode.ts";
import { query } from "./encode.ts";
import { takeMessage } from "./take-message.ts";

export type Row = Readonly<Record<string, string | null>>;

/** A catalogue of 100,000 columns takes some 20 MB. */
const RESULT_BYTES_MAX = 256 * 1024 * 1024;
const MESSAGE_BYTES_MAX = 16 * 1024 * 1024;

export class QueryRun {
  readonly request: Buffer;
  readonly #rows: Row[] = [];
  #names: readonly string[] = [];
  #parts: Buffer[] = [];
  #bytes = 0;
  #failure: Fault | null = null;
  #notifications = 0;
  #rest: Buffer = Buffer.alloc(0);

  constructor(sql: string) {
    this.request = query(sql);
  }

  /** What came behind the end of the answer: the beginning of what the server says unasked. */
  get rest(): Buffer {
    return this.#rest;
  }

  /** Notifications that came between the messages of the answer. */
  get notifications(): number {
    return this.#notifications;
  }

  /**
   * @returns the rows once ReadyForQuery has come, undefined until then
   * @throws Fault `catalogue-unavailable` when the query failed, `upstream-out-of-step`
   */
  push(chunk: Buffer): readonly Row[] | undefined {
    this.#bytes += chunk.length;
    if (this.#bytes > RESULT_BYTES_MAX) throw new Fault("upstream-out-of-step", "the target's answer to the catalogue reader is too large");
    this.#parts.push(chunk);
    let received = this.#parts.length === 1 ? chunk : Buffer.concat(this.#parts);
    for (;;) {
      const message = takeMessage(received, MESSAGE_BYTES_MAX);
      if (message === undefined) break;
      received = message.rest;
      if (message.tag === SERVER.readyForQuery) {
        this.#rest = received;
        if (this.#failure !== null) throw this.#failure;
        return this.#rows;
      }
      this.#onMessage(message.tag, message.body);
    }
    this.#parts = received.length === 0 ? [] : [received];
    return undefined;
  }

  #onMessage(tag: number, body: Buffer): void {
    if (tag === SERVER.notificationResponse) this.#notifications += 1;
    else if (tag === SERVER.rowDescription) this.#names = readRowDescription(body).map((column) => column.name);
    else if (tag === SERVER.dataRow) {
      const values = readDataRow(body);
      this.#rows.push(Object.fromEntries(this.#names.map((name, index) => [name, values[index]?.toString("utf8") ?? null])));
    } else if (tag === SERVER.errorResponse) {
      const code = readErrorFields(body).get("C") ?? "";
      this.#failure = new Fault("catalogue-unavailable", `the target refused a query of the gateway's own (${code})`);
    }
  }
}
