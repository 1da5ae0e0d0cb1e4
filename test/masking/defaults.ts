/** Ways to a masked column's default, which may be what all its older rows hold. */
import type { Hostile } from "./statements.ts";

export const DEFAULTS: Readonly<Record<string, readonly Hostile[]>> = {
  "defaults, which rows hold": [
    "SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef",
    "SELECT adbin FROM pg_attrdef",
    "TABLE pg_attrdef",
    "SELECT d FROM pg_attrdef d",
    "SELECT to_jsonb(d), d::text FROM pg_catalog.pg_attrdef d",
    "SELECT x.c5 FROM pg_attrdef AS x(c1, c2, c3, c4, c5)",
    "SELECT pg_get_expr(x.d, x.b) FROM pg_attrdef AS x(a, b, c, d)",
    "SELECT a.attname, pg_get_expr(d.adbin, d.adrelid, true) FROM pg_attribute a LEFT JOIN pg_attrdef d ON (a.attrelid, a.attnum) = (d.adrelid, d.adnum)",
    "SELECT attname, (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = attrelid AND adnum = attnum) FROM pg_attribute WHERE attrelid = 'users'::regclass",
    "SELECT * FROM pg_attrdef NATURAL JOIN (SELECT oid FROM pg_attrdef) o",
    "SELECT * FROM pg_get_expr((SELECT adbin FROM pg_attrdef WHERE adnum = 19 LIMIT 1), 'users'::regclass)",
    "SELECT column_default FROM information_schema.columns WHERE table_name = 'users'",
    "TABLE information_schema.columns",
    "SELECT c FROM information_schema.columns c WHERE table_name = 'users'",
    "SELECT row_to_json(columns) FROM information_schema.columns WHERE table_name = 'users'",
    "WITH c AS (TABLE information_schema.columns) SELECT max(column_default) FROM c WHERE column_default LIKE '%canary%'",
    "COPY pg_attrdef TO STDOUT",
    "COPY (SELECT column_default FROM information_schema.columns) TO STDOUT (FORMAT binary)",
    "SELECT * FROM defaults_view",
    "TABLE defaults_copy",
    "SELECT d FROM columns_copy WHERE d IS NOT NULL",
    "INSERT INTO inbox SELECT 1, pg_get_expr(adbin, adrelid) FROM pg_attrdef RETURNING note",
    "INSERT INTO users (id, name) VALUES (99, 'x') RETURNING origin",
    ["DECLARE c CURSOR WITH HOLD FOR SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef", "FETCH ALL FROM c"],
    ["PREPARE p AS SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef", "EXECUTE p"],
  ],
};
