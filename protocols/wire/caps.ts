/** What bounds a result and a session, in any protocol: the caps of a target, what is left of a session's, and how going over is told. */
import type { SessionCounts } from "./counts.ts";
import { Fault } from "./fault.ts";
import type { Judgement } from "./judgement.ts";

/** Of one result or session; Infinity: as many as there are. */
export interface Caps {
  readonly rowsPerStatement: number;
  readonly rowsPerSession: number;
  /** In both directions, protocol headers included. */
  readonly bytesPerSession: number;
  readonly statementsPerSession: number;
}

export const NO_CAPS: Caps = {
  rowsPerStatement: Number.POSITIVE_INFINITY,
  rowsPerSession: Number.POSITIVE_INFINITY,
  bytesPerSession: Number.POSITIVE_INFINITY,
  statementsPerSession: Number.POSITIVE_INFINITY,
};

/** @param limits of a target, null standing for none */
export function capsOf(limits: { readonly [Cap in keyof Caps]: number | null }): Caps {
  return {
    rowsPerStatement: limits.rowsPerStatement ?? NO_CAPS.rowsPerStatement,
    rowsPerSession: limits.rowsPerSession ?? NO_CAPS.rowsPerSession,
    bytesPerSession: limits.bytesPerSession ?? NO_CAPS.bytesPerSession,
    statementsPerSession: limits.statementsPerSession ?? NO_CAPS.statementsPerSession,
  };
}

/** What a session may still have. Every method throws the Fault `session-budget` that ends it. */
export class SessionBudget {
  readonly #caps: Caps;
  readonly #counts: SessionCounts;
  #rows = 0;
  #bytes = 0;

  constructor(caps: Caps, counts: SessionCounts) {
    this.#caps = caps;
    this.#counts = counts;
  }

  spendBytes(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#caps.bytesPerSession) throw budgetFault(`${this.#caps.bytesPerSession} bytes`);
  }

  spendRow(): void {
    if (++this.#rows > this.#caps.rowsPerSession) throw budgetFault(`${this.#caps.rowsPerSession} rows`);
  }

  countStatement(): void {
    const { statementsPerSession } = this.#caps;
    if (this.#counts.statements >= statementsPerSession) throw budgetFault(`${statementsPerSession} statements`);
    this.#counts.statements++;
  }
}

function budgetFault(what: string): Fault {
  return new Fault("session-budget", `the session has used up its ${what}`, { hint: "connect again" });
}

/** Whether something of a statement stays once it is done; what is not known does. */
export function lasts(judgement: Judgement | null, at: number): boolean {
  return judgement?.lasting[at] ?? true;
}

/** How a statement that was to be stopped has ended on the target. */
export type Outcome = "cancelled" | "completed";

export interface Excess {
  readonly rows: number;
  readonly outcome: Outcome;
  /** Something of it stays. */
  readonly lasting: boolean;
}

export const ROW_LIMIT_HINT = "add LIMIT or a narrower WHERE, or read it in parts";

export function rowLimitText({ rows, outcome, lasting }: Excess): string {
  const done = outcome === "completed" ? `; the target had completed the statement${lasting ? ", and what it changed stands" : ""}` : "";
  return `the result has more than ${rows} rows${done}`;
}

export const TIMEOUT_TEXT = "the statement took longer than this target allows and was cancelled";
