/**
 * From the target to the client: settles from header and first byte what becomes of a packet, and leaves the rest to the
 * framer and to `answers.ts`.
 */
import { ROW_GATHER_BYTES_MAX } from "#protocols/wire/limits.ts";
import { Answers } from "./answers.ts";
import { type Exchange, type Plan, ServerFramer, type ServerHandler } from "./server-frame.ts";
import type { SessionState } from "./session.ts";

export class ServerFlow implements ServerHandler {
  readonly #state: SessionState;
  readonly #answers: Answers;
  readonly #framer: ServerFramer;
  #upstream: Buffer[] = [];
  #nowMs = 0;

  constructor(state: SessionState) {
    this.#state = state;
    this.#answers = new Answers(state, (payload) => {
      this.#upstream.push(payload);
      this.#framer.restartUpstream();
    });
    this.#framer = new ServerFramer(this);
  }

  /** The client stands between two packets: an ERR of our own may go out. */
  get atBoundary(): boolean {
    return this.#framer.atBoundary;
  }

  /**
   * @param chunk is written to: sequence numbers are exchanged in place
   * @param nowMs monotonic milliseconds
   * @param toClient receives what goes to the client, in order: views of `chunk`, valid until they are written
   * @param toUpstream receives commands of the gateway's own
   * @throws Fault: the session ends
   */
  push(chunk: Buffer, nowMs: number, toClient: Buffer[], toUpstream: Buffer[]): void {
    this.#state.counts.bytes += chunk.length;
    this.#state.budget.spendBytes(chunk.length);
    this.#nowMs = nowMs;
    this.#upstream = toUpstream;
    this.#framer.push(chunk, toClient);
  }

  /** A command has been read whole: its answer's packets count on from there. */
  restart(): void {
    this.#framer.restart(this.#state.commandSequence);
    this.#answers.begin();
  }

  /** A file's content has been sent: the answer to its statement counts on from there. */
  restartAfterFile(): void {
    this.#framer.restart(this.#state.commandSequence);
  }

  /** A packet of our own, in the place of an answer or before the end. */
  stamped(payload: Buffer): Buffer {
    return this.#framer.stamped(payload);
  }

  /** The target is gone: what had come of an answer is kept. */
  cut(): void {
    this.#answers.cut();
  }

  get answering(): boolean {
    return this.#state.answer !== null;
  }

  plan(length: number, first: number): Plan {
    return this.#answers.isRow(length, first) ? this.#answers.rows.plan(length > ROW_GATHER_BYTES_MAX) : "whole";
  }

  packet(payload: Buffer): Exchange {
    return this.#answers.onPacket(payload, this.#nowMs);
  }

  observe(payload: Buffer): void {
    this.#answers.rows.keep(payload);
  }

  watch(region: Buffer): void {
    this.#answers.rows.beyond(region);
  }
}
