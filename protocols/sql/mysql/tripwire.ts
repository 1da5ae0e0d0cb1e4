/**
 * The second wall: what no column definition may name once statements have been rewritten. It knows nothing of how they
 * are, so that a fault there ends the session and not the mask.
 */
import type { Mask } from "#policies/question.ts";
import { columnNamed, mysqlLookup } from "./catalogue.ts";
import type { MysqlMaskingView } from "./protection.ts";

/** @param database table and column as the server tells where a column comes from */
export function isProtectedMysqlColumn(view: MysqlMaskingView, database: string, table: string, column: string): boolean {
  return mysqlMaskOf(view, database, table, column) !== undefined;
}

/** The mask that a column is under; undefined for one that is not masked. */
export function mysqlMaskOf(view: MysqlMaskingView, database: string, table: string, column: string): Mask | undefined {
  const found = mysqlLookup(view.catalogue).table(database, table);
  const columns = found === undefined ? undefined : view.protection.columns.get(found);
  const named = found === undefined ? undefined : columnNamed(found, column);
  return named === undefined ? undefined : columns?.get(named.name)?.mask;
}
