/**
 * The database that honest work is done on: a shop whose tables in `public` have masked columns here and there, and a
 * schema `open` that has none, with one of nearly every kind of object that tools list. No value in it is real.
 */
import type { Sections } from "#test/support/gateway-files.ts";

const TABLES = `
CREATE TYPE feeling AS ENUM ('sad', 'fine', 'glad');
CREATE DOMAIN positive AS integer CHECK (value > 0);
CREATE TYPE place AS (street text, town text);
CREATE TABLE customers (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, country char(2) NOT NULL DEFAULT 'NO', joined date NOT NULL, feeling feeling, home place,
  email varchar(60) UNIQUE, phone varchar(20), born date, ssn char(11), profile jsonb, tags text[] NOT NULL DEFAULT '{}', balance numeric(12,2) NOT NULL DEFAULT 0,
  initial text GENERATED ALWAYS AS (left(name, 1)) STORED);
COMMENT ON TABLE customers IS 'people who buy';
COMMENT ON COLUMN customers.email IS 'where we write to';
CREATE INDEX customers_joined ON customers (joined DESC) WHERE country <> 'XX';
CREATE INDEX customers_lower ON customers (lower(name) text_pattern_ops);
CREATE TABLE staff (id int PRIMARY KEY, name text NOT NULL, boss int REFERENCES staff, team text, salary numeric(10,2), hired date);
CREATE TABLE products (id int PRIMARY KEY, name text NOT NULL UNIQUE, category text, price numeric(10,2) NOT NULL CHECK (price >= 0), attributes jsonb NOT NULL DEFAULT '{}', stock positive);
CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL REFERENCES customers ON DELETE CASCADE, placed timestamptz NOT NULL, status text NOT NULL DEFAULT 'open', total numeric(12,2));
CREATE INDEX orders_by_customer ON orders (customer, placed DESC) INCLUDE (status);
CREATE TABLE items (order_id int REFERENCES orders, line int, product int REFERENCES products ON UPDATE CASCADE, quantity int NOT NULL, price numeric(10,2) NOT NULL, PRIMARY KEY (order_id, line));
CREATE TABLE payments (id int PRIMARY KEY, order_id int UNIQUE REFERENCES orders DEFERRABLE INITIALLY DEFERRED, card char(16), amount numeric(12,2), paid timestamptz);
CREATE TABLE visits (at timestamp NOT NULL, customer int, page text, ms int) PARTITION BY RANGE (at);
CREATE TABLE visits_2024 PARTITION OF visits FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE visits_2025 PARTITION OF visits FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE documents (id int PRIMARY KEY, title text NOT NULL, body text, words tsvector GENERATED ALWAYS AS (to_tsvector('english', title || ' ' || coalesce(body, ''))) STORED);
CREATE INDEX documents_words ON documents USING gin (words);
CREATE TABLE settings (key text PRIMARY KEY, value jsonb, changed timestamptz NOT NULL DEFAULT '2024-01-01', version int NOT NULL DEFAULT 1);
CREATE TABLE tasks (id int PRIMARY KEY, title text NOT NULL, state text NOT NULL DEFAULT 'new', points int, due date);
CREATE TABLE bookings (room int, during tsrange, guests int4range, id uuid PRIMARY KEY);
CREATE VIEW order_totals AS SELECT order_id, sum(quantity * price) AS total FROM items GROUP BY order_id;
CREATE VIEW open_orders AS SELECT id, customer, placed FROM orders WHERE status = 'open' WITH CHECK OPTION;
CREATE MATERIALIZED VIEW sales_by_day AS SELECT placed::date AS day, count(*) AS orders, sum(total) AS total FROM orders GROUP BY 1;
CREATE UNIQUE INDEX sales_day ON sales_by_day (day);
`;

