/** Hostile statements that stand in a string until they run: by names that two readers could take for one or for two, in every spelling. */
import type { HostileGroups } from "#test/masking/mysql/hostile.ts";

const COLUMNS = ["email", "ssn", "code", "pin", "salary", "born", "seen", "details", "photo", "bio", "mood", "flags", "low"];

/** As a string of the client's. */
function quoted(sql: string): string {
  return `'${sql.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}

const QUERIES = [
  "SELECT * FROM users",
  "SELECT u.ssn AS city FROM users u JOIN orders o ON o.user_id = u.id",
  "SELECT harmless FROM view_of_view",
  "SELECT b FROM copied_view",
  "SELECT x.city FROM (SELECT ssn AS city FROM users) x",
  "WITH c AS (SELECT ssn AS s FROM users) SELECT s FROM c",
  "SELECT 'it''s', \"x\", '\\\\', ssn FROM users",
  "SELECT user_ssn(1)",
  "SELECT id FROM orders UNION SELECT ssn FROM users",
  "CALL show_ssn()",
];

export const PREPARED: HostileGroups = {
  "prepared by a text": [
    ...COLUMNS.map((column) => [`PREPARE p FROM 'SELECT ${column} FROM users'`, "EXECUTE p"]),
    ...QUERIES.map((sql) => [`PREPARE p FROM ${quoted(sql)}`, "EXECUTE p"]),
    ["PREPARE p FROM 'SELECT ssn FROM users WHERE id = ? OR 1 = 1'", "SET @i = 1", "EXECUTE p USING @i"],
    ["PREPARE p FROM 'SELECT IF(?, ssn, 0) FROM users'", "SET @i = 1", "EXECUTE p USING @i"],
    ['PREPARE p FROM "SELECT ssn FROM users"', "EXECUTE p"],
    ["PREPARE p FROM 'SELECT \\'a\\', ssn FROM users'", "EXECUTE p"],
    ["SET sql_mode = 'NO_BACKSLASH_ESCAPES'", "PREPARE p FROM 'SELECT ''\\'', ssn FROM users'", "EXECUTE p"],
    ["PREPARE p FROM 'SELECT 1 # '', \n , ssn FROM users'", "EXECUTE p"],
    ["PREPARE p FROM 'SELECT id /*!50000 , ssn */ FROM users'", "EXECUTE p"],
    ["PREPARE p FROM 'SELECT id \\/*!50000 , ssn *\\/ FROM users'", "EXECUTE p"],
    ["/*!50000 PREPARE p FROM 'SELECT ssn FROM users' */", "EXECUTE p"],
    ["PREPARE p FROM 'SELECT ssn INTO @v FROM users WHERE id = 1'", "EXECUTE p", "SELECT @v"],
    ["PREPARE p FROM 'SET @v = (SELECT ssn FROM users WHERE id = 1)'", "EXECUTE p", "SELECT @v"],
    ["PREPARE p FROM 'INSERT INTO inbox SELECT id, ssn FROM users'", "EXECUTE p", "SELECT * FROM inbox"],
    ["PREPARE p FROM 'CREATE TABLE t1 AS SELECT ssn FROM users'", "EXECUTE p", "SELECT * FROM t1"],
    ["PREPARE p FROM 'RENAME TABLE payments TO shown'", "EXECUTE p", "SELECT card FROM shown"],
  ],
  "prepared by a text (mysql)": [
    ["PREPARE p FROM 'TABLE users'", "EXECUTE p"],
    ["PREPARE p FROM 'SELECT EXTRACTVALUE(1, CONCAT(''~'', (SELECT ssn FROM users WHERE id = 1)))'", "EXECUTE p"],
  ],
  "under another name": [
    ["PREPARE P FROM 'SELECT ssn FROM users'", "EXECUTE p"],
    ["PREPARE `p` FROM 'SELECT ssn FROM users'", "EXECUTE P"],
    ["PREPARE p FROM 'SELECT 1'", "PREPARE P FROM 'SELECT ssn FROM users'", "EXECUTE p"],
    ["PREPARE p FROM 'SELECT 1'", "DEALLOCATE PREPARE p", "PREPARE p FROM 'SELECT ssn FROM users'", "EXECUTE p"],
    ["PREPARE p FROM 'SELECT 1'", "SET @q = 'SELECT ssn FROM users'", "PREPARE p FROM @q", "EXECUTE p"],
    ["PREPARE p FROM 'SELECT note FROM inbox'", "INSERT INTO inbox SELECT id, ssn FROM users", "EXECUTE p"],
    ["PREPARE `select` FROM 'SELECT ssn FROM users'", "EXECUTE `select`"],
    ["PREPARE `a b` FROM 'SELECT ssn FROM users'", "EXECUTE `a b`"],
    [
      "PREPARE p FROM 'SELECT id FROM t1'",
      "CREATE TABLE t1 AS SELECT ssn AS id FROM users",
      "PREPARE p FROM 'SELECT id FROM t1'",
      "EXECUTE p",
    ],
    [
      "PREPARE p FROM 'SELECT id FROM orders'",
      "RENAME TABLE orders TO o2, payments TO orders",
      "PREPARE p FROM 'SELECT card FROM orders'",
      "EXECUTE p",
    ],
  ],
  "under another name (mysql)": [
    ["PREPARE é FROM 'SELECT ssn FROM users'", "EXECUTE e"],
    ["PREPARE e FROM 'SELECT 1'", "PREPARE É FROM 'SELECT ssn FROM users'", "EXECUTE e"],
    ["PREPARE `p ` FROM 'SELECT ssn FROM users'", "EXECUTE p"],
  ],
  "computed (mariadb)": [
    ["PREPARE p FROM CONCAT('SELECT s', 'sn FROM users')", "EXECUTE p"],
    ["PREPARE p FROM x'53454c4543542073736e2046524f4d207573657273'", "EXECUTE p"],
    ["PREPARE p FROM N'SELECT ssn FROM users'", "EXECUTE p"],
    ["PREPARE p FROM _utf8mb4'SELECT ssn FROM users'", "EXECUTE p"],
    "EXECUTE IMMEDIATE 'SELECT ssn FROM users'",
    "EXECUTE IMMEDIATE 'SELECT ssn FROM users WHERE id = ?' USING 1",
    "EXECUTE IMMEDIATE CONCAT('SELECT s', 'sn FROM users')",
    ["SET @q = 'SELECT ssn FROM users'", "EXECUTE IMMEDIATE @q"],
  ],
};
