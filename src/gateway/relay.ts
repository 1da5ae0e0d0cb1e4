/**
 * A session under way: two pumps, the protocol's machines between them, the journal, the timers. Whatever goes wrong
 * ends this session and no other; how it ended is the last event of its record.
 */
import type tls from "node:tls";
import { ClientFlow, faultMessage, ServerFlow, type SessionState, terminate } from "#protocols/postgres/protocol.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { Judge } from "#protocols/wire/judgement.ts";
import type { SessionStatus } from "#protocols/wire/transcript.ts";
import type { Journal } from "#src/recording/journal.ts";
import type { Budget } from "./budget.ts";
import { Pump } from "./pump.ts";
import type { SessionTimers } from "./timers.ts";

export interface RelayParts {
  readonly client: tls.TLSSocket;
  readonly upstream: tls.TLSSocket;
  readonly state: SessionState;
  readonly journal: Journal;
  readonly judge: Judge;
  readonly digestOf: (value: Buffer) => string;
  readonly budget: Budget;
  readonly timers: SessionTimers;
  /** See `Deadlines`. */
  readonly halfClosedMs: number;
  /** Asks the target to stop what this session runs. */
  readonly cancelUpstream: () => void;
  /** After a statement that may have changed the catalogue. */
  readonly onCatalogueChanged: () => void;
}

export interface Ending {
  readonly status: SessionStatus;
  readonly reason: string | null;
}

/** How long a peer may take to read the last words before its connection is cut. */
const LAST_WORDS_MS = 5_000;

