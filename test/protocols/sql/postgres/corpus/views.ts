/**
 * Views of every kind over masked tables, and materialised ones, with what is tried on them. The same objects stand in
 * the analysis' own corpus and behind the whole gateway; columns that show masked values are called `masked_…`.
 */

/** For a database that has the corpus' tables. */
export const VIEWS = `
CREATE VIEW v_names AS SELECT id, name FROM users;
CREATE VIEW v_names_again AS SELECT id, name FROM v_names;
CREATE VIEW v_all AS SELECT * FROM users_view;
CREATE VIEW v_barrier WITH (security_barrier) AS SELECT id, name, ssn AS masked_ssn, salary AS masked_pay FROM users WHERE id < 3;
CREATE VIEW v_invoker WITH (security_invoker) AS SELECT id, email AS masked_mail FROM users;
CREATE VIEW v_deep AS SELECT v.id, b.name, v.ssn AS masked_ssn, b.masked_pay FROM v_all v JOIN v_barrier b USING (id);
CREATE RECURSIVE VIEW v_chain (id, masked_ssn, depth) AS SELECT id, ssn, 1 FROM users WHERE id = 1
  UNION ALL SELECT u.id, u.ssn, c.depth + 1 FROM users u JOIN v_chain c ON u.id = c.id + 1;
CREATE VIEW v_top AS SELECT id, ssn AS masked_ssn FROM users ORDER BY salary DESC NULLS LAST LIMIT 1;
CREATE VIEW v_latest AS SELECT id, ssn AS masked_ssn FROM users ORDER BY id DESC LIMIT 2;
CREATE VIEW v_rich AS SELECT id, name FROM users WHERE salary > 70000;
CREATE VIEW v_one AS SELECT id, name FROM users WHERE ssn = '917-44-' || '2051';
CREATE VIEW v_exists AS SELECT o.id FROM orders o WHERE EXISTS (SELECT FROM users u WHERE u.id = o.user_id AND u.ssn LIKE '9%');
CREATE VIEW v_cities AS SELECT city, count(*) AS n, max(ssn) AS masked_top FROM users GROUP BY city;
CREATE VIEW v_spent AS SELECT u.id, u.name, u.email AS masked_mail, sum(o.total) AS spent FROM users u LEFT JOIN orders o ON o.user_id = u.id GROUP BY u.id;
CREATE VIEW v_row AS SELECT u AS masked_row, u.id FROM users u;
CREATE VIEW v_json AS SELECT u.id, to_jsonb(u) AS masked_json, u::text AS masked_text FROM users u;
CREATE VIEW v_part AS SELECT id, region, secret AS masked_secret FROM events_east_one;
CREATE VIEW v_parts AS SELECT id, region, secret AS masked_secret FROM events WHERE secret LIKE 'obs%';
CREATE VIEW v_union AS SELECT id, ssn AS masked_ssn FROM users UNION ALL SELECT id, ssn FROM people;
CREATE VIEW v_cte AS WITH a AS (SELECT id, ssn AS x FROM users), b AS MATERIALIZED (SELECT x FROM a) SELECT DISTINCT a.id, b.x AS masked_ssn FROM a JOIN b ON a.x = b.x;
CREATE VIEW v_lateral AS SELECT u.id, l.x AS masked_ssn FROM users u, LATERAL (SELECT u.ssn || '!' AS x) l;
CREATE VIEW v_sub AS SELECT o.id, (SELECT ssn FROM users WHERE id = o.user_id) AS masked_ssn FROM orders o;
CREATE VIEW v_check AS SELECT id, name, ssn AS masked_ssn FROM users WHERE id > 0 WITH CASCADED CHECK OPTION;
CREATE VIEW v_window AS SELECT id, rank() OVER (ORDER BY salary) AS masked_rank, lag(ssn) OVER (ORDER BY id) AS masked_ssn FROM users;
CREATE VIEW v_values AS SELECT v.id, u.ssn AS masked_ssn FROM (VALUES (1), (2)) v(id) JOIN users u USING (id);
CREATE VIEW v_catalogue AS SELECT attname, attmissingval::text AS masked_value FROM pg_attribute;
CREATE VIEW v_activity AS SELECT pid, query AS masked_query FROM pg_stat_activity;
CREATE VIEW v_classes AS SELECT relname FROM pg_class WHERE relname LIKE 'order%' AND relkind = 'r';
CREATE VIEW v_classes_of AS SELECT c.relname, u.ssn AS masked_ssn FROM pg_class c JOIN users u ON u.id = 1 AND c.relname = 'orders';
CREATE VIEW v_called AS SELECT u.id, order_total(o.id) AS total FROM users u JOIN orders o ON o.id = u.id;
CREATE VIEW v_own AS SELECT id, name AS masked_nick FROM users;
CREATE VIEW v_own_too AS SELECT id, name AS masked_nick, ssn AS masked_ssn FROM users;
CREATE VIEW v_over_own AS SELECT id, masked_nick FROM v_own_too WHERE masked_nick LIKE 'M%';
CREATE VIEW v_hidden_call AS SELECT id, user_ssn(id) AS x FROM orders;
CREATE VIEW v_over_hidden_call AS SELECT x FROM v_hidden_call;
CREATE MATERIALIZED VIEW m_names AS SELECT id, name FROM users;
CREATE MATERIALIZED VIEW m_copy AS SELECT id, name, ssn AS masked_ssn, email AS masked_mail, born AS masked_born FROM users;
CREATE MATERIALIZED VIEW m_computed AS SELECT id, ssn::text AS masked_ssn, upper(email) AS masked_mail, left(name, 1) AS letter FROM users;
CREATE MATERIALIZED VIEW m_rich AS SELECT id AS masked_id, name AS masked_name, ssn AS masked_ssn FROM users WHERE salary > 70000;
CREATE MATERIALIZED VIEW m_ordered AS SELECT id AS masked_id, name AS masked_name FROM users ORDER BY salary;
CREATE MATERIALIZED VIEW m_grouped AS SELECT email AS masked_mail, count(*) AS masked_n FROM users GROUP BY email;
CREATE MATERIALIZED VIEW m_cities AS SELECT city, count(*) AS n, max(salary) AS masked_pay FROM users GROUP BY city;
CREATE MATERIALIZED VIEW m_ranked AS SELECT id AS masked_id, row_number() OVER (ORDER BY salary) AS masked_rank FROM users;
CREATE MATERIALIZED VIEW m_letters AS SELECT id AS masked_id, regexp_split_to_table(ssn, '') AS masked_letter FROM users;
CREATE MATERIALIZED VIEW m_distinct AS SELECT id AS masked_id, ssn AS masked_ssn FROM users UNION SELECT id, ssn FROM people;
CREATE MATERIALIZED VIEW m_all AS SELECT id, ssn AS masked_ssn FROM users UNION ALL SELECT id, ssn FROM people;
CREATE MATERIALIZED VIEW m_using AS SELECT u.id AS masked_id, u.city AS masked_city FROM users u JOIN people p USING (ssn);
CREATE MATERIALIZED VIEW m_compared AS SELECT u.id AS masked_id, (SELECT count(*) FROM users x WHERE x.salary > u.salary) AS masked_rank FROM users u;
CREATE MATERIALIZED VIEW m_rows AS SELECT u AS masked_row FROM users u;
CREATE MATERIALIZED VIEW m_deep AS SELECT id, name, masked_ssn FROM v_deep;
CREATE MATERIALIZED VIEW m_over_rich AS SELECT id AS masked_id, name AS masked_name FROM v_rich;
CREATE MATERIALIZED VIEW m_again AS SELECT id, masked_mail, masked_born FROM m_copy;
CREATE MATERIALIZED VIEW m_activity AS SELECT pid, query AS masked_query FROM pg_stat_activity;
CREATE MATERIALIZED VIEW m_named AS SELECT id, ssn AS masked_ssn, email AS masked_mail FROM users;
CREATE MATERIALIZED VIEW m_nick AS SELECT id, masked_nick FROM v_own_too;
CREATE MATERIALIZED VIEW m_everything AS SELECT * FROM users;
CREATE VIEW v_everything AS SELECT * FROM m_everything WHERE ssn IS NOT NULL OR id > 0;
CREATE VIEW v_barred WITH (security_barrier) AS SELECT * FROM v_all WHERE id > 0;
CREATE VIEW v_copy AS SELECT id, masked_ssn, name FROM m_copy WHERE masked_mail LIKE 'z%' OR id = 2;
`;

