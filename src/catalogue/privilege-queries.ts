/**
 * The one query about privileges, valid on PostgreSQL 13 to 18 and for any login: it reads only what every role may read,
 * asks the server itself who may do what, and names its functions with `pg_catalog`.
 */

const USER_SCHEMA = `n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(toast|temp)'`;

/** Whether everybody holds one of these privileges by an ACL; an absent one is the default of its kind. */
const publicHolds = (acl: string, kind: string, owner: string, privileges: string): string =>
  `EXISTS (SELECT FROM pg_catalog.aclexplode(coalesce(${acl}, pg_catalog.acldefault('${kind}', ${owner}))) a
            WHERE a.grantee = 0 AND a.privilege_type IN (${privileges}))`;

const ANY_OF_TABLE = "'SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN'";

const LOGIN = `(SELECT pg_catalog.json_build_object(
  'name', r.rolname, 'superuser', r.rolsuper, 'createRole', r.rolcreaterole, 'createDatabase', r.rolcreatedb,
  'replication', r.rolreplication, 'bypassRowSecurity', r.rolbypassrls,
  'memberOf', ARRAY(WITH RECURSIVE held(role) AS (
      SELECT m.roleid FROM pg_catalog.pg_auth_members m WHERE m.member = r.oid
    UNION SELECT m.roleid FROM held h JOIN pg_catalog.pg_auth_members m ON m.member = h.role)
    SELECT o.rolname FROM held h JOIN pg_catalog.pg_roles o ON o.oid = h.role ORDER BY 1))
 FROM pg_catalog.pg_roles r WHERE r.rolname = current_user)`;

const DATABASE = `(SELECT pg_catalog.json_build_object(
  'publicTemporary', ${publicHolds("d.datacl", "d", "d.datdba", "'TEMPORARY'")},
  'publicCreate', ${publicHolds("d.datacl", "d", "d.datdba", "'CREATE'")})
 FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())`;

const SCHEMAS = `(SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
  'name', n.nspname,
  'publicCreates', ${publicHolds("n.nspacl", "n", "n.nspowner", "'CREATE'")},
  'loginCreates', pg_catalog.has_schema_privilege(n.oid, 'CREATE'),
  'comment', pg_catalog.obj_description(n.oid, 'pg_namespace')) ORDER BY n.nspname), '[]'::json)
 FROM pg_catalog.pg_namespace n WHERE ${USER_SCHEMA})`;

const RELATIONS = `(SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
  'oid', c.oid::int8,
  'owner', pg_catalog.pg_get_userbyid(c.relowner),
  'ownedByLogin', pg_catalog.pg_has_role(c.relowner, 'USAGE'),
  'publicHas', ${publicHolds("c.relacl", "r", "c.relowner", ANY_OF_TABLE)} OR EXISTS (
      SELECT FROM pg_catalog.pg_attribute t, LATERAL pg_catalog.aclexplode(t.attacl) a WHERE t.attrelid = c.oid AND a.grantee = 0),
  'loginReads', pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT'),
  'rowSecurity', c.relrowsecurity) ORDER BY c.oid), '[]'::json)
 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND ${USER_SCHEMA})`;

/** Aggregates have no definition to be shown; what they call is listed by itself. */
const DEFINERS = `(SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
  'oid', p.oid::int8, 'schema', n.nspname, 'name', p.proname,
  'signature', p.oid::pg_catalog.regprocedure::text,
  'owner', pg_catalog.pg_get_userbyid(p.proowner),
  'publicExecutes', ${publicHolds("p.proacl", "f", "p.proowner", "'EXECUTE'")},
  'loginExecutes', pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE'),
  'source', CASE WHEN p.prokind IN ('f', 'p', 'w') THEN pg_catalog.pg_get_functiondef(p.oid) ELSE '' END) ORDER BY p.oid), '[]'::json)
 FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE p.prosecdef AND ${USER_SCHEMA} AND p.prorettype NOT IN ('trigger'::pg_catalog.regtype, 'event_trigger'::pg_catalog.regtype))`;

const TRIGGERS = `(SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
  'relation', t.tgrelid::int8, 'name', t.tgname, 'calls', t.tgfoid::pg_catalog.regprocedure::text) ORDER BY t.oid), '[]'::json)
 FROM pg_catalog.pg_trigger t WHERE NOT t.tgisinternal AND t.tgenabled <> 'D')`;

const PUBLICATIONS = `(SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
  'name', p.pubname,
  'relations', ARRAY(SELECT c.oid::int8 FROM pg_catalog.pg_publication_tables t
                       JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname
                       JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename
                      WHERE t.pubname = p.pubname ORDER BY 1)) ORDER BY p.pubname), '[]'::json)
 FROM pg_catalog.pg_publication p)`;

export const PRIVILEGES = `SELECT pg_catalog.json_build_object(
'login', ${LOGIN},
'loginRoles', ARRAY(SELECT r.rolname FROM pg_catalog.pg_roles r WHERE r.rolcanlogin AND NOT r.rolsuper ORDER BY 1),
'database', ${DATABASE},
'schemas', ${SCHEMAS},
'relations', ${RELATIONS},
'definers', ${DEFINERS},
'triggers', ${TRIGGERS},
'extensions', ARRAY(SELECT e.extname FROM pg_catalog.pg_extension e ORDER BY 1),
'eventTriggers', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
    'name', e.evtname, 'calls', e.evtfoid::pg_catalog.regprocedure::text) ORDER BY e.evtname), '[]'::json)
  FROM pg_catalog.pg_event_trigger e WHERE e.evtenabled <> 'D'),
'publications', ${PUBLICATIONS}
)::text AS answer`;
