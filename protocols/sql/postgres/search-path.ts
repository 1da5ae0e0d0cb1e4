/**
 * The search path of a session under a mask: the schemas in which the gateway resolves names, and behind them the
 * session's temporary schema. PostgreSQL looks there first unless the path names it; named last, a temporary table can't
 * take the place of what the gateway has found under its name (documentation, "Schemas and the search path").
 */
import { quoteIdentifier } from "./quoting.ts";
import { type Body, textOf } from "./tree.ts";

/** By this name each session finds its own temporary schema, and nobody else's. */
export const TEMPORARY_SCHEMA = "pg_temp";

/** Whether a table of that name is one of the session's own. */
export function isTemporary(rangeVar: Body): boolean {
  return textOf(rangeVar, "relpersistence") === "t" || textOf(rangeVar, "schemaname") === TEMPORARY_SCHEMA;
}

/**
 * As a value of `search_path`. pg_catalog in front is searched without being named. An empty path is written as one empty
 * name and left so: were the temporary schema its only one, asking for the current schemas would make that.
 */
export function pathSetting(path: readonly string[]): string {
  const named = path[0] === "pg_catalog" ? path.slice(1) : path;
  return named.length === 0 ? '""' : [...named, TEMPORARY_SCHEMA].map(quoteIdentifier).join(", ");
}

/** Whether a path that is set names no schema. */
export function isEmptyPath(asked: readonly (string | undefined)[]): boolean {
  return asked.length > 0 && asked.every((schema) => schema === "");
}

/**
 * Whether a path is the pinned one or its beginning, with `pg_catalog` in front, where it stands without being named,
 * and the temporary schema behind. Along less of the path an unqualified name means what it means along all of it, or
 * nothing: what was judged under the pinned path is then refused by the server or is just what runs. No schema has an
 * empty name.
 */
export function narrowsPath(asked: readonly (string | undefined)[], searchPath: readonly string[]): boolean {
  if (isEmptyPath(asked)) return true;
  const named = asked.slice(0, -1).filter((schema) => schema !== "");
  const implied = named.includes("pg_catalog") ? named : ["pg_catalog", ...named];
  return asked.at(-1) === TEMPORARY_SCHEMA && implied.every((schema, index) => schema !== undefined && schema === searchPath[index]);
}
