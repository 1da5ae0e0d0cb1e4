/**
 * The queries of the catalogue reader, valid on PostgreSQL 13 to 18 and for any login: they read only what every
 * role may read. Functions are named with `pg_catalog`, since the login's own search path may hold anything.
 */

import { WALL_MARK } from "#protocols/postgres/protocol.ts";

/** Objects that a user made: `pg_catalog` and `information_schema` are known by heart, temporary ones pass by. */
const USER_SCHEMA = `n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(toast|temp)'`;

/** The first OID that is never one of the server's own objects (FirstNormalObjectId). */
const FIRST_USER_OID = "16384";

/** A row's xmin changes with every change of the row, but not with statistics, which are written in place. */
const rows = (table: string, condition: string, key = "oid"): string =>
  `(SELECT pg_catalog.md5(pg_catalog.string_agg(${key}::text || ':' || xmin::text, ',' ORDER BY ${key})) FROM pg_catalog.${table} WHERE ${condition})`;

/** Comments and labels have no OID of their own. */
const notes = (table: string, more = "''"): string =>
  `(SELECT pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws(':', objoid, objsubid, ${more}, xmin), ',' ORDER BY objoid, objsubid, ${more}))
     FROM pg_catalog.${table} WHERE classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND objoid >= ${FIRST_USER_OID})`;

/** Temporary tables come and go with every session's work, and are nobody else's business. */
const PERMANENT = "NOT IN (SELECT oid FROM pg_catalog.pg_class WHERE relpersistence = 't')";

/** Schemas that `sallyport wall` made, by the comment that it gave them. */
const WALLS = `ARRAY(SELECT n.nspname FROM pg_catalog.pg_namespace n
  WHERE pg_catalog.starts_with(pg_catalog.obj_description(n.oid, 'pg_namespace'), '${WALL_MARK}') ORDER BY 1)`;

export const DIGEST = `SELECT pg_catalog.md5(pg_catalog.concat_ws('/',
  pg_catalog.current_setting('server_version'), pg_catalog.current_schemas(true)::text, ${WALLS}::text,
  ${rows("pg_namespace", "nspname !~ '^pg_(toast_)?temp'")},
  ${rows("pg_class", `oid >= ${FIRST_USER_OID} AND relpersistence <> 't' AND relkind IN ('r','v','m','p','f','S')`)},
  (SELECT pg_catalog.md5(pg_catalog.string_agg(a.attrelid::text || '.' || a.attnum::text || ':' || a.xmin::text, ',' ORDER BY a.attrelid, a.attnum))
     FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
    WHERE a.attrelid >= ${FIRST_USER_OID} AND a.attnum > 0 AND c.relpersistence <> 't' AND c.relkind IN ('r','v','m','p','f')),
  ${notes("pg_description")}, ${notes("pg_seclabel", "provider")},
  ${rows("pg_attrdef", `adrelid ${PERMANENT}`)},
  ${rows("pg_rewrite", `oid >= ${FIRST_USER_OID}`)},
  ${rows("pg_inherits", "true", "inhrelid")},
  ${rows("pg_proc", `oid >= ${FIRST_USER_OID}`)},
  ${rows("pg_extension", "true")},
  ${rows("pg_operator", `oid >= ${FIRST_USER_OID}`)},
  ${rows("pg_type", `oid >= ${FIRST_USER_OID} AND typtype <> 'c' AND typcategory <> 'A'`)},
  ${rows("pg_trigger", "NOT tgisinternal")},
  ${rows("pg_policy", "true")},
  ${rows("pg_index", `indexrelid >= ${FIRST_USER_OID} AND indexrelid ${PERMANENT}`, "indexrelid")},
  ${rows("pg_cast", `oid >= ${FIRST_USER_OID}`)},
  ${rows("pg_constraint", `conrelid ${PERMANENT} AND (contypid <> 0 OR contype IN ('p', 'f', 'c', 'u', 'x'))`)}
)) AS digest`;

export const PLACE = `SELECT pg_catalog.json_build_object(
  'serverVersion', pg_catalog.current_setting('server_version'),
  'database', pg_catalog.current_database(),
  'searchPath', (SELECT pg_catalog.array_agg(s ORDER BY i) FROM pg_catalog.unnest(pg_catalog.current_schemas(true)) WITH ORDINALITY AS p(s, i)
                  WHERE s !~ '^pg_temp'),
  'walls', ${WALLS})::text AS answer`;