/** Rules of their own for these, beside those of the tables. */
export const VIEW_COLUMNS = ["public.v_own*.masked_nick", "public.m_named.masked_ssn"] as const;

/** May be read; none of them may show a canary, whatever is done with it. */
export const READ_MASKED: readonly string[] = [
  ..."v_all v_barrier v_invoker v_deep v_chain v_top v_latest v_rich v_one v_exists v_cities v_spent v_row v_json v_part v_parts v_union"
    .split(" ")
    .concat(
      "v_cte v_lateral v_sub v_check v_window v_values v_catalogue v_activity v_classes_of v_own v_own_too v_over_own v_copy".split(" "),
    )
    .concat("m_copy m_computed m_rich m_ordered m_grouped m_cities m_ranked m_letters m_distinct m_all m_using m_compared".split(" "))
    .concat("m_rows m_deep m_over_rich m_again m_activity m_named m_nick".split(" "))
    .flatMap((name) => [`TABLE ${name}`, `SELECT v::text, to_jsonb(v), v.* FROM ${name} v`]),
  "SELECT harmless FROM view_of_view",
  "SELECT reverse(masked_ssn), md5(masked_ssn), masked_ssn || '' FROM v_deep",
  "SELECT string_agg(ascii(substr(masked_ssn, n, 1))::text, ',' ORDER BY n) FROM v_deep, generate_series(1, 11) n WHERE id = 1",
  "SELECT v_deep FROM v_deep",
  "SELECT public.v_deep.masked_ssn, v_deep.id FROM public.v_deep",
  'SELECT "v_deep"."masked_ssn" FROM "public"."v_deep" "v_deep"',
  "SELECT * FROM ONLY v_deep",
  "SELECT * FROM ONLY (v_deep) AS x(a, b, c, d)",
  "SELECT a.c FROM v_deep AS a(i, n, c)",
  "SELECT d.to_jsonb FROM v_deep d",
  "SELECT (d).masked_ssn FROM v_deep d",
  "SELECT (masked_row).ssn, (masked_row).email FROM v_row",
  "SELECT masked_row::text, masked_row FROM v_row",
  "SELECT (masked_row).ssn FROM m_rows",
  "SELECT masked_json ->> 'ssn', masked_json -> 'salary' FROM v_json",
  "WITH users AS (SELECT 1 AS id, 'x' AS ssn) SELECT * FROM v_deep",
  "WITH v_deep AS (SELECT * FROM v_deep) SELECT * FROM v_deep",
  "WITH RECURSIVE v_deep AS (SELECT * FROM public.v_deep) SELECT masked_ssn FROM v_deep",
  "WITH pg_class AS (SELECT 'orders'::name AS relname) SELECT * FROM v_classes_of, pg_class",
  "SELECT x.masked_ssn FROM orders o, LATERAL (SELECT * FROM v_deep WHERE id = o.id) x",
  "SELECT (SELECT masked_ssn FROM v_deep d WHERE d.id = o.id) FROM orders o",
  "SELECT id FROM orders WHERE id IN (SELECT id FROM v_deep WHERE masked_ssn LIKE '9%')",
  "SELECT masked_ssn FROM v_deep UNION SELECT ssn FROM users UNION SELECT masked_ssn FROM m_copy",
  "SELECT * FROM v_deep NATURAL JOIN m_copy",
  "SELECT * FROM v_deep JOIN users ON ssn = masked_ssn",
  "SELECT j FROM (v_deep JOIN m_copy USING (id)) j",
  "SELECT masked_ssn FROM v_deep WHERE masked_ssn::text > '9' ORDER BY masked_pay",
  "SELECT count(*) FROM v_barrier WHERE masked_pay > 1",
  "EXPLAIN SELECT * FROM v_deep",
  "COPY (SELECT * FROM v_deep) TO STDOUT",
  "COPY m_copy TO STDOUT",
  "COPY m_rich (masked_id, masked_ssn) TO STDOUT",
];

