/**
 * The database `shop` of the attacks on MySQL and MariaDB: a canary of its own in every protected cell, all of them redacted,
 * columns that mostly take NULL, and around them every kind of object by which rows can be reached in another way. Nothing
 * here is real.
 */
import type { Canary } from "#test/masking/seed.ts";

/** No other cell and no statement of the corpus shows any of them. */
export const SHOP_CANARIES: readonly Canary[] = [
  { text: "zoqkmarta" },
  { text: "917-44-2051" },
  { text: "QXJ4481VWK" },
  { text: "918273645", binary: "ed8ebb36" },
  { text: "73519.25" },
  { text: "-07-29" },
  { text: "04:41:17" },
  { text: "vermilion-otter" },
  { text: "c0ffee5eed77aa01", binary: "c0ffee5eed77aa01" },
  { text: "moodsecretgrim" },
  { text: "flagcanarypole" },
  { text: "quagmireplum" },
  { text: "836-52-7719" },
  { text: "wyxbjonas" },
  { text: "4929770012345678" },
  { text: "obsidiannorth" },
  { text: "obsidiansouth" },
  { text: "605-77-3390" },
];

/** `database.table.column` of all that masks cover. */
export const SHOP_PROTECTED = [
  ...["email", "ssn", "code", "pin", "salary", "born", "seen", "details", "photo", "bio", "mood", "flags", "tail", "low"].map(
    (column) => `shop.users.${column}`,
  ),
  "shop.payments.card",
  "shop.events.secret",
  "shop.User `Data`.S S N",
] as const;

const TABLES = [
  `CREATE TABLE users (
    id int PRIMARY KEY, name varchar(50) NOT NULL, city varchar(50), email varchar(100) UNIQUE, ssn varchar(11) UNIQUE, code char(12), pin int,
    salary decimal(12,2), born date, seen datetime, details json, photo varbinary(64), bio longtext, mood enum('fine','moodsecretgrim'),
    flags set('a','flagcanarypole'), tail varchar(7) GENERATED ALWAYS AS (right(ssn, 7)) STORED,
    low varchar(100) GENERATED ALWAYS AS (lower(email)) VIRTUAL, FULLTEXT KEY users_bio (bio)) COMMENT 'people who buy'`,
  `INSERT INTO users (id, name, city, email, ssn, code, pin, salary, born, seen, details, photo, bio, mood, flags) VALUES
    (1, 'Marta', 'Oslo', 'zoqkmarta@example.com', '917-44-2051', 'QXJ4481VWK', 918273645, 73519.25, '1983-07-29', '2021-09-14 04:41:17',
     '{"k": "vermilion-otter", "a": [1, "vermilion-otter"]}', x'c0ffee5eed77aa01', repeat('quagmireplum ', 900), 'moodsecretgrim', 'a,flagcanarypole'),
    (2, 'Jonas', 'Riga', 'wyxbjonas@example.org', '836-52-7719', NULL, 2, 3, '1991-01-01', '2020-01-01 00:00:00', NULL, NULL, 'x', 'fine', 'a'),
    (3, 'Nobody', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`,
  "CREATE TABLE payments (id int PRIMARY KEY, user_id int, card char(16), amount decimal(10,2), paid_at datetime, FOREIGN KEY (user_id) REFERENCES users (id))",
  "INSERT INTO payments VALUES (1, 1, '4929770012345678', 10.5, '2024-01-02 03:04:05'), (2, 2, NULL, 20, '2024-02-03 04:05:06')",
  "CREATE TABLE orders (id int PRIMARY KEY, user_id int, total decimal(10,2), status varchar(10), placed_on date, details json, KEY by_user (user_id))",
  `INSERT INTO orders VALUES (1, 2, 1.5, 'shipped', '2024-01-02', '{"n": 1}'), (2, 1, 3, 'shipped', '2024-01-03', '{"n": 2}'),
    (3, 2, 4.5, 'open', '2024-01-04', '{"n": 3}'), (4, 1, 6, 'shipped', '2024-01-05', '{"n": 4}'), (5, 2, 7.5, 'shipped', '2024-01-06', NULL),
    (6, 1, 9, 'open', '2024-01-07', '{"n": 6}'), (7, 2, 10.5, 'shipped', '2024-01-08', '{"n": 7}'), (8, NULL, 12, 'open', '2024-01-09', '[]')`,
  "CREATE TABLE inbox (id int, note text)",
  "CREATE TABLE counters (id int AUTO_INCREMENT PRIMARY KEY, n int NOT NULL DEFAULT 0 UNIQUE, label varchar(20), CHECK (n >= 0))",
  "INSERT INTO counters (n, label) VALUES (1, 'one'), (2, 'two')",
  `CREATE TABLE events (id int, region varchar(10), secret varchar(40)) PARTITION BY LIST COLUMNS (region)
    (PARTITION north VALUES IN ('north'), PARTITION south VALUES IN ('south'))`,
  "INSERT INTO events VALUES (1, 'north', 'obsidiannorth'), (2, 'south', 'obsidiansouth')",
  "CREATE TABLE `User ``Data``` (id int, `S S N` varchar(11))",
  "INSERT INTO `User ``Data``` VALUES (7, '605-77-3390')",
  "CREATE TABLE badges (id int PRIMARY KEY, owner varchar(11), FOREIGN KEY (owner) REFERENCES users (ssn))",
  "CREATE TABLE noisy (id int, note text)",
];

