/**
 * A session under way: two pumps, the protocol's machines between them, the journal, the timers. Whatever goes wrong
 * ends this session and no other; how it ended is the last event of its record.
 */
import type tls from "node:tls";
import { Fault } from "#protocols/wire/fault.ts";
import type { SessionStatus } from "#protocols/wire/transcript.ts";
import type { Journal } from "#src/recording/journal.ts";
import type { Budget } from "./budget.ts";
import type { Asked, Cancelled, Dialogue, GoOn, Outlets } from "./front.ts";
import { Interruption, PATIENCE_MS } from "./interruption.ts";
import { Pump } from "./pump.ts";
import type { SessionTimers } from "./timers.ts";

export interface RelayParts {
  readonly client: tls.TLSSocket;
  readonly upstream: tls.TLSSocket;
  readonly dialogue: Dialogue;
  readonly journal: Journal;
  readonly budget: Budget;
  readonly timers: SessionTimers;
  /** See `Deadlines`. */
  readonly halfClosedMs: number;
  /** Asks the target to stop what this session runs, and leaves it at that: the session ends, or the client asked for it. */
  readonly cancelUpstream: () => void;
  /** The same of the gateway's own accord; on record before it has an effect. */
  readonly interrupt: { readonly record: () => void; readonly cancel: (wanted: () => boolean) => Promise<Cancelled> };
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
  readonly #dialogue: Dialogue;
  readonly #ended: Promise<Ending>;
  #resolve: (ending: Ending) => void = () => {
    throw new Error("broken invariant: a relay ended before it began");
  };
  #phase: "running" | "client-done" | "over" = "running";
  #draining = false;
  /** A judgement is waited for; the client may have closed its side meanwhile. */
  #asking: "no" | "yes" | "yes, and nothing follows" = "no";
  #interruption: Interruption | null = null;
  /** What waits for the end of an interruption. */
  #deferred: (() => void) | null = null;

  constructor(parts: RelayParts) {
    this.#parts = parts;
    this.#toUpstream = new Pump(parts.client, parts.upstream, parts.budget);
    this.#toClient = new Pump(parts.upstream, parts.client, parts.budget);
    this.#dialogue = parts.dialogue;
    this.#ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** @param pipelined what the client had sent behind its login */
  run(pipelined: Buffer): Promise<Ending> {
    const { client, upstream, timers } = this.#parts;
    timers.start(
      (fault) => this.end(fault),
      () => this.#guarded(() => this.#overtime()),
    );
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
    this.#guarded(() => this.#step("client", (out) => this.#dialogue.fromClient(chunk, performance.now(), out)));
  }

  #onUpstream(chunk: Buffer): void {
    if (this.#phase === "over") return;
    this.#guarded(() => {
      this.#step("upstream", (out) => this.#dialogue.fromUpstream(chunk, performance.now(), out));
      if (this.#dialogue.takeCatalogueChange()) this.#parts.onCatalogueChanged();
      this.#heed(PATIENCE_MS);
      if (this.#draining) this.#endWhenQuiet();
      this.#awaitFarewell();
    });
  }

  #overtime(): void {
    if (this.#phase === "over") return;
    if (this.#dialogue.overtime()) this.#parts.cancelUpstream();
    this.#heed(0);
  }

  /** The machine wants the target cancelled, or does no longer: nothing goes to the target while that can hit something else. */
  #heed(patienceMs: number): void {
    if (!this.#dialogue.interrupts) this.#interruption?.ended();
    else if (this.#interruption === null && this.#phase !== "over") {
      this.#toUpstream.hold("cancelling");
      const { record, cancel } = this.#parts.interrupt;
      this.#interruption = new Interruption({
        patienceMs,
        cancel,
        onCancel: record,
        onOver: (outcome) => this.#interrupted(outcome),
        onError: (error) => this.#fail(error),
      });
    }
  }

  #interrupted(outcome: "clear" | "unclear"): void {
    if (outcome === "unclear") {
      this.end(
        new Fault("outcome-unknown", "whether the target has had a cancel request is not known; the session ends", {
          hint: "connect again",
        }),
      );
      return;
    }
    this.#interruption = null;
    this.#toUpstream.release("cancelling");
    const deferred = this.#deferred;
    this.#deferred = null;
    deferred?.();
  }

  /** What was put out before a fault still goes to the client; nothing goes to the target behind one. */
  #step(from: "client" | "upstream", move: (out: Outlets) => Asked | undefined): void {
    const out: Outlets = { upstream: [], client: [] };
    let asked: Asked | undefined;
    try {
      asked = move(out);
    } catch (error) {
      this.#toClient.write(out.client);
      throw error;
    }
    this.#forward(from, out);
    if (asked !== undefined) this.#wait(asked);
    else this.#throttle();
  }

  /** On record first, then on its way: `flush` throws where the journal can't be written, and nothing is forwarded. */
  #forward(from: "client" | "upstream", out: Outlets): void {
    if (from === "client" || out.upstream.length > 0) this.#parts.journal.flush();
    this.#toUpstream.write(out.upstream);
    if (out.client.length > 0) this.#toClient.write(out.client);
    this.#parts.timers.statement(this.#dialogue.busy, this.#dialogue.progress);
    if (this.#dialogue.clientEnded) this.#clientDone();
  }

  #wait(asked: Asked): void {
    this.#toUpstream.hold("judging");
    this.#asking = "yes";
    asked.then(
      (goOn) => this.#whenClear(() => this.#guarded(() => this.#goOn(goOn))),
      (error: unknown) => this.#fail(error),
    );
  }

  #goOn(goOn: GoOn): void {
    if (this.#phase !== "running") return;
    const last = this.#asking === "yes, and nothing follows";
    this.#asking = "no";
    this.#step("client", (out) => goOn(performance.now(), out));
    if (last) this.#clientDone();
  }

  /** What is judged now is not sent before a cancel request can no longer hit it. */
  #whenClear(step: () => void): void {
    if (this.#interruption === null) step();
    else this.#deferred = step;
  }

  /** A client that sends ahead of answers it should wait for is not read for a while. */
  #throttle(): void {
    if (this.#asking !== "no") return;
    this.#toUpstream.release("judging");
    if (this.#dialogue.clientFull) this.#toUpstream.hold("ahead");
    else this.#toUpstream.release("ahead");
  }

  /** Terminate, or the client's last byte: what it sent is still worked off, and the answers still go out. */
  #clientDone(): void {
    if (this.#phase !== "running") return;
    if (this.#asking !== "no") {
      this.#asking = "yes, and nothing follows";
      return;
    }
    this.#phase = "client-done";
    if (!this.#dialogue.clientEnded) {
      // In the middle of a message our Terminate would be taken for its rest.
      if (this.#dialogue.upstreamAtBoundary) this.#toUpstream.write([this.#dialogue.goodbye]);
      else this.#parts.upstream.end();
      // A client that went without Terminate has most likely died; one that still reads gets what is done in time.
      setTimeout(() => this.#clientLost(), this.#parts.halfClosedMs).unref();
    }
    // Our side is not closed: a server that ends with something unread resets the connection, and what it had sent is lost.
    this.#awaitFarewell();
  }

  /** All is answered, and the target has been told that this is the end: it closes, or is left. */
  #awaitFarewell(): void {
    if (this.#phase !== "client-done" || this.#dialogue.busy) return;
    setTimeout(() => this.#upstreamLost(), LAST_WORDS_MS).unref();
  }

  #clientLost(): void {
    if (this.#phase === "over") return;
    const busy = this.#dialogue.busy && !this.#dialogue.clientEnded;
    if (busy) this.#parts.cancelUpstream();
    this.#finish(this.#phase === "client-done" && !busy ? "closed" : "client-lost", null, null);
  }

  #upstreamLost(): void {
    if (this.#phase === "over") return;
    this.#dialogue.cut();
    const answered = this.#dialogue.clientEnded || !this.#dialogue.busy;
    if (this.#phase === "client-done" && answered) this.#finish("closed", null, null);
    else if (this.#dialogue.fatal) this.#finish("upstream-lost", "the target ended the session", null);
    else {
      const fault = new Fault("upstream-lost", "the connection to the target was lost", { hint: "connect again" });
      this.#finish("upstream-lost", fault.code, fault);
    }
  }

  #endWhenQuiet(): void {
    if (this.#phase === "running" && this.#dialogue.quiet) {
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
    const { client, upstream, timers } = this.#parts;
    timers.stop();
    this.#interruption?.stop();
    if (lastWords !== null && this.#dialogue.busy && status !== "upstream-lost") this.#parts.cancelUpstream();
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
    if (!speaks || !this.#dialogue.upstreamAtBoundary) upstream.destroy();
    else {
      upstream.end(this.#dialogue.goodbye);
      upstream.resume();
      setTimeout(() => upstream.destroy(), LAST_WORDS_MS).unref();
    }
  }

  /** An ErrorResponse fits only between two messages; in the middle of one the connection is all that can be ended. */
  #say(client: tls.TLSSocket, fault: Fault | null): void {
    if (client.destroyed) return;
    if (fault !== null && !this.#dialogue.clientAtBoundary) {
      client.destroy();
      return;
    }
    if (fault === null) client.end();
    else client.end(this.#dialogue.farewell(fault));
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
