/** How large relations are by the server's estimates, for guardrails. */
import { type MysqlCatalogue, type MysqlTable, mysqlLookup } from "./catalogue.ts";
import type { SizeOf } from "./reads.ts";

/**
 * A name without a database counts as the largest relation of that name in any: a session may change its current one. A view is
 * as large as the largest relation that its definition reads.
 */
export function sizesIn(catalogue: MysqlCatalogue): SizeOf {
  const lookup = mysqlLookup(catalogue);
  const rowsOf = (table: MysqlTable, seen: ReadonlySet<MysqlTable>): number | null => {
    if (table.view === null || seen.has(table)) return table.estimatedRows ?? null;
    const below = tablesIn(table.view.definition ?? "").flatMap(([database, name]) => lookup.table(database, name) ?? []);
    return greatest(below.map((one) => rowsOf(one, new Set([...seen, table]))));
  };
  return (database, name) => {
    const folded = lookup.fold(name);
    const named = catalogue.tables.filter((table) => lookup.fold(table.name) === folded);
    const meant = database === null ? named : named.filter((table) => lookup.fold(table.database) === lookup.fold(database));
    return greatest(meant.map((table) => rowsOf(table, new Set())));
  };
}

/** The server writes every name of a view's definition in back-ticks, the database before the table. */
function tablesIn(definition: string): readonly (readonly [database: string, name: string])[] {
  const plain = (name: string): string => name.replaceAll("``", "`");
  return [...definition.matchAll(/`((?:[^`]|``)+)`\.`((?:[^`]|``)+)`/g)].map(
    ([, database = "", name = ""]) => [plain(database), plain(name)] as const,
  );
}

function greatest(rows: readonly (number | null)[]): number | null {
  return rows.reduce((most, one) => (one !== null && (most === null || one > most) ? one : most), null);
}
