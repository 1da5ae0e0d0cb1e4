/** The two machines of MySQL, as the relay drives them. */
import {
  ClientFlow,
  COMMAND,
  errorPayload,
  faultError,
  type MysqlJudge,
  type Outcome,
  packets,
  ServerFlow,
  type SessionState,
} from "#protocols/mysql/protocol.ts";
import type { Fault } from "#protocols/wire/fault.ts";
import type { Asked, Dialogue, DialogueParts, Outlets } from "#src/gateway/front.ts";

export class MysqlDialogue implements Dialogue {
  readonly fatal = false;
  readonly goodbye = packets(Buffer.from([COMMAND.quit]), 0);
  readonly #state: SessionState;
  readonly #server: ServerFlow;
  readonly #client: ClientFlow;

  constructor(state: SessionState, judge: MysqlJudge, parts: DialogueParts) {
    this.#state = state;
    this.#server = new ServerFlow(state);
    this.#client = new ClientFlow(state, this.#server, judge, { kill: parts.kill, digestOf: parts.digestOf });
  }

  get busy(): boolean {
    return this.#state.answer !== null;
  }

  get quiet(): boolean {
    return this.#state.quiet;
  }

  get clientEnded(): boolean {
    return this.#client.ended;
  }

  get clientFull(): boolean {
    return this.#client.full;
  }

  get upstreamAtBoundary(): boolean {
    return this.#client.atBoundary;
  }

  get clientAtBoundary(): boolean {
    return this.#server.atBoundary;
  }

  get progress(): number {
    return this.#state.progress;
  }

  /** One command is under way at a time, so that KILL QUERY can hit nothing else. */
  get interrupts(): boolean {
    return this.#state.stopping !== null;
  }

  overtime(): boolean {
    if (this.#state.answer !== null) this.#state.stopping ??= "statement-timeout";
    return false;
  }

  takeCatalogueChange(): boolean {
    if (!this.#state.catalogueChanged || this.#state.inTransaction) return false;
    this.#state.catalogueChanged = false;
    return true;
  }

  fromClient(chunk: Buffer, nowMs: number, out: Outlets): Asked | undefined {
    return this.#asked(this.#client.push(chunk, nowMs, out));
  }

  /** The end of an answer lets a command go on that the client has sent ahead. */
  fromUpstream(chunk: Buffer, nowMs: number, out: Outlets): Asked | undefined {
    this.#server.push(chunk, nowMs, out.client, out.upstream);
    return this.#state.answer === null && this.#client.holds ? this.#asked(this.#client.resume(null, nowMs, out)) : undefined;
  }

  cut(): void {
    this.#server.cut();
  }

  farewell(fault: Fault): Buffer {
    return this.#server.stamped(errorPayload(faultError(fault)));
  }

  #asked(asking: Promise<Outcome> | undefined): Asked | undefined {
    return asking?.then((outcome) => (nowMs, out) => this.#asked(this.#client.resume(outcome, nowMs, out)));
  }
}