export class Relay {
  readonly #parts: RelayParts;
  readonly #toUpstream: Pump;
  readonly #toClient: Pump;
  readonly #clientFlow: ClientFlow;
  readonly #serverFlow: ServerFlow;
  readonly #ended: Promise<Ending>;
  #resolve: (ending: Ending) => void = () => {
    throw new Error("broken invariant: a relay ended before it began");
  };
  #phase: "running" | "client-done" | "over" = "running";
  #draining = false;
  /** A judgement is waited for; the client may have closed its side meanwhile. */
  #asking: "no" | "yes" | "yes, and nothing follows" = "no";

  constructor(parts: RelayParts) {
    this.#parts = parts;
    this.#toUpstream = new Pump(parts.client, parts.upstream, parts.budget);
    this.#toClient = new Pump(parts.upstream, parts.client, parts.budget);
    this.#clientFlow = new ClientFlow(parts.state, parts.judge, parts.digestOf);
    this.#serverFlow = new ServerFlow(parts.state);
    this.#ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** @param pipelined what the client had sent behind its login */
  run(pipelined: Buffer): Promise<Ending> {
    const { client, upstream, timers } = this.#parts;
    timers.start((fault) => this.end(fault));
    client.on("data", (chunk: Buffer) => this.#onClient(chunk));
    upstream.on("data", (chunk: Buffer) => this.#onUpstream(chunk));
    client.on("end", () => this.#clientDone());
    client.on("close", () => this.#clientLost());
    upstream.on("close", () => this.#upstreamLost());
    if (pipelined.length > 0) this.#onClient(pipelined);
    // Either may have gone while the other was waited for: such an end has been told already, and is not told again.
    if (client.destroyed) this.#clientLost();
    else if (client.readableEnded) this.#clientDone();
    if (upstream.destroyed) this.#upstreamLost();
    return this.#ended;
  }

  /** Ends the session at once, with the fault as the client's last message. */
  end(fault: Fault): void {
    if (this.#phase === "over") return;
    this.#finish(statusOf(fault), fault.code, fault);
  }

  /** Ends the session as soon as nothing is under way. */
  drain(): void {
    this.#draining = true;
    this.#endWhenQuiet();
  }

  #onClient(chunk: Buffer): void {
    if (this.#phase !== "running") return;
    this.#parts.timers.touch();
    this.#guarded(() => {
      const pieces: Buffer[] = [];
      const asking = this.#clientFlow.push(chunk, performance.now(), pieces);
      this.#forward(pieces);
      if (asking !== undefined) this.#wait(asking);
    });
  }

  /** On record first, then on its way: `flush` throws where the journal can't be written, and nothing is forwarded. */
  #forward(pieces: readonly Buffer[]): void {
    this.#parts.journal.flush();
    this.#toUpstream.write(pieces);
    this.#parts.timers.statement(this.#parts.state.operations.length > 0);
    if (this.#clientFlow.ended) this.#clientDone();
  }

  #wait(asking: ReturnType<ClientFlow["push"]>): void {
    this.#toUpstream.hold();
    this.#asking = "yes";
    asking?.then(
      (judgement) =>
        this.#guarded(() => {
          if (this.#phase !== "running") return;
          const last = this.#asking === "yes, and nothing follows";
          this.#asking = "no";
          const pieces: Buffer[] = [];
          const again = this.#clientFlow.resume(judgement, performance.now(), pieces);
          this.#forward(pieces);
          if (again !== undefined) this.#wait(again);
          else this.#toUpstream.release();
          if (last) this.#clientDone();
        }),
      (error: unknown) => this.#fail(error),
    );
  }

  #onUpstream(chunk: Buffer): void {
    if (this.#phase === "over") return;
    this.#guarded(() => {
      const pieces: Buffer[] = [];
      try {
        this.#serverFlow.push(chunk, performance.now(), pieces);
      } finally {
        this.#toClient.write(pieces);
      }
      const { state, timers } = this.#parts;
      timers.statement(state.operations.length > 0);
      if (state.catalogueChanged && state.transaction === "I") {
        state.catalogueChanged = false;
        this.#parts.onCatalogueChanged();
      }
      if (this.#draining) this.#endWhenQuiet();
      this.#awaitFarewell();
    });
  }

  /** Terminate, or the client's last byte: what it sent is still worked off, and the answers still go out. */
  #clientDone(): void {
    if (this.#phase !== "running") return;
    if (this.#asking !== "no") {
      this.#asking = "yes, and nothing follows";
      return;
    }
    this.#phase = "client-done";
    if (!this.#clientFlow.ended) {
      // In the middle of a message our Terminate would be taken for its rest.
      if (this.#clientFlow.atBoundary) this.#toUpstream.write([terminate()]);
      else this.#parts.upstream.end();
      // A client that went without Terminate has most likely died; one that still reads gets what is done in time.
      setTimeout(() => this.#clientLost(), this.#parts.halfClosedMs).unref();
    }
    // Our side is not closed: a server that ends with something unread resets the connection, and what it had sent is lost.
    this.#awaitFarewell();
  }

  /** All is answered, and the target has been told that this is the end: it closes, or is left. */
  #awaitFarewell(): void {
    if (this.#phase !== "client-done" || this.#parts.state.operations.length > 0) return;
    setTimeout(() => this.#upstreamLost(), LAST_WORDS_MS).unref();
  }

  #clientLost(): void {
    if (this.#phase === "over") return;
    const { state } = this.#parts;
    const busy = state.operations.length > 0 && !this.#clientFlow.ended;
    if (busy) this.#parts.cancelUpstream();
    this.#finish(this.#phase === "client-done" && !busy ? "closed" : "client-lost", null, null);
  }

  #upstreamLost(): void {
    if (this.#phase === "over") return;
    this.#serverFlow.cut();
    const answered = this.#clientFlow.ended || this.#parts.state.operations.length === 0;
    if (this.#phase === "client-done" && answered) this.#finish("closed", null, null);
    else if (this.#parts.state.fatal) this.#finish("upstream-lost", "the target ended the session", null);
    else {
      const fault = new Fault("upstream-lost", "the connection to the target was lost", { hint: "connect again" });
      this.#finish("upstream-lost", fault.code, fault);
    }
  }

  #endWhenQuiet(): void {
    if (this.#phase === "running" && this.#parts.state.quiet) {
      this.end(new Fault("shutting-down", "the gateway is shutting down", { hint: "connect again" }));
    }
  }

  #guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    const fault =
      error instanceof Fault
        ? error
        : new Fault("internal-error", "the gateway met a defect of its own; the session ends", { cause: error });
    this.end(fault);
  }

  #finish(status: SessionStatus, reason: string | null, lastWords: Fault | null): void {
    const told = this.#phase === "client-done";
    this.#phase = "over";
    const { client, upstream, timers, state } = this.#parts;
    timers.stop();
    if (lastWords !== null && state.operations.length > 0 && status !== "upstream-lost") this.#parts.cancelUpstream();
    if (told) upstream.destroy();
    else this.#leave(upstream);
    this.#say(client, lastWords);
    this.#toUpstream.stop();
    this.#toClient.stop();
    this.#resolve({ status, reason });
  }

  /** Takes leave of the target as a client should, unless it is gone or does not read. */
  #leave(upstream: tls.TLSSocket): void {
    const speaks = !upstream.destroyed && !upstream.writableEnded && upstream.writableLength === 0;
    if (!speaks || !this.#clientFlow.atBoundary) upstream.destroy();
    else {
      upstream.end(terminate());
      upstream.resume();
      setTimeout(() => upstream.destroy(), LAST_WORDS_MS).unref();
    }
  }

  /** An ErrorResponse fits only between two messages; in the middle of one the connection is all that can be ended. */
  #say(client: tls.TLSSocket, fault: Fault | null): void {
    if (client.destroyed) return;
    if (fault !== null && !this.#serverFlow.atBoundary) {
      client.destroy();
      return;
    }
    if (fault === null) client.end();
    else client.end(faultMessage(fault));
  }
}

function statusOf(fault: Fault): SessionStatus {
  switch (fault.code) {
    case "token-expired":
      return "token-expired";
    case "shutting-down":
      return "shutdown";
    case "recording-failed":
    case "evidence-failed":
      return "recording-failed";
    case "upstream-lost":
      return "upstream-lost";
    default:
      return "fault";
  }
}
