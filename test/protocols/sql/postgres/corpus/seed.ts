/**
 * The database that the masking corpus runs on: a canary in every protected cell, and every kind of object by which
 * people reach for rows in another way. Nothing here is real.
 */
import { policyDocumentSchema } from "#policies/document.ts";
import type { Principal } from "#policies/question.ts";
import { VIEW_COLUMNS, VIEWS } from "./views.ts";

/** In every protected cell; no other cell and no statement of the corpus shows any of them, or a part of 5 and more. */
export const CANARIES = [
  "917-44-2051",
  "836-52-7719",
  "zoqkmarta",
  "wyxbjonas",
  "1983-07-29",
  "1991-11-13",
  "73519.25",
  "68842.75",
  "quagmire plum",
  "velvet harpoon",
  "492912345678",
  "511187654321",
  "obsidian-north",
  "obsidian-south",
  "605-77-3390",
  "obsidian-east",
  "712-66-4815",
] as const;

export const SEED = `
CREATE TABLE users (
  id int PRIMARY KEY, name text NOT NULL, email text UNIQUE, ssn varchar(11), born date, salary numeric(12,2), notes text, city text,
  tail text GENERATED ALWAYS AS (right(ssn, 7)) STORED);
INSERT INTO users (id, name, email, ssn, born, salary, notes, city) VALUES
  (1, 'Marta', 'zoqkmarta@example.com', '917-44-2051', '1983-07-29', 73519.25, 'quagmire plum', 'Oslo'),
  (2, 'Jonas', 'wyxbjonas@example.org', '836-52-7719', '1991-11-13', 68842.75, 'velvet harpoon', 'Riga'),
  (3, 'Nobody', NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE payments (id int PRIMARY KEY, user_id int REFERENCES users, card char(16), amount numeric, paid_at timestamptz);
INSERT INTO payments VALUES (1, 1, '4929123456781234', 10.5, '2024-01-02 03:04:05+00'), (2, 2, '5111876543214321', 20, '2024-02-03 04:05:06+00'),
  (3, 1, NULL, 7, NULL);
CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users, total numeric, status text, placed_on date, details jsonb);
INSERT INTO orders SELECT n, 1 + n % 2, n * 1.5, CASE WHEN n % 3 = 0 THEN 'open' ELSE 'shipped' END, date '2024-01-01' + n, jsonb_build_object('n', n, 'tags', jsonb_build_array('a', n))
  FROM generate_series(1, 12) n;
CREATE TABLE notes_to_self (id serial PRIMARY KEY, body text, at timestamptz DEFAULT now());
CREATE TABLE events (id int, region text, secret text) PARTITION BY LIST (region);
CREATE TABLE events_north PARTITION OF events FOR VALUES IN ('north');
CREATE TABLE events_south PARTITION OF events FOR VALUES IN ('south');
CREATE TABLE events_east PARTITION OF events FOR VALUES IN ('east') PARTITION BY RANGE (id);
CREATE TABLE events_east_one (secret text, id int, region text);
ALTER TABLE events_east ATTACH PARTITION events_east_one FOR VALUES FROM (0) TO (9);
INSERT INTO events VALUES (1, 'north', 'obsidian-north'), (2, 'south', 'obsidian-south'), (3, 'east', 'obsidian-east');
CREATE TABLE people (id int, ssn text);
CREATE TABLE staff (office text) INHERITS (people);
INSERT INTO staff VALUES (7, '605-77-3390', 'tower');
CREATE TABLE night_staff (shift int) INHERITS (staff);
INSERT INTO night_staff VALUES (8, '712-66-4815', 'gate', 3);
CREATE TABLE creatures (id int);
CREATE TABLE pets (keeper_ssn text) INHERITS (creatures);
CREATE SCHEMA "Back Office";
CREATE TABLE "Back Office"."User ""Data""" (id int, "S S N" text);
INSERT INTO "Back Office"."User ""Data""" VALUES (1, '917-44-2051');

CREATE VIEW users_view AS SELECT * FROM users;
CREATE VIEW view_of_view AS SELECT ssn AS harmless FROM users_view;
CREATE VIEW open_orders AS SELECT id, total FROM orders WHERE status = 'open';
CREATE VIEW xml_view AS SELECT query_to_xml('select * from users', true, true, '') AS x;
CREATE VIEW stats_view AS SELECT tablename, most_common_vals::text AS v FROM pg_stats;
CREATE VIEW function_view AS SELECT * FROM generate_series(1, 3) g;
CREATE MATERIALIZED VIEW users_copy AS SELECT id, ssn FROM users;
CREATE FUNCTION user_ssn(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT ssn FROM users WHERE id = $1';
CREATE FUNCTION all_users() RETURNS SETOF users LANGUAGE sql STABLE AS 'SELECT * FROM users';
CREATE FUNCTION whole(users) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1.ssn';
CREATE FUNCTION definer_ssn(int) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT ssn FROM users WHERE id = $1';
CREATE FUNCTION lower(integer) RETURNS text LANGUAGE sql STABLE AS 'SELECT ssn FROM users WHERE id = $1';
CREATE FUNCTION order_total(int) RETURNS numeric LANGUAGE sql STABLE AS 'SELECT total FROM orders WHERE id = $1';
CREATE FUNCTION leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN true; END';
CREATE VIEW called_view AS SELECT user_ssn(1) AS harmless;
CREATE OPERATOR ### (RIGHTARG = int, FUNCTION = user_ssn);
CREATE TYPE ssn_box AS (v text);
CREATE FUNCTION to_box(int) RETURNS ssn_box LANGUAGE sql AS 'SELECT ROW(user_ssn($1))::ssn_box';
CREATE CAST (int AS ssn_box) WITH FUNCTION to_box(int);
CREATE TABLE ruled (id int);
CREATE RULE peek AS ON INSERT TO ruled DO ALSO SELECT ssn FROM users;
CREATE TABLE inbox (id int, note text);
CREATE PROCEDURE copy_out() LANGUAGE sql AS 'INSERT INTO inbox SELECT id, ssn FROM users';
CREATE EXTENSION postgres_fdw; CREATE EXTENSION dblink; CREATE EXTENSION pgcrypto; CREATE EXTENSION hstore; CREATE EXTENSION tablefunc; CREATE EXTENSION citext;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1');
CREATE FOREIGN TABLE remote_users (id int, ssn text) SERVER elsewhere;
${VIEWS}
ANALYZE;
CREATE TABLE remote_all (id int, ssn text) PARTITION BY LIST (id);
CREATE FOREIGN TABLE remote_one PARTITION OF remote_all FOR VALUES IN (1) SERVER elsewhere;
`;

