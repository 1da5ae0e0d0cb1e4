/** Commands that are too large to be collected: what of them is read is their beginning, the rest is digested as it passes. */
import type { Denial } from "#policies/decision.ts";
import type { Outcome } from "./command-outcome.ts";
import { readExecuteTypes, readLongData, readStatementId } from "./commands.ts";
import { COMMAND } from "./constants.ts";
import { changesOf } from "./named.ts";
import { recordCommand, recordText, refused, runOn } from "./on-record.ts";
import { errorPayload } from "./outcome.ts";
import { attributesDenial, changedDenial, unknownStatementDenial, unparsedJudgement } from "./refusals.ts";
import type { Answer, Prepared, SessionState } from "./session.ts";
import { tooLargeError } from "./wire-errors.ts";

/** What becomes of a command that is too large to be collected. */
export interface LargeOutcome {
  readonly passes: boolean;
  /** Of the statement's beginning on record; its digest follows when all of it has come. */
  readonly event: number | null;
  /** Each part of the payload, from its first byte on; a view. */
  readonly takes: (payload: Buffer) => void;
  /** Once the last byte has come. */
  readonly done: (carryOut: (outcome: Outcome) => void) => () => void;
}

const IGNORED = (): void => undefined;

/** The beginning of a command that is too large to be collected. */
export function largeCommand(state: SessionState, command: number, beginning: Buffer, nowMs: number): LargeOutcome {
  if (command === COMMAND.stmtSendLongData) return largeLongData(state, beginning);
  if (command === COMMAND.stmtExecute) return largeExecute(state, beginning, nowMs);
  const isText = command === COMMAND.query || command === COMMAND.stmtPrepare;
  if (!isText || !state.terms.mayPassUnparsed) return tooLarge(state);
  const judgement = unparsedJudgement(beginning.subarray(1), beginning.length);
  const event = recordText(state, judgement, command === COMMAND.query ? [] : null);
  const answer: Answer =
    command === COMMAND.query
      ? { kind: "query", run: runOn(state, event, judgement, nowMs), file: null, inserts: false, ...changesOf(judgement), stack: null }
      : { kind: "prepare", judgement, event };
  return { passes: true, event, takes: IGNORED, done: (carryOut) => () => carryOut({ kind: "forward", bytes: [], answer }) };
}

/** Its values are digested, not read. */
function largeExecute(state: SessionState, beginning: Buffer, nowMs: number): LargeOutcome {
  const id = readStatementId(beginning);
  const prepared = state.statements.get(id) ?? null;
  const denial = prepared === null ? unknownStatementDenial(id) : largeDenial(state, id, prepared, beginning);
  if (prepared === null || denial !== null) {
    const outcome = refused(state, denial ?? unknownStatementDenial(id), null);
    return { passes: false, event: null, takes: IGNORED, done: (carryOut) => () => carryOut(outcome) };
  }
  prepared.types = readExecuteTypes(beginning, state.terms.clientCapabilities, prepared);
  prepared.cursor = false;
  prepared.longData?.clear();
  prepared.open = null;
  const event = recordText(state, prepared.judgement, []);
  const answer: Answer = {
    kind: "execute",
    run: runOn(state, event, prepared.judgement, nowMs),
    prepared,
    inserts: prepared.judgement.inserts,
    ...changesOf(prepared.judgement),
  };
  return { passes: true, event, takes: IGNORED, done: (carryOut) => () => carryOut({ kind: "forward", bytes: [], answer }) };
}

function largeDenial({ temporary, terms }: SessionState, id: number, prepared: Prepared, beginning: Buffer): Denial | null {
  return prepared.judgement.holdsWith(temporary) ? attributesDenial(beginning, prepared, terms) : changedDenial(id);
}

function tooLarge(state: SessionState): LargeOutcome {
  state.counts.denied++;
  const message = "the statement is too large to be judged";
  state.append({ kind: "denied", statement: null, rule: null, reason: "statement-too-large", message });
  return {
    passes: false,
    event: null,
    takes: IGNORED,
    done: (carryOut) => () => carryOut({ kind: "answer", payloads: [errorPayload(tooLargeError())] }),
  };
}

function largeLongData(state: SessionState, beginning: Buffer): LargeOutcome {
  const id = readStatementId(beginning);
  const { parameter, piece } = readLongData(beginning);
  const prepared = state.statements.get(id);
  const longData = prepared === undefined ? null : state.longDataOf(prepared);
  let head = beginning.length - piece.length;
  const takes = (payload: Buffer): void => {
    longData?.add(parameter, payload.subarray(head));
    head = Math.max(0, head - payload.length);
  };
  const event = recordCommand(state, `-- COM_STMT_SEND_LONG_DATA of statement ${id}`);
  // Nothing of it is kept by a target where there is no such statement; what MariaDB takes for one may not be ours.
  if (longData === null) return { passes: false, event: null, takes: IGNORED, done: () => () => undefined };
  return { passes: true, event, takes, done: () => () => undefined };
}
