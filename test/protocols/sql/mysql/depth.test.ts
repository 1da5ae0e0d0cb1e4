/** Statements that would break the grammar library for good never reach it; such as are merely long do. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { analyse } from "#protocols/sql/mysql/analyse.ts";
import { loadGrammar } from "#protocols/sql/mysql/grammar.ts";
import { DEFAULT_SQL_MODE } from "#protocols/sql/mysql/sql-mode.ts";

const chain = (operator: string, count: number): string => `SELECT a${` ${operator}`.repeat(count)}`;

describe("deep statements", () => {
  before(loadGrammar);

  const kindOf = (sql: string): string => analyse(sql, { sqlMode: DEFAULT_SQL_MODE, executes: null }).facts.kind;

  for (const operator of [
    "+ 1",
    "OR b",
    "AND b = 1",
    "IS NULL",
    "IN (1)",
    "LIKE b",
    "BETWEEN 1 AND 2",
    "-> '$.a'",
    "AT TIME ZONE b",
    "SIMILAR TO b",
    "OVERLAPS b",
    ":= b",
    "REGEXP b",
    "UNION SELECT a",
    "* (1",
    "|| b",
    "COLLATE b",
    "DIV b",
    "MOD b",
  ]) {
    test(`100,000 times ${operator}: not understood, and the next statement is`, () => {
      assert.equal(kindOf(chain(operator, 100_000)), "unparsed");
      assert.equal(kindOf("SELECT 1"), "parsed");
    });
  }

  test("chains in brackets in chains add up", () => {
    let inner = "a";
    for (let level = 0; level < 40; level++) inner = `f((${inner}${" + 1".repeat(40)}), 2)`;
    assert.equal(kindOf(`SELECT ${inner}`), "unparsed");
    assert.equal(kindOf("SELECT 1"), "parsed");
  });

  test("long lists and conditions of a hundred parts are no depth", () => {
    assert.equal(kindOf(`SELECT a FROM t WHERE a IN (${"1, ".repeat(20_000)}1)`), "parsed");
    assert.equal(kindOf(`INSERT INTO t VALUES ${"(1 + 2, -3), ".repeat(5000)}(1, 2)`), "parsed");
    assert.equal(kindOf(`SELECT a FROM t WHERE ${"(a = 1 AND b = 2) OR ".repeat(100)} a = 3`), "parsed");
    assert.equal(kindOf(`SELECT a FROM t WHERE ${"a = 1 OR ".repeat(300)} a = 3`), "parsed");
    assert.equal(kindOf(`SELECT ${"a + 1, ".repeat(2000)} 1`), "parsed");
  });
});
