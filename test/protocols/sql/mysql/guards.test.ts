/** What guardrails look at in MySQL texts: changes that reach every row however their condition is dressed up, and what drops or hides. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { analyse } from "#protocols/sql/mysql/analyse.ts";
import { loadGrammar } from "#protocols/sql/mysql/grammar.ts";
import { readSqlMode } from "#protocols/sql/mysql/sql-mode.ts";

function kinds(sql: string, mode = ""): readonly string[] | null {
  const { facts } = analyse(sql, { sqlMode: readSqlMode(mode), executes: () => true });
  return facts.kind === "unparsed" ? null : facts.statements.flatMap(({ guards }) => guards.map(({ kind }) => kind));
}

/** Hold for every row, or name none of the table's columns. */
const EVERY_ROW = [
  ...[
    "1",
    "TRUE",
    "'1abc'",
    "1 = 1",
    "NOT FALSE",
    "!(1 = 2)",
    "!0",
    "!0 = 1",
    "! !5",
    "!'a'",
    "!0 + 1",
    "id = 1 OR !(id = 1)",
    "2 > 1",
    "'a' = 'a'",
    "NULL IS NULL",
    "1 <=> 1",
    "-1",
  ],
  ...[
    "id = id",
    "t.id = id",
    "`ID` = id",
    "id <=> id",
    "id = 5 OR 1",
    "id = 5 OR TRUE",
    "id = 5 || 1",
    "id DIV 2 = 1 OR 1",
    "id MOD 2 = 1 OR 1",
    "(id = 5) OR (2 > 1)",
  ],
  ...[
    "id = 1 OR id <> 1",
    "id IS NULL OR id IS NOT NULL",
    "id = 1 OR NOT id = 1",
    "id < 3 OR id >= 3",
    "id IN (id)",
    "id IN (1) OR id NOT IN (1)",
  ],
  ...["name LIKE '%'", "name RLIKE '.*'", "name REGEXP ''", "IFNULL(id, 0) IS NOT NULL", "COALESCE(id, 0) IS NOT NULL"],
  ...["IF(1, 2, 3)", "CASE WHEN id = 1 THEN 1 ELSE 2 END", "EXISTS (SELECT 1)", "1 BETWEEN 0 AND 2", "id BETWEEN id AND id"],
  ...[
    "? = 1",
    "@x = 1",
    "NOW() > '2000-01-01'",
    "(SELECT COUNT(*) FROM u) > 1",
    "EXISTS (SELECT 1 FROM u WHERE u.a = 3)",
    "EXISTS (SELECT 1 FROM u WHERE b = 3)",
    "5 XOR 0",
  ],
  ...[
    "1 = 1 AND 'x' LIKE '%'",
    "(id = id) IS TRUE",
    "CAST(1 AS SIGNED)",
    "'a' COLLATE utf8mb4_bin = 'a'",
    "RAND() < 2",
    "DATABASE() = 'app'",
  ],
];

const SOME_ROWS = [
  ...["id = 1", "t.id > 5", "id = ?", "id = @x", "name LIKE 'a%'", "id IN (1, 2)", "id IN (SELECT x FROM u)", "NOT id = 3", "id"],
  ...[
    "id = 1 AND 1 = 1",
    "EXISTS (SELECT 1 FROM u WHERE u.a = t.id)",
    "1 = 2",
    "FALSE",
    "NULL",
    "'a'",
    "id IS NULL",
    "name = 'a' OR id = 2",
    "!1",
    "! !0",
    "!id = 1",
    "!t.id",
    "!IFNULL(id, 0)",
  ],
  ...["id BETWEEN 1 AND 2", "LOWER(name) = 'x'", "created < NOW()", "id IN (1) AND TRUE", "a = b", "MATCH (name) AGAINST ('x')"],
];

