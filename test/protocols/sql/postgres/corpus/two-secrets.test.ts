/**
 * What a write tells a masked principal does not depend on masked values: rows, counts, failures with the names that
 * they carry, and the state of everything that is not masked are the same, whichever of two fillings the masked cells
 * have. `FUZZ_RUNS=20000 node --test …` tries so many statements on each version.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import type pg from "pg";
import { policyDocumentSchema } from "#policies/document.ts";
import { loadGrammar } from "#protocols/sql/postgres/grammar.ts";
import type { MaskingView } from "#protocols/sql/postgres/protection.ts";
import { fuzzing } from "#test/support/fuzz.ts";
import { connectPostgres, startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import { type Answer, ask, run, viewOf } from "./client.ts";
import { AGENT } from "./seed.ts";
import { FILLS, SCHEMA, STATE, writes } from "./two-secrets.ts";

const RUNS = 300;
const REVEALING_MIN = 2;

const DOCUMENT = policyDocumentSchema.parse({
  access: { rules: [{ who: { names: [AGENT.name] }, targets: ["shop"], may: ["read", "write"] }] },
  masking: { rules: [{ name: "secrets", target: "shop", columns: ["public.*.secret*"], with: "redact" }] },
});

/** Of an error, what the gateway lets through. */
function failure(error: string | null): unknown {
  if (error === null) return null;
  const { code, schema, table, column, constraint, dataType } = JSON.parse(error) as Record<string, unknown>;
  return { code, schema, table, column, constraint, dataType };
}

for (const version of [18, 15] as const) {
  describe(`writes over two fillings of masked cells, on PostgreSQL ${version}`, () => {
    let server: TestPostgres;
    let client: pg.Client;
    let view: MaskingView;

    before(async () => {
      await loadGrammar();
      server = await startPostgres({ version });
      client = await connectPostgres(server);
      await client.query(SCHEMA);
      view = await viewOf(client, DOCUMENT);
    });
    after(async () => {
      await client.end();
      await server.stop();
    });

    /** @param masked false: as somebody under no mask */
    const told = async (fill: string, sql: string, masked: boolean) => {
      await client.query("BEGIN");
      await client.query(fill);
      await client.query("SAVEPOINT s");
      const answer: Partial<Answer> = masked ? await ask(client, view, sql, DOCUMENT) : await run(client, sql);
      if (answer.error !== null) await client.query("ROLLBACK TO s");
      const state = [];
      for (const query of STATE) state.push((await client.query({ text: query, rowMode: "array" })).rows);
      await client.query("ROLLBACK");
      return {
        outcome: answer.outcome,
        shown: JSON.stringify([
          answer.results?.map(({ names, rows }) => [names, rows.map((row) => JSON.stringify(row)).sort()]),
          failure(answer.error ?? null),
          state,
        ]),
        sent: answer.sent,
        failed: answer.error !== null,
      };
    };

    test("no write that passes tells them apart", async (t) => {
      const count = { passed: 0, failed: 0, refused: 0, revealing: 0 };
      const [one, two] = FILLS;
      assert.ok(one !== undefined && two !== undefined);
      await fc.assert(
        fc.asyncProperty(writes, async (sql) => {
          const first = await told(one, sql, true);
          if (first.outcome !== "mask" && first.outcome !== "allow") {
            count.refused += 1;
            // Few are: of the first ones each is asked, so that chance leaves some.
            if (
              (count.revealing < REVEALING_MIN || count.refused % 4 === 0) &&
              (await told(one, sql, false)).shown !== (await told(two, sql, false)).shown
            )
              count.revealing += 1;
            return;
          }
          const second = await told(two, sql, true);
          count[first.failed ? "failed" : "passed"] += 1;
          if (first.shown === second.shown) return;
          // Which of several rows fails first is the plan's choice, which goes by the size of the files: asked once more, of files of one size.
          await client.query("VACUUM");
          const again = await told(one, sql, true);
          await client.query("VACUUM");
          const other = await told(two, sql, true);
          assert.equal(again.shown, other.shown, `${sql}\n${first.sent}`);
        }),
        fuzzing(RUNS),
      );
      t.diagnostic(
        `${JSON.stringify(count)}; of the first refused ones, and of every fourth, it was asked whether it would have told them apart`,
      );
      assert.ok(count.passed > 50 && count.revealing >= REVEALING_MIN, JSON.stringify(count));
    });
  });
}
