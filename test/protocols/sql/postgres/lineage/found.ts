/** Queries over the corpus' seed that the resolver and a server once read differently, as small as they could be made. */
export interface FoundQuery {
  readonly sql: string;
  /** The first version that takes it; 15 when left out. */
  readonly since?: number;
  /** The resolver can't tell all of it. */
  readonly vague?: boolean;
}

export const FOUND: readonly FoundQuery[] = [
  { sql: "SELECT max(u.name) OVER w AS a FROM users u WINDOW w AS (PARTITION BY u.city ORDER BY u.born)" },
  { sql: "SELECT max(u.name) OVER (w ORDER BY u.born) AS a FROM users u WINDOW w AS (PARTITION BY u.city)" },
  { sql: "SELECT * FROM notes_to_self u NATURAL FULL JOIN orders o NATURAL JOIN users t" },
  { sql: "SELECT o.v AS a FROM (unnest(ARRAY['x'::text]) AS u(v) CROSS JOIN open_orders) AS o" },
  { sql: "SELECT ROW(o.*, 1)::text AS a FROM (unnest(ARRAY['x'::text]) AS u(v) CROSS JOIN users) AS o", vague: true },
  { sql: "SELECT (x).paid_at AS a FROM (unnest(ARRAY['x'::text]) AS o(v) JOIN payments t ON true) AS x" },
  { sql: "SELECT u.v AS a FROM unnest(ARRAY['x'::text]) AS u(v) FULL JOIN users o ON 1 = o.id NATURAL JOIN users t", vague: true },
  { sql: "SELECT to_jsonb(p) AS a FROM payments p, unnest(ARRAY[(SELECT name FROM users LIMIT 1)]) AS o(v)", vague: true },
  {
    sql: "SELECT o::text AS a FROM unnest(ARRAY[(SELECT u.name FROM users u LIMIT 1)]) AS u(v) JOIN orders o ON u.v = o.status",
    vague: true,
  },
  { sql: "SELECT o::text AS a FROM (SELECT u.name FROM users u) AS u(v) JOIN orders o ON u.v = o.status" },
  { sql: "SELECT * FROM (notes_to_self NATURAL JOIN users u JOIN (notes_to_self o CROSS JOIN people t) USING (ssn)) AS x" },
  { sql: "SELECT * FROM generate_series(1, 2) AS id NATURAL JOIN users" },
  { sql: "SELECT (o).* FROM users u JOIN users USING (id) AS o CROSS JOIN users t" },
  { sql: "SELECT o.*, (o).id AS a, o AS b FROM users u JOIN users v USING (id, name) AS o" },
  { sql: "WITH RECURSIVE c(a, b, d) AS (SELECT name, city, ssn::text FROM users UNION SELECT b, d, a FROM c) SELECT a FROM c" },
  { sql: "WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT ssn FROM users) SELECT * FROM a" },
  { sql: "WITH RECURSIVE people AS (SELECT id FROM orders), b AS (SELECT * FROM people) SELECT * FROM b" },
  { sql: "SELECT id AS name FROM users ORDER BY name" },
  { sql: "SELECT id AS name FROM users GROUP BY id, name" },
  { sql: "SELECT upper(city) AS c FROM users GROUP BY c" },
  { sql: "SELECT (SELECT upper(o.status) AS city FROM orders o GROUP BY city LIMIT 1) AS a FROM users" },
  { sql: "SELECT id AS city FROM users UNION SELECT id FROM orders ORDER BY city" },
  { sql: "SELECT DISTINCT ON (n) id AS n FROM users ORDER BY n" },
  { sql: "SELECT id, name, ssn FROM users GROUP BY id" },
  { sql: "SELECT city, count(*) AS n FROM users GROUP BY GROUPING SETS ((city, ssn), (upper(name)), ())" },
  { sql: "SELECT users.ctid, orders.tableoid FROM users JOIN orders USING (id)" },
  { sql: "SELECT ctid, xmin, name FROM users" },
  { sql: "SELECT u, u.*, (u).name AS a, u::text AS b, city(u) AS c, ROW(u.*) AS d FROM users u" },
  { sql: "SELECT ((SELECT u FROM users u LIMIT 1)).ssn AS a" },
  { sql: "SELECT s.r AS a, (s.r).name AS b FROM (SELECT u AS r FROM users u) s" },
  { sql: "SELECT name::text AS a, ssn::text AS b FROM users" },
  { sql: "SELECT * FROM (VALUES (1, 'a')) v(id, t) JOIN users USING (id) ORDER BY name" },
  { sql: "VALUES ((SELECT ssn FROM users LIMIT 1), 1) ORDER BY column2, (SELECT max(total) FROM orders)" },
  { sql: "SELECT * FROM jsonb_array_elements('[1]') e, jsonb_each('{}') f, generate_series(1, 2) WITH ORDINALITY g" },
  { sql: "SELECT e.value AS a, e AS b FROM orders o, jsonb_array_elements(o.details) e" },
  { sql: "SELECT * FROM ROWS FROM (generate_series(1, 2), jsonb_to_recordset('[]') AS (a int, b text)) WITH ORDINALITY AS r" },
  { sql: "SELECT * FROM XMLTABLE('/r' PASSING '<r/>' COLUMNS a int PATH 'a', n FOR ORDINALITY) x" },
  {
    sql: `SELECT * FROM orders o, JSON_TABLE(o.details, '$' COLUMNS (a int PATH '$.n', NESTED PATH '$.tags[*]' COLUMNS (b text PATH '$'), c FOR ORDINALITY)) j`,
    since: 17,
  },
  { sql: "SELECT name FROM users u JOIN LATERAL (SELECT o.id, u.city AS k FROM orders o WHERE o.user_id = u.id) l ON l.k = u.name" },
  { sql: "SELECT s.a, s.b FROM (SELECT name, ssn FROM users) AS s(a, b) WHERE s.a = (SELECT max(b) FROM people p(a, b))" },
  { sql: 'SELECT "Back Office"."User ""Data"""."S S N" AS a, U&"s\\0073n" AS b FROM "Back Office"."User ""Data""", users' },
  { sql: "SELECT j.name, j.total FROM (users JOIN orders USING (id)) AS j" },
  { sql: "SELECT count(*) AS n, count(u) AS m, count(u.*) AS k FROM users u" },
  { sql: "SELECT 1 AS x FROM users TABLESAMPLE system (50), ONLY people, events *" },
  { sql: "SELECT a.id FROM (SELECT id FROM users) a, users b WHERE b = ROW(1, 'x') OR b.* IS NULL" },
  { sql: "SELECT id, (SELECT id FROM (SELECT id FROM orders) users LIMIT 1) AS b FROM users" },
  { sql: "SELECT id FROM people people(ssn, id) WHERE ssn = 1" },
];
