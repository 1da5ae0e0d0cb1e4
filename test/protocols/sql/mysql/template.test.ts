/**
 * Templates of MySQL texts: which texts have one, and that nothing found out about a text depends on the constants that its
 * template leaves out, for statements of clients and for texts put together at random.
 */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import fc from "fast-check";
import { analyse, type MysqlAnalysis } from "#protocols/sql/mysql/analyse.ts";
import { loadGrammar } from "#protocols/sql/mysql/grammar.ts";
import { lex } from "#protocols/sql/mysql/lexer.ts";
import { DEFAULT_SQL_MODE } from "#protocols/sql/mysql/sql-mode.ts";
import { standsForAll, templateOf } from "#protocols/sql/mysql/template.ts";
import { APP_BENIGN } from "#test/masking/mysql/app/benign.ts";
import { fuzzing } from "#test/support/fuzz.ts";

const SETTINGS = { sqlMode: DEFAULT_SQL_MODE };

const sharedBy = (sql: string): string | null => {
  const template = templateOf(sql, SETTINGS);
  return template !== undefined && standsForAll(template) ? template.text : null;
};

/** All but the guards, which hold places and are asked for where one applies. */
function found(sql: string): unknown {
  const { facts, ...rest }: MysqlAnalysis = analyse(sql, { ...SETTINGS, executes: null });
  const { tokens: _, ...more } = rest as typeof rest & { readonly tokens?: unknown };
  return { ...more, facts: facts.kind === "unparsed" ? facts : facts.statements.map(({ guards: __, ...fact }) => fact) };
}

/** The same text with other constants in it. */
function withOthers(sql: string, number: string, string: string): string {
  const lexed = lex(sql, { ...SETTINGS, executes: null });
  if (lexed.kind === "error") return sql;
  let other = sql;
  for (const { kind, text, start, end } of lexed.tokens.toReversed()) {
    if (kind === "string") other = other.slice(0, start) + string + other.slice(end);
    else if (kind === "number" && /^\d{1,9}$/.test(text)) other = other.slice(0, start) + number + other.slice(end);
  }
  return other;
}

function assertSame(sql: string): void {
  const shared = sharedBy(sql);
  if (shared === null) return;
  for (const [number, string] of [
    ["0", "''"],
    ["999999999", "'it''s -- /* # `\\' ; 9'"],
    ["007", "'global'"],
  ] as const) {
    const other = withOthers(sql, number, string);
    assert.equal(sharedBy(other), shared, other);
    assert.deepEqual(found(other), found(sql), `${sql}\n${other}`);
  }
}

before(loadGrammar);

describe("facts stand for all MySQL texts of a template", () => {
  for (const sql of [
    "SELECT c FROM t WHERE id = 4711",
    "select c from t where a in (1, 22, 333) and b like 'x%' limit 5 offset 10;",
    'INSERT INTO t (a, b) VALUES (1, "x"), (-2, NULL)',
    "INSERT INTO t SET a = 1 ON DUPLICATE KEY UPDATE a = a + 1",
    "REPLACE INTO t VALUES (1, 'x')",
    "UPDATE t SET a = a + 1, b = 'it''s \\'' WHERE id = 5",
    "DELETE FROM t WHERE at < '2026-01-01' AND n > 10 ORDER BY n LIMIT 3",
    "SELECT `a 1`, count(*) FROM `t` /* 'x' */ WHERE d > NOW() - INTERVAL 1 DAY GROUP BY 1 -- it's",
  ]) {
    test(`where only expressions hold constants: ${sql}`, () => {
      assert.notEqual(sharedBy(sql), null);
      assertSame(sql);
    });
  }

  for (const [why, sql] of [
    ["there are several statements", "SELECT 1; SELECT 2"],
    ["servers read comments in several ways", "SELECT 1 /*!99999 + 1 */"],
    ["the statement sets", "SET @a = 1"],
    ["the statement ends a session", "KILL 1"],
    ["the statement prepares a text", "PREPARE s FROM 'SELECT 1'"],
    ["it speaks of passwords", "SELECT a FROM t WHERE b = 'password'"],
    ["a type has them", "SELECT CAST(a AS CHAR(10)) FROM t"],
    ["the text is not understood", "SELECT FROM WHERE 1"],
    ["a string is not closed", "SELECT 'a"],
  ] as const) {
    test(`but not where ${why}`, () => assert.equal(sharedBy(sql), null));
  }

  test("and white space before a bracket makes another template, as it makes another call", () => {
    assert.notEqual(sharedBy("SELECT count(1)"), sharedBy("SELECT count (1)"));
  });

  test("and a string is never taken for the name that double quotes make under ANSI_QUOTES", () => {
    const sql = 'SELECT "a" FROM t';
    const under = (ansiQuotes: boolean) => templateOf(sql, { sqlMode: { ...DEFAULT_SQL_MODE, ansiQuotes } })?.constants;
    assert.deepEqual([under(false), under(true)], [1, 0]);
  });

  test("for the statements that clients send", () => {
    assert.ok(APP_BENIGN.filter((sql) => sharedBy(sql) !== null).length > 20, "the corpus has such statements");
    for (const sql of APP_BENIGN) assertSame(sql);
  });

  test("for texts put together at random", () => {
    const operand = fc.constantFrom(
      ..."1|22|1234567890|1.5|.5|1e5|-1|'x'|''|'a''b'|'\\\\''|\"y\"|'é'|_utf8mb4'z'|N'n'|x'41'|0x41|b'1'|'a' 'b'|?|@a|@'b'|@@x|a|b1|`c 1`|t.a|1a".split(
        "|",
      ),
      ..."DATE '2026-01-01'|INTERVAL 1 DAY|CAST(1 AS CHAR(3))|CAST('1' AS DECIMAL(4,2))|f(1, 'x')|sleep(1)|load_file('/x')|(SELECT 1 LIMIT 1)|CASE WHEN a = 1 THEN 'x' END|CONVERT('a' USING utf8)|JSON_EXTRACT(a, '$.b')|a->'$.b'|USER()".split(
        "|",
      ),
    );
    const operator = fc.constantFrom(
      ..." = ;=;, ;+;-;--;-- ;/;/*;*/;#;&; && ; AND ; OR ; XOR ; LIKE ; ESCAPE ; REGEXP ; COLLATE ; IN (1, 2) AND ; BETWEEN 1 AND ; AS ; := ; DIV ;.; ;\n".split(
        ";",
      ),
    );
    const texts = fc
      .tuple(
        fc.constantFrom(
          "SELECT ",
          "SELECT a FROM t WHERE ",
          "SELECT a FROM t ORDER BY ",
          "UPDATE t SET a = ",
          "DELETE FROM t WHERE a = ",
          "SET a = ",
        ),
        operand,
        fc.array(fc.tuple(operator, operand), { maxLength: 4 }),
        fc.constantFrom("", ";", " LIMIT 3", " LIMIT 1, 2", " INTO OUTFILE '/x'", " INTO @a", " FOR UPDATE", " -- it's", "; SELECT 1"),
      )
      .map(([start, first, more, end]) => start + first + more.flat().join("") + end);
    let shared = 0;
    fc.assert(
      fc.property(texts, (sql) => {
        if (sharedBy(sql) === null) return;
        shared++;
        assertSame(sql);
      }),
      fuzzing(2_000),
    );
    assert.ok(shared > 100, `${shared} texts had constants that decide nothing`);
  });
});
