/** What commands leave on record: texts with their judgements, refusals, statements that were left out. */
import type { Denial } from "#policies/decision.ts";
import type { Judgement } from "#protocols/wire/judgement.ts";
import { recordedJudgement, statementEvent } from "#protocols/wire/recorded.ts";
import { Run } from "#protocols/wire/run.ts";
import type { RecordedValue } from "#protocols/wire/transcript.ts";
import type { Outcome } from "./command-outcome.ts";
import { type ErrPacket, errorPayload } from "./outcome.ts";
import type { SessionState } from "./session.ts";
import { denialError } from "./wire-errors.ts";

/** @param parameters null for a statement that is prepared. @returns the event's sequence number. @throws Fault `session-budget` */
export function recordText(state: SessionState, judgement: Judgement, parameters: readonly RecordedValue[] | null): number {
  if (parameters === null) return state.append({ kind: "prepare", name: "", ...recordedJudgement(judgement) });
  state.budget.countStatement();
  return state.append(statementEvent(judgement, parameters));
}

export function recordDenied(state: SessionState, denial: Denial, event: number | null): void {
  state.counts.denied++;
  state.append({ kind: "denied", statement: event, rule: denial.rule, reason: denial.reason, message: denial.message });
}

/** A command without a text of its own. @throws Fault `session-budget` */
export function recordCommand(state: SessionState, sql: string): number {
  state.budget.countStatement();
  const said = { upstreamSql: null, parameters: [], verdict: "allow", rule: null, reason: null, tables: [] };
  return state.append({ kind: "statement", sql, ...said });
}

/** @param event of what is refused; null where nothing of it is on record */
export function refused(state: SessionState, denial: Denial, event: number | null): Outcome {
  recordDenied(state, denial, event);
  return { kind: "answer", payloads: [errorPayload(denialError(denial))] };
}

/** An error as the server would tell it. @param event of the statement that it answers; null where that has none of its own */
export function answered(state: SessionState, error: ErrPacket, event: number | null): Outcome {
  state.append({ kind: "error", statement: event, fields: { errno: String(error.errno), M: error.message }, from: "gateway" });
  return { kind: "answer", payloads: [errorPayload(error)] };
}

/** @param statement its event, which has been written. @param because the event of the one that failed or was refused */
export function recordSkipped(state: SessionState, statement: number, because: number): void {
  state.append({ kind: "skipped", statement, because });
}

export function runOn(state: SessionState, statement: number, judgement: Judgement | null, startedMs: number): Run {
  return new Run({ statement, judgement, startedMs, append: state.append, limits: state.terms.limits, read: () => [] });
}
