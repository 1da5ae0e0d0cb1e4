/** What can stop a request while it runs: its client, the end of its proof, its session, its own time. */
import { Fault } from "#protocols/wire/fault.ts";
import { TIMER_MS_MAX } from "#src/gateway/limits.ts";
import type { Exchange } from "./exchange.ts";
import type { Running } from "./session.ts";

export class Stopper implements Running {
  readonly #exchange: Exchange;
  readonly #abort = new AbortController();
  readonly #expiry: NodeJS.Timeout;
  #head: NodeJS.Timeout | null = null;

  /** @param proofMs until the proof ends */
  constructor(exchange: Exchange, proofMs: number) {
    this.#exchange = exchange;
    const gone = (): void => this.#abort.abort(new Fault("unexpected-message", "the client has given the request up"));
    if (exchange.signal.aborted) gone();
    else exchange.signal.addEventListener("abort", gone, { once: true });
    const expired = new Fault("token-expired", "the token that this request came with has expired", { hint: "get a new token" });
    this.#expiry = setTimeout(() => this.stop(expired), Math.min(Math.max(proofMs, 0), TIMER_MS_MAX));
  }

  /** Aborted with the fault that stopped it. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get abandoned(): boolean {
    return this.#exchange.signal.aborted;
  }

  stop(fault: Fault): void {
    this.#abort.abort(fault);
    if (this.#exchange.answered) this.#exchange.fail();
  }

  /** The head of an answer is due. */
  awaitHead(ms: number | null): void {
    if (ms === null) return;
    const late = new Fault("statement-timeout", `the target did not answer within ${ms / 1000} s`);
    this.#head = setTimeout(() => this.stop(late), Math.min(ms, TIMER_MS_MAX));
  }

  headCame(): void {
    if (this.#head !== null) clearTimeout(this.#head);
  }

  clear(): void {
    clearTimeout(this.#expiry);
    this.headCame();
  }
}
