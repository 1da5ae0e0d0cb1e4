/**
 * Writes `protocols/sql/postgres/function-facts.ts`, the names of all functions of `pg_catalog` by volatility and kind, and
 * `function-columns.ts`, the columns that they have in FROM; both as PostgreSQL 15 and 18 report them. Facts only; what
 * they mean for a right or a mask is decided by hand elsewhere.
 *
 *     node tools/generate-functions.ts
 */
import { writeFileSync } from "node:fs";
import { runSql, startPostgres } from "#test/support/postgres.ts";

const QUERY = `
  SELECT proname AS name, provolatile AS volatility, bool_or(prokind = 'a') AS aggregate, bool_or(proretset) AS set FROM pg_catalog.pg_proc
  WHERE pronamespace = 'pg_catalog'::regnamespace GROUP BY 1, 2 ORDER BY 1, 2`;
/** What a function yields in FROM: names of its OUT parameters or row type; null where that depends on the call. */
const COLUMNS = `
  SELECT DISTINCT p.proname AS name, CASE
      WHEN p.proargmodes && '{o,b,t}' THEN (SELECT json_agg(p.proargnames[i] ORDER BY i) FROM generate_subscripts(p.proargmodes, 1) i WHERE p.proargmodes[i] IN ('o', 'b', 't'))
      WHEN t.typtype = 'c' THEN (SELECT json_agg(attname ORDER BY attnum) FROM pg_attribute WHERE attrelid = t.typrelid AND attnum > 0)
      WHEN t.typname IN ('record', 'anyelement', 'anynonarray', 'anycompatible', 'anycompatiblenonarray') THEN 'null'::json
      ELSE '[]'::json END::text AS columns
    FROM pg_proc p JOIN pg_type t ON t.oid = p.prorettype WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' ORDER BY 1`;
const RANK = ["i", "s", "v"];
const TARGET = new URL("../protocols/sql/postgres/function-facts.ts", import.meta.url);
const COLUMNS_TARGET = new URL("../protocols/sql/postgres/function-columns.ts", import.meta.url);

/** By name, each form that one of its overloads has, as JSON. */
const forms = new Map<string, Set<string>>();

const aggregates = new Set<string>();
const sets = new Set<string>();

/** The most volatile overload of either version counts. */
async function collect(): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const version of [15, 18] as const) {
    const server = await startPostgres({ version });
    try {
      for (const row of (await runSql(server, QUERY)).flatMap((result) => result.rows)) {
        const name = String(row.name);
        found.set(name, Math.max(found.get(name) ?? 0, RANK.indexOf(String(row.volatility))));
        if (row.aggregate === true) aggregates.add(name);
        if (row.set === true) sets.add(name);
      }
      for (const row of (await runSql(server, COLUMNS)).flatMap((result) => result.rows)) {
        const name = String(row.name);
        forms.set(name, (forms.get(name) ?? new Set()).add(JSON.stringify(JSON.parse(String(row.columns)))));
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

/** Of any volatility. */
export const AGGREGATES = \`
${paragraph([...aggregates].sort())}
\`;

/** Of any volatility. */
export const SET_RETURNING = \`
${paragraph([...sets].sort())}
\`;
`,
);

/** Forms that differ between overloads or versions are not told apart. */
const told = [...forms].map(([name, some]): readonly [string, readonly string[] | null] => {
  const [form = "null"] = some;
  return [name, some.size === 1 ? JSON.parse(form) : null];
});
const varying = told.filter(([, columns]) => columns === null).map(([name]) => name);
const several = told.filter(([, columns]) => columns !== null && columns.length > 0);
writeFileSync(
  COLUMNS_TARGET,
  `/**
 * The columns that functions of \`pg_catalog\` have in FROM, in PostgreSQL 15 and 18: those not named here have one, called
 * as the alias or the function. Written by \`tools/generate-functions.ts\`; not edited by hand.
 */

/** Which columns there are depends on the arguments, on the overload or on the version. */
export const VARYING = \`
${paragraph(varying.sort())}
\`;

/** A line each: the function, then its columns. */
export const NAMED = \`
${several
  .map(([name, columns]) => `${name} ${columns?.join(" ")}`)
  .sort()
  .join("\n")}
\`;
`,
);
