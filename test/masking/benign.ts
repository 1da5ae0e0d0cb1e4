/**
 * Honest work on this seed that must go on under every mask. Each answer is compared with a direct one, cell by cell,
 * outside the columns named in `SHOWN_MASKED`; nothing here computes with what a mask hides.
 */

/** Output columns that hold masked values where they come from these tables; defaults of masked columns are such, too. */
export const SHOWN_MASKED: ReadonlySet<string> = new Set(
  "email ssn code pin salary born seen details photo token tags mood address zip bio tail origin card secret ssn_ref"
    .split(" ")
    .concat("S S N", "column_default", "pg_get_expr"),
);

/** Compared whole: these names belong to columns of other tables here. */
export const BENIGN: readonly string[] = [
  "SELECT * FROM users ORDER BY id",
  "SELECT id, name, city FROM users ORDER BY id",
  "TABLE payments ORDER BY id",
  "SELECT * FROM events ORDER BY id",
  "SELECT * FROM people ORDER BY id",
  "SELECT * FROM events_north",
  "SELECT id, region FROM events_east ORDER BY id",
  "SELECT * FROM events_east_one",
  "SELECT e.id, w.region FROM events e LEFT JOIN events_west w USING (id) ORDER BY 1",
  "SELECT count(*), count(secret) FROM ONLY events",
  "SELECT * FROM staff ORDER BY id",
  "SELECT id, office, shift FROM night_staff",
  "SELECT count(*) FROM ONLY people",
  "SELECT * FROM ONLY remote_all",
  'SELECT * FROM "Back Office"."User ""Data""" ORDER BY id',
  "SELECT u.id, b.* FROM users u LEFT JOIN badges b ON b.id = u.id ORDER BY 1",
  "SELECT count(ssn), count(email), count(pin) IS NOT NULL FROM users",
  "SELECT date_part('year', born) AS y, count(*) FROM users GROUP BY 1 ORDER BY 1",
  "SELECT right(card, 2) AS last, count(*) FROM payments GROUP BY 1 ORDER BY 1",
  "SELECT order_total(id) FROM orders ORDER BY id",
  "SELECT id, total, details->>'n' AS n FROM orders ORDER BY id",
  "SELECT status, count(*), sum(total), avg(total) FROM orders GROUP BY ROLLUP (status) ORDER BY 1",
  "SELECT * FROM open_orders ORDER BY id",
  "BEGIN; INSERT INTO inbox VALUES (1, 'x'), (2, NULL) RETURNING *; UPDATE inbox SET note = 'y' RETURNING id, note; DELETE FROM inbox; ROLLBACK",
  "BEGIN; INSERT INTO counters (n) VALUES (77) ON CONFLICT (n) DO UPDATE SET n = excluded.n + 1 RETURNING n; ROLLBACK",
  "BEGIN; DECLARE c CURSOR FOR SELECT id, status FROM orders ORDER BY id; FETCH 3 FROM c; MOVE 2 IN c; FETCH 1 FROM c; CLOSE c; COMMIT",
  "SELECT u.name, array_agg(o.id ORDER BY o.id) AS ids FROM users u JOIN orders o ON o.user_id = u.id GROUP BY u.id ORDER BY u.id",
  "SELECT to_char(placed_on, 'Mon YYYY') AS month, sum(total) FROM orders GROUP BY 1 ORDER BY 1",
  "SELECT relname, relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname = 'public' ORDER BY 1",
  "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'users'::regclass AND attnum > 0 ORDER BY attnum",
  "SELECT col_description('users'::regclass, 5), obj_description('users'::regclass)",
  "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'users'::regclass ORDER BY 1",
  "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'users' ORDER BY 1",
  "SELECT information_schema._pg_expandarray(i.indkey) AS keys FROM pg_catalog.pg_index i LIMIT 1",
  "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, ordinal_position",
  "SELECT enumlabel IS NOT NULL FROM pg_enum",
  "SELECT 1/0",
  "SELECT nothing FROM orders",
  "SELECT nothing FROM nowhere WHERE",
];

/** Of the statements that stand in the analysis' own corpus, those that this seed or two sessions answer differently. */
export const LEFT_OUT: readonly RegExp[] = [
  /notes|function_view|pets/,
  // A function of this seed's has the name, so that the name may not be called.
  /upper\(/,
  /SHOW ALL|pg_stat_|pg_backend_pid|gen_random|right\(card, 4\)|card LIKE/,
];
