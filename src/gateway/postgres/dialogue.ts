/** The two machines of PostgreSQL, as the relay drives them. */
import { ClientFlow, faultMessage, ServerFlow, type SessionState, terminate } from "#protocols/postgres/protocol.ts";
import type { Fault } from "#protocols/wire/fault.ts";
import type { Judge, Judgement } from "#protocols/wire/judgement.ts";
import type { Asked, Dialogue, Outlets } from "#src/gateway/front.ts";

export class PostgresDialogue implements Dialogue {
  readonly clientFull = false;
  readonly goodbye = terminate();
  readonly #state: SessionState;
  readonly #client: ClientFlow;
  readonly #server: ServerFlow;

  constructor(state: SessionState, judge: Judge, digestOf: (value: Buffer) => string) {
    this.#state = state;
    this.#client = new ClientFlow(state, judge, digestOf);
    this.#server = new ServerFlow(state);
  }

  get busy(): boolean {
    return this.#state.operations.length > 0;
  }

  get quiet(): boolean {
    return this.#state.quiet;
  }

  get fatal(): boolean {
    return this.#state.fatal;
  }

  get clientEnded(): boolean {
    return this.#client.ended;
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

  get interrupts(): boolean {
    return this.#state.interrupts;
  }

  overtime(): boolean {
    this.#state.stopOvertime();
    return false;
  }

  takeCatalogueChange(): boolean {
    if (!this.#state.catalogueChanged || this.#state.transaction !== "I") return false;
    this.#state.catalogueChanged = false;
    return true;
  }

  fromClient(chunk: Buffer, nowMs: number, out: Outlets): Asked | undefined {
    return this.#asked(this.#client.push(chunk, nowMs, out.upstream));
  }

  fromUpstream(chunk: Buffer, nowMs: number, out: Outlets): undefined {
    this.#server.push(chunk, nowMs, out.client);
  }

  cut(): void {
    this.#server.cut();
  }

  farewell(fault: Fault): Buffer {
    return faultMessage(fault);
  }

  #asked(judging: Promise<Judgement> | undefined): Asked | undefined {
    return judging?.then((judgement) => (nowMs, out) => this.#asked(this.#client.resume(judgement, nowMs, out.upstream)));
  }
}
