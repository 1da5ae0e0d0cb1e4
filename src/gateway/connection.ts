/**
 * One accepted connection from its first byte to its last: TLS, login, the target, the session, its end. The steps stand
 * here in order; each is in a file of its own.
 */
import type net from "node:net";
import type tls from "node:tls";
import {
  authenticationOk,
  backendKeyData,
  cancelRequest,
  checkSetting,
  faultMessage,
  parameterStatus,
  readyForQuery,
  SessionState,
  toldUnderMask,
  upstreamParameters,
} from "#protocols/postgres/protocol.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { HandshakeRecord, SessionSummary } from "#src/audit/records.ts";
import { type Journal, openJournal } from "#src/recording/journal.ts";
import type { Cancels } from "./cancels.ts";
import { ClientLeg, type ClientLegResult } from "./client-leg.ts";
import { Deadline } from "./deadline.ts";
import { LOGIN_MS } from "./limits.ts";
import { type Authorised, login } from "./login.ts";
import { type Ending, Relay } from "./relay.ts";
import { catalogueName, type Runtime, type Standing } from "./runtime.ts";
import { SessionTimers } from "./timers.ts";
import type { UpstreamLeg } from "./upstream.ts";
import type { WorkerSelf } from "./worker-self.ts";

/** How long a peer may take to read the last words. */
const HANG_UP_MS = 2_000;

export class Connection {
  readonly id: string;
  readonly #raw: net.Socket;
  readonly #self: WorkerSelf;
  readonly #runtime: Runtime;
  readonly #remote: string;
  #leg: ClientLeg | null = null;
  #relay: Relay | null = null;
  #summary: (() => SessionSummary) | null = null;
  #authenticated = false;
  /** Records that must be durable before the session is served; waited for together, so that they share one write. */
  readonly #owed: Promise<void>[] = [];

  constructor(raw: net.Socket, self: WorkerSelf, runtime: Runtime) {
    this.#raw = raw;
    this.#self = self;
    this.#runtime = runtime;
    this.id = self.newId();
    this.#remote = address(raw);
  }

  get remote(): string {
    return this.#remote;
  }

  get authenticated(): boolean {
    return this.#authenticated;
  }

  /** Counts as they stand; null before the session has begun. */
  get summary(): SessionSummary | null {
    return this.#summary?.() ?? null;
  }

  /** Gives way to newer connections, or to the end of the gateway, before it has authenticated. */
  abandon(reason: "too-many-connections" | "shutting-down"): void {
    this.#leg?.abandon(reason);
    this.#raw.destroy();
  }

