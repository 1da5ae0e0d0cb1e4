/** A small shop, for MySQL and MariaDB alike: types of every kind, a view, routines, text beyond ASCII. */

export const SEED = `
CREATE TABLE customers (
  id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(60) NOT NULL, email VARCHAR(80) UNIQUE, born DATE, balance DECIMAL(12,2) DEFAULT 0,
  score DOUBLE, active BOOLEAN DEFAULT TRUE, seen DATETIME(6), note TEXT, photo BLOB, tags SET('a','b','c'), tier ENUM('gold','silver'),
  big BIGINT UNSIGNED, small TINYINT, bits BIT(5), since YEAR, slot TIME(3)
) CHARACTER SET utf8mb4;
INSERT INTO customers (name, email, born, balance, score, seen, note, photo, tags, tier, big, small, bits, since, slot) VALUES
  ('Åsa Öberg', 'asa@example.com', '1980-02-29', 12.50, 1.5, '2024-03-01 12:00:00.123456', 'first', x'00ff10', 'a,c', 'gold', 18446744073709551615, -128, b'10101', 2020, '12:34:56.789'),
  ('O''Brien \\\\ Söhne', 'ob@example.com', NULL, -3.10, NULL, NULL, NULL, NULL, '', NULL, 0, 127, b'0', 1999, '-01:00:00.000'),
  ('漢字 😀', NULL, '0001-01-01', 99999999.99, 1e300, '1999-12-31 23:59:59', REPEAT('x', 500), x'', 'b', 'silver', 42, 0, b'1', 1970, '838:59:58.000');
CREATE TABLE purchases (id INT PRIMARY KEY AUTO_INCREMENT, customer INT NOT NULL, amount DECIMAL(10,2) NOT NULL, at TIMESTAMP NOT NULL DEFAULT '2024-01-01 00:00:00',
  KEY by_customer (customer), CONSTRAINT of_customer FOREIGN KEY (customer) REFERENCES customers (id));
INSERT INTO purchases (customer, amount) VALUES (1, 10), (1, 20.5), (2, 7), (3, 0.01), (3, 1000);
CREATE VIEW spending AS SELECT c.name, SUM(p.amount) AS total FROM customers c JOIN purchases p ON p.customer = c.id GROUP BY c.name;
`;

/** Sent apart: the command-line clients need a delimiter of their own for these. */
export const ROUTINES = `
DELIMITER //
CREATE PROCEDURE two_results(IN n INT) BEGIN SELECT n AS first; SELECT n * 2 AS second, 'x' AS third; END //
CREATE FUNCTION doubled(n INT) RETURNS INT DETERMINISTIC RETURN n * 2 //
DELIMITER ;
`;
