/** PREPARE, EXECUTE and DEALLOCATE in a text: what is in the string is judged, and what can't be told for certain is not understood. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { analyse, type MysqlAnalysis } from "#protocols/sql/mysql/analyse.ts";
import { loadGrammar } from "#protocols/sql/mysql/grammar.ts";
import { lex } from "#protocols/sql/mysql/lexer.ts";
import { namedStatement } from "#protocols/sql/mysql/named-statement.ts";
import { preparedMasked } from "#protocols/sql/mysql/prepared-text.ts";
import { readSqlMode } from "#protocols/sql/mysql/sql-mode.ts";

function read(sql: string, sqlMode = ""): MysqlAnalysis {
  return analyse(sql, { sqlMode: readSqlMode(sqlMode), executes: null });
}

function needs(sql: string, sqlMode = ""): readonly string[] | null {
  const { facts } = read(sql, sqlMode);
  return facts.kind === "unparsed" ? null : facts.statements.flatMap((one) => one.needs).toSorted();
}

describe("statements by name", () => {
  before(loadGrammar);

  test("need what is in the string", () => {
    assert.deepEqual(needs("PREPARE s FROM 'SELECT 1'"), ["read"]);
    assert.deepEqual(needs("prepare `S` from 'delete from t where id = ?'"), ["read", "write"]);
    assert.deepEqual(needs("PREPARE s FROM 'DROP TABLE `t`'"), ["schema"]);
    assert.deepEqual(needs("EXECUTE IMMEDIATE 'GRANT ALL ON a.* TO b'"), ["admin"]);
    assert.deepEqual(needs("EXECUTE s USING @a, @b"), ["read"]);
    assert.deepEqual(needs("DROP PREPARE s"), ["read"]);
  });

  test("are read as the server cuts the string", () => {
    assert.deepEqual(needs("PREPARE s FROM 'SELECT \\'a\\''"), ["read"]);
    assert.deepEqual(needs("PREPARE s FROM 'SELECT 1 \\''", "NO_BACKSLASH_ESCAPES"), null);
    assert.deepEqual(needs('PREPARE s FROM "SELECT 1"'), ["read"]);
    assert.deepEqual(needs('PREPARE s FROM "SELECT 1"', "ANSI_QUOTES"), null);
  });

  test("are told by names that every server compares alike", () => {
    assert.equal(read("EXECUTE `MiXed`").named?.kind, "execute");
    assert.deepEqual(read("EXECUTE MiXed").named, { kind: "execute", name: "mixed" });
    for (const name of ["é", "`a `", "`a b`", "a.b", "'a'", "@a"]) {
      assert.notDeepEqual(needs(`PREPARE ${name} FROM 'SELECT 1'`), ["read"], name);
      assert.notDeepEqual(needs(`EXECUTE ${name}`), ["read"], name);
    }
  });

  test("are not understood where the string may not be what runs, or runs what is not seen", () => {
    for (const sql of [
      "PREPARE s FROM @q",
      "PREPARE s FROM CONCAT('SELECT', ' 1')",
      "PREPARE s FROM 'SELECT ' '1'",
      "PREPARE s FROM N'SELECT 1'",
      "PREPARE s FROM _utf8mb4'SELECT 1'",
      "PREPARE s FROM x'53454c4543542031'",
      "PREPARE s FROM ''",
      "PREPARE s FROM 'SELECT 1; DELETE FROM t'",
      "PREPARE s FROM 'PREPARE r FROM ''SELECT 1'''",
      "PREPARE s FROM 'EXECUTE r'",
      "PREPARE s FROM 'KILL 7'",
      "PREPARE s FROM 'SELECT /*!50000 1 */'",
      "PREPARE s FROM 'SELECT \\/*!50000 1 *\\/'",
      "PREPARE s FROM 'SELECT ''😀'''",
      "PREPARE s FROM 'SELECT 1 AS é'",
      "PREPARE s FROM 'LOAD DATA LOCAL INFILE ''x'' INTO TABLE t'",
      "PREPARE s FROM 'SELECT 1'; EXECUTE s",
      "EXECUTE IMMEDIATE @q",
      "EXECUTE IMMEDIATE 'SELECT ?' USING (SELECT 1)",
      "EXECUTE s USING 1 + 1",
      "EXECUTE s USING @a @b",
    ]) {
      const found = needs(sql);
      assert.ok(found === null || found.length === 4, `${sql}: ${found}`);
    }
  });

  test("say where in the text their fault is", () => {
    const { facts } = read("PREPARE s FROM 'SELEC 1'");
    assert.deepEqual(facts.kind === "unparsed" && facts.position, 16);
    const { facts: guarded } = read("PREPARE s FROM 'DELETE FROM t'");
    assert.deepEqual(guarded.kind === "parsed" && guarded.statements[0]?.guards[0]?.position, 16);
  });

  test("hold the places of literals where they stand in the string that goes upstream", () => {
    const sql = "PREPARE s FROM 'x'";
    const lexed = lex(sql, { sqlMode: readSqlMode(""), executes: null });
    assert.ok(lexed.kind === "tokens" && namedStatement(lexed.tokens) !== undefined);
    const text = "SELECT 'it''s', '\\\\', 7";
    const places = ["'it''s'", "'\\\\'", "7"].map((literal) => ({
      start: text.indexOf(literal),
      end: text.indexOf(literal) + literal.length,
    }));
    for (const mode of ["", "NO_BACKSLASH_ESCAPES"]) {
      const masked = preparedMasked(
        {
          ...{ kind: "rewritten", text, columns: [], outputMasked: [], renamed: [], inserted: [], rebuildErrors: false, temporary: null },
          ...{ sensitive: { ranges: [{ start: 0, end: 1 }], parameters: [] }, sensitiveUpstream: places },
        },
        3,
        lexed.tokens,
        readSqlMode(mode),
      );
      assert.ok(masked.kind === "rewritten");
      const shown = masked.sensitiveUpstream.map(({ start, end }) => masked.text.slice(start, end));
      assert.deepEqual(shown, mode === "" ? ["''it''''s''", "''\\\\\\\\''", "7"] : ["''it''''s''", "''\\\\''", "7"]);
      assert.deepEqual(masked.sensitive, { ranges: [{ start: 15, end: 18 }], parameters: [], inside: ["x"] });
    }
  });
});