  drain(): void {
    if (this.#relay === null) this.abandon("shutting-down");
    else this.#relay.drain();
  }

  end(fault: Fault): void {
    if (this.#relay === null) this.#raw.destroy();
    else this.#relay.end(fault);
  }

  /** Runs the connection to its end. @throws only for defects of ours, after which the connection is gone */
  async run(): Promise<void> {
    let socket: tls.TLSSocket | null = null;
    const deadline = new Deadline(LOGIN_MS, () => {
      if (socket === null) this.#leg?.abandon("timeout");
      else socket.write(faultMessage(new Fault("login-timeout", `no login within ${LOGIN_MS / 1000} s`)));
      this.#hangUp(socket);
    });
    try {
      const leg = await this.#openLeg();
      if (leg.kind === "cancel") this.#self.cancel({ processId: leg.key.processId, secret: leg.key.secret }, this.#remote);
      if (leg.kind !== "ready") return;
      socket = leg.socket;
      socket.on("error", ignore);
      await this.#serve(leg, deadline);
    } catch (error) {
      const fault = asFault(error);
      if (socket?.writable) socket.end(faultMessage(fault));
      else this.#raw.destroy();
      if (!(error instanceof Fault)) throw error;
    } finally {
      deadline.clear();
      this.#hangUp(socket);
    }
  }

  /** Last words still go out; a peer that does not read them, or does not close, is cut off. */
  #hangUp(socket: tls.TLSSocket | null): void {
    if (this.#raw.destroyed) return;
    if (socket === null) this.#raw.end();
    else if (!socket.writableEnded) socket.end();
    (socket ?? this.#raw).resume();
    setTimeout(() => this.#raw.destroy(), HANG_UP_MS).unref();
  }

  #openLeg(): Promise<ClientLegResult> {
    this.#leg = new ClientLeg(this.#raw, {
      tls: this.#runtime.config.tls,
      servers: this.#runtime.servers,
      policy: this.#runtime.clientPolicy,
      sessionId: this.id,
      remote: this.#remote,
      record: (record) => this.#owe(this.#self.link.handshake(record)),
      now: this.#self.clock.now,
    });
    return this.#leg.open();
  }

  async #serve(leg: Extract<ClientLegResult, { kind: "ready" }>, deadline: Deadline): Promise<void> {
    const result = await login({ socket: leg.socket, sni: leg.sni, certificate: leg.certificate }, this.#runtime);
    if (result.kind === "cancel") {
      this.#self.cancel(result.key, this.#remote);
      leg.socket.end();
      return;
    }
    if (result.kind === "refused") {
      this.#self.log("warn", "login-refused", { session: this.id, remote: this.#remote, reason: result.reason });
      return;
    }
    this.#authenticated = true;
    await this.#session(leg.socket, result.authorised, deadline);
  }

  async #session(client: tls.TLSSocket, authorised: Authorised, deadline: Deadline): Promise<void> {
    const { proof, upstream } = authorised;
    const standing = this.#runtime.standing(proof.principal, upstream.target.name, authorised.database);
    const parameters = upstreamParameters(
      authorised.startup.parameters,
      { user: upstream.target.credential.user, database: authorised.database, mark: `sp:${this.id.slice(-12)}:${proof.principal.name}` },
      standing.underMask,
    );
    const startedAtMonotonicMs = this.#self.clock.monotonicMs();
    const journal = openJournal({ ...this.#self.journals, sessionId: this.id, clock: this.#self.clock, startedAtMonotonicMs });
    const state = new SessionState(this.#terms(standing), (event) => journal.append(event));
    const summary = this.#summaryOf(authorised, state);
    this.#summary = () => summary(null, "open");
    let ending: Ending = { status: "fault", reason: "internal-error" };
    try {
      this.#recordStart(journal, authorised);
      this.#owe(this.#self.link.sessionOpened(summary(null, "open")));
      const target = await upstream.dial(parameters, this.#upstreamContext());
      try {
        await Promise.all(this.#owed);
        deadline.clear();
        if (client.destroyed || deadline.passed) {
          // Whoever waited for the login is gone: nothing of what it pipelined may run, and nothing may be left on the target.
          ending = { status: "client-lost", reason: deadline.passed ? "login-timeout" : null };
          target.socket.destroy();
        } else ending = await this.#relayed(client, target, authorised, standing, state, journal);
      } catch (error) {
        target.socket.destroy();
        throw error;
      }
    } catch (error) {
      const fault = asFault(error);
      ending = { status: fault.code.startsWith("upstream") ? "upstream-lost" : "fault", reason: fault.code };
      throw error;
    } finally {
      this.#close(journal, ending, summary);
    }
  }

  #terms(standing: Standing) {
    const { results } = this.#runtime.config.recording;
    return { underMask: standing.underMask, mayPassUnparsed: standing.mayPassUnparsed, isProtected: standing.isProtected, limits: results };
  }

  async #relayed(
    client: tls.TLSSocket,
    target: UpstreamLeg,
    authorised: Authorised,
    standing: Standing,
    state: SessionState,
    journal: Journal,
  ): Promise<Ending> {
    const cancels: Cancels = this.#self.cancels;
    const cancelUpstream = (): void => this.#cancelUpstream(target, authorised);
    const key = cancels.issue(authorised.startup.minor, (remote) => {
      journal.append({ kind: "cancel", remote });
      journal.flush();
      cancelUpstream();
    });
    const untilExpiryMs = authorised.proof.expiresAtMs - this.#self.clock.now();
    const relay = new Relay({
      client,
      upstream: target.socket,
      state,
      journal,
      judge: standing.judge,
      digestOf: this.#self.digestOf,
      budget: this.#self.budget,
      timers: new SessionTimers(authorised.upstream.target.limits, untilExpiryMs, cancelUpstream),
      cancelUpstream,
      onCatalogueChanged: () =>
        this.#self.background(this.#self.refresh(catalogueName(authorised.upstream.target.name, authorised.database))),
    });
    this.#relay = relay;
    try {
      client.write(greeting(target, authorised, standing, key));
      return await relay.run(authorised.rest);
    } finally {
      cancels.withdraw(key);
    }
  }

  #recordStart(journal: Journal, { proof, upstream, label, startup, database }: Authorised): void {
    journal.append({
      kind: "session-start",
      session: this.id,
      principal: proof.principal,
      target: upstream.target.name,
      protocol: "postgres",
      remote: this.#remote,
      label,
      application: startup.parameters.get("application_name") ?? null,
      database,
      gateway: this.#self.gateway,
    });
    journal.flush();
  }

  #cancelUpstream(target: UpstreamLeg, { upstream }: Authorised): void {
    const { key } = target.login;
    if (key === null) return;
    this.#self.background(
      upstream.secureConnection(this.#upstreamContext()).then((socket) => {
        socket.end(cancelRequest(key));
        socket.resume();
      }),
    );
  }

  #upstreamContext() {
    return {
      sessionId: this.id,
      record: (record: HandshakeRecord) => this.#owe(this.#self.link.handshake(record)),
      now: this.#self.clock.now,
    };
  }

  /** What fails is noticed where the debts are waited for; a connection that ends before owes nothing to its client. */
  #owe(work: Promise<void>): void {
    work.catch(ignore);
    this.#owed.push(work);
  }

  #summaryOf({ proof, upstream, label }: Authorised, state: SessionState) {
    const startedAt = new Date(this.#self.clock.now()).toISOString();
    return (endedAt: string | null, status: SessionSummary["status"]): SessionSummary => ({
      id: this.id,
      startedAt,
      endedAt,
      principal: proof.principal,
      target: upstream.target.name,
      protocol: "postgres",
      remote: this.#remote,
      label,
      ...state.counts,
      status,
    });
  }

  #close(journal: Journal, ending: Ending, summary: (endedAt: string, status: SessionSummary["status"]) => SessionSummary): void {
    try {
      journal.append({ kind: "session-end", status: ending.status, reason: ending.reason });
      journal.close();
    } catch (error) {
      this.#self.log("error", "recording-failed", { session: this.id, reason: asFault(error).message });
    }
    const endedAt = new Date(this.#self.clock.now()).toISOString();
    this.#self.link.tell({ type: "session-closed", session: summary(endedAt, ending.status) });
  }
}

/** What follows a good login: the target's own parameters, our cancel key, its transaction status. */
function greeting(target: UpstreamLeg, authorised: Authorised, standing: Standing, key: { processId: number; secret: Buffer }): Buffer {
  const parts = [authenticationOk()];
  for (const [name, value] of target.login.parameters) {
    checkSetting(name, value);
    if (standing.underMask && !toldUnderMask(name)) continue;
    // The client's own application_name, not the one that carries the session's mark.
    parts.push(parameterStatus(name, name === "application_name" ? (authorised.startup.parameters.get(name) ?? "") : value));
  }
  parts.push(backendKeyData(key), readyForQuery("I"));
  return Buffer.concat(parts);
}

function address(raw: net.Socket): string {
  const host = raw.remoteAddress ?? "unknown";
  return host.includes(":") && !host.startsWith("::ffff:")
    ? `[${host}]:${raw.remotePort ?? 0}`
    : `${host.replace("::ffff:", "")}:${raw.remotePort ?? 0}`;
}

function asFault(error: unknown): Fault {
  return error instanceof Fault ? error : new Fault("internal-error", "the gateway met a defect of its own", { cause: error });
}

function ignore(): void {
  // An error of a socket is followed by `close`, and that is what is waited for.
}
