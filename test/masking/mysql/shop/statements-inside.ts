/**
 * Hostile statements that read what a server keeps about rows, that make it tell values in its errors, or that are written so
 * that two readers could take them differently.
 */
import type { HostileGroups } from "#test/masking/mysql/hostile.ts";

export const INSIDE: HostileGroups = {
  "plans print rows (mysql)": [
    ["EXPLAIN FORMAT=TRADITIONAL SELECT ssn, name FROM users WHERE id = 1", "SHOW WARNINGS"],
    ["EXPLAIN FORMAT=JSON SELECT ssn FROM users WHERE id = 1", "SHOW WARNINGS"],
    ["DESCRIBE FORMAT=TRADITIONAL SELECT email FROM users WHERE id = 1", "SHOW WARNINGS"],
    ["DESC FORMAT=JSON SELECT card FROM payments WHERE id = 1", "SHOW WARNINGS"],
    ["EXPLAIN FORMAT=TREE SELECT * FROM users u JOIN orders o ON o.status = u.ssn WHERE u.id = 1"],
    ["EXPLAIN ANALYZE SELECT * FROM users u JOIN orders o ON o.status = u.ssn WHERE u.id = 1"],
  ],
  "plans print rows (mariadb)": [
    ["EXPLAIN EXTENDED SELECT ssn, name FROM users WHERE id = 1", "SHOW WARNINGS"],
    ["DESCRIBE EXTENDED SELECT email FROM users WHERE id = 1", "SHOW WARNINGS"],
    ["ANALYZE FORMAT=JSON SELECT * FROM users u JOIN orders o ON o.status = u.ssn WHERE u.id = 1"],
    ["EXPLAIN FORMAT=JSON SELECT * FROM users u JOIN orders o ON o.status = u.ssn WHERE u.id = 1"],
  ],
  "the optimizer's trace": [
    [
      "SET optimizer_trace = 'enabled=on'",
      "SELECT COUNT(*) FROM users u JOIN orders o ON o.status = u.ssn WHERE u.id = 1",
      "SELECT * FROM information_schema.optimizer_trace",
    ],
  ],
  "statistics of columns (mysql)": [
    "SELECT * FROM information_schema.column_statistics",
    "SELECT HISTOGRAM FROM information_schema.COLUMN_STATISTICS WHERE column_name = 'pin'",
    "SELECT CAST(histogram AS CHAR) FROM information_schema.column_statistics",
  ],
  "statistics of columns (mariadb)": [
    "SELECT * FROM mysql.column_stats",
    "SELECT min_value, max_value FROM mysql.column_stats WHERE column_name = 'ssn'",
  ],
  "locks show keys (mysql)": [
    ["BEGIN", "SELECT id FROM users FORCE INDEX (ssn) WHERE ssn > '' FOR UPDATE", "SELECT LOCK_DATA FROM performance_schema.data_locks"],
  ],
  "rows of a handler": [
    ["HANDLER users OPEN", "HANDLER users READ FIRST"],
    ["HANDLER shop.users OPEN AS h", "HANDLER h READ `PRIMARY` = (1)"],
    ["HANDLER users OPEN", "HANDLER users READ ssn FIRST", "HANDLER users READ NEXT"],
  ],
  "analysed by a procedure (mariadb)": ["SELECT ssn FROM users PROCEDURE ANALYSE()"],
};

export const ERRORS: HostileGroups = {
  "errors that hold a value": [
    "SELECT EXTRACTVALUE(1, CONCAT('~', (SELECT ssn FROM users WHERE id = 1)))",
    "SELECT UPDATEXML(1, CONCAT('~', (SELECT ssn FROM users WHERE id = 1)), 1)",
    "INSERT INTO users (id, name, ssn) SELECT 9, 'x', ssn FROM users WHERE id = 1",
    "UPDATE users SET ssn = (SELECT s FROM (SELECT ssn AS s FROM users WHERE id = 1) x) WHERE id = 2",
    "INSERT INTO counters (n) SELECT pin FROM users WHERE id = 1 UNION ALL SELECT pin FROM users WHERE id = 1",
    "INSERT INTO counters (id, n) SELECT pin, id + 50 FROM users WHERE id = 1 UNION ALL SELECT pin, id + 60 FROM users WHERE id = 1",
    "INSERT INTO badges (id) SELECT pin FROM users WHERE id = 1 UNION ALL SELECT pin FROM users WHERE id = 1",
    "ALTER TABLE users MODIFY email date",
  ],
  "warnings that hold a value": [
    ["SELECT ssn + 0 FROM users WHERE id = 1", "SHOW WARNINGS"],
    ["SELECT CAST(ssn AS SIGNED) FROM users WHERE id = 1", "SHOW WARNINGS"],
    ["SELECT COUNT(*) FROM users WHERE ssn = 1", "SHOW WARNINGS"],
    ["SELECT CAST(email AS DATE) FROM users WHERE id = 1", "SHOW WARNINGS"],
    ["SELECT CAST(ssn AS DECIMAL(10,2)) FROM users WHERE id = 1", "SHOW WARNINGS LIMIT 5"],
    ["DO CAST((SELECT ssn FROM users WHERE id = 1) AS SIGNED)", "SHOW WARNINGS"],
    ["SELECT 1 FROM users ORDER BY ssn + 1", "SHOW WARNINGS"],
    ["SELECT CAST(ssn AS SIGNED) FROM users WHERE id = 1", "GET DIAGNOSTICS CONDITION 1 @m = MESSAGE_TEXT", "SELECT @m"],
  ],
  "errors that hold a value (mysql)": [
    "SELECT GTID_SUBSET(email, '') FROM users WHERE id = 1",
    "SELECT GTID_SUBTRACT('', (SELECT email FROM users WHERE id = 1))",
    "SELECT UUID_TO_BIN(ssn) FROM users WHERE id = 1",
    "SELECT ST_LatFromGeoHash(CONCAT('!', ssn)) FROM users WHERE id = 1",
    "SELECT ST_PointFromGeoHash(CONCAT('!', ssn), 4326) FROM users WHERE id = 1",
  ],
  "errors that hold a value (mariadb)": [
    "SELECT COUNT(*), CONCAT((SELECT ssn FROM users WHERE id = 1), FLOOR(RAND(0) * 2)) x FROM information_schema.plugins GROUP BY x",
  ],
};

