/**
 * What a text costs grows with its length, or it is refused before it costs much: one client's text must not hold up a
 * worker's other sessions. Measured as CPU time of this process, the least of several runs, at one size and at eight
 * times that: something that grows with the square would take sixty-four times as long.
 */
import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { analyse } from "#protocols/sql/postgres/analyse.ts";
import type { Analysis } from "#protocols/sql/postgres/analysis.ts";
import { loadGrammar } from "#protocols/sql/postgres/grammar.ts";
import { leastCpuMs, ratioOfCosts } from "#test/support/cpu.ts";
import { FORMS, wideView } from "./large-texts.ts";

const TIMES = 8;
const RATIO_MAX = TIMES * 3;
/** A megabyte takes a second or two on a slow machine; a refusal some tens of milliseconds. */
const MEGABYTE_MS_MAX = 20_000;
const REFUSAL_MS_MAX = 5_000;

const view = wideView();

function outcome({ facts }: Analysis): string {
  if (facts.kind === "unparsed") return "unparsed";
  const masking = facts.statements[0]?.masking;
  return masking?.kind === "obstacle" ? masking.obstacle.reason : (masking?.kind ?? "none");
}

describe("cost of analysing a text", () => {
  // Instances of the grammar that a deep text broke are made anew in the background.
  beforeEach(loadGrammar);

  for (const [name, { text, size, expected }] of Object.entries(FORMS)) {
    test(`grows with the text: ${name}`, () => {
      const [small, large] = [text(size), text(size * TIMES)];
      assert.equal(outcome(analyse(small, view)), expected);
      assert.equal(outcome(analyse(large, view)), expected);
      const ratio = ratioOfCosts(
        () => analyse(small, view),
        () => analyse(large, view),
        RATIO_MAX,
      );
      assert.ok(ratio < RATIO_MAX, `${TIMES} times the text took ${ratio.toFixed(1)} times as long`);
    });
  }

  test("grows with the text where no mask is either: passwords of one text", () => {
    const text = (size: number) => "ALTER ROLE r PASSWORD 'x'; ALTER SUBSCRIPTION s CONNECTION 'y';".repeat(size);
    const [small, large] = [text(1_000), text(1_000 * TIMES)];
    const ratio = ratioOfCosts(
      () => analyse(small, null),
      () => analyse(large, null),
      RATIO_MAX,
    );
    assert.ok(ratio < RATIO_MAX, `${TIMES} times the text took ${ratio.toFixed(1)} times as long`);
  });

  test("a statement of one megabyte is analysed", () => {
    const sql = `SELECT id FROM users WHERE ssn IN (${Array.from({ length: 120_000 }, (_, index) => `'${index}-x'`).join(", ")})`;
    assert.ok(sql.length > 1_000_000);
    const ms = leastCpuMs(3, () => assert.equal(outcome(analyse(sql, view)), "rewritable"), MEGABYTE_MS_MAX);
    assert.ok(ms < MEGABYTE_MS_MAX, `it took ${ms} ms`);
  });

  const refused: Readonly<Record<string, readonly [reason: string, sql: string]>> = {
    "100,000 brackets": ["unparsed", `SELECT ${"(".repeat(100_000)}1${")".repeat(100_000)} FROM users`],
    "10,000 queries in each other": ["unparsed", `${"SELECT * FROM (".repeat(10_000)}SELECT ssn FROM users${") q".repeat(10_000)}`],
    "50,000 times NOT": ["unparsed", `SELECT id FROM users WHERE ${"NOT ".repeat(50_000)}true`],
    "20,000 comments in each other": ["unparsed", `SELECT 1 ${"/*".repeat(20_000)}${"*/".repeat(20_000)}`],
    "a million empty comments": ["unparsed", `SELECT 1 ${"/**/".repeat(1_000_000)}`],
    "a million comments that are never closed": ["unparsed", `SELECT 1 ${"/*".repeat(1_000_000)}`],
    "100,000 comments behind operators": ["unparsed", `SELECT 1${"+/**/".repeat(100_000)}1`],
    "a million signs": ["unparsed", `SELECT ${"+".repeat(1_000_000)}1`],
    "a million signs by turns": ["unparsed", `SELECT ${"+-".repeat(500_000)}1`],
    "many runs of a few hundred signs": ["unparsed", `SELECT ${`${"+".repeat(500)} `.repeat(2_000)}1`],
    "100,000 arms of UNION": ["unparsed", Array.from({ length: 100_000 }, () => "TABLE users").join(" UNION ")],
    "a star of 1,600 columns handed on 5,000 times with more": [
      "masked-unsupported",
      `WITH c0 AS (SELECT * FROM wide), ${Array.from({ length: 5_000 }, (_, index) => `c${index + 1} AS (SELECT *, 1 AS d FROM c${index})`).join(", ")} SELECT * FROM c5000`,
    ],
    "recursive queries in each other": [
      "masked-unsupported",
      Array.from({ length: 1_200 }).reduce<string>(
        (inner, _, index) => `WITH RECURSIVE r${index} AS (${inner} UNION ALL SELECT * FROM r${index}) SELECT * FROM r${index}`,
        "SELECT ssn FROM users",
      ),
    ],
  };
  for (const [name, [reason, sql]] of Object.entries(refused)) {
    test(`refused soon: ${name}`, () => {
      const ms = leastCpuMs(3, () => assert.ok([reason, "unparsed"].includes(outcome(analyse(sql, view)))), REFUSAL_MS_MAX);
      assert.ok(ms < REFUSAL_MS_MAX, `it took ${ms} ms`);
    });
  }
});
