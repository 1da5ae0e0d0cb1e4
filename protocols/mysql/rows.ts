/**
 * Rows on their way to the client: which run they belong to, how many there are, which are written down, and which don't pass
 * any more because the result has more of them than the target allows.
 */
import type { Run } from "#protocols/wire/run.ts";
import type { Plan } from "./server-frame.ts";
import type { SessionState } from "./session.ts";

export class Rows {
  readonly #state: SessionState;
  /** Rows are counted against a cap; without one they cost nothing for it. */
  readonly #capped: boolean;
  #run: Run | null = null;
  #count = 0;

  constructor(state: SessionState) {
    this.#state = state;
    const { rowsPerStatement, rowsPerSession } = state.terms.caps;
    this.#capped = Math.min(rowsPerStatement, rowsPerSession) < Number.POSITIVE_INFINITY;
  }

  /** Of the result under way, as far as they have passed. */
  get count(): number {
    return this.#count;
  }

  begin(run: Run | null): void {
    this.#run = run;
    this.#count = 0;
  }

  /** A row begins. @throws Fault `session-budget` */
  plan(large: boolean): Plan {
    const run = this.#run;
    if (this.#capped && !this.#spend(run)) return "drop";
    if (run === null) return "watch";
    this.#count++;
    this.#state.counts.rows++;
    this.#state.counts.maskedCells += run.maskedColumns;
    if (run.keeps && large) run.keepNoMore();
    if (run.keeps) return "observe";
    run.beyondRow();
    return "watch";
  }

  /** A row stands in the place of one that the server sent; there are few, and no cap counts them. */
  exchanged(payload: Buffer): void {
    this.#count++;
    this.#state.counts.rows++;
    if (this.#run?.keeps === true) this.#run.row(payload);
  }

  keep(payload: Buffer): void {
    this.#run?.row(payload);
  }

  beyond(region: Buffer): void {
    this.#run?.beyond(region);
  }

  /** Of a cursor, those of all its fetches count. @returns whether the row may pass */
  #spend(run: Run | null): boolean {
    if (run !== null && ++run.passed > this.#state.terms.caps.rowsPerStatement) this.#state.stopping ??= "row-limit";
    if (this.#state.stopping === "row-limit") return false;
    this.#state.budget.spendRow();
    return true;
  }
}