describe("guards of MySQL statements", () => {
  before(loadGrammar);

  test("a change whose condition holds for every row has none", () => {
    for (const condition of ["", ...EVERY_ROW.map((one) => ` WHERE ${one}`)]) {
      assert.deepEqual(kinds(`DELETE FROM t${condition}`), ["delete-without-where"], condition);
      assert.deepEqual(kinds(`UPDATE t SET a = 1${condition}`), ["update-without-where"], condition);
    }
    // MySQL takes `!!` for one sign: what is not read is refused to whoever a guardrail holds for.
    for (const condition of ["!!0", "!!!1", "!CASE WHEN 1 THEN 0 END"])
      assert.equal(kinds(`DELETE FROM t WHERE ${condition}`), null, condition);
  });

  test("a change whose condition names rows passes, and so does one that reaches none", () => {
    for (const condition of SOME_ROWS) {
      assert.deepEqual(kinds(`DELETE FROM t WHERE ${condition}`), [], condition);
      assert.deepEqual(kinds(`UPDATE t SET a = 1 WHERE ${condition}`), [], condition);
    }
    assert.deepEqual(kinds("DELETE FROM t LIMIT 1"), []);
    assert.deepEqual(kinds("UPDATE t SET a = 1 ORDER BY id LIMIT 5"), []);
  });

  test("`||` is OR or joins texts, as sql_mode says", () => {
    assert.deepEqual(kinds("DELETE FROM t WHERE name = 'a' || 'b'"), []);
    assert.deepEqual(kinds("DELETE FROM t WHERE name = 'a' || '1'"), ["delete-without-where"]);
    assert.deepEqual(kinds("DELETE FROM t WHERE name = 'a' || '1'", "PIPES_AS_CONCAT"), []);
  });

  test("sources that are joined are read with their conditions", () => {
    assert.deepEqual(kinds("DELETE t FROM t JOIN u ON t.a = u.a"), []);
    assert.deepEqual(kinds("DELETE t FROM t, u"), ["delete-without-where"]);
    assert.deepEqual(kinds("DELETE FROM t USING t JOIN u ON 1 = 1"), ["delete-without-where"]);
    assert.deepEqual(kinds("UPDATE t JOIN u ON t.a = u.a SET t.b = 1"), []);
    assert.deepEqual(kinds("UPDATE t JOIN u SET t.b = 1"), ["update-without-where"]);
    assert.deepEqual(kinds("DELETE x FROM t AS x WHERE x.a = 1"), []);
  });

  test("a change is found wherever it stands, and not where it is only planned", () => {
    assert.deepEqual(kinds("WITH c AS (SELECT 1) DELETE FROM t"), ["delete-without-where"]);
    assert.deepEqual(kinds("EXPLAIN ANALYZE DELETE FROM t"), ["delete-without-where"]);
    assert.deepEqual(kinds("EXPLAIN DELETE FROM t"), []);
    assert.deepEqual(kinds("SELECT 1; DELETE FROM t"), ["multi-statement", "delete-without-where"]);
    assert.deepEqual(kinds("/*!50000 DELETE FROM t */"), ["delete-without-where"]);
    assert.deepEqual(kinds("DELETE /* WHERE id = 1 */ FROM t -- WHERE id = 1"), ["delete-without-where"]);
  });

  test("what drops, alters, empties or hides is told", () => {
    const cases: readonly (readonly [sql: string, ...kinds: string[]])[] = [
      ["TRUNCATE t", "truncate"],
      ["TRUNCATE TABLE a.t", "truncate"],
      ["DROP TABLE IF EXISTS a, b", "drop"],
      ["DROP TEMPORARY TABLE a", "drop"],
      ["DROP VIEW v", "drop"],
      ["DROP INDEX i ON t", "drop"],
      ["DROP DATABASE x", "drop"],
      ["DROP PROCEDURE p", "drop"],
      ["DROP FUNCTION f", "drop"],
      ["DROP TRIGGER x", "drop"],
      ["DROP USER x", "drop"],
      ["ALTER TABLE t ADD b INT", "alter"],
      ["ALTER TABLE t DROP COLUMN b", "alter", "drop"],
      ["ALTER TABLE t ADD c INT, DROP b", "alter", "drop"],
      ["RENAME TABLE a TO b", "alter"],
      ["CALL p()", "opaque"],
      ["PREPARE s FROM 'DELETE FROM t'", "delete-without-where"],
      ["EXECUTE s"],
      ["SELECT 1"],
      ["INSERT INTO t VALUES (1)"],
      ["CREATE TABLE x (a INT)"],
    ];
    for (const [sql, ...expected] of cases) assert.deepEqual(kinds(sql), expected, sql);
  });

  test("what runs a text, or is not read, is not taken for harmless", () => {
    for (const sql of [
      "PREPARE s FROM @text",
      "BEGIN NOT ATOMIC DELETE FROM t; END",
      "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM t",
    ]) {
      assert.equal(kinds(sql), null, sql);
    }
  });

  test("names the relation as the text does, and where its statement begins", () => {
    const { facts } = analyse("SELECT 1;  delete from a.`t`", { sqlMode: readSqlMode(""), executes: null });
    assert.ok(facts.kind === "parsed");
    assert.deepEqual(facts.statements[1]?.guards.at(-1), {
      kind: "delete-without-where",
      position: 12,
      relation: "a.t",
      detail: "DELETE",
      rows: null,
    });
  });
});
