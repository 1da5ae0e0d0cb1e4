/**
 * The database that the attacks run on: a canary of its own in every protected cell, of every type that masks know, and
 * around them every kind of object by which rows can be reached in another way. Nothing here is real.
 */
import { VIEW_COLUMNS, VIEWS } from "#test/protocols/sql/postgres/corpus/views.ts";
import type { Sections } from "#test/support/gateway-files.ts";

/** What must never be received: a value, and how it looks in the binary format where that is not its text. */
export interface Canary {
  readonly text: string;
  /** Hex digits. */
  readonly binary?: string;
}

/** No other cell and no statement of the corpus shows any of them. */
export const CANARIES: readonly Canary[] = [
  { text: "zoqkmarta" },
  { text: "917-44-2051" },
  { text: "QXJ4481VWK" },
  { text: "918273645", binary: "36bb8eed" },
  { text: "73519.25", binary: "00070dbf09c4" },
  { text: "-07-29" },
  { text: "04:41:17" },
  { text: "vermilion-otter" },
  { text: "c0ffee5eed77aa01" },
  { text: "5f0c7b1e-93d2-4c1a-8e44-0a6b1d2c3f97", binary: "5f0c7b1e93d24c1a8e440a6b1d2c3f97" },
  { text: "tangerine-gully" },
  { text: "moodsecretgrim" },
  { text: "Hollowbrook Lane" },
  { text: "ZX81-QQ77" },
  { text: "quagmireplum" },
  { text: "836-52-7719" },
  { text: "wyxbjonas" },
  { text: "4929770012345678" },
  { text: "obsidiannorth" },
  { text: "obsidiansouth" },
  { text: "605-77-3390" },
  { text: "obsidianeast" },
  { text: "obsidianwest" },
  { text: "712-66-4815" },
  { text: "missingcanary" },
];

/** Literals that masked principals compare with protected columns: none of them may be recorded in clear. */
export const PROBES = ["probe-4471-alpha", "probe-4471-bravo"] as const;

const FUNCTIONS = `
CREATE FUNCTION user_ssn(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT ssn FROM public.users WHERE id = $1';
CREATE FUNCTION definer_ssn(int) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER AS 'BEGIN RETURN (SELECT ssn FROM public.users WHERE id = $1); END';
CREATE FUNCTION all_users() RETURNS SETOF users LANGUAGE sql STABLE AS 'SELECT * FROM public.users';
CREATE FUNCTION whole(users) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1.ssn';
CREATE FUNCTION upper(integer) RETURNS text LANGUAGE sql STABLE AS 'SELECT ssn FROM public.users WHERE id = $1';
CREATE FUNCTION order_total(int) RETURNS numeric LANGUAGE sql STABLE AS 'SELECT total FROM public.orders WHERE id = $1';
CREATE FUNCTION ssn_exists(text) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT EXISTS (SELECT FROM public.users WHERE ssn = $1)';
CREATE PROCEDURE copy_out() LANGUAGE sql AS 'INSERT INTO public.inbox SELECT id, ssn FROM public.users';
CREATE AGGREGATE last_ssn(int) (SFUNC = int4larger, STYPE = int);
CREATE OPERATOR ### (RIGHTARG = int, FUNCTION = user_ssn);
`;

