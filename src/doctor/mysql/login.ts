/** What the gateway's own login may do at a MySQL or MariaDB server beyond what agents need. */
import { holds, type MysqlGrant, SERVER_DATABASES } from "#protocols/mysql/protocol.ts";
import type { FindingCode, Observation } from "#src/doctor/finding.ts";
import { called, type MysqlPatient, protectedTables, quotedAccount, quotedTable, userTables } from "./patient.ts";

/** Privileges that hold for the server as a whole, of both makes, and what each means. */
const GLOBAL: ReadonlyMap<string, readonly [code: FindingCode, means: string]> = new Map([
  ["FILE", ["login-reaches-server", "reads and writes files of the database's machine"]],
  ["CREATE USER", ["login-creates-roles", "makes accounts and changes their passwords"]],
  ["CREATE ROLE", ["login-creates-roles", "makes roles"]],
  ["ROLE_ADMIN", ["login-creates-roles", "gives out any role"]],
  ["SYSTEM_USER", ["login-creates-roles", "may change accounts of administrators"]],
  ["SET_USER_ID", ["login-sets-definer", "makes code that runs with anybody's rights"]],
  ["SET_ANY_DEFINER", ["login-sets-definer", "makes code that runs with anybody's rights"]],
  ["ALLOW_NONEXISTENT_DEFINER", ["login-sets-definer", "makes code that runs as accounts yet to be made"]],
  ["SET USER", ["login-sets-definer", "makes code that runs with anybody's rights"]],
  ["REPLICATION SLAVE", ["login-replicates", "may stream the binary log, past every mask"]],
  ["BINLOG MONITOR", ["login-replicates", "reads events of the binary log, past every mask"]],
  ["GROUP_REPLICATION_STREAM", ["login-replicates", "may join what streams all data"]],
  ["CLONE_ADMIN", ["login-replicates", "may take the place of all data by a copy, and be copied from"]],
  ["BACKUP_ADMIN", ["login-replicates", "may let the whole server be copied"]],
  ["PROCESS", ["login-monitors", "sees other sessions' statements and the state of the engine"]],
  ["SENSITIVE_VARIABLES_OBSERVER", ["login-monitors", "sees settings that hold secrets"]],
  ["CONNECTION_ADMIN", ["login-signals", "ends other sessions"]],
  ["CONNECTION ADMIN", ["login-signals", "ends other sessions"]],
  ["SERVICE_CONNECTION_ADMIN", ["login-signals", "takes connections that are kept for administrators"]],
  ["SYSTEM_VARIABLES_ADMIN", ["login-administers", "changes the server's settings, its logs of statements too"]],
  ["PERSIST_RO_VARIABLES_ADMIN", ["login-administers", "changes the server's settings for good"]],
  ["BINLOG_ADMIN", ["login-administers", "changes what the binary log holds"]],
  ["BINLOG ADMIN", ["login-administers", "changes what the binary log holds"]],
  ["FEDERATED ADMIN", ["login-administers", "makes tables of other servers"]],
  ["RELOAD", ["login-administers", "flushes logs and grant tables"]],
  ["SHUTDOWN", ["login-administers", "stops the server"]],
]);