/** Errors of their own, whose texts must show nothing either. */
export const FAILING: readonly string[] = [
  "SELECT masked_ssn::int FROM v_deep",
  "SELECT masked_mail::date FROM m_copy",
  "SELECT 1 / (id - 1) FROM v_barrier WHERE masked_ssn IS NOT NULL",
  "SELECT nothing FROM v_deep",
];

export const REFUSED: Readonly<Record<string, readonly string[]>> = {
  "masked-view": ["TABLE v_hidden_call", "SELECT x FROM v_over_hidden_call", "SELECT id FROM v_hidden_call"],
  "masked-write": [
    "INSERT INTO v_names VALUES (9, 'x')",
    "INSERT INTO v_names_again VALUES (9, 'x') RETURNING name",
    "UPDATE v_check SET name = masked_ssn RETURNING *",
    "DELETE FROM v_all RETURNING *",
    "UPDATE v_own SET masked_nick = 'x' WHERE id = 1",
    "MERGE INTO v_names n USING orders o ON n.id = o.id WHEN MATCHED THEN UPDATE SET name = 'x'",
    "COPY v_names FROM STDIN",
  ],
  "masked-unsupported": [
    "SELECT * FROM v_deep FOR UPDATE",
    "SELECT * FROM m_copy TABLESAMPLE SYSTEM (100)",
    "SELECT ctid, * FROM m_rich",
    "SELECT tableoid, xmin FROM v_deep",
  ],
  "masked-statement-kind": ["REFRESH MATERIALIZED VIEW m_copy", "COPY v_deep TO STDOUT", "CREATE VIEW mine AS TABLE v_deep"],
};

