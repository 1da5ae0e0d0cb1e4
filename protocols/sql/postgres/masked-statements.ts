/** Which statements and options a principal under a mask may use at all, whatever they touch. */
import type { Refusal } from "./masked-calls.ts";
import { settingRefusal } from "./masked-settings.ts";
import { copyDirection, explains } from "./reading.ts";
import { statementTag } from "./tags.ts";
import { type Body, numberOf, type TreeNode, textOf } from "./tree.ts";

/** What reads or changes rows; these may stand inside others too. */
const ROW_STATEMENTS: ReadonlySet<string> = new Set(["SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"]);

const OPEN_STATEMENTS: ReadonlySet<string> = new Set([
  ...ROW_STATEMENTS,
  "ClosePortalStmt",
  "ConstraintsSetStmt",
  "CopyStmt",
  "CreateStmt",
  "CreateTableAsStmt",
  "DeallocateStmt",
  "DeclareCursorStmt",
  "DiscardStmt",
  "DropStmt",
  "ExecuteStmt",
  "ExplainStmt",
  "FetchStmt",
  "LockStmt",
  "PrepareStmt",
  "TransactionStmt",
  "TruncateStmt",
  "UnlistenStmt",
  "VariableSetStmt",
  "VariableShowStmt",
]);

const EXPLAIN_OPTIONS: ReadonlySet<string> = new Set(["costs", "format", "generic_plan", "memory", "settings", "summary"]);

const NO_KIND =
  "SELECT, INSERT, UPDATE, DELETE, COPY from and to the client, cursors, PREPARE and EXECUTE, CREATE TABLE … AS, temporary tables, transactions and plain EXPLAIN may be used";

/**
 * Undefined when the kind of statement may run as far as it goes.
 *
 * @param searchPath the pinned one
 */
export function statementRefusal(statement: TreeNode, nested: boolean, searchPath: readonly string[]): Refusal | undefined {
  const { type, body } = statement;
  const open = nested ? ROW_STATEMENTS.has(type) : OPEN_STATEMENTS.has(type);
  if (nested && type === "ExecuteStmt") return refusedKind("EXECUTE inside another statement", "write out the statement that was prepared");
  if (!open) return refusedKind(statementTag(statement), NO_KIND);
  switch (type) {
    case "PrepareStmt":
    case "ExecuteStmt":
    case "DeallocateStmt":
      return isAscii(textOf(body, "name")) ? undefined : unsteadyName(textOf(body, "name"));
    case "SelectStmt":
      return nested && body["intoClause"] !== undefined ? refusedKind("SELECT INTO here", "CREATE TABLE … AS may be used") : undefined;
    case "CopyStmt":
      return copyDirection(body) === null
        ? refusedKind("COPY with a file or program of the server", "COPY from STDIN or to STDOUT")
        : undefined;
    case "ExplainStmt":
      return explainRefusal(body);
    case "LockStmt":
      return locksAsReading(body) ? undefined : refusedKind("LOCK TABLE", "IN ACCESS SHARE MODE is what reading takes, and may be used");
    case "TransactionStmt":
      return /PREPARE/.test(textOf(body, "kind")) ? refusedKind(statementTag(statement), "use COMMIT") : undefined;
    case "TruncateStmt":
      return textOf(body, "behavior") === "DROP_CASCADE" ? refusedKind("TRUNCATE … CASCADE", "name the tables") : undefined;
    case "VariableSetStmt":
      return settingRefusal(body, searchPath);
    default:
      return undefined;
  }
}

/** ACCESS SHARE (1) is the lock that every SELECT takes: it holds up nothing but changes of the schema. */
function locksAsReading(body: Body): boolean {
  return numberOf(body, "mode") === 1;
}

function refusedKind(what: string, hint: string): Refusal {
  return { reason: "masked-statement-kind", rule: null, message: `${what} may not be used where columns are masked`, hint };
}

/** Where a server that keeps another encoding cuts such a name off is not known here: two of them could be one there. */
function unsteadyName(name: string): Refusal {
  const message = `prepared statement ${name} has a name beyond ASCII, which may not be used where columns are masked`;
  return { reason: "masked-statement-kind", rule: null, message, hint: "name it in ASCII" };
}

function isAscii(name: string): boolean {
  return Buffer.byteLength(name) === name.length;
}

function explainRefusal(body: Body): Refusal | undefined {
  const option = explains(body).options.find((one) => !EXPLAIN_OPTIONS.has(one));
  return option === undefined ? undefined : refusedKind(`EXPLAIN with ${option.toUpperCase()}`, "plain EXPLAIN shows the plan");
}
