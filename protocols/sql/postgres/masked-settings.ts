/**
 * Which settings a principal under a mask may change: those that decide neither how statements are read, nor whom they
 * run as, nor what is sent where. The search path may be narrowed, since then names mean what they were judged to mean
 * or nothing.
 */
import type { Refusal } from "./masked-calls.ts";
import { literalText, settingName } from "./reading.ts";
import { narrowsPath } from "./search-path.ts";
import { type Body, flagOf, nodesOf, textOf } from "./tree.ts";

/** Settings that change neither how statements are read, nor whom they run as, nor what is sent where. */
const SETTINGS: ReadonlySet<string> = new Set([
  "application_name",
  "bytea_output",
  "client_min_messages",
  "constraint_exclusion",
  "cursor_tuple_fraction",
  "datestyle",
  "default_statistics_target",
  "default_text_search_config",
  "default_transaction_deferrable",
  "default_transaction_isolation",
  "default_transaction_read_only",
  "effective_cache_size",
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
  "quote_all_identifiers",
  "random_page_cost",
  "restrict_nonsystem_relation_kind",
  "row_security",
  "seq_page_cost",
  "statement_timeout",
  "synchronize_seqscans",
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

/** They choose among plans of one meaning. */
const PLANNER = /^(enable_[a-z]+(_[a-z]+)*|(cpu|parallel|jit)_[a-z_]+_cost|min_parallel_(table|index)_scan_size)$/;

const TRANSACTION_MODES: ReadonlySet<string> = new Set(["transaction", "transaction snapshot", "session characteristics"]);

/** Pinned settings may be set to what they are pinned to, as many drivers do when they connect. */
const PINNED: Readonly<Record<string, readonly string[]>> = {
  client_encoding: ["utf8", "utf-8", "unicode"],
  names: ["utf8", "utf-8", "unicode"],
  standard_conforming_strings: ["on", "true", "yes", "1"],
  backslash_quote: ["safe_encoding"],
  escape_string_warning: ["on", "off"],
};

/** Undefined when SET, RESET or their kin may run. @param searchPath the pinned one */
export function settingRefusal(body: Body, searchPath: readonly string[]): Refusal | undefined {
  const kind = textOf(body, "kind");
  const name = settingName(body);
  const local = flagOf(body, "is_local");
  // Both give back what the session began with, which the gateway has chosen.
  if (kind === "VAR_RESET" || kind === "VAR_RESET_ALL" || (kind === "VAR_SET_DEFAULT" && !local)) return undefined;
  if (kind === "VAR_SET_MULTI") return TRANSACTION_MODES.has(name) ? undefined : refusedSetting(name);
  const values = nodesOf("VariableSetStmt", body, "args").map(literalText);
  return maySet(name, values, local, searchPath) ? undefined : refusedSetting(name);
}

/**
 * `set_config('TimeZone', $1, false)` is SET by another name; the setting must stand there as a literal, and its value
 * too where that counts.
 *
 * @param searchPath the pinned one
 * @param settled the setting, where the statement around the call settles it
 */
export function setConfigRefusal(call: Body, searchPath: readonly string[], settled: string | undefined): Refusal | undefined {
  const [first, second] = nodesOf("FuncCall", call, "args");
  const name = settled ?? (first === undefined ? undefined : literalText(first)?.toLowerCase());
  if (name === undefined) return refusedSetting("that is computed");
  const value = second === undefined ? undefined : literalText(second);
  // Whether the third argument makes it local is not looked at, so that what may not be local may not be set here.
  const values = name === "search_path" ? namesIn(value) : [value];
  return maySet(name, values, true, searchPath) ? undefined : refusedSetting(name);
}

function maySet(name: string, values: readonly (string | undefined)[], local: boolean, searchPath: readonly string[]): boolean {
  if (SETTINGS.has(name) || PLANNER.test(name)) return true;
  if (name === "search_path") return narrowsPath(values, searchPath);
  const pinned = Object.hasOwn(PINNED, name) ? PINNED[name] : undefined;
  const [value, ...others] = values;
  return pinned !== undefined && !local && value !== undefined && others.length === 0 && pinned.includes(value.toLowerCase());
}

/** The schemas of a path as a text; quoted names and upper case are not read. */
function namesIn(path: string | undefined): readonly (string | undefined)[] {
  if (path === undefined) return [undefined];
  return path.split(",").map((name) => (/^\s*([a-z_][a-z0-9_]*)?\s*$/.test(name) ? name.trim() : undefined));
}

function refusedSetting(name: string): Refusal {
  return {
    reason: "masked-setting",
    rule: null,
    message: `setting ${name} may not be changed where columns are masked`,
    hint: "the gateway holds it at the value under which it reads statements; qualify names instead of changing the search path",
  };
}
