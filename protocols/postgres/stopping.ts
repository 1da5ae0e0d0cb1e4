/**
 * Statements that the gateway itself stops: a result with more rows than a target allows, or one that takes too long. What
 * the client is told waits for the target's own word, so that transaction and pipeline stay what they are there; README.md
 * has the states. Nothing here sends a cancel request: `Stopping` says that one is wanted.
 */
import { type Excess, lasts, ROW_LIMIT_HINT, rowLimitText, TIMEOUT_TEXT } from "#protocols/wire/caps.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { errorResponse } from "./encode.ts";
import type { Operation } from "./operations.ts";
import { WIRE_ERRORS } from "./wire-errors.ts";

export type StopReason = "row-limit" | "statement-timeout";

export type Stopping =
  /** The statement at the head is to end; rows of it are not passed on any more. */
  | {
      readonly kind: "stopping";
      readonly reason: StopReason;
      /** Nothing behind its text or its Sync is under way: a cancel request can hit nothing that it must not. */
      readonly alone: boolean;
      /** Bytes of rows that were kept back. */
      dropped: number;
    }
  /** The target had completed it, and the client was told of the error: what comes up to ReadyForQuery is not for it. */
  | { readonly kind: "muted"; readonly by: "query" | "execute"; readonly alone: boolean };

/** Of a result that can't be stopped, since more is under way behind it; beyond it the session ends. */
const DROPPED_BYTES_MAX = 64 * 1024 * 1024;

/** @throws Fault `outcome-unknown` */
export function drop(stopping: Extract<Stopping, { kind: "stopping" }>, bytes: number): void {
  stopping.dropped += bytes;
  if (stopping.alone || stopping.dropped <= DROPPED_BYTES_MAX) return;
  throw new Fault("outcome-unknown", "a result beyond the limit does not end, and statements were sent behind it; the session ends", {
    hint: "add LIMIT or a narrower WHERE, and wait for the answer before the next statement",
  });
}

/**
 * An error says that nothing behind it was done. Something was.
 *
 * @throws Fault `outcome-unknown`
 */
export function checkMuted(by: "query" | "execute", answered: Operation | undefined): void {
  if (!leavesSomething(by, answered)) return;
  throw new Fault(
    "outcome-unknown",
    "a result went over the limit, and what was sent behind it was done before the target could be stopped; the session ends",
    { hint: "look at what was done; add LIMIT to the read, and send it by itself" },
  );
}

function leavesSomething(by: "query" | "execute", operation: Operation | undefined): boolean {
  switch (operation?.kind) {
    case "query":
      // Behind an error in the extended protocol it would have been skipped, and has an answer of its own.
      return by === "execute" || lasts(operation.run?.judgement ?? null, operation.run?.results ?? 0);
    case "execute":
      return lasts(operation.portal.prepared?.judgement ?? null, operation.portal.run.results);
    case "parse":
      return operation.prepared !== null && operation.prepared.name !== "";
    case "bind":
      return operation.portal.name !== "";
    case "close":
      return true;
    case "describe":
    case "sync":
    case "copy-end":
    case undefined:
      return false;
  }
}

export function rowLimitMessage(excess: Excess): Buffer {
  const { severity, sqlState } = WIRE_ERRORS["row-limit"];
  return errorResponse({
    severity,
    sqlState,
    message: rowLimitText(excess),
    detail: `reason=row-limit outcome=${excess.outcome}`,
    hint: `${ROW_LIMIT_HINT}; COPY is capped as well`,
  });
}

export function timeoutMessage(): Buffer {
  const { severity, sqlState } = WIRE_ERRORS["statement-timeout"];
  return errorResponse({
    severity,
    sqlState,
    message: TIMEOUT_TEXT,
    detail: "reason=statement-timeout",
    hint: "narrow it down; EXPLAIN shows what it would do",
  });
}

export function overtimeFault(): Fault {
  return new Fault("outcome-unknown", "a statement took longer than this target allows, and others were sent behind it; the session ends", {
    hint: "wait for the answer before the next statement",
  });
}

export function copyOvertimeFault(): Fault {
  return new Fault("statement-timeout", "a COPY FROM STDIN did not end in the time that this target allows; the session ends", {
    hint: "load it in several parts",
  });
}