const ROWS = `
INSERT INTO customers (name, country, joined, feeling, home, email, phone, born, ssn, profile, tags, balance)
SELECT 'name ' || n, (array['NO', 'SE', 'DE', 'FR'])[n % 4 + 1], date '2023-01-01' + n * 5, (array['sad', 'fine', 'glad', NULL]::feeling[])[n % 4 + 1], ROW('street ' || n, 'town ' || n % 9)::place,
  CASE WHEN n % 7 <> 0 THEN 'mailcanary' || n || '@example.' || (array['com', 'org'])[n % 2 + 1] END, '+47 canary ' || lpad(n::text, 4, '0'), date '1961-02-03' + n * 97, lpad((n * 7919)::text, 9, '4') || 'zz',
  CASE WHEN n % 5 = 0 THEN jsonb_build_object('secret', 'profilecanary' || n) END, CASE WHEN n % 3 = 0 THEN array['a', 'b,c', 'd"e'] ELSE '{}' END, n * 1.25
FROM generate_series(1, 120) AS n;
INSERT INTO staff SELECT n, 'staff ' || n, nullif(n / 3, 0), (array['sales', 'support', 'it'])[n % 3 + 1], 70000.25 + n * 13, date '2019-05-01' + n * 17 FROM generate_series(1, 40) n;
INSERT INTO products SELECT n, 'product ' || n, (array['book', 'toy', 'tool', NULL])[n % 4 + 1], n * 3.5, jsonb_build_object('weight', n * 10, 'colours', jsonb_build_array('red', 'c' || n % 5), 'dims', jsonb_build_object('w', n, 'h', n % 7)), n + 1 FROM generate_series(1, 40) n;
INSERT INTO orders SELECT n, n % 120 + 1, timestamptz '2024-01-05 08:00:00+00' + n * interval '17 hours', (array['open', 'paid', 'shipped', 'returned'])[n % 4 + 1], n * 4.75 FROM generate_series(1, 400) n;
INSERT INTO items SELECT o, l, (o * l) % 40 + 1, l + o % 3, (o % 11 + 1) * 2.5 FROM generate_series(1, 400) o, generate_series(1, 3) l;
INSERT INTO payments SELECT n, n, lpad(n::text, 16, '4929'), n * 4.75, timestamptz '2024-01-06 00:00:00+00' + n * interval '1 day' FROM generate_series(1, 200) n;
INSERT INTO visits SELECT timestamp '2024-03-01' + n * interval '37 minutes', n % 120, '/page/' || n % 13, n % 997 FROM generate_series(1, 3000) n;
INSERT INTO documents SELECT n, 'Manual ' || n, (array['the quick brown fox', 'a lazy dog sleeps', 'databases index text', 'gateways guard data'])[n % 4 + 1] || ' ' || n FROM generate_series(1, 30) n;
INSERT INTO settings (key, value) VALUES ('theme', '"dark"'), ('limits', '{"rows": 10, "deep": [1, null, true]}'), ('empty', NULL);
INSERT INTO tasks SELECT n, 'task ' || n, (array['new', 'doing', 'done'])[n % 3 + 1], n % 5, date '2024-06-01' + n FROM generate_series(1, 25) n;
INSERT INTO bookings SELECT n % 5, tsrange(timestamp '2024-01-01' + n * interval '5 hours', timestamp '2024-01-01' + n * interval '5 hours' + interval '3 hours'), int4range(1, n), ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid FROM generate_series(2, 20) n;
REFRESH MATERIALIZED VIEW sales_by_day;
`;

