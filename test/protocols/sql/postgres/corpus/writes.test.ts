/** Writes to tables with masked columns on real servers: honest ones as directly, hostile ones refused, nothing carried off. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type pg from "pg";
import { policyDocumentSchema } from "#policies/document.ts";
import { loadGrammar } from "#protocols/sql/postgres/grammar.ts";
import { display, type MaskingView } from "#protocols/sql/postgres/protection.ts";
import { quoteIdentifier } from "#protocols/sql/postgres/quoting.ts";
import { isProtectedOrigin } from "#protocols/sql/postgres/tripwire.ts";
import { connectPostgres, startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import { type Answer, ask, type Result, run, viewOf } from "./client.ts";
import { canaryIn } from "./search.ts";
import { DOCUMENT, SEED } from "./seed.ts";
import { ASSIGNING, ASSIGNING_MASKED, HONEST, HONEST_LATER, HOSTILE_WRITES, NOT_ASSIGNING, STORING } from "./writes.ts";

for (const version of [15, 18] as const) {
  describe(`writes where columns are masked, on PostgreSQL ${version}`, () => {
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

    /** All rows of all tables; without the masked columns when only what is open is asked for. */
    const state = async (openOnly: boolean): Promise<string> => {
      const parts: string[] = [];
      for (const relation of view.catalogue.relations) {
        if (relation.kind !== "table" || relation.schema === "pg_catalog" || relation.schema === "information_schema") continue;
        const attributes = view.protection.columns.get(relation.oid);
        const columns = relation.columns.filter(({ number }) => !openOnly || attributes?.has(number) !== true);
        const list = columns.map(({ name }) => `${quoteIdentifier(name)}::text`).join(", ");
        const from = `ONLY ${quoteIdentifier(relation.schema)}.${quoteIdentifier(relation.name)}`;
        const { results } = await run(client, `SELECT ${list} FROM ${from} ORDER BY ${columns.map((_, index) => index + 1).join(", ")}`);
        parts.push(`${display(relation)} ${JSON.stringify(results[0]?.rows)}`);
      }
      return parts.join("\n");
    };

    const undone = async <Value>(work: () => Promise<Value>): Promise<Value> => {
      await client.query("BEGIN");
      try {
        return await work();
      } finally {
        await client.query("ROLLBACK");
      }
    };

    for (const sql of [...HONEST, ...(version === 18 ? HONEST_LATER : [])]) {
      test(`as directly: ${sql.slice(0, 140)}`, async () => {
        const direct = await undone(async () => ({ ...(await run(client, sql)), after: await state(false) }));
        assert.equal(direct.error, null);
        const masked = await undone(async () => ({ answer: await ask(client, view, sql), after: await state(false) }));
        const { answer } = masked;
        assert.deepEqual([answer.error, answer.denial], [null, null]);
        compare(answer, direct.results);
        assert.equal(masked.after, direct.after, "the database is another afterwards");
        assert.equal(canaryIn(JSON.stringify(answer.results)), undefined);
        for (const result of answer.results)
          for (const [oid, number] of result.origins) assert.ok(!isProtectedOrigin(view, oid, number), `tripwire: ${oid}/${number}`);
      });
    }

    for (const sql of STORING) {
      test(`stores and yields masked values only: ${sql.slice(0, 140)}`, async () => {
        const { answer, open } = await undone(async () => ({ answer: await ask(client, view, sql), open: await state(true) }));
        assert.deepEqual([answer.outcome, answer.error], ["mask", null], JSON.stringify(answer.denial));
        assert.equal(canaryIn(JSON.stringify(answer.results)), undefined);
        assert.equal(canaryIn(open), undefined);
        for (const result of answer.results)
          for (const [oid, number] of result.origins) assert.ok(!isProtectedOrigin(view, oid, number), `tripwire: ${oid}/${number}`);
      });
    }

    test("the search finds what they are after: directly they store or yield it", async () => {
      const silent: string[] = [];
      for (const sql of STORING) {
        const shown = await undone(async () => JSON.stringify((await run(client, sql)).results) + (await state(true)));
        if (canaryIn(shown.replaceAll("\\n", "")) === undefined) silent.push(sql);
      }
      assert.ok(silent.length < STORING.length * 0.2, silent.join("\n"));
    });

    describe("with values assigned to masked columns", () => {
      const assigning = policyDocumentSchema.parse({
        access: { rules: DOCUMENT.access.rules.map((rule) => ({ ...rule })) },
        masking: {
          rules: [
            {
              target: "shop",
              columns: ["public.*.ssn", "public.users.born", "public.users.salary", "public.users.notes", "public.payments.card"],
              with: "redact",
              assign: "values",
            },
            { target: "shop", columns: ["public.users.email"], with: "email", assign: "values" },
            { target: "shop", columns: ["public.events.secret"], with: "redact", assign: "values" },
          ],
        },
      });
      let own: MaskingView;
      before(async () => {
        own = await viewOf(client, assigning);
      });
      const asked = (sql: string) =>
        undone(async () => ({ answer: await ask(client, own, sql, assigning), after: await state(false), open: await state(true) }));

      for (const sql of ASSIGNING) {
        test(`as directly: ${sql.slice(0, 140)}`, async () => {
          const direct = await undone(async () => ({ ...(await run(client, sql)), after: await state(false) }));
          assert.equal(direct.error, null);
          const { answer, after: left } = await asked(sql);
          assert.deepEqual([answer.error, answer.denial], [null, null]);
          compare(answer, direct.results);
          assert.equal(left, direct.after);
        });
      }
      for (const sql of ASSIGNING_MASKED) {
        test(`stores masked values: ${sql.slice(0, 140)}`, async () => {
          const { answer, open } = await asked(sql);
          assert.deepEqual([answer.outcome, answer.error], ["mask", null], JSON.stringify(answer.denial));
          assert.equal(canaryIn(JSON.stringify(answer.results) + open), undefined);
        });
      }
      for (const sql of NOT_ASSIGNING) {
        test(`refused: ${sql.slice(0, 140)}`, async () => {
          const { answer } = await asked(sql);
          assert.equal(answer.outcome, "masked-write", answer.sent ?? "");
        });
      }
    });

    for (const sql of HOSTILE_WRITES) {
      test(`refused: ${sql.slice(0, 140)}`, async () => {
        const answer = await undone(() => ask(client, view, sql));
        assert.ok(REFUSALS.has(answer.outcome), answer.outcome);
        assert.ok(
          answer.denial !== null && answer.denial.hint.length > 10 && !/undefined|null/.test(answer.denial.message),
          answer.denial?.message,
        );
      });
    }
  });
}

/** Those besides `masked-write`: COPY of a write, views, and calls of functions that are not listed. */
const REFUSALS: ReadonlySet<string> = new Set(["masked-write", "masked-statement-kind", "masked-view", "masked-function"]);

/** Cells of columns that are said to be masked are left out; all else must be the same. */
function compare(answer: Answer, direct: readonly Result[]): void {
  assert.equal(answer.results.length, direct.length);
  answer.results.forEach((result, index) => {
    const masked = answer.outputMasked[index] ?? [];
    if (answer.outcome === "mask") assert.equal(masked.length, result.names.length, "a flag for each column");
    const bare = (rows: Result["rows"] | undefined) => rows?.map((row) => row.map((cell, column) => (masked[column] === true ? "" : cell)));
    assert.deepEqual(
      [result.names, result.types, bare(result.rows)],
      [direct[index]?.names, direct[index]?.types, bare(direct[index]?.rows)],
    );
  });
}
