/** What a MySQL text needs, however it is written; and what is not understood, because it could be anything. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { analyse } from "#protocols/sql/mysql/analyse.ts";
import { loadGrammar } from "#protocols/sql/mysql/grammar.ts";
import { DEFAULT_SQL_MODE, readSqlMode, type SqlMode } from "#protocols/sql/mysql/sql-mode.ts";

/** Rights of all statements of the text, or null for one that is not understood. */
function needs(sql: string, sqlMode: SqlMode = DEFAULT_SQL_MODE): readonly string[] | null {
  const { facts } = analyse(sql, { sqlMode, executes: () => true });
  return facts.kind === "unparsed" ? null : [...new Set(facts.statements.flatMap((statement) => statement.needs))].sort();
}

const CASES: readonly (readonly [rights: string, ...texts: string[]])[] = [
  [
    "read",
    ...[
      "SELECT 1",
      "SELECT a FROM t WHERE b = 'x' ORDER BY c LIMIT 3",
      "SELECT COUNT(*), NOW(), JSON_EXTRACT(a, '$.b') FROM t",
      "SHOW TABLES",
    ],
    ...[
      "SHOW FULL COLUMNS FROM t",
      "DESCRIBE t",
      "EXPLAIN SELECT 1",
      "EXPLAIN DELETE FROM t",
      "START TRANSACTION",
      "COMMIT",
      "SET NAMES utf8mb4",
    ],
    ...["SET @a = 1", "SET SESSION sql_mode = 'ANSI_QUOTES'", "USE shop", "KILL QUERY 7", "KILL 7", "(SELECT 1) UNION (SELECT 2)"],
    ...[
      "WITH c AS (SELECT 1) SELECT * FROM c",
      "SELECT /* DELETE FROM t */ 1",
      "SELECT 'DELETE FROM t'",
      "-- x\nSELECT 1;",
      "SHOW WARNINGS",
    ],
  ],
  [
    "write",
    "INSERT INTO t VALUES (1)",
    "REPLACE INTO t VALUES (1)",
    "CALL p()",
    "DO 1",
    "LOCK TABLES t WRITE",
    "TRUNCATE t",
    "LOAD DATA LOCAL INFILE 'x' INTO TABLE t",
  ],
  [
    "read,write",
    ...["UPDATE t SET a = 1", "DELETE FROM t", "INSERT INTO t SELECT * FROM u", "SELECT * FROM t FOR UPDATE", "SELECT my_function(1)"],
    ...["SELECT shop.my_function(1)", "SELECT GET_LOCK('x', 1)", "WITH c AS (SELECT 1) DELETE FROM t WHERE a IN (SELECT * FROM c)"],
    ...["WITH c AS (SELECT 1) UPDATE t SET a = 1", "SELECT a INTO @x FROM t", "SELECT 1; INSERT INTO t VALUES (1)"],
  ],
  ["schema", "CREATE TABLE t (a INT)", "ALTER TABLE t ADD COLUMN b INT", "DROP TABLE t", "CREATE INDEX i ON t (a)", "RENAME TABLE a TO b"],
  ["admin", ...["FLUSH TABLES", "CREATE DATABASE x"]],
  [
    "admin,read",
    "SET GLOBAL max_connections = 1",
    "SET PASSWORD = 'x'",
    "GRANT SELECT ON a.* TO 'x'@'%'",

    "SHOW PROCESSLIST",
    "SHOW ENGINE INNODB STATUS",
    "SHOW CREATE USER root",
    "SELECT LOAD_FILE('/etc/passwd')",
    "SET SESSION session_track_system_variables = ''",
  ],
  ["admin,write", "LOAD DATA INFILE '/etc/passwd' INTO TABLE t"],
];

