/**
 * The database `app` of the attacks on MySQL and MariaDB: a canary of its own in every protected cell, under masks of every
 * kind, and around them the objects by which rows can be reached in another way. Nothing here is real.
 */
import type { ActiveMask } from "#policies/question.ts";
import type { Canary } from "#test/masking/seed.ts";

/** No other cell and no statement of the corpus shows any of them. */
export const APP_CANARIES: readonly Canary[] = [
  "zoqkmarta",
  "wyxbjonas",
  "917-44-2051",
  "836-52-7719",
  "605-77-3390",
  "918273645",
  "73519.25",
  "-07-29",
  "-11-23",
  "04:41:17",
  "vermilion-otter",
  "tangerine-gully",
  "Hollowbrook",
  "c0ffee5eed77aa01",
  "quagmireplum",
  "QXJ4481",
  "4929770012",
  "4485219077",
  "obsidiannorth",
  "obsidiansouth",
  "brackenfield",
].map((text) => ({ text }));

const USERS = `CREATE TABLE users (
  id INT PRIMARY KEY AUTO_INCREMENT,
  name VARCHAR(50) NOT NULL,
  email VARCHAR(100) NOT NULL,
  ssn VARCHAR(20),
  code CHAR(10) CHARACTER SET latin1 NOT NULL,
  pin INT NOT NULL,
  salary DECIMAL(10,2),
  born DATE,
  seen DATETIME,
  stamped TIMESTAMP NULL,
  details JSON,
  photo VARBINARY(40),
  bio TEXT,
  mood ENUM('calm','grim') NOT NULL,
  city VARCHAR(40) COLLATE utf8mb4_bin,
  tail VARCHAR(20) GENERATED ALWAYS AS (RIGHT(ssn, 6)) VIRTUAL,
  hidden VARCHAR(30),
  UNIQUE KEY by_ssn (ssn),
  KEY by_city (city),
  KEY by_both (city, salary),
  KEY unseen (pin),
  FULLTEXT KEY words (bio)
) DEFAULT CHARSET=utf8mb4`;

const ROWS = [
  `INSERT INTO users (name, email, ssn, code, pin, salary, born, seen, stamped, details, photo, bio, mood, city, hidden) VALUES
  ('Marta', 'zoqkmarta@north.example', '917-44-2051', 'QXJ4481VWK', 918273645, 73519.25, '1984-07-29', '2021-07-29 04:41:17', '2022-11-23 04:41:17',
    '{"k": "vermilion-otter"}', x'c0ffee5eed77aa01', 'lives in Hollowbrook lane', 'grim', 'Oslo', 'tangerine-gully'),
  ('Jonas', 'wyxbjonas@south.example', '836-52-7719', 'QXJ4481ABC', 918273645, 73519.25, '1991-07-29', '2023-07-29 04:41:17', '2023-11-23 04:41:17',
    '{"k": "vermilion-otter"}', x'c0ffee5eed77aa01', 'lives in Hollowbrook road', 'grim', 'Bergen', 'quagmireplum two'),
  ('Nobody', 'no-address', NULL, 'QXJ4481NUL', 918273645, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'grim', NULL, NULL)`,
  "INSERT INTO orders (user_id, total, status, note, details) VALUES (1, 10.50, 'open', 'first', '{\"n\": 1}'), (1, 20.00, 'paid', 'second', '{\"n\": 2}'), (2, 7.25, 'open', NULL, NULL), (NULL, 1.00, 'lost', 'Fourth', '{\"n\": 4}')",
  "INSERT INTO payments (order_id, card) VALUES (1, '4929770012345678'), (2, '4485219077123456')",
  "INSERT INTO badges (id, ssn_ref, label) VALUES (1, '917-44-2051', 'gold'), (2, '836-52-7719', 'tin')",
  "INSERT INTO logins (id, region, secret, at) VALUES (1, 'north', 'obsidiannorth', 1), (2, 'south', 'obsidiansouth', 20)",
  "INSERT INTO inbox (id, note) VALUES (1, 'hello'), (2, NULL)",
  "INSERT INTO counters (n) VALUES (1), (2), (3)",
  "INSERT INTO `odd ``table` (`a``b`, `select`, secret) VALUES (1, 'x', 'brackenfield')",
  "INSERT INTO other.people (id, ssn) VALUES (1, '605-77-3390')",
  "INSERT INTO other.users (id, name) VALUES (1, 'Other')",
];

