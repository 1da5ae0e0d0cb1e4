/**
 * Templates: which texts have one, and that nothing found out about a text depends on the constants that its template leaves
 * out. Held against the server's own scanner and grammar for statements of clients and for texts put together at random.
 */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import fc from "fast-check";
import { analyse } from "#protocols/sql/postgres/analyse.ts";
import type { Analysis } from "#protocols/sql/postgres/analysis.ts";
import { loadGrammar, scanText } from "#protocols/sql/postgres/grammar.ts";
import { templateOf } from "#protocols/sql/postgres/template.ts";
import { fuzzing } from "#test/support/fuzz.ts";
import { PARAMETERS, UNTOUCHED } from "./corpus/benign.ts";

const free = (sql: string): Analysis => analyse(sql, null, null, false);

/** The same text with other constants in it. */
function withOthers(sql: string, number: string, string: string): string {
  const { text = "" } = templateOf(sql) ?? {};
  return text.replaceAll("\u0001", () => number).replaceAll("\u0002", () => string);
}

/** Kinds of tokens, in order. */
function kinds(sql: string): readonly unknown[] {
  const scanned = scanText(sql);
  if (scanned.kind === "error") return [scanned.message];
  const { tokens = [] } = scanned.tree as { readonly tokens?: readonly { readonly tokenKind?: unknown; readonly tokenName?: unknown }[] };
  return tokens.map(({ tokenKind, tokenName }) => tokenKind ?? tokenName);
}

const OTHERS = [
  ["0", "''"],
  ["999999999", "'it''s -- /* $$ \" ; 9'"],
  ["007", "'role'"],
] as const;

function assertSame(sql: string): void {
  const { template, ...found } = free(sql);
  if (template === null) return;
  for (const [number, string] of OTHERS) {
    const other = withOthers(sql, number, string);
    assert.equal(free(other).template, template, other);
    const { template: _, ...foundThere } = free(other);
    assert.deepEqual(foundThere, found, `${sql}\n${other}`);
  }
}

before(loadGrammar);

describe("a template", () => {
  for (const [sql, text] of [
    ["SELECT a FROM t WHERE id = 12", "SELECT a FROM t WHERE id = #"],
    ["SELECT a1 FROM t2 WHERE c = 'x''y' AND d IN (1,22,333)", "SELECT a1 FROM t2 WHERE c = ? AND d IN (#,#,#)"],
    ['SELECT "a 1" FROM t WHERE "it\'s" = \'x\'', 'SELECT "a 1" FROM t WHERE "it\'s" = ?'],
    ["UPDATE t SET n = n + -5 WHERE id = 7", "UPDATE t SET n = n + -# WHERE id = #"],
    ["SELECT 1.5, .5, 1e5, 1234567890, 0x1F, 12_000 FROM t LIMIT 3", "SELECT 1.5, .5, 1e5, 1234567890, 0x1F, 12_000 FROM t LIMIT #"],
    ["SELECT a FROM t WHERE ä1 = 'ö'", "SELECT a FROM t WHERE ä1 = ?"],
  ] as const) {
    test(`leaves the constants out of: ${sql}`, () => {
      assert.equal(templateOf(sql)?.text.replaceAll("\u0001", "#").replaceAll("\u0002", "?"), text);
    });
  }

  for (const sql of [
    "SELECT 1 -- it's",
    "SELECT 1 /* ' */",
    "SELECT $1",
    "SELECT $$1$$",
    "SELECT '\\'",
    "SELECT E'1'",
    "SELECT b'1'",
    "SELECT U&'1'",
    "SELECT 'a'b",
    "SELECT 'a''",
    'SELECT "a',
    "SELECT 'a''b",
    "SELECT 1'a'",
    "SELECT \u0001",
    "SELECT 1\f",
    `SELECT ${"1, ".repeat(2000)}1`,
  ]) {
    test(`is not made of: ${sql.slice(0, 30)}`, () => assert.equal(templateOf(sql), undefined));
  }

  test("has a bounded length, since it is kept", () => {
    assert.ok(templateOf(`SELECT '${"x".repeat(4000)}'`) !== undefined);
    assert.equal(templateOf(`SELECT '${"x".repeat(5000)}'`), undefined);
  });
});

