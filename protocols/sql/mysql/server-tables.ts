/**
 * Which tables of the server's own databases a statement may read under a mask, and which of their columns are hidden: those
 * that can hold values of masked columns, or texts of other sessions.
 *
 * Source: MySQL manual, "INFORMATION_SCHEMA Tables"; MariaDB documentation, "Information Schema".
 */
import type { MysqlTable } from "./catalogue.ts";
import type { MysqlMaskingView } from "./protection.ts";
import { quoteName, quoteString } from "./quoting.ts";

/** Nothing in them comes from rows. */
const DESCRIBING: ReadonlySet<string> = new Set(
  `applicable_roles administrable_role_authorizations character_sets check_constraints collation_character_set_applicability collations
  column_privileges columns_extensions enabled_roles engines events geometry_columns global_variables keycaches keywords key_column_usage
  parameters plugins referential_constraints resource_groups routines schema_privileges schemata schemata_extensions session_variables
  spatial_ref_sys sql_functions st_geometry_columns st_spatial_reference_systems st_units_of_measure system_variables table_constraints
  table_constraints_extensions table_privileges tables_extensions tablespaces triggers user_privileges view_routine_usage
  view_table_usage views`.split(/\s+/),
);

/** Columns of other tables that show NULL where a condition holds; null: in every row. */
type Hidden = ReadonlyMap<string, string | null>;

const PROCESSES: Hidden = new Map(["info", "info_binary", "state", "stage"].map((name) => [name, null]));

/** Columns that tell of the rows of a table, hidden for those with masked columns. A checksum is kept by MyISAM and Aria. */
const OF_ROWS: ReadonlyMap<string, readonly string[]> = new Map([
  ["statistics", ["cardinality"]],
  ["partitions", ["partition_description", "checksum"]],
  ["tables", ["checksum"]],
]);

/** Whether a view leads to nothing that is masked. */
type IsPlain = (view: MysqlTable) => boolean;

/** @returns undefined for a table that may not be read; an empty map for one that may be read as it is */
export function hiddenIn(name: string, view: MysqlMaskingView, isPlain: IsPlain): Hidden | undefined {
  const { protection } = view;
  const table = name.toLowerCase();
  if (DESCRIBING.has(table)) return new Map();
  if (table === "processlist") return PROCESSES;
  const telling = OF_ROWS.get(table);
  if (telling !== undefined) {
    const masked = rows([...protection.columns.keys()].map(({ database, name }) => [database, name]));
    return new Map(telling.map((one) => [one, `(TABLE_SCHEMA, TABLE_NAME) IN ${masked}`]));
  }
  if (table !== "columns") return undefined;
  const defaults = hiddenDefaults(view, isPlain);
  if (defaults.length === 0) return new Map();
  return new Map([["column_default", `(TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME) IN ${rows(defaults)}`]]);
}

function rows(list: readonly (readonly string[])[]): string {
  return `(${list.map((names) => `(${names.map(quoteString).join(", ")})`).join(", ")})`;
}

function hiddenDefaults(view: MysqlMaskingView, isPlain: IsPlain): readonly (readonly string[])[] {
  return view.catalogue.tables.flatMap((table) =>
    hiddenDefaultsOf(table, view, isPlain).map((column) => [table.database, table.name, column]),
  );
}

/**
 * Rows that were there before the column was may all hold its default. The server tells the defaults of the columns that a
 * view hands on.
 */
export function hiddenDefaultsOf(table: MysqlTable, { protection }: MysqlMaskingView, isPlain: IsPlain): readonly string[] {
  const columns = protection.columns.get(table);
  const constants = table.columns.filter((column) => holdsConstant(column.default));
  if (constants.length === 0) return [];
  const all = table.kind === "view" && !isPlain(table);
  return constants.filter(({ name }) => all || columns?.has(name) === true).map(({ name }) => name);
}

/** @param written a default as the server tells it */
function holdsConstant(written: string | null): boolean {
  return written !== null && !/^('?(0|0\.0+)?'?|null|false|current_timestamp.*|now\(.*\))$/i.test(written.trim());
}

/** A column that is not hidden, or what stands in its place. */
export function serverColumn(name: string, hidden: Hidden): string {
  const condition = hidden.get(name.toLowerCase());
  if (condition === undefined) return quoteName(name);
  const shown = condition === null ? "FALSE" : `NOT ${condition}`;
  return `IF(${shown}, ${quoteName(name)}, NULL) AS ${quoteName(name)}`;
}
