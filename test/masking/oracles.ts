/** Questions that a mask must not answer: of each pair one asks for something true and one for something false. */

import { VIEW_ORACLES } from "#test/protocols/sql/postgres/corpus/views.ts";

/** Two texts whose answers, failures included, must not differ. Where there are parameters, both get them. */
export const ORACLES: readonly (readonly [string, string])[] = [
  ...VIEW_ORACLES,
  ["SELECT count(*) FROM users WHERE ssn LIKE '9%'", "SELECT count(*) FROM users WHERE ssn LIKE '1%'"],
  ["SELECT count(*) FROM users WHERE ssn > '9'", "SELECT count(*) FROM users WHERE ssn > '7'"],
  ["SELECT count(*) FROM users WHERE ssn ~ '^91'", "SELECT count(*) FROM users WHERE ssn ~ '^92'"],
  ["SELECT count(*) FROM users WHERE ssn SIMILAR TO '9%'", "SELECT count(*) FROM users WHERE ssn SIMILAR TO '2%'"],
  ["SELECT count(*) FROM users WHERE salary > 70000", "SELECT count(*) FROM users WHERE salary > 90000"],
  ["SELECT count(*) FROM users WHERE pin BETWEEN 918000000 AND 919000000", "SELECT count(*) FROM users WHERE pin BETWEEN 1 AND 1"],
  ["SELECT id FROM users WHERE email LIKE 'z%'", "SELECT id FROM users WHERE email LIKE 'a%'"],
  ["SELECT id FROM users WHERE lower(email) LIKE 'zoq%'", "SELECT id FROM users WHERE lower(email) LIKE 'aaa%'"],
  ["SELECT id FROM users WHERE born > '1983-07-01'", "SELECT id FROM users WHERE born > '1983-03-01'"],
  ["SELECT id FROM users WHERE seen::time > '04:00'", "SELECT id FROM users WHERE seen::time > '05:00'"],
  ['SELECT id FROM users WHERE details @> \'{"k": "vermilion-otte"}\'', "SELECT id FROM users WHERE details ? 'k'"],
  ["SELECT id FROM users WHERE get_byte(photo, 0) = 192", "SELECT id FROM users WHERE get_byte(photo, 0) = 1"],
  ["SELECT id FROM users WHERE token::text LIKE '5f%'", "SELECT id FROM users WHERE token::text LIKE '6f%'"],
  ["SELECT id FROM users WHERE 'b' = ANY (tags)", "SELECT id FROM users WHERE 'c' = ANY (tags)"],
  ["SELECT id FROM users WHERE mood > 'fine'", "SELECT id FROM users WHERE mood < 'fine'"],
  ["SELECT id FROM users WHERE (address).no = 7", "SELECT id FROM users WHERE (address).no = 8"],
  ["SELECT id FROM users WHERE zip LIKE 'ZX%'", "SELECT id FROM users WHERE zip LIKE 'AX%'"],
  ["SELECT id FROM users WHERE bio ~ 'plum'", "SELECT id FROM users WHERE bio ~ 'pear'"],
  ["SELECT id FROM users WHERE tail LIKE '%2051'", "SELECT id FROM users WHERE tail LIKE '%9999'"],
  ["SELECT id FROM payments WHERE card LIKE '4929%'", "SELECT id FROM payments WHERE card LIKE '3000%'"],
  ["SELECT id FROM events WHERE secret LIKE 'obs%'", "SELECT id FROM events WHERE secret LIKE 'abs%'"],
  ["SELECT id FROM events_east_one WHERE secret LIKE 'obs%'", "SELECT id FROM events_east_one WHERE secret LIKE 'abs%'"],
  ["SELECT count(*) FROM events_west WHERE secret LIKE '%ian%'", "SELECT count(*) FROM events_west WHERE secret LIKE '%uan%'"],
  ["SELECT id FROM night_staff WHERE ssn = '712-66-48' || '15'", "SELECT id FROM night_staff WHERE ssn = '000-00-00' || '00'"],
  [
    "SELECT id FROM users JOIN (VALUES ('917-' || '44-2051')) v(s) ON s = ssn",
    "SELECT id FROM users JOIN (VALUES ('000-00-0000')) v(s) ON s = ssn",
  ],
  [
    "SELECT 1 / (CASE WHEN ssn LIKE '9%' THEN 0 ELSE 1 END) FROM users WHERE id = 1",
    "SELECT 1 / (CASE WHEN ssn LIKE '8%' THEN 0 ELSE 1 END) FROM users WHERE id = 1",
  ],
  ["SELECT rank('5') WITHIN GROUP (ORDER BY ssn) FROM users", "SELECT rank('85') WITHIN GROUP (ORDER BY ssn) FROM users"],
  ["SELECT '8' IN (SELECT left(ssn, 1) FROM users)", "SELECT '7' IN (SELECT left(ssn, 1) FROM users)"],
  ["SELECT id FROM users WHERE id < 3 ORDER BY ssn, id", "SELECT id FROM users WHERE id < 3 ORDER BY ssn DESC, id"],
  ["SELECT count(DISTINCT ssn) FROM users WHERE id < 3", "SELECT count(DISTINCT ssn) FROM users WHERE id < 2"],
  ["SELECT id FROM users u WHERE u::text LIKE '%2051%'", "SELECT id FROM users u WHERE u::text LIKE '%9999%'"],
  ["SELECT count(*) FROM badges WHERE ssn_ref = '836-52-77' || '19'", "SELECT count(*) FROM badges WHERE ssn_ref = '000-00-0000'"],
  ["INSERT INTO badges VALUES (1, '836-52-77' || '19')", "INSERT INTO badges VALUES (1, '000-00-0000')"],
  ["INSERT INTO holders VALUES (1, '836-52-77' || '19')", "INSERT INTO holders VALUES (1, '000-00-00' || '00')"],
  ["SELECT ('836-52-77' || '19')::known_ssn", "SELECT ('000-00-00' || '00')::known_ssn"],
  ["SELECT pg_input_is_valid('836-52-77' || '19', 'known_ssn')", "SELECT pg_input_is_valid('000-00-00' || '00', 'known_ssn')"],
  ["SELECT ssn_exists('836-52-77' || '19')", "SELECT ssn_exists('000-00-00' || '00')"],
  [
    "INSERT INTO users (id, name, ssn) VALUES (8, 'x', '836-52-77' || '19')",
    "INSERT INTO users (id, name, ssn) VALUES (8, 'x', '000-00-00' || '00')",
  ],
  [
    "DELETE FROM orders WHERE EXISTS (SELECT FROM users WHERE ssn LIKE '9%')",
    "DELETE FROM orders WHERE EXISTS (SELECT FROM users WHERE ssn LIKE '1%')",
  ],
  [
    "SELECT id FROM orders WHERE total > (SELECT salary FROM users WHERE id = 1)",
    "SELECT id FROM orders WHERE total > (SELECT salary * 0 FROM users WHERE id = 1)",
  ],
  ["SELECT sum(1) FROM users GROUP BY ssn LIKE '9%' ORDER BY 1", "SELECT sum(1) FROM users GROUP BY ssn LIKE '1%' ORDER BY 1"],
  ["UPDATE users SET city = 'x' WHERE id = 1 AND ssn LIKE '9%'", "UPDATE users SET city = 'x' WHERE id = 1 AND ssn LIKE '1%'"],
  [
    "UPDATE orders SET status = 'x' FROM users u WHERE u.id = orders.user_id AND u.ssn LIKE '9%' RETURNING orders.id",
    "UPDATE orders SET status = 'x' FROM users u WHERE u.id = orders.user_id AND u.ssn LIKE '1%' RETURNING orders.id",
  ],
  [
    "INSERT INTO inbox SELECT id, 'x' FROM users WHERE salary > 70000 RETURNING id",
    "INSERT INTO inbox SELECT id, 'x' FROM users WHERE salary > 90000 RETURNING id",
  ],
  [
    "MERGE INTO inbox USING (SELECT id FROM users WHERE email LIKE 'z%') u ON false WHEN NOT MATCHED THEN INSERT VALUES (u.id, 'x')",
    "MERGE INTO inbox USING (SELECT id FROM users WHERE email LIKE 'a%') u ON false WHEN NOT MATCHED THEN INSERT VALUES (u.id, 'x')",
  ],
  [
    "UPDATE payments SET amount = amount WHERE user_id IN (SELECT id FROM users WHERE ssn = '836-52-77' || '19') RETURNING id",
    "UPDATE payments SET amount = amount WHERE user_id IN (SELECT id FROM users WHERE ssn = '000-00-00' || '00') RETURNING id",
  ],
  [
    "INSERT INTO users (id, name, email) VALUES (9, 'x', 'zoqk' || 'marta@example.com') ON CONFLICT DO NOTHING RETURNING id",
    "INSERT INTO users (id, name, email) VALUES (9, 'x', 'nobody' || 'here@example.com') ON CONFLICT DO NOTHING RETURNING id",
  ],
];
