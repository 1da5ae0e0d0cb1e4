/** The bypass corpus against a real PostgreSQL: whatever is tried, no canary comes back and no oracle answers. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type pg from "pg";
import { loadGrammar } from "#protocols/sql/postgres/grammar.ts";
import type { MaskingView } from "#protocols/sql/postgres/protection.ts";
import { isProtectedOrigin } from "#protocols/sql/postgres/tripwire.ts";
import { connectPostgres, startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import { BYPASSES } from "./bypass.ts";
import { KIND_BYPASSES } from "./bypass-kinds.ts";
import { TEXT_BYPASSES } from "./bypass-texts.ts";
import { ask, run, viewOf } from "./client.ts";
import { ORACLES } from "./oracles.ts";
import { canaryIn } from "./search.ts";
import { CANARIES, SEED } from "./seed.ts";

describe("masking corpus, bypasses", () => {
  let server: TestPostgres;
  let client: pg.Client;
  let view: MaskingView;
  const received: string[] = [];

  before(async () => {
    await loadGrammar();
    server = await startPostgres({ settings: { client_min_messages: "debug1" } });
    client = await connectPostgres(server);
    await client.query(SEED);
    view = await viewOf(client);
    client.on("notice", (notice) => received.push(JSON.stringify(notice)));
  });
  after(async () => {
    await client.end();
    await server.stop();
  });

  test("the search finds every canary when nothing is masked, so that finding none means something", async () => {
    for (const [sql, canaries] of [
      ["SELECT u::text, reverse(u::text) FROM users u", CANARIES.slice(0, 10)],
      ["SELECT encode(convert_to(u::text, 'UTF8'), 'base64') FROM users u", CANARIES.slice(0, 1)],
      ["SELECT card FROM payments UNION ALL SELECT secret FROM events UNION ALL SELECT ssn FROM people", CANARIES.slice(10)],
    ] as const) {
      const shown = JSON.stringify((await run(client, sql)).results).replaceAll("\\n", "");
      for (const canary of canaries) assert.ok(canaryIn(shown) !== undefined, canary);
    }
    for (const canary of CANARIES) assert.ok(canaryIn(Buffer.from(canary).toString("hex")) !== undefined);
  });

  for (const [group, cases] of Object.entries({ ...BYPASSES, ...KIND_BYPASSES, ...TEXT_BYPASSES })) {
    describe(group, () => {
      for (const { expect, texts } of cases) {
        test(`${texts.join(" ⏵ ").slice(0, 160)}: ${expect}`, async () => {
          received.length = 0;
          let outcome = "";
          for (const text of texts) {
            const answer = await ask(client, view, text);
            outcome = answer.outcome;
            // A case that fails for want of a table proves nothing.
            if (group !== "errors and notices" && group !== "names of nothing but temporary tables") assert.equal(answer.error, null);
            received.push(JSON.stringify(answer.results), String(answer.error), JSON.stringify(answer.denial));
            for (const result of answer.results)
              for (const [oid, number] of result.origins) assert.ok(!isProtectedOrigin(view, oid, number), `tripwire: ${oid}/${number}`);
          }
          await client.query("ROLLBACK");
          assert.equal(outcome, expect);
          assert.equal(canaryIn(received.join("\n").replaceAll("\\n", "")), undefined);
        });
      }
    });
  }

  test("a leaky function that is allowed, cheap enough to run first, is handed masked values only", async () => {
    received.length = 0;
    const trusting = { ...view, functionsAllowed: ["public.leak"] };
    for (const sql of ["SELECT name FROM users WHERE leak(ssn)", "SELECT name FROM users WHERE id = 1 AND leak(notes) AND leak(email)"]) {
      const answer = await ask(client, trusting, sql);
      assert.deepEqual([answer.outcome, answer.error], ["mask", null]);
    }
    assert.ok(received.some((notice) => notice.includes("***")));
    assert.equal(canaryIn(received.join("\n")), undefined);
  });

  describe("oracles", () => {
    for (const [left, right] of ORACLES) {
      test(`${left} answers as ${right}`, async () => {
        const [one, other] = [await ask(client, view, left), await ask(client, view, right)];
        assert.equal(one.outcome, "mask");
        assert.deepEqual([one.results, one.error === null], [other.results, other.error === null]);
      });
    }
  });

  test("nothing that was tried has changed a row", async () => {
    const { results } = await run(
      client,
      "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM inbox), (SELECT count(*) FROM orders)",
    );
    assert.deepEqual(results[0]?.rows, [["3", "0", "12"]]);
  });
});
