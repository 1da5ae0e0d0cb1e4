/** Which statements, settings and options a principal under a mask may use at all, whatever they touch. */
import type { Refusal } from "./masked-calls.ts";
import { copyDirection, explains, literalText, settingName } from "./reading.ts";
import { statementTag } from "./tags.ts";
import { type Body, flagOf, nodesOf, type TreeNode, textOf } from "./tree.ts";

/** What reads or changes rows; these may stand inside others too. */
const ROW_STATEMENTS: ReadonlySet<string> = new Set(["SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"]);

const OPEN_STATEMENTS: ReadonlySet<string> = new Set([
  ...ROW_STATEMENTS,
  "ClosePortalStmt",
  "ConstraintsSetStmt",
  "CopyStmt",
  "DeallocateStmt",
  "DeclareCursorStmt",
  "DiscardStmt",
  "ExecuteStmt",
  "ExplainStmt",
  "FetchStmt",
  "PrepareStmt",
  "TransactionStmt",
  "TruncateStmt",
  "UnlistenStmt",
  "VariableSetStmt",
  "VariableShowStmt",
]);

const EXPLAIN_OPTIONS: ReadonlySet<string> = new Set(["costs", "format", "generic_plan", "memory", "settings", "summary"]);

/** Settings that change neither how statements are read, nor whom they run as, nor what is sent where. */
const SETTINGS: ReadonlySet<string> = new Set([
  "application_name",
  "bytea_output",
  "client_min_messages",
  "cursor_tuple_fraction",
  "datestyle",
  "default_statistics_target",
  "default_text_search_config",
  "default_transaction_deferrable",
  "default_transaction_isolation",
  "default_transaction_read_only",
  "effective_cache_size",
  "enable_bitmapscan",
  "enable_hashagg",
  "enable_hashjoin",
  "enable_indexonlyscan",
  "enable_indexscan",
  "enable_material",
  "enable_memoize",
  "enable_mergejoin",
  "enable_nestloop",
  "enable_parallel_append",
  "enable_partition_pruning",
  "enable_partitionwise_aggregate",
  "enable_partitionwise_join",
  "enable_seqscan",
  "enable_sort",
  "enable_tidscan",
  "extra_float_digits",
  "from_collapse_limit",
  "geqo",
  "hash_mem_multiplier",
  "idle_in_transaction_session_timeout",
  "idle_session_timeout",
  "intervalstyle",
  "jit",
  "join_collapse_limit",
  "lc_monetary",
  "lc_numeric",
  "lc_time",
  "lock_timeout",
  "maintenance_work_mem",
  "max_parallel_workers_per_gather",
  "plan_cache_mode",
  "random_page_cost",
  "seq_page_cost",
  "statement_timeout",
  "synchronous_commit",
  "temp_buffers",
  "timezone",
  "transaction_deferrable",
  "transaction_isolation",
  "transaction_read_only",
  "transaction_timeout",
  "work_mem",
  "xmlbinary",
  "xmloption",
]);

/** Pinned settings may be set to what they are pinned to, as many drivers do when they connect. */
const PINNED: Readonly<Record<string, readonly string[]>> = {
  client_encoding: ["utf8", "utf-8", "unicode"],
  names: ["utf8", "utf-8", "unicode"],
  standard_conforming_strings: ["on", "true", "yes", "1"],
  backslash_quote: ["safe_encoding"],
  escape_string_warning: ["on", "off"],
};

const NO_KIND =
  "SELECT, INSERT, UPDATE, DELETE, COPY from and to the client, cursors, PREPARE and EXECUTE, transactions and plain EXPLAIN may be used";

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
      return body["intoClause"] === undefined ? undefined : refusedKind("SELECT INTO", "use SELECT without INTO");
    case "CopyStmt":
      return copyDirection(body) === null
        ? refusedKind("COPY with a file or program of the server", "COPY from STDIN or to STDOUT")
        : undefined;
    case "ExplainStmt":
      return explainRefusal(body);
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

function settingRefusal(body: Body, searchPath: readonly string[]): Refusal | undefined {
  const kind = textOf(body, "kind");
  const name = settingName(body);
  // RESET gives back what the session began with, which the gateway has chosen.
  if (kind === "VAR_RESET_ALL") return undefined;
  if (kind === "VAR_SET_MULTI") return name === "transaction" || name === "session characteristics" ? undefined : refusedSetting(name);
  if (SETTINGS.has(name)) return undefined;
  if (name === "search_path" && isPinnedPath(body, searchPath)) return undefined;
  const pinned = Object.hasOwn(PINNED, name) ? PINNED[name] : undefined;
  if (pinned === undefined || flagOf(body, "is_local")) return refusedSetting(name);
  if (kind === "VAR_RESET" || kind === "VAR_SET_DEFAULT") return undefined;
  const [value, ...others] = nodesOf("VariableSetStmt", body, "args");
  const text = value === undefined ? undefined : literalText(value)?.toLowerCase();
  return text !== undefined && others.length === 0 && pinned.includes(text) ? undefined : refusedSetting(name);
}

/** Some clients set the search path when they connect, usually to what it is. */
function isPinnedPath(body: Body, searchPath: readonly string[]): boolean {
  const asked = nodesOf("VariableSetStmt", body, "args").map(literalText);
  const implied = asked.includes("pg_catalog") ? asked : ["pg_catalog", ...asked];
  return asked.length > 0 && implied.length === searchPath.length && implied.every((schema, index) => schema === searchPath[index]);
}

/** `set_config('TimeZone', $1, false)` is SET by another name; the setting must stand there as a literal. */
export function setConfigRefusal(call: Body): Refusal | undefined {
  const [first] = nodesOf("FuncCall", call, "args");
  const name = first === undefined ? undefined : literalText(first)?.toLowerCase();
  return name !== undefined && SETTINGS.has(name) ? undefined : refusedSetting(name ?? "that is computed");
}

function refusedSetting(name: string): Refusal {
  return {
    reason: "masked-setting",
    rule: null,
    message: `setting ${name} may not be changed where columns are masked`,
    hint: "the gateway holds it at the value under which it reads statements; qualify names instead of changing the search path",
  };
}
