/**
 * One accepted connection from its first byte to its last: TLS, login, the session. The steps stand here in order; each
 * is in a file of its own.
 */
import type net from "node:net";
import type tls from "node:tls";
import { Fault } from "#protocols/wire/fault.ts";
import type { SessionSummary } from "#src/audit/records.ts";
import { asFault } from "./as-fault.ts";
import { ClientLeg, type ClientLegResult } from "./client-leg.ts";
import { Deadline } from "./deadline.ts";
import { Debts } from "./debts.ts";
import type { Front } from "./front.ts";
import type { Runtime } from "./runtime.ts";
import { Session } from "./session.ts";
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
  readonly #runtime: Runtime;
  readonly #debts = new Debts();
  readonly #front: Front;
  readonly #leg: ClientLeg;
  readonly #gone: Promise<void>;
  #session: Session | null = null;

  constructor(raw: net.Socket, front: Front, self: WorkerSelf, runtime: Runtime) {
    this.#raw = raw;
    this.#front = front;
    this.#self = self;
    this.#runtime = runtime;
    this.id = self.newId();
    this.remote = address(raw);
    this.openedAtMs = self.clock.monotonicMs();
    this.#gone = new Promise((resolve) => raw.once("close", () => resolve()));
    this.#leg = new ClientLeg(raw, {
      front,
      tls: runtime.config.tls,
      servers: runtime.servers,
      policy: runtime.clientPolicy,
      sessionId: this.id,
      remote: this.remote,
      record: this.#debts.recorder(self.link),
      now: self.clock.now,
    });
  }

  get authenticated(): boolean {
    return this.#session !== null;
  }

  /** Counts as they stand; null before the session has begun, and once it is over. */
  get summary(): SessionSummary | null {
    return this.#session?.summary ?? null;
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
    if (this.#session === null) this.abandon("shutting-down");
    else this.#session.drain();
  }

  end(fault: Fault): void {
    if (this.#session === null) this.#raw.destroy();
    else this.#session.end(fault);
  }

  /** Runs the connection until it is closed. @throws only for defects of ours, after which the connection is gone */
  async run(): Promise<void> {
    let socket: tls.TLSSocket | null = null;
    const { loginMs } = this.#self.deadlines;
    const deadline = new Deadline(loginMs, () => {
      if (socket === null) this.#leg.abandon("timeout");
      else socket.write(this.#front.farewell(new Fault("login-timeout", `no login within ${loginMs / 1000} s`)));
      this.#hangUp(socket);
    });
    try {
      const leg = await this.#leg.open();
      if (leg.kind === "cancel") return this.#self.cancel(leg.key, this.remote);
      socket = leg.socket;
      socket?.on("error", ignore);
      if (leg.kind === "refused") return;
      await this.#serve(leg, deadline);
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

  async #serve(leg: Extract<ClientLegResult, { kind: "ready" }>, deadline: Deadline): Promise<void> {
    const result = await this.#front.login(leg, this.#runtime);
    if (result.kind === "cancel") {
      this.#self.cancel(result.key, this.remote);
      return;
    }
    if (result.kind === "refused") {
      this.#self.log("warn", "login-refused", { session: this.id, remote: this.remote, reason: result.reason });
      return;
    }
    this.#session = new Session({
      id: this.id,
      remote: this.remote,
      client: leg.socket,
      authorised: result.authorised,
      self: this.#self,
      runtime: this.#runtime,
      debts: this.#debts,
    });
    await this.#session.run(deadline);
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
