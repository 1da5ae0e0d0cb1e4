/** Questions that a mask must not answer: each pair asks for something true and for something false. */

/** Two texts whose answers must not differ, nor whether they fail. */
export const ORACLES: readonly (readonly [string, string])[] = [
  ["SELECT count(*) FROM users WHERE ssn LIKE '9%'", "SELECT count(*) FROM users WHERE ssn LIKE '1%'"],
  ["SELECT count(*) FROM users WHERE ssn > '9'", "SELECT count(*) FROM users WHERE ssn > '7'"],
  ["SELECT count(*) FROM users WHERE salary > 70000", "SELECT count(*) FROM users WHERE salary > 90000"],
  ["SELECT id FROM users WHERE email LIKE 'z%'", "SELECT id FROM users WHERE email LIKE 'a%'"],
  [
    "SELECT id FROM users WHERE born BETWEEN '1983-07-01' AND '1983-08-01'",
    "SELECT id FROM users WHERE born BETWEEN '1983-03-01' AND '1983-04-01'",
  ],
  [
    "SELECT id FROM users JOIN (VALUES ('917-' || '44-2051')) v(s) ON s = ssn",
    "SELECT id FROM users JOIN (VALUES ('000-00-0000')) v(s) ON s = ssn",
  ],
  [
    "SELECT 1 / (CASE WHEN ssn LIKE '9%' THEN 0 ELSE 1 END) FROM users WHERE id = 1",
    "SELECT 1 / (CASE WHEN ssn LIKE '8%' THEN 0 ELSE 1 END) FROM users WHERE id = 1",
  ],
  [
    "SELECT CASE WHEN substr(ssn, 1, 1) = '9' THEN 'a' ELSE 'b' END FROM users ORDER BY id",
    "SELECT CASE WHEN substr(ssn, 1, 1) = '5' THEN 'a' ELSE 'b' END FROM users ORDER BY id",
  ],
  ["SELECT id FROM payments WHERE card LIKE '4929%'", "SELECT id FROM payments WHERE card LIKE '3000%'"],
  ["SELECT id FROM users WHERE notes ~ 'plum'", "SELECT id FROM users WHERE notes ~ 'pear'"],
  ["SELECT count(*) FROM users WHERE ssn SIMILAR TO '9%'", "SELECT count(*) FROM users WHERE ssn SIMILAR TO '2%'"],
  ["SELECT 'x' IN (SELECT left(ssn, 1) FROM users)", "SELECT '9' IN (SELECT left(ssn, 1) FROM users)"],
  ["SELECT rank('5') WITHIN GROUP (ORDER BY ssn) FROM users", "SELECT rank('85') WITHIN GROUP (ORDER BY ssn) FROM users"],
  ["SELECT count(*) FROM users WHERE tail LIKE '%2051'", "SELECT count(*) FROM users WHERE tail LIKE '%9999'"],
  ["SELECT count(DISTINCT ssn) FROM users WHERE id < 3", "SELECT count(DISTINCT ssn) FROM users WHERE id < 2"],
  ["SELECT id FROM users WHERE id < 3 ORDER BY ssn, id", "SELECT id FROM users WHERE id < 3 ORDER BY ssn DESC, id"],
];
