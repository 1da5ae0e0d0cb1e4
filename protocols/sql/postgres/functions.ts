/**
 * What a call of a function needs, judged by its name. Functions of `pg_catalog` that are immutable or stable only
 * read; the volatile ones are sorted by hand here, and one that is not named needs `admin`. A function of a user's is
 * what the catalogue says of its volatility, and a write where there is no catalogue.
 */
import type { Right } from "#policies/question.ts";
import type { Catalogue } from "#protocols/sql/catalogue.ts";
import { AGGREGATES, IMMUTABLE, SET_RETURNING, STABLE, VOLATILE } from "./function-facts.ts";
import { lookupIn } from "./lookup.ts";

type Volatility = "immutable" | "stable" | "volatile";

const words = (text: string): readonly string[] => text.trim().split(/\s+/);
const VOLATILITY: ReadonlyMap<string, Volatility> = new Map([
  ...words(IMMUTABLE).map((name) => [name, "immutable"] as const),
  ...words(STABLE).map((name) => [name, "stable"] as const),
  ...words(VOLATILE).map((name) => [name, "volatile"] as const),
]);

/** Volatile because their answer changes, not because they change anything. */
const READING: ReadonlySet<string> = new Set(
  words(`
  amvalidate array_sample array_shuffle clock_timestamp current_query currtid2 currval cursor_to_xml cursor_to_xmlschema gen_random_uuid
  lastval pg_blocking_pids pg_collation_actual_version pg_current_wal_flush_lsn pg_current_wal_insert_lsn pg_current_wal_lsn
  pg_database_collation_actual_version pg_database_size pg_export_snapshot pg_get_multixact_members pg_get_sequence_data
  pg_get_wait_events pg_indexes_size pg_is_in_recovery pg_is_wal_replay_paused pg_isolation_test_session_is_blocked pg_jit_available
  pg_last_committed_xact pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_lock_status
  pg_notification_queue_usage pg_partition_ancestors pg_partition_tree pg_prepared_xact pg_relation_size
  pg_safe_snapshot_blocking_pids pg_sequence_last_value pg_sleep pg_sleep_for pg_sleep_until pg_stat_clear_snapshot
  pg_stat_get_backend_io pg_stat_get_backend_wal pg_stat_get_io pg_stat_get_recovery_prefetch pg_stat_have_stats pg_table_size
  pg_stat_get_xact_blocks_fetched pg_stat_get_xact_blocks_hit pg_stat_get_xact_function_calls pg_stat_get_xact_function_self_time
  pg_stat_get_xact_function_total_time pg_stat_get_xact_numscans pg_stat_get_xact_tuples_deleted pg_stat_get_xact_tuples_fetched
  pg_stat_get_xact_tuples_hot_updated pg_stat_get_xact_tuples_inserted pg_stat_get_xact_tuples_newpage_updated
  pg_stat_get_xact_tuples_returned pg_stat_get_xact_tuples_updated pg_tablespace_size pg_total_relation_size pg_xact_commit_timestamp
  pg_xact_commit_timestamp_origin pg_xact_status random random_normal setseed timeofday txid_status uuidv4 uuidv7`),
);

/** They change rows, sequences, locks or what other sessions see. */
const WRITING: ReadonlySet<string> = new Set(
  words(`
  nextval setval pg_notify pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_all
  pg_advisory_unlock_shared pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_try_advisory_lock pg_try_advisory_lock_shared
  pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared`),
);

/** They run SQL that is handed to them as text: no reading of the statement tells what that does. */
const RUNNING_TEXT: ReadonlySet<string> = new Set(
  words(
    "query_to_xml query_to_xml_and_xmlschema query_to_xmlschema ts_rewrite ts_stat crosstab crosstab2 crosstab3 crosstab4 crosstabn connectby",
  ),
);

/** Functions of extensions and of older servers that reach files, other servers or the server's own running. */
const ADMIN_PREFIXES = [
  "dblink",
  "lo_",
  "pg_file_",
  "pg_logdir_",
  "pg_read_",
  "pg_ls_",
  "pg_start_backup",
  "pg_stop_backup",
  "pg_stat_statements_reset",
];

