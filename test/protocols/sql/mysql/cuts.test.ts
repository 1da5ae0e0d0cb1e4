/** Where texts of several statements are cut, and that the bytes of a statement are those that were judged. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bytesOf, type Cuts, cutsOf } from "#protocols/sql/mysql/cuts.ts";
import { readings } from "#protocols/sql/mysql/readings.ts";
import { DEFAULT_SQL_MODE, readSqlMode } from "#protocols/sql/mysql/sql-mode.ts";

function cut(sql: string, sqlMode = DEFAULT_SQL_MODE): Cuts {
  return cutsOf(sql, { sqlMode, foreign: false, readings: readings(sql) ?? [] });
}

function parts(sql: string, sqlMode = DEFAULT_SQL_MODE): readonly string[] | string {
  const cuts = cut(sql, sqlMode);
  return cuts.kind === "several" ? cuts.statements.map(({ start, end }) => sql.slice(start, end)) : cuts.kind;
}

describe("a text of several statements", () => {
  test("is cut at semicolons that are none of a string, a name or a comment", () => {
    assert.deepEqual(parts("SELECT 1; SELECT 2"), ["SELECT 1", "SELECT 2"]);
    assert.deepEqual(parts("SELECT ';' ;\n\tSELECT `;` /* ; */ -- ;\n; # ;\nDO 1"), ["SELECT ';'", "SELECT `;` /* ; */ -- ;", "# ;\nDO 1"]);
    assert.deepEqual(parts(`SELECT "a;b"; DO 1`), [`SELECT "a;b"`, "DO 1"]);
  });

  test("is one statement where there is one, whatever stands behind it", () => {
    for (const sql of ["SELECT 1", "SELECT 1;", "SELECT 1;;", "SELECT 1; ; ", "SELECT 1; -- c", "", ";", "/* ; */", "SELECT ';'"]) {
      assert.equal(parts(sql), "one", sql);
    }
  });

  test("keeps what stands behind the last statement with it, as the server answers that too", () => {
    assert.deepEqual(parts("SELECT 1; SELECT 2; -- done"), ["SELECT 1", "SELECT 2; -- done"]);
    assert.deepEqual(parts("SELECT 1; SELECT 2;; "), ["SELECT 1", "SELECT 2;;"]);
  });

  test("is not understood with an empty statement in its midst, which servers refuse", () => {
    for (const sql of ["SELECT 1;;SELECT 2", "; SELECT 1; SELECT 2", "SELECT 1; /* c */; SELECT 2"])
      assert.equal(parts(sql), "unclear", sql);
  });

  test("is not understood where servers differ in what its statements are", () => {
    assert.equal(parts("SELECT 1; SELECT 2 /*!99999 ; DELETE FROM t */"), "unclear");
    assert.equal(parts("SELECT 1; /*!99999 SELECT 2 */; SELECT 3"), "unclear");
    assert.deepEqual(parts("SELECT 1; /*M!100000 SELECT 2 */"), ["SELECT 1", "/*M!100000 SELECT 2 */"]);
    assert.deepEqual(parts("SELECT /*!50000 1 */; SELECT /*!99999 2, */ 3"), ["SELECT /*!50000 1 */", "SELECT /*!99999 2, */ 3"]);
  });

  test("is cut as sql_mode says", () => {
    const text = `SELECT '\\'; DELETE FROM t; -- '`;
    assert.equal(parts(text), "one");
    assert.deepEqual(parts(text, readSqlMode("NO_BACKSLASH_ESCAPES")), [`SELECT '\\'`, "DELETE FROM t; -- '"]);
  });

  test("says which statement chooses another database", () => {
    const cuts = cut("USE `a;b`; SELECT 1; use c ; USE");
    assert.deepEqual(cuts.kind === "several" ? cuts.statements.map(({ uses }) => uses) : [], ["a;b", null, "c", null]);
  });

  test("gives each statement the bytes that it was sent with, also where they are no UTF-8", () => {
    for (const text of [
      Buffer.from("SELECT 'ä;ö' ; SELECT '😀'; \n DO 1 ;"),
      Buffer.from("SELECT '\xe9;\xe9';SELECT '\xff;'; DO 1", "latin1"),
      Buffer.from("\xc3;SELECT 1; \xa0SELECT 2 \xa0;SELECT 3", "latin1"),
    ]) {
      const sql = text.toString("latin1");
      const cuts = cut(sql);
      assert.equal(cuts.kind, "several");
      if (cuts.kind !== "several") continue;
      assert.deepEqual(
        bytesOf(text, cuts.statements).map((bytes) => bytes.toString("latin1")),
        cuts.statements.map(({ start, end }) => sql.slice(start, end)),
      );
      const decoded = cut(text.toString("utf8"));
      assert.deepEqual(decoded.kind === "several" ? bytesOf(text, decoded.statements) : [], bytesOf(text, cuts.statements));
    }
  });
});
