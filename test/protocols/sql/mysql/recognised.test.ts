/**
 * Statements that the grammar does not read, or reads as too much: what drivers send when they connect, what dumps are made of
 * and with, locks. Each has the rights that the server itself would ask for, and what only looks like one has not.
 */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { analyse } from "#protocols/sql/mysql/analyse.ts";
import { loadGrammar } from "#protocols/sql/mysql/grammar.ts";
import { lex } from "#protocols/sql/mysql/lexer.ts";
import { form } from "#protocols/sql/mysql/recognised/form.ts";
import { DEFAULT_SQL_MODE } from "#protocols/sql/mysql/sql-mode.ts";

function facts(sql: string) {
  return analyse(sql, { sqlMode: DEFAULT_SQL_MODE, executes: () => true }).facts;
}

/** Rights of all statements of the text; null for one that is not understood. */
function needs(sql: string): string | null {
  const found = facts(sql);
  return found.kind === "unparsed" ? null : [...new Set(found.statements.flatMap((statement) => statement.needs))].sort().join();
}

function matches(notation: string, sql: string): boolean {
  const lexed = lex(sql, { sqlMode: DEFAULT_SQL_MODE, executes: null });
  assert.ok(lexed.kind === "tokens");
  return form(notation)(lexed.tokens) !== undefined;
}

const READING = String.raw`
SELECT * FROM t LOCK IN SHARE MODE
SELECT * FROM t WHERE a = 1 ORDER BY b LIMIT 3 LOCK IN SHARE MODE SKIP LOCKED
SELECT * FROM t FOR SHARE
SELECT * FROM t FOR SHARE OF t SKIP LOCKED
SELECT * FROM t LOCK IN SHARE MODE WAIT 5
SELECT a FROM t GROUP BY a WITH ROLLUP
SELECT a, SUM(b) FROM t GROUP BY a WITH ROLLUP HAVING a > 1 ORDER BY a
TABLE t
TABLE shop.t ORDER BY a LIMIT 2 OFFSET 1
SELECT * FROM u WHERE a IN (TABLE t)
TABLE t UNION ALL TABLE u
EXPLAIN TABLE t
SELECT !a, !t.a, !UPPER(a) IS NULL, ! !a, !(a = 1), !'x' 'y', !-1, !@a, !@@autocommit, !a->'$.b', 1 = !a FROM t
SELECT a FROM t WHERE a SOUNDS LIKE 'b' AND 'c' SOUNDS LIKE t.d AND (a) SOUNDS LIKE b
SELECT sounds LIKE 'a', t.sounds LIKE 'b' FROM t
SELECT a FROM (t, u AS v, shop.w x) LEFT JOIN (y, z) ON EXTRACT(DAY FROM (a)) = 1
SELECT INTERVAL(a, 1, 2), INTERVAL (a, (SELECT 1)) + 1, NOW() + INTERVAL (a + 1) DAY FROM t
SELECT GROUP_CONCAT(a ORDER BY b SEPARATOR ',' LIMIT 1), GROUP_CONCAT(a LIMIT 1, 2), GROUP_CONCAT(a SEPARATOR '' LIMIT 2 OFFSET 1) FROM t
SELECT TRIM(LEADING FROM a), TRIM(BOTH FROM (SELECT 1)), TRIM(TRAILING 'x' FROM a), CHAR(1, 2 USING utf8mb4) FROM t
SELECT a + INTERVAL '1:2' MINUTE_SECOND, EXTRACT(YEAR_MONTH FROM a), DATE_SUB(a, INTERVAL b DAY_HOUR) FROM t
VALUES ROW(1, 2), ROW(3, 4) ORDER BY column_0
SET CHARACTER SET utf8mb4
SET CHARACTER SET 'utf8mb4'
SET CHARSET utf8mb4
SET CHARACTER SET DEFAULT
SET NAMES utf8mb4
SET NAMES 'utf8mb4' COLLATE 'utf8mb4_unicode_ci'
SET NAMES utf8mb4, @@SESSION.sql_mode = CONCAT(CONCAT(@@sql_mode, ',STRICT_ALL_TABLES'), ',NO_AUTO_VALUE_ON_ZERO'),  @@SESSION.wait_timeout = 2147483
SET @a = 1, NAMES utf8mb4
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY
START TRANSACTION WITH CONSISTENT SNAPSHOT
START TRANSACTION /*!40100 WITH CONSISTENT SNAPSHOT */
START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY
START TRANSACTION READ WRITE
BEGIN WORK
COMMIT AND NO CHAIN NO RELEASE
ROLLBACK WORK AND CHAIN
SAVEPOINT ${"`a b`"}
ROLLBACK WORK TO SAVEPOINT sp
RELEASE SAVEPOINT sp
USE ${"`app`"}
DESCRIBE shop.t a
DESC t 'a%'
EXPLAIN EXTENDED SELECT 1
EXPLAIN PARTITIONS SELECT 1
LOCK TABLES ${"`t`"} READ /*!32311 LOCAL */, ${"`u`"} AS x READ
LOCK TABLE t READ
UNLOCK TABLES
SHOW VARIABLES LIKE 'lower\_case\_%'
SHOW VARIABLES WHERE Variable_name = 'a' OR Variable_name IN ('b', 'c')
SHOW SESSION STATUS LIKE 'Ssl_cipher'
SHOW FULL TABLES FROM ${"`app`"} WHERE Table_type <> 'VIEW'
SHOW FULL COLUMNS FROM ${"`t`"} FROM ${"`app`"} LIKE '%'
SHOW TABLE STATUS LIKE 't'
SHOW CREATE TABLE app.${"`t`"}
SHOW CREATE DATABASE IF NOT EXISTS ${"`app`"}
SHOW TRIGGERS LIKE 't'
SHOW EVENTS
SHOW PROCEDURE STATUS WHERE Db = 'app'
SHOW PACKAGE BODY STATUS WHERE Db = 'app'
SHOW KEYS FROM t FROM app WHERE Key_name = 'PRIMARY'
SHOW WARNINGS LIMIT 5
SHOW COUNT(*) WARNINGS
SHOW GRANTS FOR CURRENT_USER()
SHOW COLLATION WHERE Charset = 'utf8mb4' AND LENGTH(Collation) > 3
SHOW CHARACTER SET LIKE 'utf%'
SHOW PLUGINS
SHOW ENGINES`;

