/** Queries that nobody thought of: made at random from a grammar of our own, run on a real server, searched for canaries. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import type pg from "pg";
import { loadGrammar } from "#protocols/sql/postgres/grammar.ts";
import type { MaskingView } from "#protocols/sql/postgres/protection.ts";
import { isProtectedOrigin } from "#protocols/sql/postgres/tripwire.ts";
import { connectPostgres, startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import { ask, viewOf } from "./client.ts";
import { canaryIn } from "./search.ts";
import { SEED } from "./seed.ts";

const COLUMNS = ["id", "name", "email", "ssn", "born", "salary", "notes", "city", "tail"];

interface Piece {
  /** Of type text, over `u` or any relation around it. */
  expression: string;
  /** Something called `u` that has all columns of `users`. */
  base: string;
  joined: string;
  /** One column of text, called x. */
  query: string;
}

/** Well-typed for the most part, so that most of them run. */
const pieces = fc.letrec<Piece>((tie) => ({
  expression: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom(...COLUMNS.map((name) => `u.${name}::text`)),
    fc.constantFrom(
      "u::text",
      "ROW(u.*)::text",
      "to_jsonb(u)::text",
      "(to_jsonb(u)->>'ssn')",
      "(u).ssn",
      "'x'",
      "ssn::text",
      "row_to_json(u)::text",
    ),
    fc.tuple(fc.constantFrom("upper", "md5", "reverse", "quote_literal", "initcap"), tie("expression")).map(([name, x]) => `${name}(${x})`),
    fc
      .tuple(tie("expression"), fc.constantFrom("::varchar(4)::text", "::bytea::text", '::text COLLATE "C"'))
      .map(([x, cast]) => `(${x})${cast}`),
    fc
      .tuple(tie("expression"), fc.constantFrom("=", "<", "LIKE", "IS DISTINCT FROM"), tie("expression"))
      .map(([a, op, b]) => `(${a} ${op} ${b})::text`),
    fc.tuple(tie("expression"), tie("expression")).map(([a, b]) => `(${a} || ${b})`),
    fc.tuple(tie("expression"), tie("expression")).map(([a, b]) => `CASE WHEN ${a} > 'm' THEN ${b} ELSE ${a} END`),
    tie("query").map((query) => `(SELECT max(x) FROM (${query}) m)`),
    tie("query").map((query) => `ARRAY(${query})::text`),
    fc.tuple(tie("expression"), tie("query")).map(([x, query]) => `(${x} IN (${query}))::text`),
  ),
  base: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom("users u", "public.users u", "ONLY users u", "users AS u(id, name)", "postgres.public.users * AS u"),
    fc.constantFrom("users_view u", "public.v_all AS u", "v_barred u", "ONLY v_all u", "m_everything u", "v_everything u"),
    tie("base").map((base) => `(SELECT u.* FROM ${base}) u`),
    tie("base").map((base) => `(SELECT u.* FROM ${base} JOIN orders o ON o.user_id = u.id) u`),
    fc.tuple(tie("base"), tie("base")).map(([a, b]) => `(SELECT u.* FROM ${a} UNION SELECT * FROM ${b}) u`),
    fc.tuple(tie("base"), tie("expression")).map(([base, x]) => `(SELECT * FROM ${base} WHERE ${x} IS NOT NULL) u`),
  ),
  joined: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom(
      "",
      "",
      " LEFT JOIN payments p ON p.user_id = u.id",
      " CROSS JOIN users w",
      " NATURAL LEFT JOIN (SELECT id, ssn FROM users) n",
    ),
    tie("query").map((query) => ` LEFT JOIN LATERAL (${query}) AS t(x) ON true`),
    fc.tuple(tie("expression"), tie("query")).map(([x, query]) => ` LEFT JOIN (${query}) AS t(x) ON t.x = ${x}`),
  ),
  query: fc.oneof(
    { depthSize: "small" },
    fc.tuple(tie("expression"), tie("base"), tie("joined")).map(([x, base, joined]) => `SELECT ${x} AS x FROM ${base}${joined}`),
    fc
      .tuple(tie("expression"), tie("base"), tie("expression"))
      .map(([x, base, y]) => `SELECT ${x} AS x FROM ${base} WHERE ${y} > '0' ORDER BY ${y} LIMIT 5`),
    fc.tuple(tie("query"), tie("query")).map(([a, b]) => `(${a}) UNION ALL (${b})`),
    fc
      .tuple(tie("query"), tie("expression"), tie("base"))
      .map(([a, x, base]) => `WITH c AS (${a}) SELECT c.x || ${x} AS x FROM c, ${base}`),
    fc.tuple(tie("base"), tie("query")).map(([base, query]) => `WITH users AS (SELECT u.* FROM ${base}) SELECT x FROM (${query}) q`),
    fc.tuple(tie("expression"), tie("base")).map(([x, base]) => `SELECT string_agg(${x}, ',') AS x FROM ${base} GROUP BY u.id`),
    fc
      .tuple(tie("expression"), tie("base"))
      .map(([x, base]) => `SELECT first_value(${x}) OVER (PARTITION BY ssn ORDER BY ${x}) AS x FROM ${base}`),
  ),
}));

describe("masking corpus, queries made at random", () => {
  let server: TestPostgres;
  let client: pg.Client;
  let view: MaskingView;

  before(async () => {
    await loadGrammar();
    server = await startPostgres();
    client = await connectPostgres(server);
    await client.query(SEED);
    await client.query("SET statement_timeout = 2000; SET work_mem = '4MB'");
    view = await viewOf(client);
  });
  after(async () => {
    await client.end();
    await server.stop();
  });

  test("none of them shows a canary, in its rows or in its error", async (t) => {
    const outcomes = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(pieces.query, async (sql) => {
        const answer = await ask(client, view, sql);
        const key = `${answer.outcome}${answer.outcome === "mask" ? (answer.error === null ? " ran" : " failed") : ""}`;
        outcomes.set(key, (outcomes.get(key) ?? 0) + 1);
        assert.equal(canaryIn(JSON.stringify([answer.results, answer.error, answer.denial])), undefined, `${sql}\n${answer.sent}`);
        for (const { origins } of answer.results)
          for (const [oid, number] of origins) assert.ok(!isProtectedOrigin(view, oid, number), sql);
        answer.results.forEach((result, index) => {
          const flags = answer.outputMasked[index] ?? [];
          if (flags.length > 0) assert.equal(flags.length, result.names.length, `${sql}\nflags of another width`);
        });
      }),
      { numRuns: Number(process.env["FUZZ_RUNS"] ?? 200) },
    );
    t.diagnostic(JSON.stringify([...outcomes]));
    // Were nothing to run, nothing would have been tried.
    assert.ok((outcomes.get("mask ran") ?? 0) > 50, JSON.stringify([...outcomes]));
  });
});
