/** Texts cut into tokens: what a server would see, and what is refused because servers differ. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { canonicalText, splitStatements } from "#protocols/sql/mysql/canonical.ts";
import { type LexerOptions, lex, type Token } from "#protocols/sql/mysql/lexer.ts";
import { DEFAULT_SQL_MODE, readSqlMode } from "#protocols/sql/mysql/sql-mode.ts";

const PLAIN: LexerOptions = { sqlMode: DEFAULT_SQL_MODE, executes: null };

function tokens(sql: string, options: LexerOptions = PLAIN): readonly Token[] {
  const lexed = lex(sql, options);
  assert.equal(lexed.kind, "tokens", lexed.kind === "error" ? lexed.message : "");
  return lexed.kind === "tokens" ? lexed.tokens : [];
}

const shown = (sql: string, options?: LexerOptions) => tokens(sql, options).map(({ kind, text }) => `${kind} ${text}`);
const refused = (sql: string, options: LexerOptions = PLAIN) => lex(sql, options).kind === "error";

describe("tokens", () => {
  test("names, strings and numbers", () => {
    assert.deepEqual(shown("SELECT `a``b`, 'it''s', \"x\\\"y\", 1.5e3, .5, 0x41, x'42', b'101', @v, @`w x`, @@sql_mode, ?"), [
      "word SELECT",
      ...["quoted-name a`b", "symbol ,", "string it's", "symbol ,", 'string x"y', "symbol ,", "number 1.5e3", "symbol ,", "number .5"],
      ...["symbol ,", "bits 0x41", "symbol ,", "bits x'42'", "symbol ,", "bits 0b101", "symbol ,", "user-variable v", "symbol ,"],
      ...["user-variable w x", "symbol ,", "system-variable @@", "word sql_mode", "symbol ,", "parameter ?"],
    ]);
  });

  test("comments of every form are white space", () => {
    assert.deepEqual(shown("SELECT 1 -- x ' \n + /* ' */ 2 # y\n--\t z\n-1"), [
      "word SELECT",
      "number 1",
      "symbol +",
      "number 2",
      "symbol -",
      "number 1",
    ]);
    // Two dashes without white space behind them are two signs.
    assert.deepEqual(shown("5--1"), ["number 5", "symbol -", "symbol -", "number 1"]);
  });

  test("sql_mode decides what double quotes and backslashes are", () => {
    const ansi = { ...PLAIN, sqlMode: readSqlMode("ANSI_QUOTES,PIPES_AS_CONCAT") };
    assert.deepEqual(shown('SELECT "a""b"', ansi), ["word SELECT", 'quoted-name a"b']);
    // A user variable's name too: else what stands behind it would pass for a part of it.
    assert.deepEqual(shown('@"a\\" "b"', ansi), ["user-variable a\\", "quoted-name b"]);
    assert.deepEqual(shown('@"a\\" "'), ['user-variable a" ']);
    assert.deepEqual(shown("@'a\\' '", ansi), ["user-variable a' "]);
    const raw = { ...PLAIN, sqlMode: readSqlMode("NO_BACKSLASH_ESCAPES") };
    assert.deepEqual(shown("'a\\' , 'b'", raw), ["string a\\", "symbol ,", "string b"]);
    assert.equal(refused("'a\\'"), true);
  });

  test("executable comments count as the target's version would count them, or are refused", () => {
    const server = (version: number, mariadb: boolean): LexerOptions => ({
      ...PLAIN,
      executes: (comment) => (comment.version === null || comment.version <= version) && (!comment.mariadb || mariadb),
    });
    assert.deepEqual(shown("SELECT /*!50000 1 + */ 2", server(90700, false)), ["word SELECT", "number 1", "symbol +", "number 2"]);
    assert.deepEqual(shown("SELECT /*!99999 1 + */ 2", server(90700, false)), ["word SELECT", "number 2"]);
    assert.deepEqual(shown("SELECT /*M!100108 1 + */ 2", server(90700, false)), ["word SELECT", "number 2"]);
    for (const sql of ["SELECT /*! 1 */", "SELECT /*+ x */ 1", "SELECT /*!50000 1"]) assert.equal(refused(sql), true, sql);
    assert.equal(refused("SELECT /*!50000 /*!50000 1 */ */", server(90700, false)), true);
  });

  test("what servers read in ways of their own is refused", () => {
    for (const sql of [
      "SELECT 'x",
      "SELECT `x",
      "SELECT /* x",
      "SELECT \0 1",
      "SELECT 1e",
      "SELECT 1x5e",
      "SELECT x'4'",
      "SELECT \u0001 1",
    ]) {
      const lexed = lex(sql, PLAIN);
      assert.ok(lexed.kind === "error" || sql === "SELECT 1x5e", sql);
    }
  });

  test("statements end at semicolons that stand outside quotes", () => {
    const split = splitStatements(tokens("SELECT ';'; ; DELETE FROM `a;b` -- ;\n; "));
    assert.deepEqual(
      split.map((statement) => statement[0]?.text),
      ["SELECT", "DELETE"],
    );
  });

  test("tokens spelled anew are cut into the same tokens again", () => {
    const piece = fc.constantFrom(
      ..."SELECT FROM WHERE a b_1 `x y` `q``r` 'it''s' '\\n' \"d\" 12 1.5 .5 1e3 0x41 x'4142' b'1' @v @`w` @@global . , ( ) = <> <=> || && := -> ->> - -- + * / ? ; /*c*/ #z\n \n".split(
        / (?!y`)/,
      ),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.constantFrom(" ", "\n", ""), (pieces, between) => {
        const first = lex(pieces.join(between), PLAIN);
        if (first.kind === "error") return;
        const spelled = canonicalText(first.tokens).sql;
        const again = lex(spelled, PLAIN);
        assert.equal(again.kind, "tokens", spelled);
        const plain = (list: readonly Token[]) => list.map(({ kind, text }) => [kind, text]);
        assert.deepEqual(plain(again.kind === "tokens" ? again.tokens : []), plain(first.tokens), spelled);
      }),
      { numRuns: 2_000 },
    );
  });
});
