/**
 * Writes `protocols/sql/postgres/function-facts.ts`: the names of all functions of `pg_catalog` by volatility, as
 * PostgreSQL 15 and 18 report them. Facts only; what they mean for a right or a mask is decided by hand elsewhere.
 *
 *     node tools/generate-functions.ts
 */
import { writeFileSync } from "node:fs";
import { runSql, startPostgres } from "#test/support/postgres.ts";

const QUERY = `
  SELECT proname AS name, provolatile AS volatility FROM pg_catalog.pg_proc
  WHERE pronamespace = 'pg_catalog'::regnamespace GROUP BY 1, 2 ORDER BY 1, 2`;
const RANK = ["i", "s", "v"];
const TARGET = new URL("../protocols/sql/postgres/function-facts.ts", import.meta.url);

/** The most volatile overload of either version counts. */
async function collect(): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const version of [15, 18] as const) {
    const server = await startPostgres({ version });
    try {
      for (const row of (await runSql(server, QUERY)).flatMap((result) => result.rows)) {
        const name = String(row.name);
        found.set(name, Math.max(found.get(name) ?? 0, RANK.indexOf(String(row.volatility))));
      }
    } finally {
      await server.stop();
    }
  }
  return found;
}

function paragraph(names: readonly string[]): string {
  const lines: string[] = [];
  let line = "";
  for (const name of names) {
    if (line.length + name.length > 136) {
      lines.push(line.trimEnd());
      line = "";
    }
    line += `${name} `;
  }
  return [...lines, line.trimEnd()].join("\n");
}

const found = await collect();
const named = (rank: number): string =>
  paragraph(
    [...found]
      .filter(([, r]) => r === rank)
      .map(([name]) => name)
      .sort(),
  );
writeFileSync(
  TARGET,
  `/**
 * The functions of \`pg_catalog\` in PostgreSQL 15 and 18 by their most volatile overload, as \`pg_proc\` reports them.
 * Written by \`tools/generate-functions.ts\`; not edited by hand.
 */

export const IMMUTABLE = \`
${named(0)}
\`;

export const STABLE = \`
${named(1)}
\`;

export const VOLATILE = \`
${named(2)}
\`;
`,
);
