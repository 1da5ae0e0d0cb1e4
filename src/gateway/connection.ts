/**
 * One accepted connection from its first byte to its last: TLS, then whoever occupies it. The steps stand here in order; each
 * is in a file of its own.
 */
import type net from "node:net";
import type tls from "node:tls";
import { Fault } from "#protocols/wire/fault.ts";
import type { SessionSummary } from "#src/audit/records.ts";
import { asFault } from "./as-fault.ts";
import { ClientLeg } from "./client-leg.ts";
import { Deadline } from "./deadline.ts";
import { Debts } from "./debts.ts";
import type { Front } from "./front.ts";
import type { Occupant } from "./occupant.ts";
import type { Runtime } from "./runtime.ts";
import type { WorkerSelf } from "./worker-self.ts";

/** How long a peer may take to close once it has all that was said to it. */
const HANG_UP_MS = 2_000;
/** How many times as long it may pause while it still reads. */
const PAUSES_MAX = 10;

export class Connection {
  readonly id: string;
  readonly remote: string;
  /** Monotonic. */
  readonly openedAtMs: number;
  readonly #raw: net.Socket;
  readonly #self: WorkerSelf;
  readonly #newest: () => Runtime;
  /** In force when the connection was accepted. */
  readonly #runtime: Runtime;
  readonly #debts = new Debts();
  readonly #front: Front;
  readonly #leg: ClientLeg;
  readonly #gone: Promise<void>;
  #occupant: Occupant | null = null;

  constructor(raw: net.Socket, front: Front, self: WorkerSelf, newest: () => Runtime) {
    const runtime = newest();
    this.#raw = raw;
    this.#front = front;
    this.#self = self;
    this.#newest = newest;
    this.#runtime = runtime;
    this.id = self.newId();
    this.remote = address(raw);
    this.openedAtMs = self.clock.monotonicMs();
    this.#gone = new Promise((resolve) => raw.once("close", () => resolve()));
    this.#leg = new ClientLeg(raw, {
      front,
      tls: runtime.config.tls,
      servers: runtime.serversFor(front.protocol),
      policy: runtime.clientPolicy,
      sessionId: this.id,
      remote: this.remote,
      record: this.#debts.recorder(self.link),
      now: self.clock.now,
    });
  }

  get authenticated(): boolean {
    return this.#occupant?.authenticated ?? false;
  }

  /** Counts of the open sessions as they stand. */
  get summaries(): readonly SessionSummary[] {
    return this.#occupant?.summaries ?? [];
  }

  /** Gives way to newer connections, or to the end of the gateway, before it has authenticated. */
  abandon(reason: "too-many-connections" | "shutting-down"): void {
    this.#leg.abandon(reason);
    this.#raw.destroy();
  }

  /** There is no room for it: said in the clear, since nothing else has been agreed on, and recorded. */
  turnAway(): void {
    this.#leg.turnAway(new Fault("too-many-connections", "the gateway has no room for another connection", { hint: "try again later" }));
    this.#hangUp(null);
  }

  drain(): void {
    if (this.#occupant?.authenticated === true) this.#occupant.drain();
    else this.abandon("shutting-down");
  }

  end(fault: Fault): void {
    if (this.#occupant?.authenticated === true) this.#occupant.end(fault);
    else this.#raw.destroy();
  }

  superseded(): void {
    this.#occupant?.superseded();
  }

  /** Runs the connection until it is closed. @throws only for defects of ours, after which the connection is gone */
  async run(): Promise<void> {
    let socket: tls.TLSSocket | null = null;
    const { loginMs } = this.#self.deadlines;
    const deadline = new Deadline(loginMs, () => {
      if (this.#occupant === null) this.#leg.abandon("timeout");
      else this.#occupant.late(new Fault("login-timeout", `no login within ${loginMs / 1000} s`));
      this.#hangUp(socket);
    });
    try {
      const leg = await this.#leg.open();
      if (leg.kind === "cancel") return this.#self.cancel(leg.key, this.remote);
      socket = leg.socket;
      socket?.on("error", ignore);
      if (leg.kind === "refused") return;
      const [self, newest, debts] = [this.#self, this.#newest, this.#debts];
      const runtime = this.#inForce();
      this.#occupant = this.#front.occupant({ id: this.id, remote: this.remote, leg, self, runtime, newest, debts, deadline });
      await this.#occupant.run();
    } catch (error) {
      const fault = asFault(error);
      const cause = fault.cause instanceof Error ? fault.cause.message : undefined;
      this.#self.log("warn", "session-refused", { session: this.id, remote: this.remote, reason: fault.code, cause });
      if (socket?.writable) socket.end(this.#front.farewell(fault));
      else this.#raw.destroy();
      if (!(error instanceof Fault)) throw error;
    } finally {
      deadline.clear();
      this.#hangUp(socket);
      await this.#gone;
    }
  }

  /** A client may take its time over TLS: what it meets behind it is what holds then. @throws Fault `tls-refused` */
  #inForce(): Runtime {
    const inForce = this.#newest();
    if (inForce === this.#runtime || inForce.admitsAs(this.#runtime)) return inForce;
    throw new Fault("tls-refused", "what the gateway asks of TLS has changed since the handshake began", { hint: "connect again" });
  }

  /** What was said still goes out, as slowly as the peer reads; one that does not read it, or does not close then, is cut off. */
  #hangUp(socket: tls.TLSSocket | null): void {
    if (this.#raw.destroyed) return;
    const sink = socket ?? this.#raw;
    if (!sink.writableEnded) sink.end();
    sink.resume();
    let unread = sink.writableLength;
    let pauses = 0;
    const timer = setInterval(() => {
      pauses = sink.writableLength < unread ? 0 : pauses + 1;
      unread = sink.writableLength;
      if (unread > 0 && pauses < PAUSES_MAX) return;
      clearInterval(timer);
      // The outermost: Node crashes when a TLS socket goes after the one below it, with a write under way.
      sink.destroy();
    }, HANG_UP_MS).unref();
  }
}

function address(raw: net.Socket): string {
  const host = (raw.remoteAddress ?? "unknown").replace(/^::ffff:/, "");
  return host.includes(":") ? `[${host}]:${raw.remotePort ?? 0}` : `${host}:${raw.remotePort ?? 0}`;
}

function ignore(): void {
  // An error of a socket is followed by `close`, and that is what is waited for.
}
