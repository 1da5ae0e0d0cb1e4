/**
 * The words of an expression that the server tells of (a generated column, a CHECK, a trigger's body): for finding out which
 * columns it may read. Too many are found rather than too few, so quotes need not be told from names.
 */

/** In lower case; text inside quotes counts as words too. */
export function wordsIn(sql: string): ReadonlySet<string> {
  const quoted = [...sql.matchAll(/`((?:[^`]|``)+)`/g)].map(([, name = ""]) => name.replaceAll("``", "`").toLowerCase());
  return new Set([...(sql.toLowerCase().match(/[0-9a-z$_\u0080-\uffff]+/g) ?? []), ...quoted]);
}
