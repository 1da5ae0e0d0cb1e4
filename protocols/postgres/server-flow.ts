/**
 * From the target to the client: follows the answers in the order of the operations, records rows and results, exchanges
 * the errors of refused statements, and stops what must not come through. Rows pass as they came: they were masked where
 * they were made; here is only the tripwire.
 */
import { Fault } from "#protocols/wire/fault.ts";
import { SERVER, tagTable } from "./constants.ts";
import { type Action, Framer, type Handler, HEADER_BYTES, PASS, type Plan } from "./frame.ts";
import { ServerMessages } from "./server-messages.ts";
import type { SessionState } from "./session.ts";

/** An error may carry a long text (RAISE, the query of a failed function); longer ones are no errors that a server makes. */
const SERVER_MESSAGE_BYTES_MAX = 16 * 1024 * 1024;

/** These have their place in a login, CopyBoth in replication. */
const NOT_IN_SESSION = tagTable([SERVER.authentication, SERVER.backendKeyData, SERVER.copyBothResponse, SERVER.negotiateProtocolVersion]);
const IN_SESSION = tagTable(Object.values(SERVER).filter((tag) => NOT_IN_SESSION[tag] === 0));

export class ServerFlow implements Handler {
  readonly #state: SessionState;
  readonly #messages: ServerMessages;
  readonly #framer: Framer;
  /** Bytes are counted against a cap. */
  readonly #metered: boolean;
  #nowMs = 0;

  constructor(state: SessionState) {
    this.#state = state;
    this.#metered = state.terms.caps.bytesPerSession < Number.POSITIVE_INFINITY;
    this.#messages = new ServerMessages(state);
    this.#framer = new Framer(this, 0);
  }

  /** The client stands between two messages: an ErrorResponse of our own may go out. */
  get atBoundary(): boolean {
    return this.#framer.atBoundary;
  }

  /**
   * @param nowMs monotonic milliseconds
   * @param out receives what goes to the client, in order: views of `chunk`, valid until they are written
   * @throws Fault: the session ends
   */
  push(chunk: Buffer, nowMs: number, out: Buffer[]): void {
    this.#state.counts.bytes += chunk.length;
    this.#nowMs = nowMs;
    this.#framer.push(chunk, out);
  }

  /** The target is gone: what had come of an answer is kept. */
  cut(): void {
    this.#messages.cut();
  }

  plan(tag: number, length: number): Plan {
    if (IN_SESSION[tag] === 0)
      throw new Fault("upstream-out-of-step", `the target sent a message of type 0x${tag.toString(16)} out of turn`);
    if (this.#metered) this.#state.spendBytes(length + 1);
    if (tag === SERVER.dataRow) return this.#messages.rows.row(length);
    if (tag === SERVER.copyData) return this.#messages.rows.copyRow(length);
    if (length > SERVER_MESSAGE_BYTES_MAX) throw new Fault("upstream-out-of-step", `the target sent a control message of ${length} bytes`);
    return "whole";
  }

  frame(tag: number, frame: Buffer): Action {
    return this.#messages.onFrame(tag, frame, this.#nowMs);
  }

  observe(tag: number, frame: Buffer): void {
    if (tag === SERVER.copyData) this.#state.receiving?.keep(frame);
    else this.#messages.rows.keep(frame.subarray(HEADER_BYTES));
  }

  watch(region: Buffer): void {
    if (this.#state.copy.kind === "out") this.#state.receiving?.beyond(region);
    else this.#messages.rows.beyond(region);
  }

  head(): Action {
    return PASS;
  }

  tail(): void {
    // Nothing of a server is streamed behind a beginning.
  }

  dropped(): null {
    return null;
  }
}
