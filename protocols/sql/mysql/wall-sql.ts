/**
 * The wall of a MySQL or MariaDB server as SQL to be read, kept and run with the `mysql` client: it may be run again after every
 * change, checks what it stands on before it touches anything, and at its end asks the server's own grant tables whether the
 * account can reach more than it should; then it takes all back. No secrets.
 */
import type { MysqlFlavour, MysqlRoutine } from "./catalogue.ts";
import { fullName } from "./masked-tables.ts";
import { displayTable } from "./protection.ts";
import { quoteName } from "./quoting.ts";
import type { MaskedMysqlView, MysqlWallDatabase, MysqlWallPlan } from "./wall.ts";
import { agentOf, type MysqlWallNames, ownerOf } from "./wall-names.ts";
import { beginning, marksOf, proof } from "./wall-procedures.ts";

export function mysqlWallSql(plan: MysqlWallPlan, flavour: MysqlFlavour, names: MysqlWallNames): string {
  const parts = [
    head(plan, names),
    "SET NAMES utf8mb4;\nSET SESSION sql_mode = 'STRICT_ALL_TABLES';",
    places(plan, names),
    beginning(plan, flavour, names),
    accounts(names),
    ownerGrants(plan, names),
    ...plan.databases.flatMap((wall) => wall.views.map((view) => maskedView(view, wall, names))),
    grants(plan, names),
    withheld(plan),
    proof(plan, flavour, names),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

/** A name may hold a line end, and what stands behind it would be SQL. */
function comment(...lines: readonly string[]): string {
  return lines.map((line) => `-- ${line.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, " ")}`.trimEnd()).join("\n");
}

function head({ databases }: MysqlWallPlan, names: MysqlWallNames): string {
  const shown = databases.map(({ name, database }) => `  ${name} shows ${database}`);
  return comment(
    `sallyport wall: target ${names.target}; masks for ${names.whom}.`,
    "",
    `Account ${agentOf(names)} gets what agents may read as it is, and views that show masked columns masked:`,
    ...shown,
    "",
    "Read it before you run it, as an administrator who may make accounts and views of other owners:",
    "",
    "  mysql -u root -p < wall.sql",
    "",
    "It may be run again, and is to be made and run again when tables or masking rules change. It stops at the first error;",
    "what it has taken away until then stays closed. Then give the account a password, and open it:",
    "",
    `  ALTER USER ${agentOf(names)} IDENTIFIED BY '...' ACCOUNT UNLOCK;`,
    "",
    "To take the wall down:",
    "",
    `  DROP USER ${agentOf(names)}, ${ownerOf(names)};`,
    ...databases.map(({ name }) => `  DROP DATABASE ${quoteName(name)};`),
  );
}

function places({ databases }: MysqlWallPlan, { schema }: MysqlWallNames): string {
  const why = comment(`Databases of its own, whose names begin with ${schema}. What is not of this wall is left alone, see below.`);
  return [why, ...databases.map(({ name }) => `CREATE DATABASE IF NOT EXISTS ${quoteName(name)} CHARACTER SET utf8mb4;`)].join("\n");
}

function accounts(names: MysqlWallNames): string {
  const [agent, owner] = [agentOf(names), ownerOf(names)];
  return [
    comment("Two accounts that may nothing else. What an earlier run granted goes first; what stays is what follows."),
    `CREATE USER IF NOT EXISTS ${agent} REQUIRE SSL ACCOUNT LOCK;`,
    `CREATE USER IF NOT EXISTS ${owner} ACCOUNT LOCK;`,
    `ALTER USER ${agent} REQUIRE SSL;`,
    `ALTER USER ${owner} ACCOUNT LOCK;`,
    `REVOKE ALL PRIVILEGES, GRANT OPTION FROM ${agent};`,
    `REVOKE ALL PRIVILEGES, GRANT OPTION FROM ${owner};`,
  ].join("\n");
}

function ownerGrants({ databases, functions }: MysqlWallPlan, names: MysqlWallNames): string {
  const reads = new Set(databases.flatMap(({ views }) => views.flatMap((view) => view.reads.map(fullName))));
  return [
    comment("What the views read, they read as their owner."),
    ...[...reads].map((table) => `GRANT SELECT ON ${table} TO ${ownerOf(names)};`),
    ...functions.map((one) => executing(one, ownerOf(names))),
  ].join("\n");
}

function executing(routine: MysqlRoutine, account: string): string {
  return `GRANT EXECUTE ON FUNCTION ${fullName(routine)} TO ${account};`;
}

function maskedView({ table, query, columns, masked }: MaskedMysqlView, { name }: MysqlWallDatabase, names: MysqlWallNames): string {
  const byRule = Map.groupBy(masked, ({ rule }) => rule);
  const what = [...byRule].map(([rule, list]) => `${list.map(({ column }) => column).join(", ")} by rule ${rule}`).join("; ");
  return [
    comment(`${displayTable(table)}: ${masked.length === 0 ? "made anew over masks" : `masks ${what}`}`),
    `CREATE OR REPLACE DEFINER = ${ownerOf(names)} SQL SECURITY DEFINER`,
    `  VIEW ${fullName({ database: name, name: table.name })} (${columns.map(quoteName).join(", ")}) AS`,
    `${query};`,
  ].join("\n");
}

/** A view without a definition that can be seen is refused by the gateway, so that SHOW VIEW goes with those granted as they are. */
function grants({ granted, databases, functions }: MysqlWallPlan, names: MysqlWallNames): string {
  const agent = agentOf(names);
  return [
    comment("What the account may read: tables and views with nothing to mask, and the masked views. For writes, grant them by yourself."),
    ...granted.map((table) => `GRANT ${table.kind === "view" ? "SELECT, SHOW VIEW" : "SELECT"} ON ${fullName(table)} TO ${agent};`),
    ...functions.map((one) => executing(one, agent)),
    ...databases.flatMap(({ name, database, views, foothold }) => [
      ...marksOf(views).map((mark) => `GRANT SELECT ON ${fullName({ database: name, name: mark.name })} TO ${agent};`),
      ...views.map(({ table }) => `GRANT SELECT ON ${fullName({ database: name, name: table.name })} TO ${agent};`),
      ...(foothold === null
        ? []
        : [
            comment(`Reads nothing; without any privilege in ${database} the account could not choose it as its database.`),
            `GRANT REFERENCES (${quoteName(foothold.column)}) ON ${fullName({ database, name: foothold.table })} TO ${agent};`,
          ]),
    ]),
  ].join("\n");
}

function withheld(plan: MysqlWallPlan): string {
  if (plan.withheld.length === 0) return "";
  return comment("Not readable:", ...plan.withheld.map(({ table, why }) => `  ${displayTable(table)}: ${why}`));
}