/** What can be done with rows and tables; held for everything, it holds for the server's own tables too. */
const ON_TABLES = ["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "TRIGGER", "CREATE VIEW", "EXECUTE"];
/** Neither these nor the rest of what can be held on tables say more than those. */
const UNTOLD: ReadonlySet<string> = new Set([
  ...ON_TABLES,
  ..."USAGE,ALL PRIVILEGES,SUPER,REFERENCES,INDEX,LOCK TABLES,SHOW VIEW,CREATE ROUTINE,ALTER ROUTINE,EVENT,CREATE TEMPORARY TABLES,DELETE HISTORY,SHOW CREATE ROUTINE,SHOW DATABASES,SHOW_ROUTINE".split(
    ",",
  ),
]);

export function loginObservations(patient: MysqlPatient): readonly Observation[] {
  const { privileges } = patient;
  const held = globalsOf(privileges.all);
  const all =
    held.has("ALL PRIVILEGES") || held.has("SUPER") ? [superuser(patient)] : [...globals(patient, held), ...serverTables(patient)];
  if (all.length > 0) return all;
  const message = `login ${privileges.account} has no privilege that reaches beyond the databases it is for`;
  return [{ code: "login-ok", object: privileges.account, message }];
}

function globalsOf(grants: readonly MysqlGrant[]): ReadonlySet<string> {
  return new Set(grants.flatMap(({ privileges, scope }) => (scope.kind === "global" ? privileges : [])));
}

function globals({ privileges }: MysqlPatient, held: ReadonlySet<string>): readonly Observation[] {
  const { account, own, all } = privileges;
  const direct = globalsOf(own.grants);
  const found = [...held]
    .filter((privilege) => !UNTOLD.has(privilege))
    .map((privilege): Observation => {
      const [code, means] =
        GLOBAL.get(privilege) ?? (["login-global-privilege", "may what that privilege says, on the whole server"] as const);
      const message = `login ${account} has ${privilege}, ${direct.has(privilege) ? "" : "through a role, "}by which it ${means}`;
      const sql = direct.has(privilege) ? [`REVOKE ${privilege} ON *.* FROM ${quotedAccount(privileges)};`] : [];
      return {
        code,
        object: privilege,
        message,
        remedy: direct.has(privilege) ? "take it back" : "take it from the role, or the role from the login",
        sql,
      };
    });
  const grants = all.find(({ grantable, scope }) => grantable && scope.kind !== "other");
  if (grants === undefined) return found;
  const message = `login ${account} may give to others what it holds itself (GRANT OPTION)`;
  return [...found, { code: "login-grants", object: account, message, remedy: "take GRANT OPTION back" }];
}

/** Digests of passwords, statistics with values of columns, logs of statements; and who may what. */
function serverTables({ privileges }: MysqlPatient): readonly Observation[] {
  const hit = ["mysql", "sys", "performance_schema"].flatMap((database) => {
    const found = privileges.all.find(
      (grant) =>
        holds([grant], ON_TABLES, database, null) ||
        (grant.scope.kind === "table" && grant.scope.database === database && grant.privileges.some((one) => ON_TABLES.includes(one))),
    );
    return found === undefined
      ? []
      : [{ database, by: found.scope.kind === "global" ? "by a grant on everything" : "by a grant of its own" }];
  });
  return hit.slice(0, 1).map(({ database, by }) => {
    const message = `login ${privileges.account} reaches tables of ${database} ${by}: digests of passwords, statistics and logs with values, who may what`;
    const remedy = "grant it the databases and tables that agents need, one by one";
    return { code: "login-server-tables", object: database, message, remedy };
  });
}

function superuser({ privileges, catalogue }: MysqlPatient): Observation {
  const gateway = "`sallyport_gateway`@`%`";
  const walls = new Set(catalogue.walls.map(({ name }) => name));
  const databases = catalogue.databases.filter((name) => !SERVER_DATABASES.has(name.toLowerCase()) && !walls.has(name));
  return {
    code: "login-superuser",
    object: privileges.account,
    message: `the gateway logs in as ${privileges.account}, which may do anything (ALL PRIVILEGES or SUPER): what goes by its rules may too`,
    remedy: "give the gateway a login of its own, with the rights that agents need, and set targets.*.credential to it",
    sql: [
      `CREATE USER ${gateway} REQUIRE SSL ACCOUNT LOCK;`,
      ...databases.map((name) => `GRANT SELECT, SHOW VIEW, TRIGGER ON ${patternOf(name)}.* TO ${gateway};`),
    ],
  };
}

/** Of databases GRANT takes patterns. */
function patternOf(database: string): string {
  return `\`${database.replaceAll("`", "``").replace(/[\\%_]/g, "\\$&")}\``;
}

const CHANGES = ["CREATE", "ALTER", "DROP", "INDEX", "CREATE VIEW", "CREATE ROUTINE", "ALTER ROUTINE", "EVENT"];
const WRITES = ["INSERT", "UPDATE", "DELETE"];

/** What concerns the databases that agents work in. Who may anything is told of as that. */
export function loginInDatabases(patient: MysqlPatient): readonly Observation[] {
  const { all, account } = patient.privileges;
  const held = globalsOf(all);
  if (held.has("ALL PRIVILEGES") || held.has("SUPER")) return [];
  const databases = [...new Set(protectedTables(patient).map(({ database }) => database))];
  const changed = databases.flatMap((database): readonly Observation[] => {
    const may = CHANGES.filter((privilege) => holds(all, [privilege], database, null));
    if (may.length === 0) return [];
    const message = `login ${account} may change the schema of ${database} (${may.join(", ")}): a table could stand in for another, code could copy rows`;
    return [{ code: "login-changes-schema", object: database, message, remedy: "take it back, unless agents are to change the schema" }];
  });
  return [...changed, ...blind(patient)];
}

/** The server lists the triggers of those tables alone on which the login has TRIGGER, and tells definitions by SHOW VIEW. */
function blind(patient: MysqlPatient): readonly Observation[] {
  const { all, account } = patient.privileges;
  const unseen = userTables(patient).filter(
    ({ kind, database, name }) => kind !== "view" && holds(all, WRITES, database, name) && !holds(all, ["TRIGGER"], database, name),
  );
  const triggers = [...Map.groupBy(unseen, ({ database }) => database)].map(([database, [first]]): Observation => {
    const example = first === undefined ? database : called(first);
    const message = `login ${account} writes to ${example} and can't see its triggers: one that copies masked values would not be noticed`;
    const sql = first === undefined ? [] : [`GRANT TRIGGER ON ${quotedTable(first)} TO ${quotedAccount(patient.privileges)};`];
    return { code: "trigger-unseen", object: database, message, remedy: "grant it TRIGGER on what it writes to", sql };
  });
  const views = userTables(patient)
    .filter(({ kind, view }) => kind === "view" && view?.definition === null)
    .map((view): Observation => {
      const message = `the definition of view ${called(view)} can't be seen: under a mask it is refused`;
      const sql = [`GRANT SHOW VIEW ON ${quotedTable(view)} TO ${quotedAccount(patient.privileges)};`];
      return { code: "view-unseen", object: called(view), message, remedy: "grant the login SHOW VIEW on it", sql };
    });
  return [...triggers, ...views];
}
