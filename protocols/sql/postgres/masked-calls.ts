/**
 * Which functions, operators and types a statement under a mask may use. Allowed are functions of `pg_catalog` that
 * compute from their arguments or describe the schema, and what the policy lists by name. Whatever runs SQL from a
 * text, reaches files, settings, sequences, large objects, locks, statistics or other sessions is not.
 */
import type { MaskingReason } from "#policies/question.ts";
import type { CatalogueFunction, CatalogueType } from "#protocols/sql/catalogue.ts";
import { isHarmlessOfExtension } from "./extension-functions.ts";
import { builtInVolatility, type FunctionName, isSchemaHelper } from "./functions.ts";
import { lookupIn } from "./lookup.ts";
import type { MaskingView } from "./protection.ts";

export interface Refusal {
  readonly reason: MaskingReason;
  readonly rule: string | null;
  readonly message: string;
  readonly hint: string;
}

export interface Located {
  readonly refusal: Refusal;
  /** Byte offset in the text; undefined when the node has none. */
  readonly location: number | undefined;
}

/**
 * Volatile, yet they tell of nothing but the clock, chance, sizes, sequences (which can be read as relations, too), who
 * waits for whom and the server's role, or give back what is one's own.
 */
const HARMLESS_VOLATILE: ReadonlySet<string> = new Set([
  "array_sample",
  "array_shuffle",
  "clock_timestamp",
  "currval",
  "gen_random_uuid",
  "lastval",
  "nextval",
  "pg_advisory_unlock_all",
  "pg_blocking_pids",
  "pg_collation_actual_version",
  "pg_database_collation_actual_version",
  "pg_database_size",
  "pg_export_snapshot",
  "pg_get_sequence_data",
  "pg_indexes_size",
  "pg_is_in_recovery",
  "pg_is_wal_replay_paused",
  "pg_jit_available",
  "pg_partition_ancestors",
  "pg_partition_tree",
  "pg_relation_size",
  "pg_sequence_last_value",
  "pg_table_size",
  "pg_tablespace_size",
  "pg_total_relation_size",
  "random",
  "random_normal",
  "timeofday",
  "uuidv4",
  "uuidv7",
]);

/** Immutable or stable by their word, but they read tables by name, other sessions' work or collected statistics. */
const REVEALING = [
  /^(table|schema|database|query|cursor)_to_xml/,
  /^pg_stat_get_/,
  /^pg_(mcv_list|dependencies|ndistinct)/,
  /^pg_event_trigger_/,
  /^pg_(cursor|prepared_statement|get_replication_slots|get_publication_tables)$/,
  /^(lo_|loread$|lowrite$|dblink|currtid)/,
  /^pg_(read|ls_|stat_file|logical|replication|advisory|try_advisory)/,
  /^ts_(stat|rewrite)$/,
  // Of a type that is named by a value: its checks run.
  /_(in|recv)$/,
  /^pg_input_/,
];

/** Counters of tables, indexes, functions and databases, which views that may be read show too. */
const COUNTERS =
  /^pg_stat_get_(numscans|lastscan|(live|dead)_tuples|(tuples|blocks|db|function)_\w+|mod_since_analyze|ins_since_vacuum|(auto)?(vacuum|analyze)_count|last_(auto)?(vacuum|analyze)_time)$/;

export function functionRefusal(view: MaskingView, called: FunctionName): Refusal | undefined {
  const { schema, name } = called;
  const own = usersFunctions(view, schema, name);
  const builtIn = schema === "information_schema" ? isSchemaHelper(name) : (schema === null || schema === "pg_catalog") && isHarmless(name);
  // An overload of a user's may fit the arguments better than the server's own function. Extensions such as citext
  // bring overloads of harmless names for their types, with the same meaning.
  const refused = own.find(
    (one) => !view.functionsAllowed.includes(`${one.schema}.${name}`) && !(builtIn && one.extension !== null) && !isHarmlessOwn(view, one),
  );
  if (refused === undefined && (builtIn || own.length > 0)) return undefined;
  const shown = schema === null ? name : `${schema}.${name}`;
  const known = refused !== undefined || builtInVolatility(name) !== undefined;
  return {
    reason: "masked-function",
    rule: null,
    message: `function ${shown} may not be called where columns are masked`,
    hint: known
      ? `leave it out${refused === undefined ? "" : `, or list ${refused.schema}.${name} in masking.functions.allow once its body has been reviewed`}`
      : "no function of that name is known to be harmless; functions outside pg_catalog are listed in masking.functions.allow",
  };
}

function isHarmless(name: string): boolean {
  const volatility = builtInVolatility(name);
  if (volatility === undefined || volatility === "volatile") return HARMLESS_VOLATILE.has(name);
  return COUNTERS.test(name) || !REVEALING.some((pattern) => pattern.test(name));
}

/** What comes with an extension or a range type and only computes; a range's own code is judged by its type. */
function isHarmlessOwn(view: MaskingView, { schema, name, extension, language, constructs }: CatalogueFunction): boolean {
  if (constructs) return typeRefusal(view, [schema, name]) === undefined;
  return language === "c" && extension !== null && isHarmlessOfExtension(extension, name);
}

