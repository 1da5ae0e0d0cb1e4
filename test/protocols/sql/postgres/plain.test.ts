/** Names and literals read off the text without its scanner: only what is written plainly, and just as far as it goes. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { loadGrammar } from "#protocols/sql/postgres/grammar.ts";
import { offsetsOf } from "#protocols/sql/postgres/offsets.ts";
import { plainLiteralEnd, plainNameEnd, plainPrefixEnd } from "#protocols/sql/postgres/plain.ts";
import { tokensOf } from "#protocols/sql/postgres/tokens.ts";

/** The place is marked by `⟦`. */
function at(text: string): readonly [sql: string, start: number] {
  return [text.replace("⟦", ""), text.indexOf("⟦")];
}

describe("plain names", () => {
  const found: readonly (readonly [text: string, words: readonly string[], rest: string])[] = [
    ["SELECT 1 FROM ⟦users", ["users"], ""],
    ["SELECT 1 FROM ⟦Users u", ["users"], " u"],
    ['SELECT 1 FROM ⟦"Us""ers", x', ['Us"ers'], ", x"],
    ["SELECT 1 FROM x, ⟦public.users WHERE", ["public", "users"], " WHERE"],
    ['SELECT 1 FROM (⟦"public"."users" JOIN y', ["public", "users"], " JOIN y"],
    ["SELECT 1 FROM\n  ⟦größe\n;", ["größe"], "\n;"],
    ["SELECT 1 FROM ⟦GRÖßE)", ["grÖße"], ")"],
  ];
  for (const [text, words, rest] of found) {
    test(`up to where it ends: ${text}`, () => {
      const [sql, start] = at(text);
      const end = plainNameEnd(sql, start, words);
      assert.equal(end === undefined ? undefined : sql.slice(end), rest);
    });
  }

  const left: readonly (readonly [text: string, words: readonly string[]])[] = [
    ["SELECT 1 FROM ⟦users * JOIN x", ["users"]],
    ["SELECT 1 FROM ⟦users*", ["users"]],
    ["SELECT 1 FROM ⟦users /* c */ *", ["users"]],
    ["SELECT 1 FROM ⟦users -- c", ["users"]],
    ["SELECT 1 FROM ⟦users.x", ["users"]],
    ["SELECT 1 FROM ⟦public . users", ["public", "users"]],
    ["SELECT 1 FROM ⟦public./**/users", ["public", "users"]],
    ["SELECT 1 FROM ⟦others", ["users"]],
    ['SELECT 1 FROM ⟦"Users"', ["users"]],
    ['SELECT 1 FROM ⟦U&"users"', ["users"]],
    ["TABLE ⟦users", ["users"]],
    ["TABLE\n⟦users", ["users"]],
    ["SELECT 1 FROM ONLY ⟦users", ["users"]],
    ["SELECT 1 FROM /* from */ ⟦users", ["users"]],
  ];
  for (const [text, words] of left) {
    test(`left to the scanner: ${text}`, () => {
      const [sql, start] = at(text);
      assert.equal(plainNameEnd(sql, start, words), undefined);
    });
  }

  test("what stands before a name is measured up to it", () => {
    assert.equal(plainPrefixEnd('"public".users.id', 0, ["public"]), 9);
    assert.equal(plainPrefixEnd("a.b.c.d", 0, ["a", "b"]), 4);
    assert.equal(plainPrefixEnd("public .users.id", 0, ["public"]), undefined);
    assert.equal(plainPrefixEnd("Public.users.id", 0, ["Public"]), undefined);
  });
});

describe("plain literals", () => {
  before(loadGrammar);

  const text = (sval: string) => ({ sval: { sval } });
  const number = { ival: { ival: 7 } };
  const cases: readonly (readonly [sql: string, constant: Readonly<Record<string, unknown>>, plain: boolean])[] = [
    ["'abc' AND x", text("abc"), true],
    ["'it''s'", text("it's"), true],
    ["''", text(""), true],
    ["'größe 😀' ", text("größe 😀"), true],
    ["17, 18", number, true],
    ["1.5)", { fval: { fval: "1.5" } }, true],
    ["'a'\n'b'", text("ab"), false],
    ["'a' -- c\n'b'", text("ab"), false],
    ["'a\\b'", text("a\\b"), false],
    ["E'a'", text("a"), false],
    ["$$a$$", text("a"), false],
    ["'abc'", text("other"), false],
    ["-5", number, false],
    ["1e5", { fval: { fval: "1e5" } }, false],
    ["0x1F", number, false],
    ["1_000", number, false],
  ];
  for (const [sql, constant, plain] of cases) {
    test(`${plain ? "as the scanner has it" : "left to the scanner"}: ${JSON.stringify(sql)}`, () => {
      const end = plainLiteralEnd(sql, 0, constant);
      assert.equal(end, plain ? tokensOf(sql, offsetsOf(sql))?.list[0]?.end : undefined);
    });
  }
});
