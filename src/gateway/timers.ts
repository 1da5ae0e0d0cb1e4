/**
 * What ends a session by time: the end of its proof, its longest life, idleness, and a statement that runs too long.
 * All are monotonic: a stepped clock neither ends nor prolongs a session.
 */
import { Fault } from "#protocols/wire/fault.ts";
import type { TargetLimits } from "#src/config/config.ts";
import { TIMER_MS_MAX } from "./limits.ts";

export class SessionTimers {
  readonly #limits: TargetLimits;
  readonly #proofMs: number;
  readonly #cancel: () => void;
  #fixed: NodeJS.Timeout[] = [];
  #idle: NodeJS.Timeout | null = null;
  #statement: NodeJS.Timeout | null = null;
  #running = false;

  /**
   * @param proofMs until the proof ends
   * @param cancel stops the statement that runs
   */
  constructor(limits: TargetLimits, proofMs: number, cancel: () => void) {
    this.#limits = limits;
    this.#proofMs = proofMs;
    this.#cancel = cancel;
  }

  start(end: (fault: Fault) => void): void {
    const expired = new Fault("token-expired", "the token that this session began with has expired", {
      hint: "get a new token and connect again",
    });
    this.#fixed.push(after(this.#proofMs, () => end(expired)));
    const { sessionMs, idleMs } = this.#limits;
    if (sessionMs !== null) {
      const limit = new Fault("session-limit", `the session has reached its limit of ${sessionMs / 1000} s`, { hint: "connect again" });
      this.#fixed.push(after(sessionMs, () => end(limit)));
    }
    if (idleMs !== null) {
      const idle = new Fault("idle-timeout", `nothing came for ${idleMs / 1000} s`, { hint: "connect again" });
      this.#idle = after(idleMs, () => {
        if (this.#running) this.#idle?.refresh();
        else end(idle);
      });
    }
  }

  /** Something happened: idleness is counted from now. */
  touch(): void {
    this.#idle?.refresh();
  }

  /** Whether something is under way; the statement's time runs from the first moment that it is. */
  statement(running: boolean): void {
    const { statementTimeoutMs } = this.#limits;
    if (this.#running && !running) this.touch();
    this.#running = running;
    if (statementTimeoutMs === null) return;
    if (running && this.#statement === null) this.#statement = after(statementTimeoutMs, this.#cancel);
    if (!running && this.#statement !== null) {
      clearTimeout(this.#statement);
      this.#statement = null;
    }
  }

  stop(): void {
    for (const timer of this.#fixed) clearTimeout(timer);
    if (this.#idle !== null) clearTimeout(this.#idle);
    if (this.#statement !== null) clearTimeout(this.#statement);
  }
}

function after(ms: number, then: () => void): NodeJS.Timeout {
  return setTimeout(then, Math.min(Math.max(ms, 0), TIMER_MS_MAX));
}
