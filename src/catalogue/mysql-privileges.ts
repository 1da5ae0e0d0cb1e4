/**
 * Who may do what at a MySQL or MariaDB server, as far as the doctor asks: what the gateway's own login holds, by itself and by
 * its roles, code that runs with others' rights, and the settings that say where values go. Read by any login.
 */
import { z } from "zod";
import { type MysqlFlavour, type MysqlGrants, readGrants } from "#protocols/mysql/protocol.ts";
import { outside } from "./mysql-queries.ts";
import { asked, type RunMysqlQuery } from "./mysql-rows.ts";

const text = z.string();
const maybe = text.nullable();

const CODE = `SELECT routine_schema AS db, routine_name AS name, definer AS definer, routine_definition AS body, 'routine' AS kind
    FROM information_schema.routines WHERE security_type = 'DEFINER' AND ${outside("routine_schema")}
  UNION ALL SELECT event_schema, event_name, definer, event_definition, 'event' FROM information_schema.events WHERE ${outside("event_schema")}
  ORDER BY 5, 1, 2`;
const code = z.object({ db: text, name: text, definer: text, body: maybe, kind: z.enum(["routine", "event"]) });

const ENGINES = `SELECT table_schema AS db, table_name AS name, engine AS engine FROM information_schema.tables
  WHERE engine IS NOT NULL AND ${outside("table_schema")} ORDER BY 1, 2`;
const engine = z.object({ db: text, name: text, engine: text });

const ACTIVE = "SELECT engine AS engine FROM information_schema.engines WHERE support IN ('YES', 'DEFAULT') ORDER BY 1";

const SETTINGS = `SELECT CURRENT_USER() AS account, @@GLOBAL.secure_file_priv AS filepath, @@GLOBAL.local_infile AS localfiles,
  @@GLOBAL.general_log AS generallog, @@GLOBAL.slow_query_log AS slowlog, VERSION() AS version`;
const settings = z.object({ account: text, filepath: maybe, localfiles: text, generallog: text, slowlog: text, version: text });

export interface MysqlPrivileges {
  /** `user@host`, without quotes. */
  readonly account: string;
  /** What the account holds itself. */
  readonly own: MysqlGrants;
  /** With what it holds by roles. */
  readonly all: MysqlGrants["grants"];
  /** Stored routines with their definer's rights, and events; the body is null where the login may not see it. */
  readonly code: readonly z.infer<typeof code>[];
  readonly engines: readonly z.infer<typeof engine>[];
  /** Engines that tables could be made with. */
  readonly active: readonly string[];
  readonly settings: z.infer<typeof settings>;
}

/** Roles within roles are followed so far. */
const ROLES_MAX = 100;

/** @throws whatever `query` throws, and Error when an answer has not the form that is expected */
export async function readMysqlPrivileges(query: RunMysqlQuery, flavour: MysqlFlavour): Promise<MysqlPrivileges> {
  const [found] = await asked(query, SETTINGS, settings);
  if (found === undefined) throw new Error("the server does not tell its settings");
  const own = await grantsOf(query, "SHOW GRANTS");
  return {
    account: found.account,
    own,
    all: flavour === "mysql" ? await byRolesOfMysql(query, own) : await byRolesOfMariadb(query, own),
    code: await asked(query, CODE, code),
    engines: await asked(query, ENGINES, engine),
    active: (await asked(query, ACTIVE, z.object({ engine: text }))).map((one) => one.engine),
    settings: found,
  };
}

async function grantsOf(query: RunMysqlQuery, sql: string): Promise<MysqlGrants> {
  const rows = await query(sql);
  return readGrants(rows.flatMap((row) => Object.values(row).flatMap((line) => line ?? [])));
}

/** The server puts together what an account would hold with its roles, those within roles too. */
async function byRolesOfMysql(query: RunMysqlQuery, own: MysqlGrants): Promise<MysqlGrants["grants"]> {
  if (own.roles.length === 0) return own.grants;
  return (await grantsOf(query, `SHOW GRANTS FOR CURRENT_USER() USING ${own.roles.join(", ")}`)).grants;
}

async function byRolesOfMariadb(query: RunMysqlQuery, own: MysqlGrants): Promise<MysqlGrants["grants"]> {
  const grants = [...own.grants];
  const roles = new Set(own.roles);
  for (const role of roles) {
    if (roles.size > ROLES_MAX) break;
    // A role that was taken away meanwhile is none.
    const held = await grantsOf(query, `SHOW GRANTS FOR ${role}`).catch(() => ({ grants: [], roles: [] }));
    grants.push(...held.grants);
    for (const next of held.roles) roles.add(next);
  }
  return grants;
}
