/**
 * Statements that the gateway itself stops: a result with more rows than a target allows, or one that takes too long. One
 * command is under way at a time, so that KILL QUERY can hit nothing else; what the client is told waits for the target's own
 * word. Nothing here sends it: `Stopping` says that it is wanted.
 */
import { type Caps, type Excess, ROW_LIMIT_HINT, rowLimitText, TIMEOUT_TEXT } from "#protocols/wire/caps.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { ErrPacket } from "./outcome.ts";
import { WIRE_ERRORS } from "./wire-errors.ts";

export type Stopping = "row-limit" | "statement-timeout";

export function rowLimitError(excess: Excess): ErrPacket {
  const message = `${rowLimitText(excess)} (${ROW_LIMIT_HINT}) [reason=row-limit outcome=${excess.outcome}]`;
  return { ...WIRE_ERRORS["row-limit"], message };
}

export function timeoutError(): ErrPacket {
  return { ...WIRE_ERRORS["statement-timeout"], message: `${TIMEOUT_TEXT} (narrow it down) [reason=statement-timeout]` };
}

/** ER_QUERY_INTERRUPTED, and MariaDB's ER_STATEMENT_TIMEOUT and MySQL's ER_QUERY_TIMEOUT, where those come first. */
const INTERRUPTED: ReadonlySet<number> = new Set([1317, 1969, 3024]);

/** What the client is told where the gateway had stopped the statement; null where it had not, or it failed by itself. */
export function stoppedError(stopping: Stopping | null, error: ErrPacket, caps: Caps): ErrPacket | null {
  if (stopping === "row-limit") return rowLimitError({ rows: caps.rowsPerStatement, outcome: "cancelled", lasting: false });
  return stopping === "statement-timeout" && INTERRUPTED.has(error.errno) ? timeoutError() : null;
}

/** An error says that nothing behind it was done. Something was. */
export function moreResultsFault(): Fault {
  return new Fault("outcome-unknown", "a result went over the limit, and what stands behind it in the text was done; the session ends", {
    hint: "look at what was done; add LIMIT to the read, and send it by itself",
  });
}
