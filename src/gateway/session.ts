/**
 * One session: an authorised client, its record, the target's login, the relay between the two, the end. Nothing is
 * served before what is owed to the evidence log is durable.
 */
import type tls from "node:tls";
import { noCounts } from "#protocols/wire/counts.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { SessionSummary } from "#src/audit/records.ts";
import { type Journal, openJournal } from "#src/recording/journal.ts";
import { asFault } from "./as-fault.ts";
import { ownerOf } from "./cancels.ts";
import type { Deadline } from "./deadline.ts";
import type { Debts } from "./debts.ts";
import type { Authorised, Cancelled, Cancelling, Dialled } from "./front.ts";
import { type Ending, Relay } from "./relay.ts";
import { catalogueName, type Runtime } from "./runtime.ts";
import type { Standing } from "./standing.ts";
import { SessionTimers } from "./timers.ts";
import type { WorkerSelf } from "./worker-self.ts";

/** Stands in the record where an address would, of a cancel request of our own. */
const GATEWAY = "gateway";

export interface SessionParts {
  readonly id: string;
  readonly remote: string;
  readonly client: tls.TLSSocket;
  readonly authorised: Authorised;
  readonly self: WorkerSelf;
  readonly runtime: Runtime;
  readonly debts: Debts;
}

export class Session {
  readonly #parts: SessionParts;
  readonly #standing: Standing;
  readonly #journal: Journal;
  readonly #counts = noCounts();
  readonly #startedAt: string;
  #relay: Relay | null = null;
  /** What ended the session before there was a relay to end. */
  #early: Fault | null = null;
  #ending: Ending | null = null;

  /** @throws Fault `catalogue-unavailable`, `recording-failed`: nothing has begun then */
  constructor(parts: SessionParts) {
    const { id, self, runtime, authorised } = parts;
    this.#parts = parts;
    this.#standing = runtime.standing(authorised.proof.principal, authorised.upstream.target, authorised.database);
    const { clock } = self;
    this.#startedAt = new Date(clock.now()).toISOString();
    this.#journal = openJournal({ ...self.journals, sessionId: id, clock, startedAtMonotonicMs: clock.monotonicMs() });
  }

  /** Counts as they stand; null once it is over. */
  get summary(): SessionSummary | null {
    return this.#ending === null ? this.#summaryAs(null, "open") : null;
  }