/** Functions of `information_schema` that drivers call: they compute from their arguments alone. */
const SCHEMA_HELPERS: ReadonlySet<string> = new Set(
  words("_pg_expandarray _pg_truetypid _pg_truetypmod _pg_char_max_length _pg_numeric_precision _pg_numeric_scale _pg_datetime_precision"),
);

export function isSchemaHelper(name: string): boolean {
  return SCHEMA_HELPERS.has(name);
}

export interface FunctionName {
  /** Null when the call does not name one. */
  readonly schema: string | null;
  readonly name: string;
}

const EVERY: readonly Right[] = ["read", "write", "schema", "admin"];

/** What calling it needs. `set_config` is judged by its argument elsewhere and counts as a read here. */
export function functionNeeds({ schema, name }: FunctionName, catalogue: Catalogue | null): readonly Right[] {
  if (RUNNING_TEXT.has(name)) return EVERY;
  if (ADMIN_PREFIXES.some((prefix) => name.startsWith(prefix))) return ["admin"];
  if (schema === "information_schema" && isSchemaHelper(name)) return ["read"];
  const builtIn = schema === null || schema === "pg_catalog" ? builtInNeeds(name) : undefined;
  const own = schema === "pg_catalog" ? undefined : userNeeds(schema, name, catalogue);
  if (builtIn === undefined && own === undefined) return ["write"];
  return [...(builtIn ?? []), ...(own ?? [])];
}

/**
 * What `x.name` needs, which calls the function `name` when x has no column of that name: nothing beyond a read
 * unless a function of that name is known, since most such names are columns.
 */
export function attributeNeeds(name: string, catalogue: Catalogue | null): readonly Right[] {
  if (runsText(name) || VOLATILITY.get(name) === "volatile") return functionNeeds({ schema: null, name }, catalogue);
  return userNeeds(null, name, catalogue) ?? [];
}

function builtInNeeds(name: string): readonly Right[] | undefined {
  const volatility = VOLATILITY.get(name);
  if (volatility === undefined) return undefined;
  if (volatility !== "volatile" || READING.has(name) || name === "set_config") return ["read"];
  return WRITING.has(name) ? ["write"] : ["admin"];
}

/** The most that any function of that name, in any schema that the call could mean, needs. */
function userNeeds(schema: string | null, name: string, catalogue: Catalogue | null): readonly Right[] | undefined {
  const named = catalogue === null ? [] : (lookupIn(catalogue).functions.get(name) ?? []);
  const found = named.filter((one) => schema === null || one.schema === schema);
  if (found.length === 0) return undefined;
  return found.some((one) => one.volatility === "volatile") ? ["write"] : ["read"];
}

/** Undefined when `pg_catalog` has no such function in any version known here. */
export function builtInVolatility(name: string): Volatility | undefined {
  return VOLATILITY.get(name);
}

const SETS: ReadonlySet<string> = new Set(words(SET_RETURNING));
const AGGREGATE_NAMES: ReadonlySet<string> = new Set(words(AGGREGATES));

/** Whether a call may yield more than one row: of the server's own functions it is known, of others not. */
export function mayReturnSet({ schema, name }: FunctionName): boolean {
  return (schema !== null && schema !== "pg_catalog") || VOLATILITY.get(name) === undefined || SETS.has(name);
}

/** An aggregate of the server's own. */
export function isAggregate({ schema, name }: FunctionName): boolean {
  return (schema === null || schema === "pg_catalog") && AGGREGATE_NAMES.has(name);
}

/** Whether calling it runs SQL that nobody has judged: from a text that it is handed, or on another connection. */
export function runsText(name: string): boolean {
  return RUNNING_TEXT.has(name) || name.startsWith("dblink");
}

/** Volatile functions of `pg_catalog` that have been sorted as reading or writing. For tests. */
export const SORTED_VOLATILE: ReadonlySet<string> = new Set([...READING, ...WRITING, "set_config"]);