/** A schema without a masked column: what a dump of it holds, and what browsers of the schema show of it. */
const OPEN = `
CREATE SCHEMA open;
COMMENT ON SCHEMA open IS 'nothing to hide';
SET search_path = open, public;
CREATE TYPE open.colour AS ENUM ('red', 'green');
CREATE TYPE open.size AS (w int, h int);
CREATE DOMAIN open.code AS text DEFAULT 'x' CHECK (value ~ '^[a-z]+$');
CREATE TYPE open.span AS RANGE (subtype = float8);
CREATE COLLATION open.plain (provider = libc, locale = 'C');
CREATE SEQUENCE open.ticket START 100 INCREMENT 5;
CREATE TABLE open.shelves (id serial PRIMARY KEY, label open.code NOT NULL, colour open.colour DEFAULT 'red', size open.size, made timestamptz DEFAULT now(), note text COLLATE open.plain, nr int DEFAULT nextval('open.ticket'), span open.span);
CREATE TABLE open.boxes (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, shelf int NOT NULL REFERENCES open.shelves ON DELETE SET NULL, weight numeric CHECK (weight > 0), data bytea, double numeric GENERATED ALWAYS AS (weight * 2) STORED, EXCLUDE USING btree (shelf WITH =) WHERE (weight > 1000));
CREATE TABLE open.logs (at date NOT NULL, line text) PARTITION BY LIST (at);
CREATE TABLE open.logs_one PARTITION OF open.logs FOR VALUES IN ('2024-01-01');
CREATE TABLE open.logs_rest PARTITION OF open.logs DEFAULT;
CREATE TABLE open.base (a int);
CREATE TABLE open.derived (b int) INHERITS (open.base);
CREATE UNLOGGED TABLE open.cache (k text PRIMARY KEY, v jsonb) WITH (fillfactor = 70);
CREATE VIEW open.light AS SELECT id, label FROM open.shelves WHERE colour = 'red';
CREATE MATERIALIZED VIEW open.counts AS SELECT colour, count(*) AS n FROM open.shelves GROUP BY colour;
CREATE INDEX boxes_weight ON open.boxes USING brin (weight);
CREATE STATISTICS open.shelf_stats (dependencies, mcv) ON label, colour FROM open.shelves;
CREATE FUNCTION open.twice(n int, m int DEFAULT 2) RETURNS int LANGUAGE sql IMMUTABLE STRICT AS 'SELECT n * m';
CREATE FUNCTION open.rows_of(OUT a int, OUT b text) RETURNS SETOF record LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN QUERY SELECT 1, 'x'; END $$;
CREATE PROCEDURE open.tidy() LANGUAGE sql AS 'DELETE FROM open.cache';
CREATE FUNCTION open.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.made := '2024-01-01'; RETURN NEW; END $$;
CREATE AGGREGATE open.total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE OPERATOR open.<+> (LEFTARG = int, RIGHTARG = int, FUNCTION = open.twice);
CREATE TRIGGER touched BEFORE UPDATE ON open.shelves FOR EACH ROW WHEN (OLD.note IS DISTINCT FROM NEW.note) EXECUTE FUNCTION open.touch();
CREATE RULE quiet AS ON DELETE TO open.cache DO INSTEAD NOTHING;
ALTER TABLE open.base ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON open.base FOR SELECT USING (true);
CREATE TEXT SEARCH DICTIONARY open.words (TEMPLATE = simple, STOPWORDS = english);
CREATE TEXT SEARCH CONFIGURATION open.simple_words (COPY = simple);
ALTER TABLE open.shelves ADD COLUMN late text DEFAULT 'since then';
INSERT INTO open.shelves (label, colour, size, made, note, span) SELECT 'abc', 'green', ROW(n, n + 1)::open.size, timestamptz '2024-02-03 04:05:06+00', E'line\\t' || n, open.span(n, n + 1) FROM generate_series(1, 20) n;
INSERT INTO open.boxes (shelf, weight, data) SELECT n, n * 1.5, decode(lpad(to_hex(n), 6, '0'), 'hex') FROM generate_series(1, 20) n;
INSERT INTO open.logs VALUES ('2024-01-01', 'one'), ('2024-01-02', 'two'), ('2024-01-03', NULL);
INSERT INTO open.derived VALUES (1, 2);
INSERT INTO open.cache VALUES ('k', '{"a": 1}');
REFRESH MATERIALIZED VIEW open.counts;
COMMENT ON FUNCTION open.twice(int, int) IS 'doubles';
COMMENT ON COLUMN open.shelves.label IS 'what is on it';
GRANT SELECT ON open.shelves TO PUBLIC;
GRANT UPDATE (label) ON open.shelves TO helper;
RESET search_path;
`;

