/**
 * How MySQL and MariaDB are asked for a sample, over a connection that reads only: each statement with a time limit. There are
 * no samples in their SQL, so of large tables some rows are read at each of several places of an index.
 */
import { type MysqlFlavour, quoteMysqlName } from "#protocols/mysql/protocol.ts";
import type { RunMysqlQuery } from "#src/catalogue/mysql-rows.ts";
import type { SampleDialect, SampledRow } from "#src/discover/sample.ts";
import type { MysqlSampleTable } from "./tables.ts";

/** For locks on the table's definition; rows are read without any. */
const LOCK_S = 2;
/** Places of an index at which rows are read. */
const PLACES = 10n;

/** @param query on a connection whose transactions are read-only, and where quotes do not name columns */
export function mysqlDialect(query: RunMysqlQuery, flavour: MysqlFlavour): SampleDialect<MysqlSampleTable> {
  return {
    query,
    async within(statementMs, work) {
      const limit = flavour === "mariadb" ? `max_statement_time = ${statementMs / 1000}` : `max_execution_time = ${statementMs}`;
      await query(`SET SESSION ${limit}, SESSION lock_wait_timeout = ${LOCK_S}`);
      return work();
    },
    async spread({ reference, key }, list, rows) {
      if (key === null) return [];
      const column = quoteMysqlName(key.column);
      const from = `${reference} FORCE INDEX (${quoteMysqlName(key.index)})`;
      if (!key.whole) {
        const half = Math.ceil(rows / 2);
        const first = await query(`SELECT ${list} FROM ${from} ORDER BY ${column} LIMIT ${half}`);
        return [...first, ...(await query(`SELECT ${list} FROM ${from} ORDER BY ${column} DESC LIMIT ${half}`))];
      }
      const [ends] = await query(`SELECT MIN(${column}) AS least, MAX(${column}) AS most FROM ${from}`);
      const { least = null, most = null } = ends ?? {};
      if (least === null || most === null) return [];
      const found: SampledRow[] = [];
      for (const [start, end] of parts(BigInt(least), BigInt(most))) {
        const within = `${column} >= ${start} AND ${column} < ${end}`;
        found.push(
          ...(await query(`SELECT ${list} FROM ${from} WHERE ${within} ORDER BY ${column} LIMIT ${Math.ceil(rows / Number(PLACES))}`)),
        );
      }
      return found;
    },
  };
}

/** From the least to the most in equal parts, the end of each left out. */
function parts(least: bigint, most: bigint): readonly (readonly [start: bigint, end: bigint])[] {
  const step = (most - least) / PLACES + 1n;
  return Array.from({ length: Number(PLACES) }, (_, place) => {
    const start = least + step * BigInt(place);
    return [start, start + step] as const;
  });
}
