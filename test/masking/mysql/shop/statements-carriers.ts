/** Hostile statements that carry values somewhere else and read them there, let the database's own programs read, or write and see. */
import type { HostileGroups } from "#test/masking/mysql/hostile.ts";

export const CARRIERS: HostileGroups = {
  "user variables": [
    ["SELECT ssn INTO @v FROM users WHERE id = 1", "SELECT @v"],
    ["SELECT id, ssn FROM users WHERE id = 1 INTO @i, @v", "SELECT @v"],
    ["SET @v = (SELECT ssn FROM users WHERE id = 1)", "SELECT @v"],
    ["SELECT @v := ssn FROM users WHERE id = 1"],
    ["DO @v := (SELECT ssn FROM users WHERE id = 1)", "SELECT CONCAT(@v)"],
    ["SELECT COUNT(*) FROM users WHERE (@v := ssn) IS NOT NULL AND id = 1", "SELECT @v"],
    ["SELECT @a := CONCAT(COALESCE(@a, ''), ssn) FROM users", "SELECT @a"],
    ["SET @v := (SELECT GROUP_CONCAT(ssn) FROM users), @w = 1", "SELECT REVERSE(@v)"],
    [
      "UPDATE inbox SET id = 1 WHERE (@v := (SELECT MAX(ssn) FROM users)) IS NULL",
      "INSERT INTO inbox VALUES (1, (@v := (SELECT MAX(ssn) FROM users)))",
      "SELECT @v",
    ],
  ],
  "copies of rows": [
    ["INSERT INTO inbox SELECT id, ssn FROM users", "SELECT note FROM inbox"],
    ["INSERT INTO inbox (note) SELECT CONCAT('x', ssn) FROM users", "SELECT * FROM inbox"],
    ["INSERT INTO inbox VALUES (1, (SELECT ssn FROM users WHERE id = 1))", "SELECT * FROM inbox"],
    ["INSERT INTO inbox SET id = 1, note = (SELECT ssn FROM users WHERE id = 1)", "SELECT * FROM inbox"],
    ["REPLACE INTO inbox SELECT id, ssn FROM users", "SELECT * FROM inbox"],
    ["INSERT INTO inbox VALUES (1, 'x')", "UPDATE inbox SET note = (SELECT ssn FROM users WHERE id = 1)", "SELECT * FROM inbox"],
    ["INSERT INTO inbox VALUES (1, 'x')", "UPDATE inbox i JOIN users u ON u.id = i.id SET i.note = u.ssn", "SELECT * FROM inbox"],
    ["INSERT INTO inbox VALUES (1, 'x')", "UPDATE inbox, users SET note = ssn WHERE users.id = inbox.id", "SELECT * FROM inbox"],
    [
      "INSERT INTO counters (n, label) VALUES (1, 'x') ON DUPLICATE KEY UPDATE label = (SELECT ssn FROM users WHERE id = 1)",
      "SELECT * FROM counters",
    ],
    [
      "INSERT INTO counters (n, label) SELECT 1, ssn FROM users WHERE id = 1 ON DUPLICATE KEY UPDATE label = VALUES(label)",
      "SELECT * FROM counters",
    ],
    ["INSERT INTO counters (n, label) SELECT 1, ssn FROM users ON DUPLICATE KEY UPDATE label = users.ssn", "SELECT * FROM counters"],
    ["INSERT INTO counters (n, label) SELECT 1, 'x' FROM users u ON DUPLICATE KEY UPDATE label = u.ssn", "SELECT * FROM counters"],
    [
      "INSERT INTO counters (n, label) SELECT 1, 'x' FROM orders o JOIN users u ON u.id = o.user_id ON DUPLICATE KEY UPDATE label = shop.u.ssn",
      "SELECT * FROM counters",
    ],
    [
      "INSERT INTO counters (n, label) SELECT 1, q.s FROM (SELECT ssn AS s FROM users) AS q ON DUPLICATE KEY UPDATE label = q.s",
      "SELECT * FROM counters",
    ],
    ["CREATE TABLE t1 AS SELECT id, ssn FROM users", "SELECT * FROM t1"],
    ["CREATE TABLE t1 SELECT * FROM users", "SELECT ssn FROM t1"],
    ["CREATE TABLE t1 (note text) SELECT ssn AS note FROM users", "SELECT note FROM t1"],
    ["CREATE TEMPORARY TABLE t1 AS SELECT ssn FROM users", "SELECT * FROM t1"],
    ["CREATE TEMPORARY TABLE t1 (s varchar(20))", "INSERT INTO t1 SELECT ssn FROM users", "SELECT * FROM t1"],
    ["CREATE TEMPORARY TABLE users AS SELECT id, ssn FROM shop.users", "SELECT ssn FROM users"],
    ["CREATE TABLE t1 LIKE users", "INSERT INTO t1 (id, name, ssn) SELECT id, name, ssn FROM users", "SELECT ssn FROM t1"],
    ["CREATE VIEW v1 AS SELECT ssn AS a FROM users", "SELECT a FROM v1"],
    ["CREATE OR REPLACE VIEW open_orders AS SELECT ssn AS id, email AS total FROM users", "SELECT id FROM open_orders"],
    ["ALTER VIEW open_orders AS SELECT ssn AS id FROM users", "SELECT id FROM open_orders"],
  ],
  "other names for the same rows": [
    ["RENAME TABLE payments TO public_cards", "SELECT card FROM public_cards"],
    ["ALTER TABLE payments RENAME TO public_cards", "SELECT card FROM public_cards"],
    ["ALTER TABLE payments RENAME COLUMN card TO label", "SELECT label FROM payments"],
    ["ALTER TABLE payments CHANGE card label varchar(20)", "SELECT label FROM payments"],
    ["ALTER TABLE payments ADD COLUMN shown varchar(20) AS (CONCAT('x', CAST(card AS CHAR(16)))) VIRTUAL", "SELECT shown FROM payments"],
    ["RENAME TABLE orders TO o2, payments TO orders", "SELECT card FROM orders"],
    [
      "CREATE TABLE e2 (id int, region varchar(10), secret varchar(40))",
      "ALTER TABLE events EXCHANGE PARTITION north WITH TABLE e2",
      "SELECT secret FROM e2",
    ],
    [
      "CREATE TABLE t1 (id int, label varchar(40), KEY (label))",
      "ALTER TABLE events REMOVE PARTITIONING",
      "RENAME TABLE events TO t2",
      "SELECT secret FROM t2",
    ],
  ],
  "statements in strings": [
    ["PREPARE p FROM 'SELECT ssn FROM users'", "EXECUTE p"],
    ["PREPARE p FROM 'SELECT ssn FROM users WHERE id = ?'", "SET @i = 1", "EXECUTE p USING @i"],
    ["SET @q = CONCAT('SELECT s', 'sn FROM users')", "PREPARE p FROM @q", "EXECUTE p"],
    ["SET @q = 0x53454C4543542073736E2046524F4D207573657273", "PREPARE p FROM @q", "EXECUTE p"],
  ],
  "statements in strings (mariadb)": [
    "EXECUTE IMMEDIATE 'SELECT ssn FROM users'",
    "EXECUTE IMMEDIATE CONCAT('SELECT s', 'sn FROM users')",
    "BEGIN NOT ATOMIC SELECT ssn FROM users; END",
    "IF 1 THEN SELECT ssn FROM users; END IF",
    "FOR i IN (SELECT ssn FROM users) DO SELECT i.ssn; END FOR",
    "WITH u AS (SELECT ssn FROM users) SELECT * FROM u UNION ALL SELECT 'a'",
    "SET STATEMENT max_statement_time = 5 FOR SELECT ssn FROM users",
  ],
  "names of a new row (mysql)": [
    [
      "INSERT INTO users (id, name) VALUES (1, 'x') AS new (i, n) ON DUPLICATE KEY UPDATE name = CONCAT(n, users.ssn)",
      "SELECT name FROM users WHERE id = 1",
    ],
    [
      "INSERT INTO users (id, name) VALUES (1, 'x') AS new (i, n) ON DUPLICATE KEY UPDATE name = (SELECT v.ssn FROM users v WHERE v.id = i)",
      "SELECT name FROM users WHERE id = 1",
    ],
    [
      "INSERT INTO counters (n, label) VALUES (1, 'x') AS new (ssn, l) ON DUPLICATE KEY UPDATE label = (SELECT users.ssn FROM users WHERE users.id = new.ssn)",
      "SELECT * FROM counters",
    ],
  ],
  "values that name things": [
    [
      "SELECT GET_LOCK(CONCAT('l', (SELECT ssn FROM users WHERE id = 1)), 0)",
      "SELECT LAST_INSERT_ID((SELECT pin FROM users WHERE id = 1))",
      "SELECT LAST_INSERT_ID()",
    ],
    ["SELECT LAST_INSERT_ID(pin) FROM users WHERE id = 1"],
    ["INSERT INTO counters (id, n) SELECT LAST_INSERT_ID(pin), 99 FROM users WHERE id = 1", "SELECT LAST_INSERT_ID()"],
    [
      "SET SESSION default_week_format = 0, @x = 1",
      "SET SESSION lc_messages = 'en_US', @v = (SELECT ssn FROM users WHERE id = 1)",
      "SELECT @v",
    ],
    [
      "SET SESSION auto_increment_increment = (SELECT 1), timestamp = (SELECT pin FROM users WHERE id = 1)",
      "SELECT @@timestamp, UNIX_TIMESTAMP()",
    ],
  ],
};

