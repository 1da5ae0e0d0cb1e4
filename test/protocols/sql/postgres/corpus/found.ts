/** What was found, by its cause; the objects that run code unseen; and what must go on working beside them. */
import type { Outcome } from "./bypass.ts";

export interface Found {
  readonly expect: Outcome;
  readonly text: string;
  /** The first version on which it was possible. */
  readonly since?: number;
}

const all = (expect: Outcome, ...texts: readonly string[]): readonly Found[] => texts.map((text) => ({ expect, text }));

export const HIDDEN_CODE = `
CREATE FUNCTION ssn_exists(text) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT EXISTS (SELECT FROM public.users WHERE ssn = $1)';
CREATE DOMAIN known_ssn AS text CHECK (ssn_exists(VALUE));
CREATE TYPE user_ref AS (id int);
CREATE FUNCTION ref_text(user_ref) RETURNS text LANGUAGE sql STABLE AS 'SELECT ssn FROM public.users WHERE id = ($1).id';
CREATE CAST (user_ref AS text) WITH FUNCTION ref_text(user_ref) AS ASSIGNMENT;
DROP CAST (int AS ssn_box);
CREATE CAST (int AS ssn_box) WITH FUNCTION to_box(int) AS ASSIGNMENT;
CREATE TYPE refs AS (list user_ref[]);
CREATE TYPE known_range AS RANGE (subtype = known_ssn);
CREATE TABLE tickets (id int PRIMARY KEY, who user_ref, box ssn_box);
INSERT INTO tickets (id, who) VALUES (1, ROW(1)), (2, ROW(2));
CREATE TABLE deep (id int, r refs, note text);
CREATE VIEW cast_view AS SELECT id, who::text AS x FROM tickets;
CREATE TABLE holders (id int, checked known_ssn);
CREATE TABLE defaulted (id int, note text DEFAULT user_ssn(1));
CREATE TABLE reading (id int, note text DEFAULT query_to_xml('select ssn from users', true, true, '')::text);
CREATE TABLE checked (id int, note text CHECK (ssn_exists(note)));
CREATE TABLE indexed (id int, note text);
CREATE FUNCTION fixed(int) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ssn FROM public.users WHERE id = $1';
CREATE INDEX ON indexed (fixed(id));
CREATE TABLE routed (id int, note text) PARTITION BY LIST (fixed(id));
CREATE TABLE routed_one PARTITION OF routed FOR VALUES IN ('917-44-2052');
CREATE TABLE noisy (id int, note text);
CREATE FUNCTION noise() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := (SELECT ssn FROM public.users WHERE id = 1); RETURN NEW; END $$;
CREATE TRIGGER noise BEFORE INSERT OR UPDATE ON noisy FOR EACH ROW EXECUTE FUNCTION noise();
CREATE VIEW noisy_view AS SELECT id, note FROM noisy;
CREATE TABLE noisy_all (id int, note text) PARTITION BY LIST (id);
CREATE TABLE noisy_one PARTITION OF noisy_all FOR VALUES IN (1);
CREATE TRIGGER noise BEFORE INSERT ON noisy_one FOR EACH ROW EXECUTE FUNCTION noise();
CREATE TABLE parcels (id int PRIMARY KEY, note text);
CREATE TABLE labels (id int, parcel int REFERENCES parcels ON DELETE SET NULL, note text);
CREATE TRIGGER noise BEFORE UPDATE ON labels FOR EACH ROW EXECUTE FUNCTION noise();
CREATE TABLE ruled_by_view (id int);
CREATE RULE peek AS ON INSERT TO ruled_by_view DO ALSO SELECT harmless FROM view_of_view;
CREATE TABLE ruled_by_call (id int);
CREATE RULE peek AS ON INSERT TO ruled_by_call DO ALSO SELECT user_ssn(1) AS x;
CREATE VIEW ruled_view AS SELECT id, note FROM inbox;
CREATE RULE put AS ON INSERT TO ruled_view DO INSTEAD INSERT INTO inbox VALUES (NEW.id, NEW.note) RETURNING id, (SELECT ssn FROM users WHERE id = 1)::text;
ALTER TABLE users ADD UNIQUE (ssn);
CREATE TABLE badges (id int, ssn_ref varchar(11) UNIQUE REFERENCES users (ssn), tail text GENERATED ALWAYS AS (right(ssn_ref, 7)) STORED);
INSERT INTO badges VALUES (1, '917-44-2051');
CREATE TABLE badge_copies (ref varchar(11) REFERENCES badges (ssn_ref));
CREATE TABLE "system_user" (id int, ssn text);
INSERT INTO "system_user" VALUES (1, '917-44-2051');
CREATE TABLE plain (id serial PRIMARY KEY, at timestamptz DEFAULT now(), who text DEFAULT current_user, token uuid DEFAULT gen_random_uuid(),
  salt text DEFAULT gen_salt('md5'), n int DEFAULT 0 CHECK (n >= 0), note text CHECK (length(note) < 90));
CREATE INDEX ON plain (lower(note)) WHERE n > 0;
`;

