/** A catalogue of a MySQL server made by hand, for what needs no server: tables of text columns, and whatever a test adds. */
import type { MysqlCatalogue, MysqlColumn, MysqlTable } from "#protocols/sql/mysql/catalogue.ts";

export function column(name: string, number: number): MysqlColumn {
  const text = { type: "varchar(20)", dataType: "varchar", charset: "utf8mb4", collation: "utf8mb4_bin", characters: 20 };
  return { name, number, ...text, nullable: true, generation: null, default: null, invisible: false, autoIncrement: false, tags: [] };
}

/** @param changed what differs of columns, by name */
export function table(
  database: string,
  name: string,
  columns: readonly string[],
  parts: Partial<MysqlTable> = {},
  changed: Readonly<Record<string, Partial<MysqlColumn>>> = {},
): MysqlTable {
  const none = { indexes: [], references: [], checks: [], triggers: [], partitionKey: "", view: null };
  const made = columns.map((one, index) => ({ ...column(one, index + 1), ...changed[one] }));
  return { database, name, kind: "table", columns: made, ...none, ...parts };
}

export function view(name: string, definition: string | null, columns: readonly string[]): MysqlTable {
  return table("app", name, columns, { kind: "view", view: { definition, security: "definer", definer: "root@%", checkOption: false } });
}

/** Of MySQL 9.7, with the databases `app` and `other`. */
export function catalogueOf(tables: readonly MysqlTable[]): MysqlCatalogue {
  return {
    ...{ version: "1", server: { flavour: "mysql", version: 90_700 }, lowerCaseTableNames: 0, sqlMode: "" },
    ...{ databases: ["app", "other"], tables, routines: [], walls: [] },
  };
}