export const PROGRAMS: HostileGroups = {
  "the database's own programs": [
    "SELECT user_ssn(1)",
    "SELECT shop.user_ssn(id) FROM orders WHERE id = 1",
    "SELECT `user_ssn`(1)",
    "SELECT `shop`.`user_ssn` (1)",
    "SELECT CONCAT(user_ssn(1))",
    "SELECT * FROM orders WHERE id = 1 UNION SELECT 1, 2, 3, user_ssn(1), 5, 6",
    "CALL show_ssn()",
    "CALL shop.show_ssn",
    ["CALL copy_out()", "SELECT * FROM inbox"],
    ["INSERT INTO noisy VALUES (1, 'x')", "SELECT note FROM noisy"],
    ["INSERT INTO inbox VALUES (1, user_ssn(1))", "SELECT note FROM inbox"],
    ["UPDATE counters SET label = user_ssn(1) WHERE n = 1", "SELECT label FROM counters"],
    ["CREATE FUNCTION f1() RETURNS varchar(20) READS SQL DATA RETURN (SELECT MAX(ssn) FROM users)", "SELECT f1()"],
    ["CREATE PROCEDURE p1() SELECT email FROM users", "CALL p1()"],
    [
      "CREATE TRIGGER t1 BEFORE INSERT ON inbox FOR EACH ROW SET NEW.note = (SELECT MAX(ssn) FROM users)",
      "INSERT INTO inbox VALUES (1, '')",
      "SELECT * FROM inbox",
    ],
    ["SET @v = user_ssn(1)", "SELECT @v"],
    ["SELECT CAST(user_ssn(1) AS SIGNED)", "SHOW WARNINGS"],
    "SELECT name, user_ssn(id) AS city FROM users ORDER BY user_ssn(id)",
  ],
};