export const DOCUMENT = policyDocumentSchema.parse({
  access: { rules: [{ who: { names: ["agent", "owner"] }, targets: ["shop"], may: ["read", "write", "schema", "admin"] }] },
  masking: {
    rules: [
      {
        name: "pii",
        target: "shop",
        columns: ["public.users.ssn", "public.people.ssn", "Back Office.*.S S N", ...VIEW_COLUMNS],
        with: "redact",
        unless: { names: ["owner"] },
      },
      { name: "mail", target: "shop", columns: ["public.users.email"], with: "email", unless: { names: ["owner"] } },
      { name: "age", target: "shop", columns: ["public.users.born"], with: "year", unless: { names: ["owner"] } },
      { name: "pay", target: "shop", columns: ["public.users.salary"], with: null, unless: { names: ["owner"] } },
      { name: "notes", target: "shop", columns: ["public.users.notes"], with: { constant: "(hidden)" }, unless: { names: ["owner"] } },
      { name: "cards", target: "shop", columns: ["public.payments.card"], with: { keepLast: 4 }, unless: { names: ["owner"] } },
      {
        name: "events",
        target: "shop",
        columns: ["public.events.secret", "public.pets.keeper_ssn"],
        with: "redact",
        unless: { names: ["owner"] },
      },
    ],
    functions: { allow: ["public.order_total"] },
  },
});

export const AGENT: Principal = { issuer: "https://idp.test", name: "agent", groups: [], actor: null };