/** Objects that run code without a call that could be seen in a statement. */
const HIDDEN_CODE = `
CREATE DOMAIN known_ssn AS text CHECK (ssn_exists(VALUE));
CREATE TYPE user_ref AS (id int);
CREATE FUNCTION ref_text(user_ref) RETURNS text LANGUAGE sql STABLE AS 'SELECT ssn FROM public.users WHERE id = ($1).id';
CREATE CAST (user_ref AS text) WITH FUNCTION ref_text(user_ref) AS ASSIGNMENT;
CREATE TYPE ssn_box AS (v text);
CREATE FUNCTION to_box(int) RETURNS ssn_box LANGUAGE sql STABLE AS 'SELECT ROW(public.user_ssn($1))::public.ssn_box';
CREATE CAST (int AS ssn_box) WITH FUNCTION to_box(int) AS ASSIGNMENT;
CREATE TABLE tickets (id int PRIMARY KEY, who user_ref, box ssn_box);
INSERT INTO tickets (id, who) VALUES (1, ROW(1)), (2, ROW(2));
CREATE TABLE holders (id int, checked known_ssn);
CREATE TABLE defaulted (id int, note text DEFAULT user_ssn(1));
CREATE TABLE noisy (id int, note text);
CREATE FUNCTION noise() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.id = 1 THEN RAISE NOTICE 'saw %', (SELECT ssn FROM public.users WHERE id = 1); END IF;
  IF NEW.id = 2 THEN RAISE EXCEPTION 'saw %', (SELECT ssn FROM public.users WHERE id = 1) USING DETAIL = (SELECT ssn FROM public.users WHERE id = 1), HINT = (SELECT ssn FROM public.users WHERE id = 1); END IF;
  IF NEW.id = 3 THEN NEW.note := (SELECT ssn FROM public.users WHERE id = 1); END IF;
  RETURN NEW; END $$;
CREATE TRIGGER noise BEFORE INSERT ON noisy FOR EACH ROW EXECUTE FUNCTION noise();
CREATE TABLE late (id int, note text);
CREATE FUNCTION late_noise() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'saw %', (SELECT ssn FROM public.users WHERE id = 1); END $$;
CREATE CONSTRAINT TRIGGER late_noise AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late_noise();
CREATE TABLE ruled (id int);
CREATE RULE peek AS ON INSERT TO ruled DO ALSO SELECT ssn FROM users;
CREATE TABLE ruled_by_view (id int);
CREATE RULE peek AS ON INSERT TO ruled_by_view DO ALSO SELECT harmless FROM view_of_view;
CREATE TABLE ruled_by_call (id int);
CREATE RULE peek AS ON INSERT TO ruled_by_call DO ALSO SELECT user_ssn(1) AS x;
CREATE VIEW ruled_view AS SELECT id, note FROM inbox;
CREATE RULE put AS ON INSERT TO ruled_view DO INSTEAD INSERT INTO inbox VALUES (NEW.id, NEW.note) RETURNING id, (SELECT ssn FROM users WHERE id = 1)::text;
CREATE TABLE badges (id int, ssn_ref varchar(11) REFERENCES users (ssn));
CREATE VIEW cast_view AS SELECT id, who::text AS x FROM tickets;
CREATE TABLE "system_user" (id int, ssn text);
INSERT INTO "system_user" VALUES (1, '917-44-2051');
`;

export const SEED = `
CREATE TYPE mood AS ENUM ('fine', 'moodsecretgrim');
CREATE TYPE address AS (street text, no int);
CREATE DOMAIN zip AS varchar(12) CHECK (length(VALUE) > 2);
CREATE TABLE users (
  id int PRIMARY KEY, name text NOT NULL, city text, email text UNIQUE, ssn varchar(11) UNIQUE, code char(12), pin int, salary numeric(12,2),
  born date, seen timestamptz, details jsonb, photo bytea, token uuid, tags text[], mood mood, address address, zip zip, bio text,
  tail text GENERATED ALWAYS AS (right(ssn, 7)) STORED);
COMMENT ON TABLE users IS 'people who buy';
COMMENT ON COLUMN users.ssn IS 'social security number';
INSERT INTO users VALUES
 (1, 'Marta', 'Oslo', 'zoqkmarta@example.com', '917-44-2051', 'QXJ4481VWK', 918273645, 73519.25, '1983-07-29', '2021-09-14 04:41:17+00',
  '{"k": "vermilion-otter", "a": [1, "vermilion-otter"]}', '\\xc0ffee5eed77aa01', '5f0c7b1e-93d2-4c1a-8e44-0a6b1d2c3f97', '{tangerine-gully,b}', 'moodsecretgrim',
  ROW('Hollowbrook Lane', 7), 'ZX81-QQ77', repeat('quagmireplum ', 9000)),
 (2, 'Jonas', 'Riga', 'wyxbjonas@example.org', '836-52-7719', NULL, 2, 3, '1991-01-01', '2020-01-01 00:00:00+00', NULL, NULL, NULL, NULL, 'fine', NULL, NULL, 'x'),
 (3, 'Nobody', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
ALTER TABLE users ADD COLUMN origin text DEFAULT 'missingcanary';
CREATE INDEX users_lower_email ON users (lower(email));
CREATE STATISTICS users_stats (mcv) ON ssn, pin FROM users;
CREATE TABLE payments (id int PRIMARY KEY, user_id int REFERENCES users, card char(16), amount numeric, paid_at timestamptz);
INSERT INTO payments VALUES (1, 1, '4929770012345678', 10.5, '2024-01-02 03:04:05+00'), (2, 2, NULL, 20, '2024-02-03 04:05:06+00');
CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users, total numeric, status text, placed_on date, details jsonb);
INSERT INTO orders SELECT n, 1 + n % 2, n * 1.5, CASE WHEN n % 3 = 0 THEN 'open' ELSE 'shipped' END, date '2024-01-01' + n,
  jsonb_build_object('n', n, 'tags', jsonb_build_array('a', n)) FROM generate_series(1, 12) n;
CREATE TABLE inbox (id int, note text);
CREATE TABLE counters (id serial PRIMARY KEY, n int NOT NULL DEFAULT 0 CHECK (n >= 0), UNIQUE (n));
INSERT INTO counters (n) VALUES (1), (2);
CREATE TABLE events (id int, region text, secret text) PARTITION BY LIST (region);
CREATE TABLE events_north PARTITION OF events FOR VALUES IN ('north');
CREATE TABLE events_south PARTITION OF events FOR VALUES IN ('south');
CREATE TABLE events_east PARTITION OF events FOR VALUES IN ('east') PARTITION BY RANGE (id);
CREATE TABLE events_east_one (secret text, id int, region text);
ALTER TABLE events_east ATTACH PARTITION events_east_one FOR VALUES FROM (0) TO (9);
CREATE TABLE events_west PARTITION OF events FOR VALUES IN ('west');
INSERT INTO events VALUES (1, 'north', 'obsidiannorth'), (2, 'south', 'obsidiansouth'), (3, 'east', 'obsidianeast'), (4, 'west', 'obsidianwest');
CREATE TABLE people (id int, ssn text);
CREATE TABLE staff (office text) INHERITS (people);
INSERT INTO staff VALUES (7, '605-77-3390', 'tower');
CREATE TABLE night_staff (shift int) INHERITS (staff);
INSERT INTO night_staff VALUES (8, '712-66-4815', 'gate', 3);
CREATE SCHEMA "Back Office";
CREATE TABLE "Back Office"."User ""Data""" (id int, "S S N" text);
INSERT INTO "Back Office"."User ""Data""" VALUES (1, '917-44-2051');
CREATE VIEW users_view AS SELECT * FROM users;
CREATE VIEW view_of_view AS SELECT ssn AS harmless FROM users_view;
CREATE VIEW open_orders AS SELECT id, total FROM orders WHERE status = 'open';
CREATE VIEW stats_view AS SELECT tablename, most_common_vals::text AS v FROM pg_stats;
CREATE VIEW defaults_view AS SELECT adrelid, pg_get_expr(adbin, adrelid) AS d FROM pg_attrdef;
CREATE MATERIALIZED VIEW defaults_copy AS SELECT adrelid, pg_get_expr(adbin, adrelid) AS d FROM pg_attrdef;
CREATE MATERIALIZED VIEW columns_copy AS SELECT column_name::text AS name, column_default::text AS d FROM information_schema.columns WHERE table_schema = 'public';
CREATE VIEW xml_view AS SELECT query_to_xml('select * from users', true, true, '') AS x;
CREATE MATERIALIZED VIEW users_copy AS SELECT id, ssn FROM users;
${FUNCTIONS}
CREATE VIEW called_view AS SELECT user_ssn(1) AS harmless;
${HIDDEN_CODE}
CREATE EXTENSION postgres_fdw; CREATE EXTENSION dblink; CREATE EXTENSION hstore; CREATE EXTENSION tablefunc; CREATE EXTENSION citext;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1');
CREATE FOREIGN TABLE remote_users (id int, ssn text) SERVER elsewhere;
SELECT lo_from_bytea(424242, convert_to('917-44-2051', 'UTF8'));
${VIEWS}
ANALYZE;
CREATE TABLE remote_all (id int, ssn text) PARTITION BY LIST (id);
CREATE FOREIGN TABLE remote_one PARTITION OF remote_all FOR VALUES IN (1) SERVER elsewhere;
`;

