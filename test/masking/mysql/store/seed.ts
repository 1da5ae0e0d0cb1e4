/**
 * The database that object-relational mappers work on: tables with masked columns and tables without, keys, indexes, a view,
 * and tables that mappers write to and keep their migrations in. No value in it is real.
 */
import type { Sections } from "#test/support/gateway-files.ts";

const TABLES = `
CREATE TABLE customers (
  id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(60) NOT NULL, country CHAR(2) NOT NULL DEFAULT 'NO', joined DATE NOT NULL, feeling ENUM('sad','fine','glad'),
  email VARCHAR(60) UNIQUE COMMENT 'where we write to', phone VARCHAR(20), born DATE, ssn CHAR(11), profile JSON, balance DECIMAL(12,2) NOT NULL DEFAULT 0,
  active BOOLEAN NOT NULL DEFAULT TRUE, initial VARCHAR(1) GENERATED ALWAYS AS (LEFT(name, 1)) STORED, KEY customers_joined (joined), KEY customers_name (name(10), country)
) COMMENT 'people who buy';
CREATE TABLE staff (id INT PRIMARY KEY, name VARCHAR(60) NOT NULL, boss INT, team VARCHAR(20), salary DECIMAL(10,2), hired DATE, CONSTRAINT staff_boss FOREIGN KEY (boss) REFERENCES staff (id));
CREATE TABLE products (id INT PRIMARY KEY, name VARCHAR(60) NOT NULL UNIQUE, category VARCHAR(20), price DECIMAL(10,2) NOT NULL CHECK (price >= 0), attributes JSON, stock INT UNSIGNED, FULLTEXT KEY words (name));
CREATE TABLE orders (id INT PRIMARY KEY AUTO_INCREMENT, customer INT NOT NULL, placed DATETIME(3) NOT NULL, status VARCHAR(20) NOT NULL DEFAULT 'open', total DECIMAL(12,2),
  KEY orders_by_customer (customer, placed), CONSTRAINT orders_customer FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE);
CREATE TABLE items (order_id INT, line INT, product INT, quantity INT NOT NULL, price DECIMAL(10,2) NOT NULL, PRIMARY KEY (order_id, line),
  CONSTRAINT items_order FOREIGN KEY (order_id) REFERENCES orders (id), CONSTRAINT items_product FOREIGN KEY (product) REFERENCES products (id) ON UPDATE CASCADE);
CREATE TABLE payments (id INT PRIMARY KEY, order_id INT UNIQUE, card CHAR(16), amount DECIMAL(12,2), paid TIMESTAMP NULL, CONSTRAINT payments_order FOREIGN KEY (order_id) REFERENCES orders (id));
CREATE TABLE tasks (id INT PRIMARY KEY AUTO_INCREMENT, title VARCHAR(60) NOT NULL, state VARCHAR(10) NOT NULL DEFAULT 'new', points INT, due DATE);
CREATE TABLE documents (id INT PRIMARY KEY, title VARCHAR(60) NOT NULL, body TEXT, scan LONGBLOB, at TIME, kind SET('a','b'), ratio DOUBLE, small TINYINT, big BIGINT UNSIGNED);
CREATE VIEW order_totals AS SELECT order_id, SUM(quantity * price) AS total FROM items GROUP BY order_id;
CREATE TABLE authors (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(60) NOT NULL, posts INT NOT NULL DEFAULT 0);
CREATE TABLE books (id INT PRIMARY KEY AUTO_INCREMENT, author_id INT NOT NULL, title VARCHAR(60) NOT NULL, price DECIMAL(8,2), facts JSON, written DATE,
  CONSTRAINT books_author FOREIGN KEY (author_id) REFERENCES authors (id) ON DELETE CASCADE);
CREATE TABLE migrations (id INT PRIMARY KEY AUTO_INCREMENT, timestamp BIGINT NOT NULL, name VARCHAR(255) NOT NULL);
CREATE TABLE typeorm_metadata (type VARCHAR(255) NOT NULL, \`database\` VARCHAR(255), \`schema\` VARCHAR(255), \`table\` VARCHAR(255), name VARCHAR(255), value TEXT);
CREATE TABLE knex_migrations (id INT UNSIGNED PRIMARY KEY AUTO_INCREMENT, name VARCHAR(255), batch INT, migration_time TIMESTAMP NULL);
CREATE TABLE knex_migrations_lock (\`index\` INT UNSIGNED PRIMARY KEY AUTO_INCREMENT, is_locked INT);
CREATE TABLE django_migrations (id BIGINT PRIMARY KEY AUTO_INCREMENT, app VARCHAR(255) NOT NULL, name VARCHAR(255) NOT NULL, applied DATETIME(6) NOT NULL);
`;

/** `n` from 1 to 400, without a common table: those have a limit of their own on each make. */
const NUMBERS = "(SELECT a.n + 10 * b.n + 100 * c.n + 1 AS n FROM digits a, digits b, digits c)";