const TABLES = [
  USERS,
  "CREATE TABLE orders (id INT PRIMARY KEY AUTO_INCREMENT, user_id INT, total DECIMAL(8,2) NOT NULL, status VARCHAR(10) NOT NULL, note VARCHAR(60), details JSON, KEY by_user (user_id))",
  "CREATE TABLE payments (id INT PRIMARY KEY AUTO_INCREMENT, order_id INT NOT NULL, card VARCHAR(20) NOT NULL)",
  "CREATE TABLE badges (id INT PRIMARY KEY, ssn_ref VARCHAR(20), label VARCHAR(20), FOREIGN KEY f (ssn_ref) REFERENCES users (ssn) ON UPDATE CASCADE)",
  `CREATE TABLE logins (id INT NOT NULL, region VARCHAR(10) NOT NULL, secret VARCHAR(30), at INT NOT NULL)
    PARTITION BY RANGE (at) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)`,
  "CREATE TABLE inbox (id INT PRIMARY KEY, note VARCHAR(200))",
  "CREATE TABLE counters (n INT PRIMARY KEY)",
  "CREATE TABLE `odd ``table` (`a``b` INT, `select` VARCHAR(5), secret VARCHAR(20))",
  "CREATE TABLE guarded (id INT PRIMARY KEY, pin INT, name VARCHAR(20), CHECK (pin <> id))",
  "CREATE TABLE watched (id INT PRIMARY KEY, note VARCHAR(40))",
  "CREATE TABLE other.people (id INT PRIMARY KEY, ssn VARCHAR(20))",
  "CREATE TABLE other.users (id INT PRIMARY KEY, name VARCHAR(20))",
];

const OBJECTS = [
  "ALTER TABLE users ADD KEY with_pin (name, pin)",
  "ALTER TABLE users ALTER INDEX unseen /*!80000 INVISIBLE */ /*M! IGNORED */",
  "CREATE VIEW all_users AS SELECT * FROM users",
  "CREATE VIEW user_names AS SELECT id, name FROM users",
  "CREATE VIEW renamed (number, secret_of, place) AS SELECT id, ssn, city FROM users",
  "CREATE VIEW rich AS SELECT id, name, salary FROM users WHERE salary > 1000",
  "CREATE VIEW by_secret AS SELECT u.id, b.label FROM users u JOIN badges b ON b.ssn_ref = u.ssn",
  "CREATE VIEW over_view AS SELECT id, email, ssn FROM all_users WHERE id < 100",
  "CREATE VIEW counted AS SELECT city, COUNT(*) AS n, MIN(ssn) AS least FROM users GROUP BY city",
  "CREATE VIEW both_ways AS SELECT id, ssn FROM users UNION ALL SELECT id, card FROM payments",
  "CREATE VIEW open_orders AS SELECT id, total FROM orders WHERE status = 'open'",
  "CREATE FUNCTION user_ssn(n INT) RETURNS VARCHAR(20) READS SQL DATA RETURN (SELECT ssn FROM users WHERE id = n)",
  "CREATE FUNCTION order_total(n INT) RETURNS DECIMAL(8,2) READS SQL DATA RETURN (SELECT total FROM orders WHERE id = n)",
  "CREATE FUNCTION median2(n INT) RETURNS VARCHAR(20) READS SQL DATA RETURN (SELECT ssn FROM users WHERE id = n)",
  "CREATE VIEW calling AS SELECT id, user_ssn(id) AS s FROM orders",
  "CREATE PROCEDURE show_users() SELECT * FROM users",
  "CREATE PROCEDURE copy_out() INSERT INTO inbox SELECT id + 1000, ssn FROM users",
  "CREATE TRIGGER watching BEFORE INSERT ON watched FOR EACH ROW SET NEW.note = (SELECT ssn FROM users LIMIT 1)",
];

export const APP_SEED: readonly string[] = [
  "CREATE DATABASE other",
  "GRANT ALL ON other.* TO 'app'@'%'",
  "USE app",
  ...TABLES,
  ...ROWS,
  ...OBJECTS,
].map((statement) => `${statement};`);

export const APP_RULES: readonly Pick<ActiveMask, "columns" | "mask" | "assign">[] = [
  { columns: ["app.users.email"], mask: { kind: "email" }, assign: "values" },
  { columns: ["app.users.code", "app.payments.card"], mask: { kind: "keepLast", characters: 3 } },
  { columns: ["app.users.born", "app.users.seen", "app.users.stamped"], mask: { kind: "year" } },
  { columns: ["app.users.pin"], mask: { kind: "constant", value: 7 } },
  { columns: ["app.users.bio"], mask: { kind: "constant", value: "no 'bio' \\ é" } },
  { columns: ["app.users.salary", "app.users.details"], mask: { kind: "null" } },
  {
    columns: ["*.*.ssn", "app.users.photo", "app.users.mood", "app.users.hidden", "*.*.secret", "app.guarded.pin"],
    mask: { kind: "redact" },
  },
];