export const WRITES: HostileGroups = {
  "writes that tell (mariadb)": [
    "INSERT INTO inbox VALUES (1, 'x') RETURNING (SELECT ssn FROM users WHERE id = 1)",
    "DELETE FROM payments WHERE id = 1 RETURNING card",
    "DELETE FROM payments RETURNING *",
    "REPLACE INTO payments (id, user_id, card) SELECT id, user_id, card FROM payments WHERE id = 1 RETURNING card",
    "INSERT INTO users (id, name, ssn) SELECT 8, 'x', MAX(CONCAT(ssn, '')) FROM payments, users WHERE 1 = 0 UNION SELECT 9, 'y', REVERSE(ssn) FROM users WHERE id = 1 RETURNING ssn",
  ],
  "writes that carry within the table": [
    ["UPDATE users SET name = ssn WHERE id < 3", "SELECT name FROM users"],
    ["UPDATE users SET city = CONCAT('x', email) WHERE id = 1", "SELECT city FROM users"],
    ["UPDATE users u JOIN users v ON u.id = v.id SET u.city = v.ssn", "SELECT city FROM users"],
    [
      "UPDATE payments SET amount = card DIV 1000000000, user_id = NULL WHERE id = 1",
      "UPDATE inbox SET id = 1",
      "UPDATE users SET name = pin WHERE id = 1",
      "SELECT name FROM users WHERE id = 1",
    ],
    [
      "INSERT INTO users (id, name, city) SELECT id + 10, ssn, CONCAT('x', email) FROM users WHERE id < 3",
      "SELECT name, city FROM users WHERE id > 10",
    ],
    ["INSERT INTO users (id, name) VALUES (1, 'x') ON DUPLICATE KEY UPDATE name = ssn", "SELECT name FROM users WHERE id = 1"],
    [
      "INSERT INTO users (id, name) VALUES (1, 'x') ON DUPLICATE KEY UPDATE name = CONCAT(users.ssn)",
      "SELECT name FROM users WHERE id = 1",
    ],
    ["REPLACE INTO orders (id, status) SELECT id, RIGHT(ssn, 10) FROM users", "SELECT CONCAT(9, status) FROM orders WHERE id = 1"],
  ],
};