/** Whether a user's function could be meant by an unqualified name. */
export function hasOverload(view: MaskingView, name: string): boolean {
  return usersFunctions(view, null, name).length > 0;
}

function usersFunctions({ catalogue }: MaskingView, schema: string | null, name: string) {
  const named = lookupIn(catalogue).functions.get(name) ?? [];
  return named.filter((one) => (schema === null ? catalogue.searchPath.includes(one.schema) : one.schema === schema));
}

/**
 * `x.name` calls the function `name` when `x` has no such column, whatever x is: `('/etc/passwd'::text).pg_read_file`.
 * A name that no function bears is a column, or an error.
 */
export function attributeRefusal(view: MaskingView, name: string): Refusal | undefined {
  const isFunction = builtInVolatility(name) !== undefined || usersFunctions(view, null, name).length > 0;
  // A type's name casts: `('x'::text).some_domain`.
  return (isFunction ? functionRefusal(view, { schema: null, name }) : undefined) ?? typeRefusal(view, [name]);
}

/** An operator of a user's is its function by another name; those of extensions are C code over their arguments. */
export function operatorRefusal(view: MaskingView, words: readonly string[]): Refusal | undefined {
  const name = words.at(-1) ?? "";
  const schema = words.length > 1 ? words.at(-2) : undefined;
  const lookup = lookupIn(view.catalogue);
  const refused = (lookup.operators.get(name) ?? [])
    .filter((one) => schema === undefined || one.schema === schema)
    .find((one) => !isTrusted(view, one.functionOid));
  if (refused === undefined) return undefined;
  return {
    reason: "masked-function",
    rule: null,
    message: `operator ${refused.schema}.${name} may not be used where columns are masked`,
    hint: "list its function in masking.functions.allow once its body has been reviewed",
  };
}

export function typeRefusal(view: MaskingView, words: readonly string[]): Refusal | undefined {
  const name = words.at(-1) ?? "";
  const schema = words.length > 1 ? words.at(-2) : undefined;
  if (schema === "pg_catalog") return undefined;
  const refused = (lookupIn(view.catalogue).types.get(name) ?? [])
    .filter((one) => schema === undefined || one.schema === schema)
    .find((one) => one.calls.some((oid) => !isTrusted(view, oid)));
  if (refused === undefined) return undefined;
  return {
    reason: "masked-function",
    rule: null,
    message: `type ${refused.schema}.${name} may not be named where columns are masked: its casts or checks call functions`,
    hint: "list these functions in masking.functions.allow once their bodies have been reviewed",
  };
}

/** The row type of a relation is made of the types of its columns, whose casts run without being written. */
export function rowTypeRefusal(view: MaskingView, schema: string, name: string): Refusal | undefined {
  const untrusted = untrustedIn(
    view,
    lookupIn(view.catalogue)
      .types.get(name)
      ?.find((type) => type.schema === schema),
  );
  if (untrusted === undefined) return undefined;
  return {
    reason: "masked-function",
    rule: null,
    message: `${schema}.${name} may not be used where columns are masked: casts or checks of its columns' types call ${untrusted}`,
    hint: "list that function in masking.functions.allow once its body has been reviewed",
  };
}

/** A cast between two types of the server's own may run anywhere. */
export function castRefusal(view: MaskingView): Refusal | undefined {
  for (const type of lookupIn(view.catalogue).serverTypes) {
    const untrusted = untrustedIn(view, type);
    if (untrusted === undefined) continue;
    return {
      reason: "masked-function",
      rule: null,
      message: `no query may run where columns are masked: a cast of type ${type.name} calls ${untrusted}`,
      hint: "list that function in masking.functions.allow once its body has been reviewed",
    };
  }
  return undefined;
}

function untrustedIn(view: MaskingView, type: CatalogueType | undefined): string | undefined {
  const oid = type?.calls.find((call) => !isTrusted(view, call));
  if (oid === undefined) return undefined;
  const found = lookupIn(view.catalogue).functionByOid.get(oid);
  return found === undefined ? "a function that is not known" : `${found.schema}.${found.name}`;
}

/** Whether the policy lists it by name. */
export function isListed(view: MaskingView, oid: number): boolean {
  const found = lookupIn(view.catalogue).functionByOid.get(oid);
  return found !== undefined && view.functionsAllowed.includes(`${found.schema}.${found.name}`);
}

/** Whether defaults and the like may call it: C code of extensions too, unless it runs SQL or reaches out. */
export function isCallable(view: MaskingView, oid: number): boolean {
  const found = lookupIn(view.catalogue).functionByOid.get(oid);
  if (found === undefined || isListed(view, oid)) return found !== undefined;
  const native = found.language === "c" || found.language === "internal";
  return native && ![...REVEALING, /^(crosstab|connectby|xpath_table|query_to_|pg_)/].some((pattern) => pattern.test(found.name));
}

function isTrusted(view: MaskingView, oid: number): boolean {
  const found = lookupIn(view.catalogue).functionByOid.get(oid);
  // Not among users' functions: it is one of pg_catalog's.
  if (found === undefined) return true;
  return found.language === "c" || found.language === "internal" || view.functionsAllowed.includes(`${found.schema}.${found.name}`);
}
