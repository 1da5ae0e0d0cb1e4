/** What the fuzzer starts from on MySQL and MariaDB: every statement of the masking corpus, hostile and honest, each a list of texts of one session. */
import { APP_BENIGN, APP_BENIGN_STATEMENTS } from "#test/masking/mysql/app/benign.ts";
import { APP_BENIGN_WRITES } from "#test/masking/mysql/app/benign-writes.ts";
import { APP_ORDINARY } from "#test/masking/mysql/app/ordinary.ts";
import type { Hostile, HostileGroups } from "#test/masking/mysql/hostile.ts";
import { SHOP_BENIGN } from "#test/masking/mysql/shop/benign.ts";
import { SHOP_ORACLES } from "#test/masking/mysql/shop/oracles.ts";
import { MYSQL_HOSTILE } from "#test/masking/mysql/statements.ts";
import { MYSQL_FOUND } from "./mysql-found.ts";

const texts = (hostile: Hostile): readonly string[] => [hostile].flat();
const inShop = (list: readonly string[]): readonly string[] => ["USE shop", ...list];
const groups = (all: HostileGroups): readonly (readonly string[])[] => Object.values(all).flat().map(texts);

export const MYSQL_STATEMENTS: readonly (readonly string[])[] = [
  ...groups(MYSQL_HOSTILE.app),
  ...groups(MYSQL_HOSTILE.shop).map(inShop),
  ...[...APP_BENIGN, ...APP_BENIGN_STATEMENTS, ...APP_BENIGN_WRITES, ...Object.values(APP_ORDINARY).flat()].map((sql) => [sql]),
  ...groups(SHOP_BENIGN).map(inShop),
  ...SHOP_ORACLES.map(([yes]) => inShop([yes])),
  ...MYSQL_FOUND.map(texts),
];

/** Turns of their own. */
export const MYSQL_WRITES: readonly (readonly string[])[] = MYSQL_STATEMENTS.filter((list) =>
  list.some((text) => /^\s*(insert|update|delete|replace|create temporary)/i.test(text)),
);

/** Ways in which optimisers have bent the order, the number or the shape of rows: there are never enough of these. */
export const MYSQL_SHAPES: readonly (readonly string[])[] = [
  "SELECT id FROM users WHERE ssn IS NULL OR ssn > ''",
  "SELECT u.id, v.id FROM users u JOIN users v ON u.ssn = v.ssn",
  "SELECT u.id FROM users u WHERE NOT EXISTS (SELECT 1 FROM users v WHERE v.ssn > u.ssn)",
  "SELECT pin, COUNT(*) FROM users GROUP BY pin",
  "SELECT DISTINCT pin FROM users",
  "SELECT DISTINCT ssn, city FROM users ORDER BY city",
  "SELECT id, RANK() OVER (ORDER BY salary) FROM users",
  "SELECT id FROM users UNION SELECT pin FROM users",
  "SELECT ssn FROM users UNION SELECT card FROM payments",
  "SELECT name FROM users GROUP BY name, pin",
  "SELECT id FROM users ORDER BY email LIMIT 1",
  "SELECT MAX(id) FROM users GROUP BY mood",
  "SELECT COUNT(DISTINCT ssn) FROM users",
  "SELECT u.id, b.id FROM users u LEFT JOIN badges b ON b.ssn_ref = u.ssn",
  "SELECT id, LAG(id) OVER (PARTITION BY ssn ORDER BY pin) FROM users",
  "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < (SELECT LENGTH(ssn) FROM users LIMIT 1)) SELECT COUNT(*) FROM r",
  "SELECT * FROM users u, LATERAL (SELECT u.ssn AS s) l WHERE l.s > '5'",
  "SELECT GROUP_CONCAT(id ORDER BY ssn) FROM users",
  "SELECT city FROM users WHERE id = ? AND ssn = ?",
  "SELECT id FROM users LIMIT ?",
  "SELECT ?, ssn FROM users WHERE ? < id",
  "INSERT INTO inbox (id, note) VALUES (?, ?)",
  "UPDATE users SET city = ? WHERE id = ?",
  "UPDATE users SET email = ? WHERE id = ?",
  "UPDATE users SET email = 'x@y.example'",
  "UPDATE orders SET total = total + 1 WHERE user_id IN (SELECT id FROM users WHERE city = 'Oslo')",
  "INSERT INTO orders (user_id, total, status) SELECT id, 1, 'x' FROM users",
  "SHOW INDEX FROM users",
  "SHOW TABLE STATUS",
  "SHOW COLUMNS FROM users LIKE 's%'",
  "SELECT index_name, column_name, cardinality FROM information_schema.statistics WHERE table_schema = 'app' ORDER BY 1, 2, 3",
  "SELECT table_name, partition_name, partition_description, table_rows FROM information_schema.partitions ORDER BY 1, 2",
  "SELECT table_name, table_rows, data_length FROM information_schema.tables WHERE table_schema = 'app'",
].map((sql) => [sql]);