/** A domain over a domain has its base three and more steps away. */
const BASE_TYPES = `WITH RECURSIVE base(domain, type, typmod) AS (
    SELECT oid, typbasetype, typtypmod FROM pg_catalog.pg_type WHERE typtype = 'd'
  UNION ALL
    SELECT b.domain, t.typbasetype, CASE WHEN b.typmod = -1 THEN t.typtypmod ELSE b.typmod END
      FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.type WHERE t.typtype = 'd'
), bottom AS (
  SELECT b.* FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.type WHERE t.typtype <> 'd'
)`;

const COLUMNS = `SELECT a.attrelid, pg_catalog.json_agg(pg_catalog.json_build_object(
    'name', a.attname,
    'number', a.attnum,
    'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
    'typeOid', a.atttypid::int8,
    'category', coalesce(bt.typcategory, t.typcategory),
    'notNull', a.attnotnull,
    'baseType', CASE WHEN b.domain IS NULL THEN pg_catalog.format_type(a.atttypid, a.atttypmod) ELSE pg_catalog.format_type(b.type, b.typmod) END,
    'generated', a.attgenerated <> '',
    'generatedFrom', CASE WHEN a.attgenerated = '' THEN '{}'::int[] ELSE ARRAY(
        SELECT DISTINCT d.refobjsubid FROM pg_catalog.pg_depend d
         WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = a.attrelid AND d.refobjsubid > 0 AND d.refobjsubid <> a.attnum
           AND ((d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = a.attrelid AND d.objsubid = a.attnum)
             OR (d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid IN (
                   SELECT ad.oid FROM pg_catalog.pg_attrdef ad WHERE ad.adrelid = a.attrelid AND ad.adnum = a.attnum)))) END,
    'default', pg_catalog.pg_get_expr(e.adbin, e.adrelid)
  ) ORDER BY a.attnum) AS list
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  LEFT JOIN bottom b ON b.domain = a.atttypid
  LEFT JOIN pg_catalog.pg_type bt ON bt.oid = b.type
  LEFT JOIN pg_catalog.pg_attrdef e ON e.adrelid = a.attrelid AND e.adnum = a.attnum
 WHERE a.attnum > 0 AND NOT a.attisdropped
 GROUP BY a.attrelid`;

/** What hangs on a relation and runs code when rows are written, with the functions that it depends on. */
const CALLS = `SELECT part.relid, pg_catalog.json_agg(DISTINCT f.oid::int8) AS list
  FROM (SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass AS class, oid, adrelid AS relid FROM pg_catalog.pg_attrdef
        UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, oid, conrelid FROM pg_catalog.pg_constraint WHERE conrelid <> 0
        UNION ALL SELECT 'pg_catalog.pg_trigger'::pg_catalog.regclass, oid, tgrelid FROM pg_catalog.pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT 'pg_catalog.pg_policy'::pg_catalog.regclass, oid, polrelid FROM pg_catalog.pg_policy
        UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, indexrelid, indrelid FROM pg_catalog.pg_index
        UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, partrelid, partrelid FROM pg_catalog.pg_partitioned_table) part
  JOIN pg_catalog.pg_depend d ON d.classid = part.class AND d.objid = part.oid
  LEFT JOIN pg_catalog.pg_operator o ON d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND o.oid = d.refobjid
  JOIN pg_catalog.pg_proc f ON f.oid = CASE WHEN d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass THEN d.refobjid ELSE o.oprcode::oid END
 WHERE f.oid >= ${FIRST_USER_OID}
 GROUP BY part.relid`;

/** What the server evaluates or compares when rows are written. */
const WRITTEN_WITH = `'checks', coalesce((
      SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
          'expression', pg_catalog.pg_get_expr(k.conbin, k.conrelid), 'validated', k.convalidated) ORDER BY k.oid)
        FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c'), '[]'::json),
  'indexes', coalesce((
      SELECT pg_catalog.json_agg(pg_catalog.json_build_object('name', ic.relname, 'unique', i.indisunique, 'exclusion', i.indisexclusion,
          'keys', ARRAY(SELECT pg_catalog.pg_get_indexdef(i.indexrelid, key, false) FROM pg_catalog.generate_series(1, i.indnatts) key ORDER BY key),
          'predicate', pg_catalog.pg_get_expr(i.indpred, i.indrelid)) ORDER BY i.indexrelid)
        FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
       WHERE i.indrelid = c.oid AND i.indexrelid >= ${FIRST_USER_OID}), '[]'::json),
  'partitionKey', coalesce((
      SELECT pg_catalog.concat_ws(', ', (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ') FROM pg_catalog.pg_attribute a
                                          WHERE a.attrelid = c.oid AND a.attnum = ANY (p.partattrs::int2[])),
                                  pg_catalog.pg_get_expr(p.partexprs, p.partrelid))
        FROM pg_catalog.pg_partitioned_table p WHERE p.partrelid = c.oid), ''),
  'policies', ARRAY(
      SELECT e FROM pg_catalog.pg_policy p,
             LATERAL (VALUES (pg_catalog.pg_get_expr(p.polqual, p.polrelid)), (pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))) x(e)
       WHERE p.polrelid = c.oid AND c.relrowsecurity AND e IS NOT NULL ORDER BY p.oid, e),
  'triggerConditions', ARRAY(
      SELECT pg_catalog.pg_get_triggerdef(t.oid) FROM pg_catalog.pg_trigger t
       WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgqual IS NOT NULL ORDER BY t.oid),
  'skipsUnchanged', EXISTS (
      SELECT FROM pg_catalog.pg_trigger t
       WHERE t.tgrelid = c.oid AND t.tgfoid = 'pg_catalog.suppress_redundant_updates_trigger()'::pg_catalog.regprocedure)`;