export const FOUND: Readonly<Record<string, readonly Found[]>> = {
  "whole rows of the server's own relations by attribute notation": all(
    "mask",
    "SELECT a.to_jsonb FROM pg_stat_activity a",
    "SELECT a.row_to_json FROM pg_stat_activity a",
    "SELECT pg_stat_activity.to_jsonb FROM pg_stat_activity",
    "SELECT pg_catalog.pg_stat_activity.to_jsonb FROM pg_catalog.pg_stat_activity",
    "SELECT a.record_send FROM pg_stat_activity a",
    "SELECT l.j FROM pg_stat_activity a, LATERAL (SELECT a.to_jsonb AS j) l",
    "SELECT a.to_jsonb FROM pg_attribute a",
    "SELECT (SELECT a.to_jsonb) FROM pg_stat_activity a",
    "SELECT x.hash_record, x.to_json FROM pg_stat_activity x",
  ),
  "casts and checks that nothing in the text names": all(
    "masked-function",
    "SELECT who::text FROM tickets",
    "SELECT 'x' || (SELECT who FROM tickets LIMIT 1)",
    "SELECT id FROM deep",
    "INSERT INTO tickets (id, box) VALUES (9, 1) RETURNING box",
    "UPDATE tickets SET box = 1",
    "SELECT ROW(1)::refs",
    "SELECT NULL::known_range",
    'SELECT jsonb_populate_record(NULL::holders, \'{"checked": "917-44-2052"}\')',
    "SELECT '(1,917-44-2052)'::holders",
    "SELECT ('917-44-2052'::text).known_ssn",
    "SELECT x.t.known_ssn FROM (SELECT '917-44-2052'::text AS t) x".replace("x.t.known_ssn", "(x.t).known_ssn"),
    "SELECT known_ssn('917-44-2052')",
    "SELECT '{917-44-2052}'::_known_ssn",
    "SELECT '{917-44-2052}'::known_ssn[]",
    "SELECT * FROM jsonb_to_record('{}') AS r(x known_ssn)",
    "INSERT INTO holders VALUES (1, '917-44-2052')",
    'SELECT jsonb_populate_record(h, \'{"checked": "917-44-2052"}\') FROM holders h',
    "SELECT domain_in('917-44-2052', 'known_ssn'::regtype, -1)",
    "SELECT array_in('{917-44-2052}', 'known_ssn'::regtype, -1)",
    "SELECT pg_input_is_valid('917-44-2052', 'known_ssn')",
    "SELECT * FROM pg_input_error_info('917-44-2052', 'known_ssn')",
  ),
  "views over them": all("masked-view", "SELECT * FROM cast_view"),
  "rules, triggers, defaults, checks and indexes": all(
    "masked-write",
    "INSERT INTO ruled_by_view VALUES (1)",
    "INSERT INTO ruled_by_call VALUES (1)",
    "INSERT INTO ruled_view VALUES (1, 'x') RETURNING *",
    "WITH w AS (INSERT INTO ruled_by_call VALUES (1) RETURNING *) SELECT * FROM w",
    "INSERT INTO noisy (id) VALUES (1) RETURNING note",
    "UPDATE noisy SET id = 2",
    "MERGE INTO noisy n USING orders o ON n.id = o.id WHEN NOT MATCHED THEN INSERT VALUES (o.id, '')",
    "COPY noisy FROM STDIN",
    "TRUNCATE plain, noisy",
    "INSERT INTO noisy_view (id) VALUES (1) RETURNING note",
    "INSERT INTO noisy_all VALUES (1) RETURNING note",
    "DELETE FROM parcels",
    "INSERT INTO defaulted (id) VALUES (1) RETURNING note",
    "INSERT INTO reading (id) VALUES (1) RETURNING note",
    "INSERT INTO checked VALUES (1, '917-44-2052')",
    "INSERT INTO indexed VALUES (1)",
    "INSERT INTO routed VALUES (1)",
    "EXPLAIN INSERT INTO noisy (id) VALUES (1)",
  ),
  "foreign keys to masked columns": [
    ...all("mask", "SELECT * FROM badges", "SELECT * FROM badge_copies", "SELECT id FROM badges WHERE ssn_ref = '917-44-2052'"),
    ...all("masked-write", "INSERT INTO badges VALUES (1, '917-44-2052')", "UPDATE badge_copies SET ref = '917-44-2052'"),
  ],
};

/** One text, two readings: what is syntax to the grammar is a name to an older server. */
export const NAMES_ONCE: readonly string[] = ["SELECT s.ssn || '' FROM system_user s", "SELECT system_user", "SELECT * FROM system_user"];

export const STILL_OPEN: readonly string[] = [
  "SELECT a.attname, a.tableoid::regclass FROM pg_catalog.pg_attribute a LIMIT 1",
  "SELECT a.pid, pg_stat_activity.state FROM pg_stat_activity a, pg_stat_activity LIMIT 1",
  "INSERT INTO plain (note) VALUES ('x') RETURNING id, at, who, token",
  "UPDATE plain SET n = n + 1 WHERE note = 'x'",
  "DELETE FROM plain",
  "SELECT b.id, u.name FROM badges b JOIN users u ON u.id = b.id",
  "SELECT information_schema._pg_expandarray(i.indkey) AS keys FROM pg_catalog.pg_index i LIMIT 1",
  "SELECT (information_schema._pg_expandarray(i.indkey)).n FROM pg_catalog.pg_index i LIMIT 1",
];
