/**
 * Which functions, operators and types a statement under a mask may use. Allowed are functions of `pg_catalog` that
 * compute from their arguments or describe the schema, and what the policy lists by name. Whatever runs SQL from a
 * text, reaches files, settings, sequences, large objects, locks, statistics or other sessions is not.
 */
import type { MaskingReason } from "#policies/question.ts";
import { builtInVolatility, type FunctionName } from "./functions.ts";
import { lookupIn } from "./lookup.ts";
import type { MaskingView } from "./protection.ts";

export interface Refusal {
  readonly reason: MaskingReason;
  readonly rule: string | null;
  readonly message: string;
  readonly hint: string;
}

/** Volatile, yet they tell of nothing but the clock, chance, sizes and the server's role, or give back what is one's own. */
const HARMLESS_VOLATILE: ReadonlySet<string> = new Set([
  "array_sample",
  "array_shuffle",
  "clock_timestamp",
  "gen_random_uuid",
  "pg_advisory_unlock_all",
  "pg_collation_actual_version",
  "pg_database_size",
  "pg_indexes_size",
  "pg_is_in_recovery",
  "pg_jit_available",
  "pg_partition_ancestors",
  "pg_partition_tree",
  "pg_relation_size",
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
];
export function functionRefusal(view: MaskingView, called: FunctionName): Refusal | undefined {
  const { schema, name } = called;
  const own = usersFunctions(view, schema, name);
  const builtIn = (schema === null || schema === "pg_catalog") && isHarmless(name);
  // An overload of a user's may fit the arguments better than the server's own function. Extensions such as citext
  // bring overloads of harmless names for their types, with the same meaning.
  const refused = own.find((one) => !view.functionsAllowed.includes(`${one.schema}.${name}`) && !(builtIn && one.extension !== null));
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
  return !REVEALING.some((pattern) => pattern.test(name));
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
  return isFunction ? functionRefusal(view, { schema: null, name }) : undefined;
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

function isTrusted(view: MaskingView, oid: number): boolean {
  const found = lookupIn(view.catalogue).functionByOid.get(oid);
  // Not among users' functions: it is one of pg_catalog's.
  if (found === undefined) return true;
  return found.language === "c" || found.language === "internal" || view.functionsAllowed.includes(`${found.schema}.${found.name}`);
}
