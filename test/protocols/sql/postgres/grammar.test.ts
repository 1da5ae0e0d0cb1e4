/** The parser as a shared thing: no text may break it for the next one. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import fc from "fast-check";
import { analyse } from "#protocols/sql/postgres/analyse.ts";
import { loadGrammar, parseText, scanText } from "#protocols/sql/postgres/grammar.ts";

const DEEP: Readonly<Record<string, string>> = {
  operators: `SELECT ${"1+".repeat(50_000)}1`,
  subqueries: `SELECT ${"(SELECT ".repeat(3_000)}1${")".repeat(3_000)}`,
  casts: `SELECT 1${"::int".repeat(20_000)}`,
  unions: `SELECT 1${" UNION SELECT 1".repeat(20_000)}`,
  brackets: `SELECT ${"(".repeat(50_000)}1${")".repeat(50_000)}`,
  "case expressions": `SELECT ${"CASE WHEN true THEN ".repeat(5_000)}1${" END".repeat(5_000)}`,
};

before(loadGrammar);

describe("grammar", () => {
  for (const [what, sql] of Object.entries(DEEP)) {
    test(`text with deeply nested ${what} is not understood, time and again, and the next text is`, async () => {
      for (let round = 0; round < 12; round += 1) {
        const { facts } = analyse(sql, null);
        if (facts.kind === "unparsed") assert.match(facts.message, /nested too deeply|memory exhausted/);
        assert.equal(parseText("SELECT a FROM t").kind, "tree");
        // As between two reads from a socket, in which spares are made.
        await loadGrammar();
      }
    });
  }

  test("two texts in one pipeline that each break a parser leave one for the next", () => {
    for (const sql of [DEEP["operators"] ?? "", DEEP["subqueries"] ?? ""]) parseText(sql);
    assert.equal(parseText("SELECT 1").kind, "tree");
  });

  test("a NUL character is an error: the server would read a shorter text", () => {
    assert.deepEqual(parseText("SELECT 1\0; DROP TABLE t"), {
      kind: "error",
      message: "the statement holds a NUL character",
      position: null,
    });
  });

  test("any text is parsed or refused with a message, never thrown at", () => {
    const words = [
      "SELECT",
      "FROM",
      "users",
      "(",
      ")",
      ",",
      "'",
      '"',
      "$$",
      "--",
      "/*",
      "*/",
      ";",
      "*",
      ".",
      "1",
      "E'\\",
      "U&'",
      "WITH",
      "AS",
      "é",
      "😀",
      "\n",
      "::",
      "$1",
    ];
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constantFrom(...words), fc.string()), { maxLength: 40 }), (parts) => {
        const sql = parts.join(" ");
        const { facts } = analyse(sql, null);
        if (facts.kind === "unparsed") assert.ok(facts.message.length > 0 && (facts.position === null || facts.position >= 1));
        scanText(sql);
      }),
      { numRuns: Number(process.env["FUZZ_RUNS"] ?? 300) },
    );
  });
});
