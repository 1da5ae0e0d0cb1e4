/**
 * What a MySQL text costs grows with its length, since one client's text must not hold up a worker's other sessions. Measured as CPU
 * time of this process, the least of several runs, at one size and at eight times that: something that grows with the square would
 * take sixty-four times as long.
 */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { analyse } from "#protocols/sql/mysql/analyse.ts";
import { loadGrammar } from "#protocols/sql/mysql/grammar.ts";
import { maskedText } from "#protocols/sql/mysql/masked-text.ts";
import { resolveMysqlProtection } from "#protocols/sql/mysql/protection.ts";
import { DEFAULT_SQL_MODE } from "#protocols/sql/mysql/sql-mode.ts";
import { ratioOfCosts } from "#test/support/cpu.ts";
import { FORMS } from "./long-texts.ts";
import { catalogueOf, table } from "./small-catalogue.ts";

const TIMES = 8;
const RATIO_MAX = TIMES * 3;

const catalogue = catalogueOf(["a", "b", "c", "t"].map((name) => table("app", name, ["x", "y", "a", "ssn"])));
const { protection } = resolveMysqlProtection(catalogue, [
  { rule: "pii", columns: ["app.a.ssn", "app.t.x"], tags: [], mask: { kind: "redact" } },
]);
const settings = { sqlMode: DEFAULT_SQL_MODE, foreign: false, database: "app" };

const WAYS: Readonly<Record<string, (sql: string) => unknown>> = {
  "analysing a MySQL text": (sql) => analyse(sql, { sqlMode: DEFAULT_SQL_MODE, executes: null, sizeOf: () => 1000 }),
  "masking a MySQL text": (sql) => maskedText(sql, { catalogue, protection, functionsAllowed: [] }, settings),
};

for (const [what, work] of Object.entries(WAYS)) {
  describe(`cost of ${what}`, () => {
    before(loadGrammar);

    for (const [name, { text, size }] of Object.entries(FORMS)) {
      test(`grows with the text: ${name}`, () => {
        const [small, large] = [text(size), text(size * TIMES)];
        work(small);
        const ratio = ratioOfCosts(
          () => work(small),
          () => work(large),
          RATIO_MAX,
        );
        assert.ok(ratio < RATIO_MAX, `${TIMES} times the text took ${ratio.toFixed(1)} times as long`);
      });
    }
  });
}
