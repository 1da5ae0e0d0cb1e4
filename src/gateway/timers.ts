/**
 * What ends a session by time: the end of its proof, its longest life, idleness, and a statement that runs too long.
 * All are monotonic: a stepped clock neither ends nor prolongs a session.
 */
import { Fault } from "#protocols/wire/fault.ts";
import type { TargetLimits } from "#src/config/config.ts";
import { TIMEOUT_SLACK_MS, TIMER_MS_MAX } from "./limits.ts";

export class SessionTimers {
  readonly #limits: TargetLimits;
  readonly #proofMs: number;
  readonly #statementMs: number | null;
  #overtime: () => void = () => undefined;
  #fixed: NodeJS.Timeout[] = [];
  #idle: NodeJS.Timeout | null = null;
  #statement: NodeJS.Timeout | null = null;
  #running = false;
  #progress = 0;

  /**
   * @param proofMs until the proof ends
   * @param keepsTimeout the target keeps the limit of a statement itself, more exactly than can be done from here
   */
  constructor(limits: TargetLimits, proofMs: number, keepsTimeout: boolean) {
    this.#limits = limits;
    this.#proofMs = proofMs;
    const { statementTimeoutMs } = limits;
    this.#statementMs = statementTimeoutMs === null ? null : statementTimeoutMs + (keepsTimeout ? TIMEOUT_SLACK_MS : 0);
  }

  /** @param overtime called when a statement takes too long */
  start(end: (fault: Fault) => void, overtime: () => void): void {
    this.#overtime = overtime;
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

  /**
   * Whether something is under way; a statement's time runs from the first moment that it is, and anew when another is
   * complete.
   *
   * @param progress differs once something was completed
   */
  statement(running: boolean, progress: number): void {
    if (this.#running && !running) this.touch();
    this.#running = running;
    if (this.#statementMs === null) return;
    if (!running && this.#statement !== null) {
      clearTimeout(this.#statement);
      this.#statement = null;
    } else if (running && this.#statement === null) this.#statement = after(this.#statementMs, () => this.#overtime());
    else if (progress !== this.#progress) this.#statement?.refresh();
    this.#progress = progress;
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