const VIEWS = [
  "CREATE VIEW users_view AS SELECT * FROM users",
  "CREATE VIEW view_of_view AS SELECT id, ssn AS harmless FROM users_view",
  "CREATE ALGORITHM = TEMPTABLE VIEW copied_view (a, b) AS SELECT id, CONCAT('x', ssn) FROM users",
  "CREATE SQL SECURITY INVOKER VIEW invoker_view AS SELECT u.name, p.card AS number FROM users u JOIN payments p ON p.user_id = u.id",
  "CREATE VIEW grouped_view AS SELECT city, MAX(ssn) AS top FROM users GROUP BY city",
  "CREATE VIEW open_orders AS SELECT id, total FROM orders WHERE status = 'open'",
  "CREATE VIEW filtered_view AS SELECT id, name FROM users WHERE ssn LIKE '9%'",
  "CREATE VIEW called_view AS SELECT user_ssn(1) AS harmless",
  "CREATE VIEW checked_view AS SELECT id, note FROM inbox WHERE id > 0 WITH CHECK OPTION",
  "CREATE VIEW names_view AS SELECT id, name, city FROM users",
];

const PROGRAMS = [
  "CREATE FUNCTION user_ssn(i int) RETURNS varchar(20) READS SQL DATA RETURN (SELECT ssn FROM shop.users WHERE id = i)",
  "CREATE FUNCTION ssn_exists(s varchar(20)) RETURNS int READS SQL DATA RETURN (SELECT COUNT(*) FROM shop.users WHERE ssn = s)",
  "CREATE FUNCTION plus_one(i int) RETURNS int DETERMINISTIC RETURN i + 1",
  "CREATE PROCEDURE show_ssn() SELECT ssn FROM shop.users",
  "CREATE PROCEDURE copy_out() INSERT INTO shop.inbox SELECT id, ssn FROM shop.users",
  "CREATE TRIGGER noise BEFORE INSERT ON noisy FOR EACH ROW SET NEW.note = (SELECT ssn FROM shop.users WHERE id = 1)",
];

const MADE: readonly string[] = ["CREATE DATABASE shop CHARACTER SET utf8mb4", "USE shop", ...TABLES, ...PROGRAMS, ...VIEWS];

export const SHOP_SEED: readonly string[] = MADE.map((statement) => `${statement};`);

/** Undoes what an attack that went through may have done. */
export const SHOP_RESEED: readonly string[] = ["DROP DATABASE shop", ...MADE];

/** MySQL alone keeps histograms of columns where statements can read them. */
export const SHOP_HISTOGRAM = "ANALYZE TABLE shop.users UPDATE HISTOGRAM ON pin, code WITH 4 BUCKETS;";
/** MariaDB alone keeps the least and the greatest value of columns in a table. */
export const SHOP_STATISTICS = "ANALYZE TABLE shop.users PERSISTENT FOR ALL;";
