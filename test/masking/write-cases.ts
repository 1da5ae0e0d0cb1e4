/** Tables to write to, besides those of the seed, and what is written to them through a whole gateway. */
import type { Sections } from "#test/support/gateway-files.ts";
import { withMasks } from "./seed.ts";

/** `secret` holds canaries of the seed, so that whatever quotes a row is found out. */
export const LEDGER = `
  CREATE TABLE ledger (
    id int PRIMARY KEY, name text NOT NULL, n int CHECK (n >= 0), room int4range, note varchar(5), late int UNIQUE DEFERRABLE INITIALLY DEFERRED,
    owner int REFERENCES orders, secret text, mood mood, UNIQUE (n), EXCLUDE USING gist (room WITH &&), CONSTRAINT known CHECK (note <> 'never'));
  INSERT INTO ledger VALUES (1, 'a', 1, '[1,5]', 'x', 1, 1, '917-44-2051', 'moodsecretgrim'), (2, 'b', 2, '[6,9]', 'y', 2, 2, 'zoqkmarta', NULL),
    (3, 'c', 3, NULL, NULL, 3, NULL, NULL, NULL);
  CREATE TABLE pages (id int, ledger int REFERENCES ledger);
  INSERT INTO pages VALUES (1, 2);
  CREATE TABLE shelves (id int, kind text, secret text) PARTITION BY LIST (kind);
  CREATE TABLE shelves_a PARTITION OF shelves FOR VALUES IN ('a');
  CREATE TABLE shelves_b PARTITION OF shelves FOR VALUES IN ('b');
  INSERT INTO shelves VALUES (1, 'a', 'obsidiannorth'), (2, 'b', 'obsidiansouth');
  CREATE TABLE cards (id serial PRIMARY KEY, name text, secret text UNIQUE, n int);
  INSERT INTO cards (name, secret) VALUES ('a', '4929770012345678'), ('b', NULL);
  CREATE TABLE drawer (id int, note text CHECK (note <> 'no'));
  CREATE VIEW checked_drawer AS SELECT * FROM drawer WHERE id > 5 WITH CHECK OPTION;
`;

/** `clerk` may give masked columns values, and is under the same masks. */
export const WRITERS = { owner: ["owners"], clerk: ["clerks", "owners"], boss: ["bosses"] } as const;
const SECRETS = ["public.ledger.secret", "public.ledger.mood", "public.shelves.secret", "public.cards.secret"];

export function withWriters(sections: Sections): Sections {
  const made = withMasks(sections);
  const { rules, ...others } = made["masking"] as { readonly rules: readonly Readonly<Record<string, unknown>>[] };
  const secrets = { target: "orders", columns: SECRETS, with: "redact" };
  return {
    ...made,
    masking: {
      ...others,
      rules: [
        { name: "no-values", ...secrets, unless: { groups: ["bosses", "clerks"] } },
        { name: "values", ...secrets, unless: { names: ["owner", "boss"] }, assign: "values" },
        ...rules,
      ],
    },
  };
}

/** Writes that the server refuses, each quoting the row that fails, with the SQLSTATE and the constraint that stay. */
export const FAILING: readonly (readonly [sql: string, code: string, constraint?: string])[] = [
  ["UPDATE ledger SET name = NULL WHERE id = 1", "23502"],
  ["UPDATE ledger SET n = -1 WHERE id = 1", "23514", "ledger_n_check"],
  ["UPDATE ledger SET note = 'never'", "23514", "known"],
  ["UPDATE ledger SET n = 2 WHERE id = 1", "23505", "ledger_n_key"],
  ["UPDATE ledger SET id = 2 WHERE id = 1", "23505", "ledger_pkey"],
  ["UPDATE ledger SET room = '[4,7]' WHERE id = 3", "23P01", "ledger_room_excl"],
  ["UPDATE ledger SET owner = 99 WHERE id = 1", "23503", "ledger_owner_fkey"],
  ["UPDATE ledger SET id = 9 WHERE id = 2", "23503", "pages_ledger_fkey"],
  ["DELETE FROM ledger WHERE id = 2", "23503", "pages_ledger_fkey"],
  ["UPDATE ledger SET note = 'far too long'", "22001"],
  ["UPDATE ledger SET n = 99999999999", "22003"],
  ["UPDATE ledger SET n = n / (n - n)", "22012"],
  ["UPDATE ledger SET room = 'x'", "22P02"],
  ["UPDATE ledger SET room = int4range(9, 1)", "22000"],
  ["UPDATE ledger SET late = 2 WHERE id = 1", "23505", "ledger_late_key"],
  ["INSERT INTO ledger (id, name) VALUES (1, 'again')", "23505", "ledger_pkey"],
  ["INSERT INTO ledger (id) VALUES (50)", "23502"],
  ["INSERT INTO ledger (id, name) SELECT id + 100, secret FROM ledger", "23502"],
  ["INSERT INTO ledger (id, name, n) VALUES (7, 'a', 7), (7, 'b', 8) ON CONFLICT (id) DO UPDATE SET name = excluded.name", "21000"],
  ["INSERT INTO ledger (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET n = -5", "23514", "ledger_n_check"],
  ["MERGE INTO ledger l USING (VALUES (1), (1)) v(i) ON l.id = v.i WHEN MATCHED THEN UPDATE SET name = 'x'", "21000"],
  ["MERGE INTO ledger l USING orders o ON l.id = o.id WHEN MATCHED THEN UPDATE SET name = NULL", "23502"],
  ["WITH w AS (UPDATE ledger SET n = -1 WHERE id = 1 RETURNING *) SELECT * FROM w", "23514", "ledger_n_check"],
  ["UPDATE shelves SET kind = 'nowhere'", "23514"],
  ["UPDATE shelves_a SET kind = 'b'", "23514"],
  ["INSERT INTO shelves (id, kind) VALUES (9, 'nowhere')", "23514"],
  ["INSERT INTO shelves_a (id, kind) VALUES (9, 'b')", "23514"],
  ["UPDATE users SET name = NULL", "23502"],
  ["UPDATE users SET id = 2 WHERE id = 1", "23505", "users_pkey"],
  ["UPDATE payments SET user_id = 99", "23503", "payments_user_id_fkey"],
  ["TRUNCATE ledger", "0A000"],
  ["UPDATE ledger SET nothing = 1", "42703"],
  ["UPDATE ledger SET n = 'x'::text", "42804"],
  ["INSERT INTO checked_drawer VALUES (1, 'x')", "44000"],
  ["INSERT INTO checked_drawer VALUES (7, 'no')", "23514", "drawer_note_check"],
];