/** They fill `inbox` with what they read, which is masked. */
export const STORING_VIEWS: readonly string[] = [
  "INSERT INTO inbox SELECT id, masked_ssn FROM v_deep RETURNING *",
  "INSERT INTO inbox SELECT id, v::text FROM v_json v",
  "INSERT INTO inbox VALUES (1, (SELECT masked_mail FROM m_copy WHERE id = 1))",
  "WITH d AS (SELECT * FROM v_barrier) INSERT INTO inbox SELECT id, masked_ssn FROM d",
  "MERGE INTO inbox i USING v_copy v ON false WHEN NOT MATCHED THEN INSERT VALUES (v.id, v.masked_ssn)",
  "INSERT INTO inbox SELECT id, masked_ssn FROM v_check RETURNING id, (SELECT max(ssn) FROM v_all)",
];

/** A view's own conditions are met, or not, by masked values: these have no rows. */
export const EMPTIED: readonly string[] = ["TABLE v_rich", "TABLE v_one", "TABLE v_exists", "TABLE v_parts"];

/** Of two, one asks for something true. */
export const VIEW_ORACLES: readonly (readonly [string, string])[] = [
  ["SELECT count(*) FROM v_deep WHERE masked_ssn LIKE '9%'", "SELECT count(*) FROM v_deep WHERE masked_ssn LIKE '1%'"],
  ["SELECT id FROM v_barrier WHERE masked_pay > 70000", "SELECT id FROM v_barrier WHERE masked_pay > 90000"],
  ["SELECT count(*) FROM v_all WHERE v_all::text LIKE '%2051%'", "SELECT count(*) FROM v_all WHERE v_all::text LIKE '%9999%'"],
  ["SELECT id FROM m_copy WHERE masked_ssn > '9'", "SELECT id FROM m_copy WHERE masked_ssn > '91'"],
  ["SELECT count(*) FROM m_rich WHERE masked_name = 'Marta'", "SELECT count(*) FROM m_rich WHERE masked_name = 'Jonas'"],
  ["SELECT count(*) FROM m_ordered WHERE masked_id = 2", "SELECT count(*) FROM m_ordered WHERE masked_id = 99"],
  ["SELECT id FROM v_copy WHERE masked_ssn ~ '^91'", "SELECT id FROM v_copy WHERE masked_ssn ~ '^92'"],
  ["SELECT id FROM v_own_too WHERE masked_nick LIKE 'M%'", "SELECT id FROM v_own_too WHERE masked_nick LIKE 'X%'"],
];

