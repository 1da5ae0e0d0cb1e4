/** Views and materialised views of every kind on real servers: what is tried on them, and what becomes of it. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type pg from "pg";
import { loadGrammar } from "#protocols/sql/postgres/grammar.ts";
import type { MaskingView } from "#protocols/sql/postgres/protection.ts";
import { isProtectedOrigin } from "#protocols/sql/postgres/tripwire.ts";
import { connectPostgres, startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import { type Answer, ask, run, viewOf } from "./client.ts";
import { canaryIn } from "./search.ts";
import { SEED } from "./seed.ts";
import { EMPTIED, FAILING, READ_MASKED, REFUSED, STORING_VIEWS, VIEW_ORACLES } from "./views.ts";

for (const version of [18, 15] as const) {
  describe(`views under masks on PostgreSQL ${version}`, () => {
    let server: TestPostgres;
    let client: pg.Client;
    let view: MaskingView;
    const notices: string[] = [];

    before(async () => {
      await loadGrammar();
      server = await startPostgres({ version, settings: { client_min_messages: "debug1" } });
      client = await connectPostgres(server);
      await client.query(SEED);
      view = await viewOf(client);
      client.on("notice", (notice) => notices.push(JSON.stringify(notice)));
    });
    after(async () => {
      await client.end();
      await server.stop();
    });

    const held = async (sql: string): Promise<Answer> => {
      notices.length = 0;
      const answer = await ask(client, view, sql);
      const shown = [JSON.stringify(answer.results), String(answer.error), JSON.stringify(answer.denial), ...notices].join("\n");
      assert.equal(canaryIn(shown.replaceAll("\\n", "")), undefined, answer.sent ?? "");
      for (const result of answer.results)
        for (const [oid, number] of result.origins) assert.ok(!isProtectedOrigin(view, oid, number), `tripwire: ${oid}/${number}`);
      return answer;
    };

    for (const sql of READ_MASKED) {
      test(`nothing shows: ${sql.slice(0, 140)}`, async () => {
        const { outcome, error, denial, results, outputMasked } = await held(sql);
        assert.deepEqual([outcome, error], ["mask", null], JSON.stringify(denial));
        const flags = outputMasked[0] ?? [];
        if (flags.length > 0) assert.equal(flags.length, results[0]?.names.length, "a flag for each column");
        const named = results[0]?.names.map((name) => name.startsWith("masked_")) ?? [];
        for (const [index, isMasked] of named.entries())
          if (isMasked) assert.ok(flags[index], `${results[0]?.names[index]} counts as masked`);
      });
    }

    test("most of them show something where nothing is masked, so that finding nothing means something", async () => {
      const silent: string[] = [];
      for (const sql of READ_MASKED) {
        const { results } = await run(client, sql);
        if (canaryIn(JSON.stringify(results).replaceAll("\\n", "")) === undefined) silent.push(sql);
      }
      assert.ok(silent.length < READ_MASKED.length * 0.4, silent.join("\n"));
    });

    for (const sql of FAILING) {
      test(`an error shows nothing: ${sql}`, async () => {
        const { outcome, error } = await held(sql);
        assert.equal(outcome, "mask");
        assert.ok(error !== null);
      });
    }

    for (const [reason, texts] of Object.entries(REFUSED)) {
      for (const sql of texts) {
        test(`${reason}: ${sql}`, async () => {
          assert.equal((await held(sql)).outcome, reason);
        });
      }
    }

    test("a definition that calls what may not be called is refused with the way to allow it", async () => {
      const { denial } = await held("SELECT x FROM v_over_hidden_call");
      assert.match(denial?.hint ?? "", /list public\.user_ssn in masking\.functions\.allow/);
      const trusting = { ...view, functionsAllowed: [...view.functionsAllowed, "public.user_ssn"] };
      assert.equal((await ask(client, trusting, "SELECT id FROM v_over_hidden_call v(id) WHERE false")).outcome, "allow");
    });

    for (const sql of STORING_VIEWS) {
      test(`stores masked values only: ${sql.slice(0, 140)}`, async () => {
        await client.query("BEGIN");
        try {
          const { outcome, error, denial } = await held(sql);
          assert.deepEqual([outcome, error], ["mask", null], JSON.stringify(denial));
          const { results } = await run(client, "SELECT id, note FROM inbox");
          assert.equal(canaryIn(JSON.stringify(results)), undefined);
        } finally {
          await client.query("ROLLBACK");
        }
      });
    }

    for (const sql of EMPTIED) {
      test(`a view's own condition meets masked values: ${sql}`, async () => {
        const { outcome, results, error } = await held(sql);
        assert.deepEqual([outcome, results[0]?.rows, error], ["mask", [], null]);
        assert.notDeepEqual((await run(client, sql)).results[0]?.rows, []);
      });
    }

    for (const [left, right] of VIEW_ORACLES) {
      test(`${left} answers as ${right}`, async () => {
        const [one, other] = [await held(left), await held(right)];
        assert.equal(one.outcome, "mask");
        assert.deepEqual([one.results, one.error === null], [other.results, other.error === null]);
      });
    }

    test("a copy keeps the mask of its source, what is computed or told by the rows shows nothing", async () => {
      const shown = async (sql: string) => (await held(sql)).results[0]?.rows;
      assert.deepEqual(await shown("SELECT masked_mail, masked_born FROM m_copy WHERE id = 1"), [["***@example.com", "1983-01-01"]]);
      assert.deepEqual(await shown("SELECT masked_mail, masked_born FROM m_again WHERE id = 1"), [["***@example.com", "1983-01-01"]]);
      assert.deepEqual(await shown("SELECT masked_ssn, masked_mail, letter FROM m_computed WHERE id = 1"), [["***", "***", "M"]]);
      assert.deepEqual(await shown("TABLE m_rich"), [[null, null, null]]);
      assert.deepEqual(await shown("SELECT masked_ssn, masked_mail FROM m_named WHERE id = 1"), [["***", "***@example.com"]]);
    });

    test("a login without rights on the table below a view is refused by the server, and may use one that stays as it is", async () => {
      await client.query("DROP ROLE IF EXISTS lowly; CREATE ROLE lowly; GRANT SELECT ON v_deep, v_names TO lowly; SET ROLE lowly");
      try {
        assert.match((await held("SELECT name FROM v_deep")).error ?? "", /permission denied for/);
        assert.deepEqual((await held("SELECT name FROM v_names WHERE id = 1")).results[0]?.rows, [["Marta"]]);
      } finally {
        await client.query("RESET ROLE; DROP OWNED BY lowly; DROP ROLE lowly");
      }
    });

    test("a barrier holds: a condition from outside runs after the view's own", async () => {
      const leaky = "SELECT id FROM v_barrier WHERE 1 / (id - 3) < 9 ORDER BY id";
      assert.deepEqual((await held(leaky)).results[0]?.rows, [["1"], ["2"]]);
      const { rows } = await client.query(`EXPLAIN ${(await ask(client, view, leaky)).sent}`);
      const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
      assert.match(plan, /Filter: .*id - 3[\s\S]*Filter: \(id < 3\)/);
    });

    test("nothing that was tried has changed a row", async () => {
      const { results } = await run(client, "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM inbox)");
      assert.deepEqual(results[0]?.rows, [["3", "0"]]);
    });
  });
}