/** Run in transactions that are rolled back, in each protocol, and compared with what somebody under no mask gets. */
export const WORKING: readonly (readonly [sql: string, parameters?: readonly (string | null)[]])[] = [
  ["INSERT INTO ledger (id, name, n) VALUES ($1, $2, $3) RETURNING id", ["10", "x", "10"]],
  ["INSERT INTO ledger (id, name) VALUES ($1, $2) RETURNING *", ["10", "x"]],
  ["INSERT INTO cards (name) VALUES ($1) RETURNING name, id > 0", ["x"]],
  ["INSERT INTO cards (name, n) SELECT * FROM unnest($1::text[], $2::int[]) RETURNING name, n", ["{a,b}", "{1,2}"]],
  ["UPDATE ledger SET name = $2, n = $3 WHERE id = $1", ["1", "y", "77"]],
  ["UPDATE ledger SET name = $2 WHERE id = $1 RETURNING id, name, secret, mood", ["1", "y"]],
  ["INSERT INTO ledger (id, name) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING id, name, n", ["1", "z"]],
  ["INSERT INTO ledger (id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING", ["1", "z"]],
  ["DELETE FROM ledger WHERE id = $1 RETURNING *", ["1"]],
  ["DELETE FROM cards WHERE id = ANY ($1::int[])", ["{1,2}"]],
  ["UPDATE users SET city = $2 WHERE id = $1 RETURNING id, city, email, ssn, tail, born", ["1", "Bonn"]],
  ["UPDATE payments SET amount = amount + $1 RETURNING *", ["1"]],
  ["WITH gone AS (DELETE FROM cards RETURNING *) SELECT id, name, secret FROM gone ORDER BY id"],
  ["UPDATE shelves SET kind = 'b' WHERE id = 1 RETURNING *"],
  ["UPDATE orders SET status = u.city FROM users u WHERE u.id = orders.user_id RETURNING orders.id, orders.status"],
  ["TRUNCATE cards, shelves"],
  [
    "MERGE INTO cards c USING (VALUES (1, 'p'), (9, 'q')) v(i, s) ON c.id = v.i WHEN MATCHED THEN UPDATE SET name = s WHEN NOT MATCHED THEN INSERT (id, name) VALUES (i, s)",
  ],
];

/** `P` stands for a value that may be on no record in clear; sent by the clerk, who may assign it. */
export const PROBED: readonly (readonly [sql: string, parameters?: readonly string[]])[] = [
  ["INSERT INTO cards (name, secret) VALUES ('x', 'P')"],
  ["INSERT INTO cards VALUES (DEFAULT, 'x', 'P', 1)"],
  ["INSERT INTO cards (name, secret) VALUES ($1, $2)", ["x", "P"]],
  ["INSERT INTO cards (name, secret) SELECT 'x', 'P'"],
  ['INSERT INTO cards (name, secret) SELECT n, s FROM json_to_recordset(\'[{"n": "x", "s": "P"}]\') AS r(n text, s text)'],
  ["INSERT INTO cards (name, secret) SELECT n, s FROM json_to_recordset($1) AS r(n text, s text)", ['[{"n": "x", "s": "P"}]']],
  ["INSERT INTO cards (id, name, secret) VALUES (1, 'x', 'P') ON CONFLICT (id) DO UPDATE SET secret = excluded.secret RETURNING secret"],
  ["UPDATE cards SET secret = 'P' WHERE id = 1 RETURNING *"],
  ["UPDATE cards SET secret = $1 WHERE id = $2", ["P", "1"]],
  ["UPDATE cards SET (name, secret) = ('x', 'P') WHERE id = 1"],
  ["UPDATE cards SET secret = v.s FROM (VALUES (1, 'P')) v(i, s) WHERE cards.id = v.i"],
  ["WITH v AS (SELECT 'P' AS s) UPDATE cards SET secret = v.s FROM v WHERE id = 1"],
  ["MERGE INTO cards c USING (VALUES (1, 'P')) v(i, s) ON c.id = v.i WHEN MATCHED THEN UPDATE SET secret = s"],
  ["MERGE INTO cards c USING orders o ON c.id = o.id AND o.id = 1 WHEN MATCHED THEN UPDATE SET secret = 'P'"],
  ["UPDATE cards SET secret = 'P' WHERE secret = 'P'"],
  ["UPDATE cards SET name = 'y' WHERE id IN (SELECT id FROM cards WHERE secret = 'P')"],
  ["PREPARE q AS UPDATE cards SET secret = 'P' WHERE id = 1"],
  ["PREPARE r (text) AS UPDATE cards SET secret = $1 WHERE id = 1; EXECUTE r ('P'); DEALLOCATE r"],
];