describe("what a MySQL text needs", () => {
  before(loadGrammar);

  for (const [rights, ...texts] of CASES) {
    test(rights, () => {
      for (const sql of texts) assert.equal(needs(sql)?.join(","), rights, sql);
    });
  }

  test("a KILL beside other statements would reach any connection, and needs what that needs", () => {
    assert.deepEqual(needs("SELECT 1; KILL QUERY 7"), ["admin", "read"]);
    assert.equal(analyse("KILL QUERY 7", { sqlMode: DEFAULT_SQL_MODE, executes: null }).kill?.connection, false);
    assert.equal(analyse("kill /* x */ connection 7", { sqlMode: DEFAULT_SQL_MODE, executes: null }).kill?.connection, true);
  });

  test("executable comments are read as text", () => {
    assert.deepEqual(needs("SELECT 1 /*!50000 INTO OUTFILE '/tmp/x' */"), null);
    assert.deepEqual(needs("/*!40101 SET NAMES utf8mb4 */"), ["read"]);
    assert.deepEqual(needs("SELECT 1 /*!99999 ; DELETE FROM t */"), ["read", "write"]);
  });

  test("what the grammar does not know is not understood", () => {
    for (const sql of [
      "HANDLER t OPEN",
      "PREPARE s FROM @q",
      "PREPARE s FROM 'DELETE FROM t' ' WHERE id = 1'",
      "SELECT 1 INTO OUTFILE '/tmp/x'",
      "selec 1",
      "SELECT 'open",
      "BEGIN NOT ATOMIC DELETE FROM t; END",
    ]) {
      const found = needs(sql);
      assert.ok(found === null || found.length === 4, `${sql}: ${found}`);
    }
    assert.deepEqual(needs("SELECT 1; EXECUTE s"), ["admin", "read", "schema", "write"]);
  });

  test("a plan that is measured runs what it is of, and needs what that needs", () => {
    for (const explain of ["EXPLAIN ANALYZE", "EXPLAIN ANALYZE FORMAT=TREE"]) {
      assert.deepEqual(needs(`${explain} SELECT * FROM t`), ["read"]);
      assert.deepEqual(needs(`${explain} DELETE FROM t WHERE id = 1`), ["read", "write"]);
      assert.deepEqual(needs(`${explain} SELECT * FROM t FOR UPDATE`), ["read", "write"]);
    }
  });

  test("sql_mode decides where a string ends", () => {
    const text = `SELECT '\\'; DELETE FROM t; -- '`;
    assert.deepEqual(needs(text), ["read"]);
    assert.deepEqual(needs(text, readSqlMode("NO_BACKSLASH_ESCAPES")), ["read", "write"]);
  });

  test("what runs something by the side needs the right for that", () => {
    for (const sql of [
      "SHOW INDEX FROM t WHERE f('x')",
      "SHOW VARIABLES WHERE `f`('x')",
      "SHOW EVENTS WHERE (SELECT shop.f('x'))",
      "SHOW TABLE STATUS WHERE shop.count(1)",
      "EXPLAIN SELECT f('x')",
      "EXPLAIN SELECT * FROM (SELECT f('x')) x",
    ]) {
      assert.deepEqual(needs(sql), ["read", "write"], sql);
    }
    assert.deepEqual(needs("SHOW TRIGGERS WHERE LENGTH(`Trigger`) > 1"), ["read"]);
    for (const sql of ["ANALYZE DELETE FROM t", "ANALYZE FORMAT=JSON DELETE FROM t", "ANALYZE SELECT 1"]) {
      const found = needs(sql);
      assert.ok(found === null || found.length === 4, `${sql}: ${found}`);
    }
    assert.deepEqual(needs("CHECK TABLE t"), ["schema"]);
  });

  test("users, databases, the binary log and other sessions' plans are administration", () => {
    for (const sql of ["DROP USER x", "DROP DATABASE x", "DROP ROLE x"]) assert.deepEqual(needs(sql), ["admin", "schema"], sql);
    for (const sql of [
      "SET sql_log_bin = 0",
      "SET SESSION wsrep_on = 0",
      "SET skip_replication = 1",
      "SET @@SESSION.pseudo_thread_id = 1",
      "SHOW EXPLAIN FOR 5",
      "SHOW ANALYZE FOR 5",
    ]) {
      assert.deepEqual(needs(sql), ["admin", "read"], sql);
    }
  });

  test("an INSERT that gives rows back or takes a table's reads", () => {
    for (const sql of ["INSERT INTO t TABLE u", "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = a RETURNING *"]) {
      assert.deepEqual(needs(sql), ["read", "write"], sql);
    }
  });

  test("outside quotes, characters beyond ASCII are not understood in a set that is not UTF-8", () => {
    const foreign = { sqlMode: DEFAULT_SQL_MODE, executes: null, foreign: true };
    for (const sql of ["SELECT a\u00a0INTO\u00a0OUTFILE '/x'", "SELECT 1 --\u00a0x", "SELECT @a\u00a0"]) {
      assert.equal(analyse(sql, foreign).facts.kind, "unparsed", sql);
    }
    assert.equal(analyse("SELECT '\u00e9' /* \u00e9 */", foreign).facts.kind, "parsed");
  });

  test("tables that are named are told, with their database where it is", () => {
    const { facts } = analyse("SELECT * FROM a JOIN shop.b USING (id); INSERT INTO c SELECT * FROM `d e`", {
      sqlMode: DEFAULT_SQL_MODE,
      executes: null,
    });
    assert.ok(facts.kind === "parsed");
    assert.deepEqual(
      facts.statements.map(({ tables }) => [...tables].sort()),
      [
        ["a", "shop.b"],
        ["c", "d e"],
      ],
    );
  });
});
