/** Runs of operators and comments that the scanner would read over and over, told from those that people write. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readsAgain } from "#protocols/sql/postgres/operator-runs.ts";

const DASHES = "-".repeat(120);

describe("texts that people write are read", () => {
  const texts: Readonly<Record<string, string>> = {
    "ten thousand ruled lines": `${DASHES}\n`.repeat(10_000),
    "banners of stars": `/${"*".repeat(5_000)}/ select 1 /*${"=".repeat(5_000)}*/`.repeat(50),
    "tables drawn in comments": `-- +${"-".repeat(30)}+${"-".repeat(30)}+\n`.repeat(10_000),
    "a comment for each of a million columns": "a /* b */, ".repeat(300_000),
    "hints, signs and operators": "select /*+ x */ a->>'b' #>> '{c}' <-> -1, +1, 2 - -1, a || '---' ;\n".repeat(50_000),
    "a sum of two million": `select ${"1+".repeat(2_000_000)}1`,
    "a value of signs of equality": `select '${"=".repeat(1_000_000)}'`,
    "an operator that no server takes": `select 1 ${"~".repeat(1_000_000)} 1`,
  };
  for (const [name, text] of Object.entries(texts)) test(name, () => assert.equal(readsAgain(text), false));
});

describe("texts that would be read over and over are not", () => {
  const texts: Readonly<Record<string, string>> = {
    "comments in each other": "/*".repeat(2_000),
    "empty comments": "/**/".repeat(2_000),
    "comments behind ruled lines": `--${"/*".repeat(2_000)}`,
    signs: "+".repeat(2_000),
    "signs by turns": "-+".repeat(1_000),
    "signs in many short runs": `${"+".repeat(300)} `.repeat(30),
  };
  for (const [name, text] of Object.entries(texts)) test(name, () => assert.equal(readsAgain(`select ${text} 1`), true));
});
