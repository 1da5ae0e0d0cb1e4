/**
 * Ordinary work through a whole gateway under masks: each case is sent to the server straight and through the gateway, in the
 * simple and the extended protocol, with results as text and binary, and what comes back is compared cell by cell
 * outside masked columns.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { message } from "#test/src/gateway/wire.ts";
import { optional } from "#test/support/optional.ts";
import { ANALYTICS, WITH_PARAMETERS } from "./analytics.ts";
import { type BothWays, DATABASE, openBothWays, PLAIN } from "./both-ways.ts";
import { Attacker, type Way } from "./client.ts";
import { COPIES, CRUD } from "./crud.ts";
import { bared, type Outcome, outcomesIn } from "./results.ts";
import { CANARIES, MASKED } from "./shop.ts";

const WAYS: readonly Way[] = ["simple", "extended", "binary"];

for (const version of [15, 18] as const) {
  describe(`ordinary work under masks, PostgreSQL ${version}`, { skip: optional(...(version === 15 ? ["postgres15"] : [])) }, () => {
    let both: BothWays;
    let direct: Attacker;
    let through: Attacker;
    const count = { cases: 0, answers: 0, identical: 0 };

    before(async () => {
      both = await openBothWays(version);
      const { port, password } = both.server;
      direct = await Attacker.enter({ host: "localhost", port, user: PLAIN, password, database: DATABASE }, both.server.ca);
      through = await Attacker.login(both.gateway, "agent");
    });
    after(async () => {
      direct.end();
      through.end();
      await both.stop();
    });

    /** What a session answers to each text, in a transaction that is rolled back. */
    const play = async (client: Attacker, way: Way, texts: readonly string[], parameters: readonly (string | null)[] = []) => {
      const outcomes: Outcome[] = [];
      await client.ask("BEGIN");
      for (const sql of texts) outcomes.push(...outcomesIn((await client.ask(sql, way, parameters)).bytes));
      await client.ask("ROLLBACK");
      await client.ask("RESET ALL");
      return outcomes;
    };
    const copy = async (client: Attacker, sql: string, lines: string | null) => {
      await client.ask("BEGIN");
      const begun = await client.ask(sql);
      const done = begun.tags.endsWith("G") ? client.send(message("d", Buffer.from(lines ?? "")), message("c")) : null;
      const outcomes = outcomesIn(done === null ? begun.bytes : (await client.answer()).bytes);
      await client.ask("ROLLBACK");
      return outcomes;
    };
    /** Outside masked columns; what the gateway shows in them holds no true value. */
    const same = (expected: readonly Outcome[], actual: readonly Outcome[], what: string) => {
      count.answers += 1;
      assert.ok(expected.length > 0, `${what}: the server said nothing`);
      const [bareExpected, bareActual] = [expected, actual].map((outcomes) => outcomes.map((outcome) => bared(outcome, MASKED)));
      assert.deepEqual(bareActual, bareExpected, what);
      const cells = actual.flatMap(({ rows, copied }) => [...rows.flat(), copied]);
      for (const cell of cells) assert.doesNotMatch(Buffer.from(cell ?? "", "hex").toString("latin1"), CANARIES, what);
      count.identical += 1;
    };

    for (const [group, texts] of Object.entries(ANALYTICS)) {
      describe(group, () => {
        for (const sql of texts) {
          test(`the same: ${sql.slice(0, 140)}`, async () => {
            count.cases += 1;
            for (const way of WAYS) same(await play(direct, way, [sql]), await play(through, way, [sql]), way);
          });
        }
      });
    }

    describe("with parameters", () => {
      for (const [sql, parameters] of WITH_PARAMETERS) {
        test(`the same: ${sql.slice(0, 140)}`, async () => {
          count.cases += 1;
          for (const way of ["extended", "binary"] as const)
            same(await play(direct, way, [sql], parameters), await play(through, way, [sql], parameters), way);
        });
      }
    });

    describe("writes", () => {
      for (const [name, texts] of Object.entries(CRUD)) {
        test(`the same: ${name}`, async () => {
          count.cases += 1;
          for (const way of WAYS) same(await play(direct, way, texts), await play(through, way, texts), way);
        });
      }
    });

    describe("COPY", () => {
      for (const [sql, lines] of COPIES) {
        test(`the same: ${sql}`, async () => {
          count.cases += 1;
          same(await copy(direct, sql, lines), await copy(through, sql, lines), sql);
        });
      }
    });

    test("every case was the same", (t) => {
      t.diagnostic(
        `benign ${count.identical} of ${count.answers} identical on PostgreSQL ${version}: ${count.cases} cases, by protocol and format`,
      );
      assert.ok(count.cases >= 150, `only ${count.cases} cases`);
      assert.equal(count.identical, count.answers);
    });
  });
}