describe("facts stand for all texts of a template", () => {
  for (const sql of [
    "SELECT abalance FROM pgbench_accounts WHERE aid = 4711;",
    "INSERT INTO t (a, b) VALUES (1, 'x'), (-2, NULL)",
    "UPDATE t SET a = a + 1, b = 'x' WHERE id = 5 RETURNING id",
    "DELETE FROM t WHERE at < '2026-01-01'::date AND n > 10",
    "WITH x AS (SELECT * FROM t WHERE a = 'v' LIMIT 5) SELECT count(*) FROM x",
  ]) {
    test(`where only expressions hold constants: ${sql}`, () => {
      assert.notEqual(free(sql).template, null);
      assertSame(sql);
    });
  }

  for (const [why, sql] of [
    ["a setting is made of them", "SELECT set_config('role', 'x', false)"],
    ["a setting is chosen by them", "SELECT set_config(name, 'x', false) FROM pg_settings WHERE name = 'role'"],
    ["a statement sets", "SET role = 'x'"],
    ["a type has them", "SELECT a::varchar(10) FROM t"],
    ["the grammar checks them", "SELECT a::float(10) FROM t"],
    ["two strings are one constant", "SELECT 'a'\n'b'"],
    ["there are several statements", "SELECT 1; SELECT 2"],
    ["an escape character is declared", "SELECT \"d!0061\" UESCAPE '!'"],
    ["the text does not parse", "SELECT 1 FROM FROM"],
    ["secrets stand in the text", "ALTER ROLE a PASSWORD 'x'"],
    ["they name a statement's file", "COPY t TO '/tmp/x'"],
  ] as const) {
    test(`but not where ${why}`, () => assert.equal(free(sql).template, null));
  }

  test("nor under a mask or a guardrail", () => {
    assert.equal(analyse("SELECT 1", null, null, true).template, null);
  });

  test("for the statements that clients send", () => {
    const texts = [...UNTOUCHED, ...PARAMETERS];
    assert.ok(texts.filter((sql) => free(sql).template !== null).length > 20, "the corpus has such statements");
    for (const sql of texts) assertSame(sql);
  });

  test("for texts put together at random", () => {
    const operand = fc.constantFrom(
      ..."1|22|1234567890|1.5|.5|1.|1e5|-1|- 2|'x'|''|'a''b'|'é'|E'y'|U&'z'|b'1'|N'x'|'a' 'b'|'a'\n'b'|$1|$$1$$|a|b1|é1|\"a\"|\"it's\"|\"a\"\"1\"|U&\"z\"".split(
        "|",
      ),
      ..."date '2026-01-01'|interval '1' day|interval(3) '1'|'1'::int|1::varchar(3)|1::float(2)|CAST('1' AS numeric(4,2))|f(1, 'x')|a[1]|ARRAY[1, 2]|(SELECT 1 LIMIT 1)|CASE WHEN a = 1 THEN 'x' END|set_config('role', 'x', false)|EXTRACT(year FROM a)".split(
        "|",
      ),
    );
    const operator = fc.constantFrom(
      ..." = |=|,|, |+|-|--|/|*|/*|*/|&|&&| AND | OR |||| LIKE | ESCAPE | AT TIME ZONE | COLLATE | IN (1, 2) AND |::|.| |\n".split("|"),
    );
    const texts = fc
      .tuple(
        fc.constantFrom("SELECT ", "SELECT a FROM t WHERE ", "SELECT a FROM t ORDER BY ", "UPDATE t SET a = ", "DELETE FROM t WHERE a = "),
        operand,
        fc.array(fc.tuple(operator, operand), { maxLength: 5 }),
        fc.constantFrom("", ";", " LIMIT 3", " RETURNING 1", " UESCAPE '!'", " -- it's", "; SELECT 1"),
      )
      .map(([start, first, more, end]) => start + first + more.flat().join("") + end);
    let shared = 0;
    fc.assert(
      fc.property(texts, (sql) => {
        const { template } = free(sql);
        if (template === null || (templateOf(sql)?.constants.length ?? 0) === 0) return;
        shared++;
        assertSame(sql);
        assert.deepEqual(kinds(withOthers(sql, "8", "'q'")), kinds(sql));
      }),
      fuzzing(3_000),
    );
    assert.ok(shared > 100, `${shared} texts had constants that decide nothing`);
  });
});