const OTHERS: readonly (readonly [rights: string, ...texts: string[]])[] = [
  [
    "read,write",
    "SELECT * FROM t FOR UPDATE SKIP LOCKED",
    "SELECT * FROM t FOR UPDATE WAIT 5",
    "SELECT * FROM t FOR SHARE OF t FOR UPDATE OF u",
    "(SELECT a FROM t LOCK IN SHARE MODE) UNION (SELECT a FROM u FOR UPDATE)",
    "UPDATE t, u SET t.a = u.a WHERE t.id = u.id",
    "UPDATE LOW_PRIORITY IGNORE t SET a = 1",
    "DELETE LOW_PRIORITY QUICK IGNORE FROM t WHERE a = 1",
    "SHOW VARIABLES WHERE f(1)",
    "SHOW COLUMNS FROM t WHERE (SELECT shop.f())",
    "SET NAMES utf8mb4, @a = f()",
  ],
  [
    "write",
    "LOCK TABLES t WRITE",
    "LOCK TABLES t READ, u LOW_PRIORITY WRITE",
    "LOCK TABLES t READ LOCAL, u AS read_me WRITE",
    "XA START 'x'",
    "INSERT INTO t SET a = !1",
  ],
  [
    "read,write",
    "INSERT INTO t (a) SELECT 1 ON DUPLICATE KEY UPDATE a = 2",
    "INSERT INTO t (a) SELECT u.a FROM u CROSS JOIN v ON DUPLICATE KEY UPDATE a = VALUES(a)",
    "INSERT INTO t (a) SELECT u.a FROM u NATURAL JOIN v ON DUPLICATE KEY UPDATE a = 2",
    "INSERT INTO t (a) SELECT u.a FROM u JOIN v USING (a) STRAIGHT_JOIN w ON DUPLICATE KEY UPDATE a = 2",
    "INSERT INTO t (a) SELECT u.a FROM u JOIN v ON u.a = v.a ON DUPLICATE KEY UPDATE a = 2",
    "INSERT INTO t (a) SELECT 1 UNION SELECT (SELECT a FROM u LIMIT 1) ON DUPLICATE KEY UPDATE a = 2",
    "INSERT INTO t SELECT `on`, 'on duplicate key update' FROM u ON DUPLICATE KEY UPDATE a = 2",
  ],
  ["read,write", "INSERT INTO t TABLE u", "REPLACE INTO t (a) TABLE u", "UPDATE t SET a = !a", "SELECT !f(a) FROM t"],
  ["read,schema", "CREATE TABLE t (a INT) IGNORE SELECT 1", "CREATE TABLE t REPLACE AS SELECT a FROM u"],
  ["schema", "ALTER TABLE `t` DISABLE KEYS", "/*!40000 ALTER TABLE `t` ENABLE KEYS */", "CHECKSUM TABLE t, app.u EXTENDED"],
  [
    "admin",
    "FLUSH /*!40101 LOCAL */ TABLES",
    "FLUSH TABLES WITH READ LOCK",
    "LOCK INSTANCE FOR BACKUP",
    "BACKUP STAGE START",
    "EXPLAIN FOR CONNECTION 5",
  ],
  [
    "admin,read",
    "SHOW GRANTS FOR root@localhost",
    "SHOW GRANTS FOR 'root'@'%'",
    "SHOW CREATE USER CURRENT_USER()",
    "SHOW FULL PROCESSLIST",
    "SHOW BINARY LOG STATUS",
    "SHOW REPLICA STATUS",
    "SHOW SLAVE HOSTS",
    "SHOW ENGINE INNODB MUTEX",
    "SHOW USER_STATISTICS",
    "SHOW FUNCTION CODE f",
    "SET NAMES utf8mb4, GLOBAL max_connections = 1",
    "SET NAMES utf8mb4, SESSION session_track_schema = OFF",
    "SET @@GLOBAL.sql_mode = '', CHARACTER SET utf8mb4",
  ],
  ["admin,write", "LOAD DATA INFILE '/etc/passwd' INTO TABLE t", "LOAD XML INFILE 'x' INTO TABLE t"],
];