/** Rewritten, and the same as directly outside columns called `masked_…`. */
export const BENIGN_VIEWS: readonly string[] = [
  "SELECT id, name FROM v_deep ORDER BY id",
  "SELECT * FROM v_barrier ORDER BY id",
  "SELECT b.id, o.total FROM v_barrier b JOIN orders o ON o.id = b.id WHERE b.name LIKE 'M%' ORDER BY 1",
  "SELECT * FROM v_invoker ORDER BY id",
  "SELECT * FROM v_chain ORDER BY depth",
  "SELECT * FROM v_latest",
  "SELECT city, n FROM v_cities ORDER BY city",
  "SELECT n, count(*) FROM v_cities GROUP BY n",
  "SELECT * FROM v_spent ORDER BY id",
  "SELECT id FROM v_json ORDER BY id",
  "SELECT * FROM v_part",
  "SELECT * FROM v_union ORDER BY id",
  "SELECT * FROM v_lateral ORDER BY id",
  "SELECT s.* FROM v_sub s ORDER BY s.id LIMIT 5",
  "SELECT c.id, c.name FROM v_check AS c WHERE c.id BETWEEN 1 AND 2 ORDER BY c.id",
  "SELECT id, masked_ssn IS NULL AS missing FROM v_values ORDER BY id",
  "SELECT relname FROM v_classes_of",
  "SELECT u.name, v.name FROM users u LEFT JOIN v_deep v USING (id) ORDER BY u.id",
  "SELECT count(*) FROM v_own",
  "SELECT id FROM v_own_too ORDER BY id",
  "SELECT id, name, masked_mail FROM m_copy ORDER BY id",
  "SELECT m.name, o.total FROM m_copy m JOIN orders o ON o.id = m.id ORDER BY o.id",
  "SELECT id, letter FROM m_computed ORDER BY id",
  "SELECT city, n FROM m_cities ORDER BY city",
  "SELECT count(*) FROM m_rich",
  "SELECT id, masked_ssn FROM m_all ORDER BY id",
  "SELECT id, name FROM m_deep ORDER BY id",
  "SELECT id FROM m_again ORDER BY id",
  "SELECT id, name FROM v_copy WHERE id = 2",
  "WITH v AS (SELECT id, name FROM v_deep) SELECT * FROM v ORDER BY id",
];

/** They reach no masked column and stay as they are. */
export const PLAIN_VIEWS: readonly string[] = [
  "SELECT * FROM v_names ORDER BY id",
  "SELECT * FROM v_names_again ORDER BY id",
  "SELECT n.name, o.total FROM v_names n JOIN orders o ON o.id = n.id ORDER BY o.id",
  "SELECT * FROM m_names ORDER BY id",
  "SELECT * FROM v_classes ORDER BY 1",
  "SELECT * FROM v_called ORDER BY id",
];