const ROWS = `
CREATE TABLE digits (n INT PRIMARY KEY);
INSERT INTO digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);
INSERT INTO customers (name, country, joined, feeling, email, phone, born, ssn, profile, balance)
SELECT CONCAT('name ', n), ELT(n % 4 + 1, 'NO', 'SE', 'DE', 'FR'), DATE '2023-01-01' + INTERVAL n * 5 DAY, ELT(n % 4 + 1, 'sad', 'fine', 'glad', NULL),
  IF(n % 7 <> 0, CONCAT('mailcanary', n, '@example.com'), NULL), CONCAT('+47 canary ', LPAD(n, 4, '0')), DATE '1961-02-03' + INTERVAL n * 97 DAY, CONCAT(LPAD(n * 7919, 9, '4'), 'zz'),
  IF(n % 5 = 0, JSON_OBJECT('secret', CONCAT('profilecanary', n)), NULL), n * 1.25 FROM ${NUMBERS} t WHERE n <= 120 ORDER BY n;
INSERT INTO staff SELECT n, CONCAT('staff ', n), NULLIF(n DIV 3, 0), ELT(n % 3 + 1, 'sales', 'support', 'it'), 70000.25 + n * 13, DATE '2019-05-01' + INTERVAL n * 17 DAY FROM ${NUMBERS} t WHERE n <= 40 ORDER BY n;
INSERT INTO products SELECT n, CONCAT('product ', n), ELT(n % 4 + 1, 'book', 'toy', 'tool', NULL), n * 3.5, JSON_OBJECT('weight', n * 10, 'colours', JSON_ARRAY('red', n % 5)), n + 1 FROM ${NUMBERS} t WHERE n <= 40 ORDER BY n;
INSERT INTO orders (customer, placed, status, total) SELECT n % 120 + 1, TIMESTAMP '2024-01-05 08:00:00' + INTERVAL n * 17 HOUR, ELT(n % 4 + 1, 'open', 'paid', 'shipped', 'returned'), n * 4.75 FROM ${NUMBERS} t WHERE n <= 400 ORDER BY n;
INSERT INTO items SELECT o.n, l.n, (o.n * l.n) % 40 + 1, l.n + o.n % 3, (o.n % 11 + 1) * 2.5 FROM ${NUMBERS} o, ${NUMBERS} l WHERE o.n <= 400 AND l.n <= 3 ORDER BY o.n, l.n;
INSERT INTO payments SELECT n, n, LPAD(n, 16, '4929'), n * 4.75, TIMESTAMP '2024-01-06 00:00:00' + INTERVAL n DAY FROM ${NUMBERS} t WHERE n <= 200 ORDER BY n;
INSERT INTO tasks (title, state, points, due) SELECT CONCAT('task ', n), ELT(n % 3 + 1, 'new', 'doing', 'done'), n % 5, DATE '2024-06-01' + INTERVAL n DAY FROM ${NUMBERS} t WHERE n <= 25 ORDER BY n;
INSERT INTO documents VALUES (1, 'Manual', 'the quick brown fox', x'00ff', '12:34:56', 'a,b', 1.5, -1, 18446744073709551615), (2, 'Åsa 漢字 😀', NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO knex_migrations_lock (is_locked) VALUES (0);
DROP TABLE digits;
`;

export const STORE = `${TABLES}${ROWS}ANALYZE TABLE customers, staff, products, orders, items, payments, tasks, documents;`;

/** Before each run: what mappers write to is as it was. */
export const RESET =
  "DELETE FROM books; DELETE FROM authors; ALTER TABLE authors AUTO_INCREMENT = 1; ALTER TABLE books AUTO_INCREMENT = 1;";

/** Never shown to a principal under these masks. */
export const CANARIES = /mailcanary|canary 0|profilecanary|\d{9}zz|4929492949294/;

/** Names of masked columns; no other column has one of them. */
export const MASKED = ["email", "phone", "born", "ssn", "profile", "salary", "card"] as const;

/** `agent` is under every mask, `boss` under none; both may do everything else. */
export const AGENTS = { agent: ["agents"], boss: ["bosses"] } as const;

/** @param database that the tables lie in, which is the target's name too */
export const withMasks =
  (database: string) =>
  (sections: Sections): Sections => {
    const unless = { groups: ["bosses"] };
    const rule = (columns: readonly string[], shown: unknown) => ({
      target: database,
      columns: columns.map((column) => `${database}.${column}`),
      with: shown,
      unless,
    });
    const rules = [
      rule(["customers.email"], "email"),
      rule(["customers.phone"], { keepLast: 2 }),
      rule(["customers.born"], "year"),
      rule(["customers.ssn", "customers.profile", "staff.salary"], "redact"),
      rule(["payments.card"], { keepLast: 4 }),
    ];
    return { ...sections, masking: { rules } };
  };