/** They look like what is recognised, and may be anything. */
const NOT_UNDERSTOOD = [
  "SHOW TABLES WHERE NEXT VALUE FOR s",
  "SHOW VARIABLES WHERE (SELECT 1 FROM t FOR UPDATE)",
  "SHOW VARIABLES WHERE (SELECT 1 INTO OUTFILE '/x')",
  "SHOW SOMETHING NEW",
  "SHOW PARSE_TREE DELETE FROM t",
  "START TRANSACTION DELETE FROM t",
  "START TRANSACTION WITH CONSISTENT SNAPSHOT READ ONLY",
  "BEGIN DELETE FROM t",
  "COMMIT CHAIN",
  "TABLE t INTO OUTFILE '/x'",
  "SELECT 1 LOCK IN EXCLUSIVE MODE",
  "SET NAMES",
  "SET NAMES utf8mb4,",
  "SET NAMES utf8mb4, PASSWORD FOR x = 'y'",
  "SET NAMES utf8mb4, @a",
  "DESCRIBE t a b",
  "LOCK TABLES t READ; LOCK TABLES",
  "SET STATEMENT sql_mode = 'ANSI_QUOTES' FOR SELECT 1",
];

describe("statements that are recognised by their form", () => {
  before(loadGrammar);

  test("those that only read", () => {
    for (const sql of READING.split("\n").filter((line) => line !== "")) assert.equal(needs(sql), "read", sql);
  });

  for (const [rights, ...texts] of OTHERS) {
    test(`those that need ${rights}`, () => {
      for (const sql of texts) assert.equal(needs(sql), rights, sql);
    });
  }

  test("what only looks like one is not taken for it", () => {
    for (const sql of NOT_UNDERSTOOD) {
      const found = needs(sql);
      assert.ok(found === null || found === "admin,read,schema,write", `${sql}: ${found}`);
    }
  });

  test("a quoted name and a string are no key words", () => {
    for (const sql of ["`SHOW` TABLES", "START 'transaction'", "SELECT 1 `LOCK` IN SHARE MODE", "SET `NAMES` utf8mb4"])
      assert.equal(needs(sql), null, sql);
  });

  test("tables are told", () => {
    for (const [sql, ...tables] of [
      ["LOCK TABLES a READ, shop.b AS c READ LOCAL", "a", "shop.b"],
      ["DESCRIBE `d e`", "d e"],
      ["TABLE shop.t", "shop.t"],
      ["UPDATE IGNORE a, b SET a.x = b.x", "a", "b"],
      ["SHOW COLUMNS FROM t", "t"],
      ["INSERT INTO a SELECT b.x FROM b CROSS JOIN c ON DUPLICATE KEY UPDATE x = (SELECT y FROM d)", "a", "b", "c", "d"],
    ]) {
      const found = facts(sql ?? "");
      assert.ok(found.kind === "parsed", sql);
      assert.deepEqual([...(found.statements[0]?.tables ?? [])].sort(), tables, sql);
    }
  });

  test("a list has an item between its commas, and ends with one", () => {
    const notation = "lock tables <@table [[as] @name] read> [nowait]";
    for (const sql of ["LOCK TABLES a READ", "LOCK TABLES a READ, b c READ, d.e AS f READ NOWAIT"]) assert.ok(matches(notation, sql), sql);
    for (const sql of ["LOCK TABLES", "LOCK TABLES a READ,", "LOCK TABLES , a READ", "LOCK TABLES a READ b READ", "LOCK TABLES a WRITE"]) {
      assert.ok(!matches(notation, sql), sql);
    }
  });
});
