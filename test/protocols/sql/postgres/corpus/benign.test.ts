/** The benign corpus against real servers: what honest clients send goes on working, and answers as it would directly. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import type pg from "pg";
import { analyse } from "#protocols/sql/postgres/analyse.ts";
import { loadGrammar } from "#protocols/sql/postgres/grammar.ts";
import type { MaskingView } from "#protocols/sql/postgres/protection.ts";
import { connectPostgres, startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import { MISTAKES, NORMALISED, PARAMETERS, REWRITTEN, UNTOUCHED } from "./benign.ts";
import { type Answer, ask, type Result, run, viewOf } from "./client.ts";
import { SEED } from "./seed.ts";

/** Cells of columns that are said to be masked are left out; all else must be the same. */
function compare(answer: Answer, direct: readonly Result[]): void {
  assert.equal(answer.error, null);
  assert.equal(answer.results.length, direct.length);
  answer.results.forEach((result, index) => {
    const expected = direct[index];
    const masked = answer.outputMasked[index] ?? [];
    if (answer.outcome === "mask") assert.equal(masked.length, result.names.length, "a flag for each column");
    const bare = (rows: Result["rows"] | undefined) => rows?.map((row) => row.map((cell, column) => (masked[column] === true ? "" : cell)));
    assert.deepEqual([result.names, result.types, bare(result.rows)], [expected?.names, expected?.types, bare(expected?.rows)]);
  });
}

for (const version of [15, 18] as const) {
  describe(`masking corpus, honest work on PostgreSQL ${version}`, () => {
    let server: TestPostgres;
    let client: pg.Client;
    let view: MaskingView;

    before(async () => {
      await loadGrammar();
      server = await startPostgres({ version });
      client = await connectPostgres(server);
      await client.query(SEED);
      view = await viewOf(client);
    });
    after(async () => {
      await client.end();
      await server.stop();
    });

    for (const sql of REWRITTEN) {
      test(`rewritten: ${sql.slice(0, 140)}`, async () => {
        const answer = await ask(client, view, sql);
        assert.equal(answer.outcome, "mask", JSON.stringify(answer.denial));
        compare(answer, (await run(client, sql)).results);
      });
    }

    for (const sql of UNTOUCHED) {
      test(`as it is: ${sql.slice(0, 140)}`, async () => {
        const answer = await ask(client, view, sql);
        assert.deepEqual([answer.outcome, answer.error], ["allow", null], JSON.stringify(answer.denial));
        assert.equal(answer.sent, sql);
      });
    }

    for (const [sql, sent] of NORMALISED) {
      test(`written out: ${sql.slice(0, 140)}`, async () => {
        const answer = await ask(client, view, sql);
        assert.deepEqual([answer.outcome, answer.error, answer.sent], ["allow", null, sent], JSON.stringify(answer.denial));
        const shown = (results: readonly Result[]) => results.map(({ names, types, rows }) => ({ names, types, rows }));
        assert.deepEqual(shown(answer.results), shown((await run(client, sql)).results));
      });
    }

    test("a column that is flagged as unmasked shows its true values, one that is flagged shows none of them", async () => {
      const sql = "SELECT id, ssn, name || '', ssn || '', (SELECT email FROM users u WHERE u.id = v.id), 1 FROM users v WHERE id = 1";
      const answer = await ask(client, view, sql);
      const direct = (await run(client, sql)).results[0];
      assert.deepEqual(answer.outputMasked, [[false, true, false, true, true, false]]);
      answer.results[0]?.rows[0]?.forEach((cell, column) => {
        assert.equal(cell === direct?.rows[0]?.[column], answer.outputMasked[0]?.[column] === false, String(column));
      });
    });

    test("parameters keep their numbers and are of the types that they have directly", async () => {
      for (const sql of PARAMETERS) {
        const { rewritten } = analyse(sql, view);
        assert.ok(rewritten, sql);
        await client.query(`PREPARE direct AS ${sql}`);
        await client.query(`PREPARE masked AS ${rewritten.sql}`);
        const { rows } = await client.query("SELECT name, parameter_types::text AS types FROM pg_prepared_statements ORDER BY name");
        assert.equal(rows[0].types, rows[1].types, sql);
        await client.query("DEALLOCATE ALL");
      }
    });

    test("an error's position leads to the same place of the client's text as it does directly", async () => {
      for (const sql of MISTAKES) {
        const { rewritten } = analyse(sql, view);
        assert.ok(rewritten, sql);
        const position = async (text: string) =>
          client.query(text).then(
            () => null,
            (error: { position?: string }) => Number(error.position),
          );
        const [direct, masked] = [await position(sql), await position(rewritten.sql)];
        assert.ok(direct !== null && masked !== null, `${sql}: ${direct} ${masked}`);
        assert.equal(rewritten.mapPosition(masked), direct, sql);
      }
    });

    for (const command of [
      "\\d",
      "\\d+",
      "\\d orders",
      "\\d+ users",
      "\\dt+",
      "\\dv",
      "\\dm",
      "\\di+",
      "\\ds",
      "\\df",
      "\\dn+",
      "\\du",
      "\\dT",
      "\\dx",
      "\\dp",
      "\\d open_orders",
      "\\det",
      "\\dD",
      "\\dC",
      "\\do",
      "\\db",
      "\\dy",
      "\\sf order_total",
      "\\d events",
    ]) {
      test(`psql's ${command} works as it does directly`, async () => {
        for (const sql of hiddenQueries(server, command)) {
          const answer = await ask(client, view, sql);
          assert.deepEqual(answer.denial, null, sql);
          compare(answer, (await run(client, sql)).results);
        }
      });
    }
  });
}

/** What psql sends for a backslash command, as `-E` prints it. */
function hiddenQueries(server: TestPostgres, command: string): readonly string[] {
  const target = `host=localhost hostaddr=${server.host} port=${server.port} user=${server.user} dbname=${server.database} sslmode=verify-full sslrootcert=${server.caFile}`;
  const printed = execFileSync("psql", ["-X", "-E", "-c", command, target], {
    env: { PATH: process.env["PATH"], LC_ALL: "C.UTF-8", PGPASSWORD: server.password },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const queries = [...printed.matchAll(/\*{9} QUERY \*{10}\n([\s\S]*?)\n\*{26}/g)].map((match) => match[1] ?? "");
  assert.ok(queries.length > 0, `psql showed no query for ${command}`);
  return queries;
}