/** Written to by tools and emptied before each of their runs. */
const SCRATCH = `
CREATE SCHEMA scratch;
CREATE TABLE scratch.authors (id serial PRIMARY KEY, name text NOT NULL, email_count int NOT NULL DEFAULT 0);
CREATE TABLE scratch.books (id serial PRIMARY KEY, author_id int NOT NULL REFERENCES scratch.authors ON DELETE CASCADE, title text NOT NULL, price numeric(8,2), facts jsonb, written date);
CREATE TABLE public.migrations (id serial PRIMARY KEY, timestamp bigint NOT NULL, name varchar NOT NULL);
CREATE TABLE public.knex_migrations (id serial PRIMARY KEY, name varchar(255), batch integer, migration_time timestamptz);
CREATE TABLE public.knex_migrations_lock (index serial PRIMARY KEY, is_locked integer);
INSERT INTO knex_migrations_lock (is_locked) VALUES (0);
CREATE TABLE public.typeorm_metadata (type text NOT NULL, database text, schema text, "table" text, name text, value text);
INSERT INTO typeorm_metadata VALUES ('GENERATED_COLUMN', 'orders', 'public', 'customers', 'initial', 'left(name, 1)'), ('GENERATED_COLUMN', 'orders', 'public', 'documents', 'words', 'x');
CREATE TABLE scratch.kinds (id serial PRIMARY KEY, t text, i int, f float8, n numeric, b boolean, d date, ts timestamp, tz timestamptz, j jsonb, y bytea, u uuid, a int[], r int4range);
`;

export const RESET = "TRUNCATE scratch.authors, scratch.books, scratch.kinds RESTART IDENTITY";

const WHOLE_SERVER = `
CREATE ROLE helper;
CREATE ROLE clerk LOGIN IN ROLE helper;
ALTER ROLE clerk SET work_mem = '8MB';
ALTER DEFAULT PRIVILEGES IN SCHEMA open GRANT SELECT ON TABLES TO helper;
CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION postgres_fdw; CREATE EXTENSION pg_trgm;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', dbname 'other');
CREATE USER MAPPING FOR clerk SERVER elsewhere OPTIONS (user 'clerk', password 'not-a-real-one');
CREATE SCHEMA far; CREATE FOREIGN TABLE far.remote (id int, note text) SERVER elsewhere OPTIONS (table_name 'notes');
CREATE FUNCTION note_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER noted ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION note_ddl();
CREATE PUBLICATION news FOR TABLE open.shelves, open.boxes;
CREATE SUBSCRIPTION feed CONNECTION 'host=127.0.0.1 password=not-a-real-one' PUBLICATION news WITH (connect = false, enabled = false, slot_name = NONE);
SELECT lo_from_bytea(4242, 'a large object');
COMMENT ON LARGE OBJECT 4242 IS 'a note';
CREATE CAST (place AS open.size) WITH INOUT AS ASSIGNMENT;
`;

export const SHOP = `SET client_min_messages = error; ${TABLES}${ROWS}CREATE ROLE helper;${OPEN}${SCRATCH}${WHOLE_SERVER.replace("CREATE ROLE helper;\n", "")}ANALYZE;`;

/** Never shown to a principal under these masks. */
export const CANARIES = /mailcanary|canary 0|profilecanary|\d{9}zz|4929492949294/;

/** Names of masked columns; no other column of the shop has one of them. */
export const MASKED = ["email", "phone", "born", "ssn", "profile", "salary", "card"] as const;

/** `agent` is under every mask, `boss` under none; both may do everything else. */
export const AGENTS = { agent: ["agents"], boss: ["bosses"] } as const;

export function withMasks(sections: Sections): Sections {
  const unless = { groups: ["bosses"] };
  const rule = (columns: readonly string[], shown: unknown) => ({ target: "orders", columns, with: shown, unless });
  return {
    ...sections,
    masking: {
      rules: [
        rule(["public.customers.email"], "email"),
        rule(["public.customers.phone"], { keepLast: 2 }),
        rule(["public.customers.born"], "year"),
        rule(["public.customers.ssn", "public.customers.profile", "public.staff.salary"], "redact"),
        rule(["public.payments.card"], { keepLast: 4 }),
      ],
    },
  };
}
