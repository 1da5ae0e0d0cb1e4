/** What the gateway's own login may do beyond what agents need: whatever goes by the gateway can do that much. */
import { quoteIdentifier } from "#protocols/postgres/protocol.ts";
import type { FindingCode, Observation } from "#src/doctor/finding.ts";
import { called, type Patient, protectedRelations } from "./patient.ts";

/** Roles that come with PostgreSQL, and what being a member of one means. */
const PREDEFINED: ReadonlyMap<string, readonly [code: FindingCode, means: string]> = new Map([
  ["pg_execute_server_program", ["login-reaches-server", "runs programs on the database's machine"]],
  ["pg_read_server_files", ["login-reaches-server", "reads files of the database's machine"]],
  ["pg_write_server_files", ["login-reaches-server", "writes files of the database's machine"]],
  ["pg_read_all_data", ["login-reads-all", "reads every table"]],
  ["pg_write_all_data", ["login-reads-all", "writes every table"]],
  ["pg_monitor", ["login-monitors", "sees other sessions' statements and the server's statistics"]],
  ["pg_read_all_stats", ["login-monitors", "sees other sessions' statements"]],
  ["pg_read_all_settings", ["login-monitors", "sees every setting, some of which hold secrets"]],
  ["pg_stat_scan_tables", ["login-monitors", "runs monitoring functions that may lock tables"]],
  ["pg_signal_backend", ["login-signals", "cancels and ends other sessions"]],
]);

export function loginObservations({ privileges: { login } }: Patient): readonly Observation[] {
  const all = [...(login.superuser ? [superuser(login.name)] : attributes(login)), ...memberships(login)];
  if (all.length > 0) return all;
  const message = `login ${login.name} has no attribute and no membership that reaches beyond its grants`;
  return [{ code: "login-ok", object: login.name, message }];
}

type Login = Patient["privileges"]["login"];

function attributes(login: Login): readonly Observation[] {
  const held = [
    [login.createRole, "login-creates-roles", "makes roles, and gets rights through them that it was not given", "NOCREATEROLE"],
    [login.replication, "login-replicates", "may stream all of the server's data past every mask", "NOREPLICATION"],
    [login.bypassRowSecurity, "login-bypasses-row-security", "is not held by row security", "NOBYPASSRLS"],
    [login.createDatabase, "login-creates-databases", "makes databases, which it then owns", "NOCREATEDB"],
  ] as const;
  return held
    .filter(([has]) => has)
    .map(([, code, means, without]) => ({
      code,
      object: login.name,
      message: `login ${login.name} ${means}`,
      remedy: "take the attribute back",
      sql: [`ALTER ROLE ${quoteIdentifier(login.name)} ${without};`],
    }));
}

function memberships({ name: login, memberOf }: Login): readonly Observation[] {
  return memberOf.flatMap((name): readonly Observation[] => {
    if (!name.startsWith("pg_")) return [];
    const [code, means] = PREDEFINED.get(name) ?? (["login-predefined-role", "has what that role may"] as const);
    const message = `login ${login} is a member of ${name}, by itself or through another role: it ${means}`;
    return [
      {
        code,
        object: name,
        message,
        remedy: "take the membership back",
        sql: [`REVOKE ${quoteIdentifier(name)} FROM ${quoteIdentifier(login)};`],
      },
    ];
  });
}

function superuser(name: string): Observation {
  const role = quoteIdentifier("sallyport_gateway");
  return {
    code: "login-superuser",
    object: name,
    message: `the gateway logs in as superuser ${name}: what goes by its rules may do anything, on the server's machine too`,
    remedy: "give the gateway a login of its own, with the rights that agents need, and set targets.*.credential to it",
    sql: [
      `CREATE ROLE ${role} LOGIN;`,
      `GRANT USAGE ON SCHEMA public TO ${role};`,
      `GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role};`,
    ],
  };
}

/** What of it differs from one database to the next. A superuser may do all of this anyway. */
export function loginInDatabase(patient: Patient): readonly Observation[] {
  const { login, schemas, relations } = patient.privileges;
  if (login.superuser) return [];
  const owned = new Set(relations.filter(({ ownedByLogin }) => ownedByLogin).map(({ oid }) => oid));
  const owners = protectedRelations(patient)
    .filter(({ oid }) => owned.has(oid))
    .map((relation): Observation => {
      const message = `login ${login.name} owns ${called(relation)}, which has masked columns: it may alter it and grant it to others`;
      return {
        code: "login-owns-protected",
        object: called(relation),
        message,
        remedy: "let another role own it, and grant what agents need",
      };
    });
  const path = new Set(patient.catalogue.searchPath);
  const creates = schemas
    .filter(({ name, loginCreates }) => loginCreates && path.has(name))
    .map(({ name }): Observation => {
      const from = `${quoteIdentifier(login.name)}, PUBLIC`;
      return {
        code: "login-creates-in-path",
        object: name,
        message: `login ${login.name} may create objects in schema ${name}, where unqualified names are looked up: one could stand in for another`,
        remedy: "take CREATE back, unless agents are to change the schema",
        sql: [`REVOKE CREATE ON SCHEMA ${quoteIdentifier(name)} FROM ${from};`],
      };
    });
  return [...owners, ...creates];
}
