/** How PostgreSQL is asked for a sample: in read-only transactions with a time limit; of large tables blocks that chance picks. */
import type { RunQuery } from "#src/catalogue/reader.ts";
import type { SampleDialect, SampleTable } from "#src/discover/sample.ts";

const LOCK_MS = 2_000;

export function postgresDialect(query: RunQuery): SampleDialect<SampleTable> {
  return {
    query,
    async within(statementMs, work) {
      await query(`BEGIN READ ONLY; SET LOCAL statement_timeout = ${statementMs}; SET LOCAL lock_timeout = ${LOCK_MS}; SET LOCAL search_path = '';
        SET LOCAL DateStyle = 'ISO'; SET LOCAL max_parallel_workers_per_gather = 0`);
      try {
        return await work();
      } finally {
        await query("ROLLBACK");
      }
    },
    spread({ reference, estimatedRows }, list, rows) {
      // Twice what is wanted, so that it is there in all likelihood; what was deleted since the estimate leaves blocks empty.
      const percent = Math.max((rows / (estimatedRows ?? rows)) * 200, 0.0001);
      return query(`SELECT ${list} FROM ${reference} TABLESAMPLE SYSTEM (${percent}) LIMIT ${rows}`);
    },
  };
}
