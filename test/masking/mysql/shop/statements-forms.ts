/** Hostile statements in forms that the grammar library does not read, and that are said to it in other words. */
import type { HostileGroups } from "#test/masking/mysql/hostile.ts";

export const FORMS: HostileGroups = {
  "forms beyond the grammar library": [
    "SELECT ssn FROM users WHERE !0",
    "SELECT ssn FROM users WHERE !(id > 1)",
    "SELECT IF(!0, ssn, 1) FROM users",
    "SELECT CONCAT(!0, ssn, ! !1) FROM users",
    "SELECT !(SELECT 0), (SELECT ssn FROM users WHERE !(id <> 1))",
    "SELECT ssn FROM users WHERE name SOUNDS LIKE 'marta'",
    "SELECT IF(name SOUNDS LIKE name, ssn, 0) FROM users AS `sounds`",
    "SELECT s.ssn FROM orders o JOIN users s ON 'a' SOUNDS LIKE 'a' WHERE !(o.id - 1)",
    "SELECT ELT(INTERVAL(5, 1, 10), ssn) FROM users",
    "SELECT pin + INTERVAL(0, 5) FROM users",
    "SELECT INTERVAL(1, 0), (SELECT ssn FROM users WHERE id = INTERVAL(1, 0))",
    "SELECT seen + INTERVAL (INTERVAL(0, 5)) DAY FROM users",
    "SELECT TRIM(LEADING FROM ssn) FROM users",
    "SELECT TRIM(TRAILING FROM (SELECT email FROM users WHERE id = 1))",
    "SELECT CHAR(65 USING utf8mb4), ssn FROM users",
    "SELECT DATE_ADD(seen, INTERVAL '0:0' MINUTE_SECOND) FROM users",
    "SELECT seen - INTERVAL '0 0:0' DAY_MINUTE FROM users",
    "SELECT EXTRACT(YEAR_MONTH FROM born), ssn FROM users",
    "SELECT pin + 0x41 - 65 FROM users",
  ],
  "forms beyond the grammar library (mysql)": [["INSERT INTO inbox TABLE `User ``Data```", "SELECT note FROM inbox"]],
  "forms beyond the grammar library (mariadb)": [
    "SELECT GROUP_CONCAT(ssn LIMIT 1) FROM users",
    "SELECT GROUP_CONCAT(DISTINCT ssn ORDER BY ssn DESC SEPARATOR '+' LIMIT 0, 2) FROM users",
    "SELECT GROUP_CONCAT(ssn ORDER BY id LIMIT 2 OFFSET 0) FROM users",
    "SELECT GROUP_CONCAT((SELECT ssn FROM users WHERE id = 1 LIMIT 1) SEPARATOR '' LIMIT 1)",
    "SELECT (SELECT GROUP_CONCAT(u.ssn SEPARATOR ',' LIMIT 3) FROM users u)",
    "SELECT JSON_ARRAYAGG(ssn ORDER BY id LIMIT 2) FROM users",
    "SELECT ssn FROM users ORDER BY id OFFSET 0 ROWS FETCH FIRST 2 ROWS ONLY",
    "SELECT ssn FROM users ORDER BY id FETCH NEXT ROW WITH TIES",
    "(SELECT ssn FROM users ORDER BY id FETCH FIRST 1 ROW ONLY) UNION SELECT name FROM users OFFSET 0 ROWS",
  ],
};
