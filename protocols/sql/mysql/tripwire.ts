/**
 * The second wall: what no column definition may name once statements have been rewritten. It knows nothing of how they
 * are, so that a fault there ends the session and not the mask.
 */
import { columnNamed, mysqlLookup } from "./catalogue.ts";
import type { MysqlMaskingView } from "./protection.ts";

/** @param database table and column as the server tells where a column comes from */
export function isProtectedMysqlColumn(view: MysqlMaskingView, database: string, table: string, column: string): boolean {
  const found = mysqlLookup(view.catalogue).table(database, table);
  const columns = found === undefined ? undefined : view.protection.columns.get(found);
  if (found === undefined || columns === undefined) return false;
  const named = columnNamed(found, column);
  return named !== undefined && columns.has(named.name);
}
