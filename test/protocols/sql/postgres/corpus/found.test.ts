/** Ways round masks that were once found to work, on the servers that they were found on, each with its outcome now. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type pg from "pg";
import { loadGrammar } from "#protocols/sql/postgres/grammar.ts";
import type { MaskingView } from "#protocols/sql/postgres/protection.ts";
import { connectPostgres, startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import { ask, run, viewOf } from "./client.ts";
import { FOUND, HIDDEN_CODE, NAMES_ONCE, STILL_OPEN } from "./found.ts";
import { canaryIn } from "./search.ts";
import { SEED } from "./seed.ts";

/** What a session of somebody else's is seen to have run: a canary that no table holds. */
const ACTIVITY = "a-statement-of-somebody-else";

for (const version of [15, 18] as const) {
  describe(`ways once found round masks, on PostgreSQL ${version}`, () => {
    let server: TestPostgres;
    let client: pg.Client;
    let other: pg.Client;
    let view: MaskingView;
    const received: string[] = [];

    before(async () => {
      await loadGrammar();
      server = await startPostgres({ version });
      client = await connectPostgres(server);
      other = await connectPostgres(server);
      await client.query(SEED);
      await client.query(HIDDEN_CODE);
      await other.query(`SELECT '${ACTIVITY}'`);
      view = await viewOf(client);
      client.on("notice", (notice) => received.push(JSON.stringify(notice)));
    });
    after(async () => {
      await other.end();
      await client.end();
      await server.stop();
    });

    for (const [group, cases] of Object.entries(FOUND)) {
      describe(group, () => {
        for (const { expect, text } of cases.filter((one) => one.since === undefined || version >= one.since)) {
          test(`${text}: ${expect}`, async () => {
            received.length = 0;
            const answer = await ask(client, view, text);
            received.push(JSON.stringify(answer.results), String(answer.error), JSON.stringify(answer.denial));
            const all = received.join("\n");
            assert.deepEqual([answer.outcome, answer.error], [expect, null], JSON.stringify(answer.denial));
            assert.equal(canaryIn(all), undefined);
            assert.ok(!all.includes(ACTIVITY));
          });
        }
      });
    }

    test("a whole row taken by attribute notation holds every column, masked", async () => {
      const [direct, shown] = [
        await run(client, "SELECT to_jsonb(u) FROM users u"),
        await ask(client, view, "SELECT u.to_jsonb FROM users u"),
      ];
      const keys = (rows: readonly (readonly (string | null)[])[] | undefined) => Object.keys(JSON.parse(rows?.[0]?.[0] ?? "{}"));
      assert.deepEqual(keys(shown.results[0]?.rows), keys(direct.results[0]?.rows));
    });

    for (const text of NAMES_ONCE) {
      test(`a name that became syntax in PostgreSQL 16 is judged by the server's version: ${text}`, async () => {
        const { outcome } = await ask(client, view, text);
        assert.equal(outcome, version < 16 ? "masked-unsupported" : "allow");
      });
    }

    for (const text of STILL_OPEN) {
      test(`honest work beside it goes on: ${text}`, async () => {
        const answer = await ask(client, view, text);
        assert.deepEqual([answer.denial, answer.error], [null, null]);
      });
    }
  });
}