export const LEXICAL: HostileGroups = {
  "comments that run": [
    "SELECT /*! ssn */ FROM users",
    "SELECT /*!50000 ssn */ FROM users",
    "SELECT /*!50000ssn*/ FROM users",
    "SELECT 1 /*! , ssn FROM users */",
    "SELECT 1 FROM orders WHERE 0 /*!50000 UNION SELECT ssn FROM users */",
    "/*!50000 SELECT ssn FROM users */",
  ],
  "comments that run (mariadb)": [
    "SELECT /*M! ssn */ FROM users",
    "SELECT /*M!100100 ssn */ FROM users",
    "SELECT 1 /*M!50000 UNION SELECT ssn FROM users */",
  ],
  "comments that do not": [
    "SELECT /* name */ ssn FROM users",
    "SELECT ssn -- name\nFROM users",
    "SELECT ssn # name\nFROM users",
    "SELECT/**/ssn/**/FROM/**/users",
    "SELECT ssn FROM users -- ",
    "SELECT\tssn\r\nFROM\fusers",
  ],
  quotes: [
    ["SET sql_mode = 'ANSI_QUOTES'", 'SELECT "ssn" FROM users'],
    ["SET SESSION sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')", 'SELECT "users"."ssn" AS "name" FROM "users"'],
    ["SET sql_mode = 'ANSI'", "SELECT '' || \"ssn\" FROM users"],
    ["SET sql_mode = 'NO_BACKSLASH_ESCAPES'", "SELECT '\\', ssn, '\\' FROM users"],
    ["SET sql_mode = 'PIPES_AS_CONCAT'", "SELECT ssn || '' FROM users"],
    ["SET sql_mode = ''", "SELECT `ssn`'x' FROM users"],
    ["SET sql_mode = 'IGNORE_SPACE'", "SELECT CONCAT (ssn) FROM users"],
    ["SET @@sql_mode := 'ANSI_QUOTES'", 'SELECT "ssn" FROM users'],
  ],
  "hints (mysql)": [
    "SELECT /*+ SET_VAR(sql_mode = 'ANSI_QUOTES') */ ssn FROM users",
    "SELECT /*+ NO_MERGE(u) */ ssn FROM users u",
    "SELECT /*+ QB_NAME(a) */ ssn FROM users",
  ],
  "spellings of other days": [
    "SELECT {fn UCASE(ssn)} FROM users",
    "SELECT {d '2020-01-01'}, ssn FROM users",
    "SELECT N'a', ssn FROM users",
    "SELECT _utf8mb4'a', ssn FROM users",
    "SELECT x'41', 0x41, b'1', ssn FROM users",
    "SELECT ssn`name` FROM users",
    "SELECT 1., ssn FROM users",
  ],
  "forms of one server (mysql)": [
    "TABLE users",
    "TABLE users ORDER BY id LIMIT 1",
    "SELECT * FROM (TABLE users) x",
    "SELECT 'a', 'b', 'c' UNION TABLE events",
    "SELECT x.s FROM orders o, LATERAL (SELECT ssn AS s FROM users u WHERE u.id = o.user_id) x",
    "SELECT x.s FROM orders o JOIN LATERAL (SELECT u.ssn AS s FROM users u WHERE u.id = o.user_id LIMIT 1) x ON TRUE",
    "SELECT v.column_0, u.ssn FROM (VALUES ROW(1), ROW(2)) v JOIN users u ON u.id = v.column_0",
    "SELECT ANY_VALUE(ssn) FROM users",
    "SELECT ssn FROM users FOR SHARE SKIP LOCKED",
    "SELECT ssn FROM users FOR UPDATE OF users NOWAIT",
    "SELECT 'a' MEMBER OF (JSON_ARRAY(ssn)), ssn FROM users",
    "SELECT GROUPING(ssn), ssn FROM users GROUP BY ssn WITH ROLLUP",
  ],
  "forms of one server (mariadb)": [
    "SELECT PERCENTILE_DISC(0) WITHIN GROUP (ORDER BY pin DESC) OVER (PARTITION BY city), ssn FROM users",
    "SELECT SFORMAT('{}', ssn) FROM users",
    "SELECT NVL(ssn, ''), NVL2(ssn, ssn, '') FROM users",
    "SELECT DECODE_ORACLE(1, 1, ssn) FROM users",
    "SELECT ssn FROM users OFFSET 0 ROWS FETCH FIRST 2 ROWS ONLY",
    "SELECT ssn FROM users LIMIT ROWS EXAMINED 1000",
    "SELECT JSON_DETAILED(details), JSON_COMPACT(details) FROM users",
    "SELECT COLUMN_JSON(COLUMN_CREATE('a', ssn)) FROM users",
    "VALUES ((SELECT ssn FROM users WHERE id = 1)), ('b')",
    ["SET sql_mode = 'ORACLE'", "SELECT ssn || '' FROM users"],
    "SELECT NATURAL_SORT_KEY(ssn), ssn FROM users",
  ],
};
