/**
 * One principal on one target over one connection: its journal, its counts, its limits, and the requests under way. It begins
 * with the first request that is permitted to connect and ends with the connection, or when a limit of time is reached.
 */
import { noCounts, type SessionCounts } from "#protocols/wire/counts.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { EventBody, SessionStatus } from "#protocols/wire/transcript.ts";
import type { SessionSummary } from "#src/audit/records.ts";
import type { Config, HttpTarget } from "#src/config/config.ts";
import { asFault } from "#src/gateway/as-fault.ts";
import { Debts } from "#src/gateway/debts.ts";
import { TIMER_MS_MAX } from "#src/gateway/limits.ts";
import type { Arrival } from "#src/gateway/occupant.ts";
import type { Proof } from "#src/identity/proof.ts";
import { type Journal, openJournal } from "#src/recording/journal.ts";

export interface Ending {
  readonly status: SessionStatus;
  readonly reason: string | null;
}

/** A request under way, as its session can stop it. */
export interface Running {
  /** Answers with the fault where that is still possible, else breaks off. */
  stop(fault: Fault): void;
  /** Its client has given it up. */
  readonly abandoned: boolean;
}

export interface SessionParts {
  readonly id: string;
  readonly arrival: Arrival;
  readonly proof: Proof;
  readonly target: HttpTarget;
  /** What the client calls itself. */
  readonly label: string;
  readonly results: Config["recording"]["results"];
  readonly onEnd: (session: HttpSession) => void;
}

export class HttpSession {
  readonly id: string;
  /** Resolves when its beginning is in the evidence log. @throws Fault `evidence-failed` */
  readonly ready: Promise<void>;
  readonly counts: SessionCounts = noCounts();
  readonly results: Config["recording"]["results"];
  /** Set when a budget is used up: what every further request is told. */
  spent: Fault | null = null;
  readonly #parts: SessionParts;
  readonly #journal: Journal;
  readonly #startedAt: string;
  readonly #running = new Set<Running>();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #idle: NodeJS.Timeout | null;
  #over = false;
  /** In both directions. */
  #bytes = 0;

  /** @throws Fault `recording-failed` */
  constructor(parts: SessionParts) {
    const { arrival, target } = parts;
    const { self } = arrival;
    this.#parts = parts;
    this.results = parts.results;
    this.id = parts.id;
    this.#startedAt = new Date(self.clock.now()).toISOString();
    this.#journal = openJournal({
      ...self.journals,
      sessionId: this.id,
      clock: self.clock,
      startedAtMonotonicMs: self.clock.monotonicMs(),
    });
    this.ready = this.#begin();
    this.ready.catch((error: unknown) => this.end({ status: "fault", reason: asFault(error).code }));
    const { sessionMs, idleMs } = target.limits;
    if (sessionMs !== null) {
      const fault = new Fault("session-limit", `the session has reached its limit of ${sessionMs / 1000} s`, { hint: "send it again" });
      this.#timers.push(after(sessionMs, () => this.end({ status: "fault", reason: fault.code }, fault)));
    }
    this.#idle = idleMs === null ? null : after(idleMs, () => this.#onIdle());
    if (this.#idle !== null) this.#timers.push(this.#idle);
  }

  get over(): boolean {
    return this.#over;
  }

  /** Clients have given up requests that are not done with. */
  get abandoned(): boolean {
    return [...this.#running].some(({ abandoned }) => abandoned);
  }

  get principal() {
    return this.#parts.proof.principal;
  }

  get summary(): SessionSummary | null {
    return this.#over ? null : this.#summaryAs(null, "open");
  }

  /** @returns the event's sequence number. @throws Fault `recording-failed` */
  append(event: EventBody): number {
    try {
      return this.#journal.append(event);
    } catch (error) {
      throw this.#recordingFailed(error);
    }
  }

  /** To the kernel: what was appended may be acted on. @throws Fault `recording-failed` */
  flush(): void {
    try {
      this.#journal.flush();
    } catch (error) {
      throw this.#recordingFailed(error);
    }
  }

  /** @throws Fault `session-budget` when there may be no further request */
  enter(running: Running): void {
    const { statementsPerSession } = this.#parts.target.limits;
    if (this.spent !== null) throw this.spent;
    if (statementsPerSession !== null && this.counts.statements >= statementsPerSession) {
      throw this.#spend(`the session has sent its ${statementsPerSession} requests`);
    }
    this.#running.add(running);
  }

  leave(running: Running): void {
    this.#running.delete(running);
    this.#idle?.refresh();
  }

  /** Bytes have passed. @throws Fault `session-budget` */
  passed(bytes: number, fromTarget: boolean): void {
    this.#bytes += bytes;
    if (fromTarget) this.counts.bytes += bytes;
    const { bytesPerSession } = this.#parts.target.limits;
    if (bytesPerSession !== null && this.#bytes > bytesPerSession) {
      throw this.#spend(`the session has moved its ${bytesPerSession} bytes`);
    }
  }

  /** @param fault what requests under way are told */
  end(ending: Ending, fault?: Fault): void {
    if (this.#over) return;
    this.#over = true;
    for (const timer of this.#timers) clearTimeout(timer);
    if (fault !== undefined) for (const running of this.#running) running.stop(fault);
    const { self } = this.#parts.arrival;
    try {
      this.#journal.append({ kind: "session-end", status: ending.status, reason: ending.reason });
      this.#journal.close();
    } catch (error) {
      self.log("error", "recording-failed", { session: this.id, reason: asFault(error).message });
    }
    self.link.tell({ type: "session-closed", session: this.#summaryAs(new Date(self.clock.now()).toISOString(), ending.status) });
    this.#parts.onEnd(this);
  }

  async #begin(): Promise<void> {
    const { arrival, proof, target, label } = this.#parts;
    this.append({
      kind: "session-start",
      session: this.id,
      principal: proof.principal,
      target: target.name,
      protocol: target.protocol,
      remote: arrival.remote,
      label,
      application: null,
      database: "",
      gateway: arrival.self.gateway,
    });
    this.flush();
    const debts = new Debts();
    debts.owe(arrival.self.link.sessionOpened(this.#summaryAs(null, "open")));
    await debts.paid();
  }

  #onIdle(): void {
    if (this.#running.size > 0) this.#idle?.refresh();
    else this.end({ status: "closed", reason: "idle-timeout" });
  }

  #spend(message: string): Fault {
    const fault = new Fault("session-budget", message, { hint: "connect again" });
    this.spent = fault;
    this.end({ status: "fault", reason: fault.code }, fault);
    return fault;
  }

  #recordingFailed(error: unknown): Fault {
    const fault = asFault(error);
    this.end({ status: "recording-failed", reason: fault.code }, fault);
    return fault;
  }

  #summaryAs(endedAt: string | null, status: SessionSummary["status"]): SessionSummary {
    const { arrival, proof, target, label } = this.#parts;
    return {
      id: this.id,
      startedAt: this.#startedAt,
      endedAt,
      principal: proof.principal,
      target: target.name,
      protocol: target.protocol,
      remote: arrival.remote,
      label,
      ...this.counts,
      status,
    };
  }
}

function after(ms: number, then: () => void): NodeJS.Timeout {
  return setTimeout(then, Math.min(ms, TIMER_MS_MAX));
}