  drain(): void {
    if (this.#relay === null) this.#early = new Fault("shutting-down", "the gateway is shutting down", { hint: "connect again" });
    else this.#relay.drain();
  }

  end(fault: Fault): void {
    if (this.#relay === null) this.#early = fault;
    else this.#relay.end(fault);
  }

  /**
   * Runs the session to its end.
   *
   * @param deadline of the login; cleared when the client is logged in
   * @throws Fault of the target's leg or of the records; the session is closed and on record then
   */
  async run(deadline: Deadline): Promise<void> {
    const { self, debts } = this.#parts;
    let ending: Ending = { status: "fault", reason: "internal-error" };
    try {
      this.#recordStart();
      debts.owe(self.link.sessionOpened(this.#summaryAs(null, "open")));
      const target = await this.#dial();
      try {
        await debts.paid();
        if (this.#early !== null) throw this.#early;
        deadline.clear();
        if (this.#parts.client.destroyed || deadline.passed) {
          // Whoever waited for the login is gone: nothing of what it pipelined may run, and nothing may be left on the target.
          ending = { status: "client-lost", reason: deadline.passed ? "login-timeout" : null };
          target.socket.destroy();
        } else ending = await this.#relayed(target);
      } catch (error) {
        target.socket.destroy();
        throw error;
      }
    } catch (error) {
      const { code } = asFault(error);
      ending = { status: code.startsWith("upstream") ? "upstream-lost" : "fault", reason: code };
      throw error;
    } finally {
      this.#close(ending);
    }
  }

  #dial(): Promise<Dialled> {
    const { id, authorised } = this.#parts;
    const mark = `sp:${id.slice(-12)}:${authorised.proof.principal.name}`;
    const context = this.#upstreamContext();
    return authorised.conversation.dial({ permit: authorised, standing: this.#standing, mark, context });
  }

  async #relayed(target: Dialled): Promise<Ending> {
    const { client, authorised, self, runtime } = this.#parts;
    const { upstream, proof, conversation, database, rest } = authorised;
    const cancelUpstream = (): void => this.#cancelUpstream(target.cancel);
    const owner = ownerOf(proof.principal);
    const killed = new Fault("session-limit", "the session was ended by its principal", { hint: "connect again" });
    const owned = { owner, cancel: (remote: string) => this.#onCancel(remote, cancelUpstream), end: () => this.end(killed) };
    const key = self.cancels.issue(conversation.longCancelKeys, owned, conversation.reservedId);
    try {
      const { greeting, dialogue } = target.begin({
        results: runtime.config.recording.results,
        counts: this.#counts,
        limits: upstream.target.limits,
        append: (event) => this.#journal.append(event),
        digestOf: self.digestOf,
        key,
        kill: (processId, connection) => self.kill({ processId, owner, connection, remote: this.#parts.remote }),
      });
      const relay = new Relay({
        client,
        upstream: target.socket,
        dialogue,
        journal: this.#journal,
        budget: self.budget,
        timers: new SessionTimers(upstream.target.limits, proof.expiresAtMs - self.clock.now(), target.keepsTimeout),
        halfClosedMs: self.deadlines.halfClosedMs,
        cancelUpstream,
        interrupt: {
          record: () => this.#recordCancel(GATEWAY),
          cancel: (wanted) => this.#requestCancel(target.cancel, wanted),
        },
        onCatalogueChanged: () => self.background(self.refresh(catalogueName(upstream.target, database))),
      });
      this.#relay = relay;
      client.write(greeting);
      return await relay.run(rest);
    } finally {
      self.cancels.withdraw(key);
    }
  }

  #recordStart(): void {
    const { proof, upstream, label, conversation, database } = this.#parts.authorised;
    this.#journal.append({
      kind: "session-start",
      session: this.#parts.id,
      principal: proof.principal,
      target: upstream.target.name,
      protocol: upstream.target.protocol,
      remote: this.#parts.remote,
      label,
      application: conversation.application,
      database,
      gateway: this.#parts.self.gateway,
    });
    this.#journal.flush();
  }

  /** A request with the right key: on record before it has an effect. */
  #onCancel(remote: string, cancelUpstream: () => void): void {
    try {
      this.#recordCancel(remote);
      cancelUpstream();
    } catch (error) {
      this.end(asFault(error));
    }
  }

  #recordCancel(remote: string): void {
    this.#journal.append({ kind: "cancel", remote });
    this.#journal.flush();
  }

  #cancelUpstream(cancel: Cancelling | null): void {
    this.#parts.self.background(this.#requestCancel(cancel, () => true));
  }

  async #requestCancel(cancel: Cancelling | null, wanted: () => boolean): Promise<Cancelled> {
    const { self } = this.#parts;
    return cancel === null ? "not-sent" : cancel(this.#upstreamContext(), self.deadlines.upstreamLoginMs, wanted);
  }

  #upstreamContext() {
    const { id, self, debts } = this.#parts;
    return { sessionId: id, record: debts.recorder(self.link), now: self.clock.now };
  }

  #summaryAs(endedAt: string | null, status: SessionSummary["status"]): SessionSummary {
    const { id, remote, authorised } = this.#parts;
    return {
      id,
      startedAt: this.#startedAt,
      endedAt,
      principal: authorised.proof.principal,
      target: authorised.upstream.target.name,
      protocol: authorised.upstream.target.protocol,
      remote,
      label: authorised.label,
      ...this.#counts,
      status,
    };
  }

  #close(ending: Ending): void {
    this.#ending = ending;
    const { id, self } = this.#parts;
    try {
      this.#journal.append({ kind: "session-end", status: ending.status, reason: ending.reason });
      this.#journal.close();
    } catch (error) {
      self.log("error", "recording-failed", { session: id, reason: asFault(error).message });
    }
    const endedAt = new Date(self.clock.now()).toISOString();
    self.link.tell({ type: "session-closed", session: this.#summaryAs(endedAt, ending.status) });
  }
}