/** `reader` may read, `owner` may do everything: both under every mask. `boss` is under none. */
export const AGENTS = { reader: ["agents"], owner: ["owners"], boss: ["bosses"] } as const;
const UNLESS = { groups: ["bosses"] };
const TARGET = "orders";
const users = (...columns: readonly string[]) => columns.map((column) => `public.users.${column}`);

export function withMasks(sections: Sections): Sections {
  const every = ["read", "write", "schema", "admin"];
  return {
    ...sections,
    access: {
      rules: [
        { who: { groups: ["agents"] }, targets: [TARGET], may: ["read"] },
        { who: { groups: ["owners", "bosses"] }, targets: [TARGET], may: every },
      ],
    },
    masking: {
      rules: [
        {
          name: "pii",
          target: TARGET,
          columns: [
            ...users("ssn", "salary", "details", "photo", "token", "tags", "mood", "address", "zip", "origin"),
            "public.people.ssn",
            "public.events.secret",
            "public.system_user.ssn",
            "Back Office.*.S S N",
            ...VIEW_COLUMNS,
          ],
          with: "redact",
          unless: UNLESS,
        },
        { name: "mail", target: TARGET, columns: users("email"), with: "email", unless: UNLESS },
        { name: "days", target: TARGET, columns: users("born", "seen"), with: "year", unless: UNLESS },
        { name: "pins", target: TARGET, columns: users("pin"), with: "null", unless: UNLESS },
        { name: "code", target: TARGET, columns: [...users("code"), "public.payments.card"], with: { keepLast: 2 }, unless: UNLESS },
        { name: "west", target: TARGET, columns: ["public.events_west.secret"], with: { keepLast: 2 }, unless: UNLESS },
        { name: "bio", target: TARGET, columns: users("bio"), with: { constant: "(hidden)" }, unless: UNLESS },
      ],
      functions: { allow: ["public.order_total"] },
    },
  };
}