const action = (letter: string): string =>
  `CASE ${letter} WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set' WHEN 'd' THEN 'set' ELSE 'refuse' END`;

export const RELATIONS = `${BASE_TYPES}
SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
  'oid', c.oid::int8,
  'schema', n.nspname,
  'name', c.relname,
  'kind', CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized-view' WHEN 'p' THEN 'partitioned-table'
                         WHEN 'f' THEN 'foreign-table' WHEN 'S' THEN 'sequence' ELSE 'other' END,
  'columns', coalesce(cols.list, '[]'::json),
  'primaryKey', coalesce((SELECT pg_catalog.to_json(k.conkey) FROM pg_catalog.pg_constraint k
                           WHERE k.conrelid = c.oid AND k.contype = 'p' AND NOT k.condeferrable), '[]'::json),
  'parents', ARRAY(SELECT i.inhparent::int8 FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid ORDER BY i.inhseqno),
  'reads', ARRAY(
    SELECT DISTINCT d.refobjid::int8 FROM pg_catalog.pg_rewrite r
      JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
     WHERE r.ev_class = c.oid AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> c.oid),
  'definition', CASE WHEN c.relkind IN ('v', 'm') AND ${USER_SCHEMA} THEN pg_catalog.pg_get_viewdef(c.oid) END,
  'securityBarrier', EXISTS (SELECT FROM pg_catalog.pg_options_to_table(c.reloptions) o
                              WHERE o.option_name = 'security_barrier' AND o.option_value::pg_catalog.bool),
  'rules', ARRAY(SELECT r.rulename FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_type <> '1' AND c.oid >= ${FIRST_USER_OID} ORDER BY 1),
  'triggers', ARRAY(SELECT DISTINCT t.tgfoid::int8 FROM pg_catalog.pg_trigger t
                     WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgfoid >= ${FIRST_USER_OID} ORDER BY 1),
  'calls', coalesce(calls.list, '[]'::json),
  ${WRITTEN_WITH},
  'references', coalesce((
    SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
        'relation', k.confrelid::int8,
        'columns', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('number', p.number, 'refersTo', p.other))
                      FROM ROWS FROM (pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey)) AS p(number, other)),
        'onDelete', ${action("k.confdeltype")}, 'onUpdate', ${action("k.confupdtype")}) ORDER BY k.oid)
      FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f'), '[]'::json)
) ORDER BY c.oid), '[]'::json)::text AS answer
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN (${COLUMNS}) cols ON cols.attrelid = c.oid
LEFT JOIN (${CALLS}) calls ON calls.relid = c.oid
WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f', 'S') AND n.nspname !~ '^pg_(toast|temp)'`;

/**
 * Rows by the planner's estimate, of all that has any, those of partitions and children added. ANALYZE of a partitioned
 * table writes the sum of its partitions there too, so that it counts only where none of them has an estimate of its own.
 */
export const ESTIMATES = `WITH RECURSIVE below(root, oid) AS (
    SELECT oid, oid FROM pg_catalog.pg_class WHERE relkind IN ('r', 'p', 'm', 'f')
  UNION SELECT b.root, i.inhrelid FROM below b JOIN pg_catalog.pg_inherits i ON i.inhparent = b.oid
), summed AS (
  SELECT b.root, coalesce(
      sum(c.reltuples::float8) FILTER (WHERE c.relkind <> 'p' AND c.reltuples >= 0),
      max(c.reltuples::float8) FILTER (WHERE c.oid = b.root AND c.reltuples >= 0)) AS rows
    FROM below b JOIN pg_catalog.pg_class c ON c.oid = b.oid GROUP BY b.root
)
SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_array(root::int8, rows)), '[]'::json)::text AS answer FROM summed WHERE rows IS NOT NULL`;

