/** What the checks of a MySQL or MariaDB target look at: the whole server as it was read, and what the rules protect on it. */
import {
  type MysqlCatalogue,
  type MysqlTable,
  quoteMysqlName,
  type ResolvedMysqlProtection,
  SERVER_DATABASES,
  wordsIn,
} from "#protocols/mysql/protocol.ts";
import type { MysqlPrivileges } from "#src/catalogue/mysql-privileges.ts";

export interface MysqlPatient {
  readonly catalogue: MysqlCatalogue;
  readonly privileges: MysqlPrivileges;
  /** Of a principal under every mask. */
  readonly resolved: ResolvedMysqlProtection;
  /** `masking.functions.allow`. */
  readonly functionsAllowed: readonly string[];
}

/** Tables and views outside the server's own databases and outside walls. */
export function userTables({ catalogue }: MysqlPatient): readonly MysqlTable[] {
  const walls = new Set(catalogue.walls.map(({ name }) => name));
  return catalogue.tables.filter(({ database }) => !SERVER_DATABASES.has(database.toLowerCase()) && !walls.has(database));
}

export function protectedTables(patient: MysqlPatient): readonly MysqlTable[] {
  const { columns } = patient.resolved.protection;
  return userTables(patient).filter((table) => columns.has(table));
}

/**
 * The first table with masked columns that a text of SQL may speak of; too many are found rather than too few.
 *
 * @param inside the database that names without one belong to
 */
export function spokenOf(patient: MysqlPatient, sql: string, inside: string): MysqlTable | undefined {
  const words = wordsIn(sql);
  const named = protectedTables(patient).filter(({ name, kind }) => kind !== "view" && words.has(name.toLowerCase()));
  return named.find(({ database }) => database === inside) ?? named.find(({ database }) => words.has(database.toLowerCase()));
}

export function called({ database, name }: Pick<MysqlTable, "database" | "name">): string {
  return `${database}.${name}`;
}

export function quotedTable({ database, name }: Pick<MysqlTable, "database" | "name">): string {
  return `${quoteMysqlName(database)}.${quoteMysqlName(name)}`;
}

/** As GRANT and REVOKE name it. */
export function quotedAccount({ account }: Pick<MysqlPrivileges, "account">): string {
  const at = account.lastIndexOf("@");
  return `${quoteMysqlName(account.slice(0, at))}@${quoteMysqlName(account.slice(at + 1))}`;
}
