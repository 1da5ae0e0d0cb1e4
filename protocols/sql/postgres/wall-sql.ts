/**
 * The wall as SQL to be read, kept and run: one transaction that may be run again after every change, checks what it
 * stands on, and at its end asks the server itself whether the role can read anything that it should not. No secrets.
 */
import { quoteIdentifier, quoteLiteral } from "./quoting.ts";
import { type MaskedView, quotedRelation, type TakenFromPublic, WALL_MARK, type WallFacts, type WallPlan } from "./wall.ts";

export interface WallNames {
  readonly target: string;
  readonly database: string;
  /** Whom the masks are for, in words. */
  readonly whom: string;
  /** Agents, or the gateway for them, log in as it. */
  readonly role: string;
  /** Owns the masked views, and nobody logs in as it. */
  readonly owner: string;
  /** Of the masked views. */
  readonly schema: string;
}

/** @param functionsAllowed SECURITY DEFINER functions among them stay executable */
export function wallSql(plan: WallPlan, facts: WallFacts, functionsAllowed: readonly string[], names: WallNames): string {
  const parts = [
    head(names),
    "BEGIN;\n\nSET LOCAL search_path = '';\nSET LOCAL standard_conforming_strings = on;",
    roles(names),
    everybody(plan.takenFromPublic, facts, names),
    fresh(plan, names),
    ownerGrants(plan, names),
    ...plan.views.map((view) => maskedView(view, names)),
    grants(plan, names),
    withheld(plan),
    proof(plan, functionsAllowed, names),
    "COMMIT;",
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

/** A name may hold a line end, and what stands behind it would be SQL. */
function comment(...lines: readonly string[]): string {
  return lines.map((line) => `-- ${line.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, " ")}`.trimEnd()).join("\n");
}

function head({ target, database, whom, role, schema }: WallNames): string {
  return comment(
    `${WALL_MARK}: target ${target}, database ${database}; masks for ${whom}.`,
    "",
    `Role ${role} gets what agents may read as it is, and views in schema ${schema} that show masked columns masked.`,
    "Read what it takes from everybody (PUBLIC) before you run it, as a superuser, in that database:",
    "",
    `  psql -X -v ON_ERROR_STOP=1 -d ${database} -f wall.sql`,
    "",
    "It may be run again, and is to be made and run again when tables or masking rules change. All of it holds or none.",
    "Then give the role a password:",
    "",
    `  \\password ${quoteIdentifier(role)}`,
  );
}

/** One wall's schema is not another's: the views of each show what its own role may see. */
function markOf(role: string): string {
  return `${WALL_MARK} of role ${quoteIdentifier(role)}:`;
}

/** Dollar quotes with a tag that the body does not hold. */
function anonymous(body: string): string {
  let tag = "$wall$";
  for (let count = 1; body.includes(tag); count += 1) tag = `$wall${count}$`;
  return `DO ${tag}\n${body}\n${tag};`;
}

function roles({ database, role, owner, schema }: WallNames): string {
  const [r, o, s] = [quoteLiteral(role), quoteLiteral(owner), quoteLiteral(schema)];
  const create = (name: string, options: string): string =>
    `  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ${quoteLiteral(name)}) THEN
    CREATE ROLE ${quoteIdentifier(name)} ${options};
  END IF;`;
  const body = `DECLARE
  found text;
BEGIN
  IF current_database() <> ${quoteLiteral(database)} THEN
    RAISE EXCEPTION 'this wall is for database %, and this is %', ${quoteLiteral(database)}, current_database();
  END IF;
${create(role, "LOGIN NOINHERIT")}
${create(owner, "NOLOGIN NOINHERIT")}
  SELECT string_agg(rolname, ', ') INTO found FROM pg_roles
   WHERE rolname IN (${r}, ${o})
     AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls OR (rolcanlogin AND rolname = ${o}));
  IF found IS NOT NULL THEN
    RAISE EXCEPTION '% may more than a role of the wall may', found USING HINT = 'take another role, or ALTER ROLE first';
  END IF;
  SELECT string_agg(m.roleid::regrole::text, ', ') INTO found FROM pg_auth_members m
    JOIN pg_roles r ON r.oid = m.member WHERE r.rolname IN (${r}, ${o});
  IF found IS NOT NULL THEN
    RAISE EXCEPTION 'roles of the wall may be members of no other, and one is of %', found USING HINT = 'REVOKE that role first';
  END IF;
  SELECT string_agg(n.nspname, ', ') INTO found FROM pg_namespace n
   WHERE n.nspname = ${s} AND NOT starts_with(coalesce(obj_description(n.oid, 'pg_namespace'), ''), ${quoteLiteral(markOf(role))});
  IF found IS NOT NULL THEN
    RAISE EXCEPTION 'schema % is there already, and is not of this wall', found USING HINT = 'take another with --schema';
  END IF;
END`;
  return [comment("What it stands on: two roles that may nothing else, and a schema of its own."), anonymous(body)].join("\n");
}

function everybody({ temporary, create, createIn, relations, functions }: TakenFromPublic, facts: WallFacts, names: WallNames): string {
  const others = facts.loginRoles.filter((name) => name !== names.role).map(quoteIdentifier);
  const taken = (privilege: string, object: string): string => {
    const back = others.length === 0 ? "" : `\n${comment(`GRANT ${privilege} ON ${object} TO ${others.join(", ")};`)}`;
    return `REVOKE ${privilege} ON ${object} FROM PUBLIC;${back}`;
  };
  const database = `DATABASE ${quoteIdentifier(names.database)}`;
  const statements = [
    ...(temporary ? [taken("TEMPORARY", database)] : []),
    ...(create ? [taken("CREATE", database)] : []),
    ...createIn.map((schema) => taken("CREATE", `SCHEMA ${quoteIdentifier(schema)}`)),
    ...relations.map((relation) => taken("ALL", `TABLE ${quotedRelation(relation)}`)),
    ...functions.map((signature) => taken("EXECUTE", `ROUTINE ${signature}`)),
  ];
  if (statements.length === 0) return "";
  const why = comment(
    "What everybody holds, and the role with them, is taken from PUBLIC: others lose it too. The lines below each name who",
    "may log in; run them, or the like, for those who need it. Functions listed here are SECURITY DEFINER, not reviewed.",
  );
  return [why, ...statements].join("\n");
}

function fresh({ searchPath }: WallPlan, { database, role, owner, schema }: WallNames): string {
  const [r, o, s] = [quoteIdentifier(role), quoteIdentifier(owner), quoteIdentifier(schema)];
  const both = `${quoteLiteral(role)}, ${quoteLiteral(owner)}`;
  const body = `DECLARE
  name text;
BEGIN
  FOR name IN SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = ${quoteLiteral(schema)} AND c.relkind = 'v' LOOP
    EXECUTE format('DROP VIEW %I.%I', ${quoteLiteral(schema)}, name);
  END LOOP;
  FOR name IN SELECT n.nspname FROM pg_namespace n WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' LOOP
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM %I, %I', name, ${both});
    EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA %I FROM %I, %I', name, ${both});
    EXECUTE format('REVOKE ALL ON ALL ROUTINES IN SCHEMA %I FROM %I, %I', name, ${both});
    CONTINUE WHEN name = ${quoteLiteral(schema)};
    EXECUTE format('REVOKE ALL ON SCHEMA %I FROM %I, %I', name, ${both});
  END LOOP;
END`;
  const path = [schema, ...searchPath].map(quoteIdentifier).join(", ");
  return [
    comment("What an earlier run granted goes first; what stays is what follows."),
    `CREATE SCHEMA IF NOT EXISTS ${s} AUTHORIZATION ${o};`,
    `COMMENT ON SCHEMA ${s} IS ${quoteLiteral(`${markOf(role)} masked views, made anew by each run`)};`,
    anonymous(body),
    `REVOKE ALL ON DATABASE ${quoteIdentifier(database)} FROM ${r}, ${o};`,
    `GRANT CONNECT ON DATABASE ${quoteIdentifier(database)} TO ${r};`,
    `ALTER ROLE ${r} IN DATABASE ${quoteIdentifier(database)} SET search_path = ${path};`,
  ].join("\n");
}

type Named = { readonly schema: string; readonly name: string };

/** USAGE on the schemas and SELECT on the relations; nothing when there are none. */
function reading(relations: readonly Named[], role: string): readonly string[] {
  if (relations.length === 0) return [];
  const schemas = [...new Set(relations.map(({ schema }) => schema))].map(quoteIdentifier).join(", ");
  const tables = [...new Set(relations.map(quotedRelation))].join(",\n  ");
  return [
    `GRANT USAGE ON SCHEMA ${schemas} TO ${quoteIdentifier(role)};`,
    `GRANT SELECT ON TABLE\n  ${tables}\n  TO ${quoteIdentifier(role)};`,
  ];
}

function ownerGrants({ views }: WallPlan, { owner }: WallNames): string {
  const statements = reading(
    views.flatMap(({ reads }) => reads),
    owner,
  );
  return statements.length === 0 ? "" : [comment("What the views read, they read as their owner."), ...statements].join("\n");
}

function maskedView({ relation, name, query, masked, rowSecurity }: MaskedView, { owner, schema }: WallNames): string {
  const view = quotedRelation({ schema, name });
  const columns = relation.columns.map((column) => quoteIdentifier(column.name)).join(", ");
  const byRule = Map.groupBy(masked, ({ rule }) => rule);
  const what = [...byRule].map(([rule, list]) => `${list.map(({ column }) => column).join(", ")} by rule ${rule}`).join("; ");
  const remarks = [
    `${relation.schema}.${relation.name}: ${masked.length === 0 ? "made anew over masks" : `masks ${what}`}`,
    ...(rowSecurity ? [`Row security holds for ${owner} here: without a policy of its own it sees no rows.`] : []),
  ];
  return [
    comment(...remarks),
    `CREATE VIEW ${view} (${columns}) WITH (security_barrier = true) AS`,
    `${query};`,
    `ALTER VIEW ${view} OWNER TO ${quoteIdentifier(owner)};`,
  ].join("\n");
}

function grants({ granted, views }: WallPlan, { role, schema }: WallNames): string {
  const relations: readonly Named[] = [...granted, ...views.map(({ name }) => ({ schema, name }))];
  const why = comment("What the role may read: relations with nothing to mask, and the masked views. For writes, grant them by yourself.");
  return relations.length === 0 ? "" : [why, ...reading(relations, role)].join("\n");
}

function withheld(plan: WallPlan): string {
  if (plan.withheld.length === 0) return "";
  return comment("Not readable:", ...plan.withheld.map(({ relation, why }) => `  ${relation.schema}.${relation.name}: ${why}`));
}

/** The server's own answer counts: ownership, membership, grants by others and grants to everybody are all in it. */
function proof({ granted, views }: WallPlan, functionsAllowed: readonly string[], { role, schema }: WallNames): string {
  const r = quoteLiteral(role);
  const relations = [...granted, ...views.map(({ name }) => ({ schema, name }))].map((one) => quoteLiteral(quotedRelation(one)));
  const functions = functionsAllowed.map(quoteLiteral);
  const list = (items: readonly string[]): string => `ARRAY[\n    ${items.join(",\n    ")}]::text[]`;
  const users = "n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(toast|temp)'";
  const body = `DECLARE
  readable oid[] := ARRAY(SELECT name::regclass FROM unnest(${list(relations)}) AS l(name));
  found text;
BEGIN
  SELECT string_agg(what, ', ') INTO found FROM (
    SELECT 'relation ' || c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND ${users}
       AND c.oid <> ALL (readable)
       AND (has_table_privilege(${r}, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
         OR has_any_column_privilege(${r}, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))
    UNION ALL
    SELECT 'function ' || p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE p.prosecdef AND ${users}
       AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
       AND n.nspname || '.' || p.proname <> ALL (ARRAY[${functions.join(", ")}]::text[]) AND has_function_privilege(${r}, p.oid, 'EXECUTE')
    UNION ALL
    SELECT 'CREATE in schema ' || n.nspname FROM pg_namespace n WHERE ${users} AND has_schema_privilege(${r}, n.oid, 'CREATE')
    UNION ALL
    SELECT privilege || ' on the database' FROM unnest(ARRAY['TEMPORARY', 'CREATE']) AS l(privilege)
     WHERE has_database_privilege(${r}, current_database(), privilege)
  ) AS open(what);
  IF found IS NOT NULL THEN
    RAISE EXCEPTION 'the wall would be open: % still has %', ${r}, found
      USING HINT = 'nothing was changed; make the wall anew, for the schema may have changed, or revoke what is named';
  END IF;
END`;
  return [comment("The proof: whatever else the role could reach undoes all of the above."), anonymous(body)].join("\n");
}