export const FUNCTIONS = `SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
  'oid', p.oid::int8,
  'schema', n.nspname,
  'name', p.proname,
  'volatility', CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
  'securityDefiner', p.prosecdef,
  'language', l.lanname,
  'extension', (SELECT e.extname FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
                 WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e'
                   AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass),
  'constructs', EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_type t ON t.oid = d.refobjid
                         WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'i'
                           AND d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND t.typname = p.proname AND t.typnamespace = p.pronamespace)
) ORDER BY p.oid), '[]'::json)::text AS answer
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE ${USER_SCHEMA} OR (n.nspname = 'pg_catalog' AND p.oid >= ${FIRST_USER_OID})`;

export const OPERATORS = `SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
  'schema', n.nspname, 'name', o.oprname, 'functionOid', o.oprcode::oid::int8
) ORDER BY o.oid), '[]'::json)::text AS answer
FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
WHERE ${USER_SCHEMA}`;

/** What a type is made of: an array of its elements, a row of its columns, a range of its bounds, a domain of its base. */
const TYPE_CALLS = `WITH RECURSIVE part(type, of) AS (
    SELECT oid, typelem FROM pg_catalog.pg_type WHERE typelem <> 0
  UNION SELECT oid, typbasetype FROM pg_catalog.pg_type WHERE typbasetype <> 0
  UNION SELECT t.oid, a.atttypid FROM pg_catalog.pg_type t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid
         WHERE t.typrelid <> 0 AND a.attnum > 0 AND NOT a.attisdropped
  UNION SELECT rngtypid, rngsubtype FROM pg_catalog.pg_range
  UNION SELECT t.oid, r.rngtypid FROM pg_catalog.pg_depend d
          JOIN pg_catalog.pg_type t ON t.oid = d.objid AND t.typtype = 'm'
          JOIN pg_catalog.pg_range r ON r.rngtypid = d.refobjid
         WHERE d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass
), own(type, call) AS (
    SELECT s.type, c.castfunc FROM pg_catalog.pg_cast c, LATERAL (VALUES (c.castsource), (c.casttarget)) s(type) WHERE c.castfunc >= ${FIRST_USER_OID}
       AND (s.type >= ${FIRST_USER_OID} OR (c.castsource < ${FIRST_USER_OID} AND c.casttarget < ${FIRST_USER_OID}))
  UNION SELECT x.type, f.oid
    FROM (SELECT k.contypid AS type, 'pg_catalog.pg_constraint'::pg_catalog.regclass AS class, k.oid FROM pg_catalog.pg_constraint k WHERE k.contypid <> 0
          UNION ALL SELECT t.oid, 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid FROM pg_catalog.pg_type t WHERE t.oid >= ${FIRST_USER_OID}) x
    JOIN pg_catalog.pg_depend d ON d.classid = x.class AND d.objid = x.oid
    LEFT JOIN pg_catalog.pg_operator o ON d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND o.oid = d.refobjid
    JOIN pg_catalog.pg_proc f ON f.oid = CASE WHEN d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass THEN d.refobjid ELSE o.oprcode::oid END
   WHERE f.oid >= ${FIRST_USER_OID}
), reached(type, call) AS (
    SELECT type, call FROM own
  UNION SELECT p.type, r.call FROM reached r JOIN part p ON p.of = r.type
)`;

export const TYPES = `${TYPE_CALLS}
SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
  'schema', n.nspname, 'name', t.typname,
  'calls', ARRAY(SELECT r.call::int8 FROM reached r WHERE r.type = t.oid ORDER BY 1)
) ORDER BY t.oid), '[]'::json)::text AS answer
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE (${USER_SCHEMA} AND (t.typtype <> 'b' OR t.typelem = 0 OR t.typlen <> -1 OR t.oid IN (SELECT type FROM reached)))
   OR (NOT (${USER_SCHEMA}) AND t.oid IN (SELECT type FROM own))`;

/** What may tag a column, or all of a relation's (column 0): comments that speak of us, and every security label. */
export const NOTES = `SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
  'relation', x.relation::int8, 'column', x.number, 'comment', x.comment, 'label', x.label
) ORDER BY x.relation, x.number), '[]'::json)::text AS answer
FROM (SELECT objoid AS relation, objsubid AS number, description AS comment, NULL AS label FROM pg_catalog.pg_description
       WHERE classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND description OPERATOR(pg_catalog.~~*) '%sallyport:%'
      UNION ALL
      SELECT objoid, objsubid, NULL, label FROM pg_catalog.pg_seclabel
       WHERE classoid = 'pg_catalog.pg_class'::pg_catalog.regclass) x`;
