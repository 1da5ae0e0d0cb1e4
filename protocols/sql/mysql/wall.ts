/**
 * The wall inside a MySQL or MariaDB server: which tables an account of agents may read as they are, which by a masked view,
 * and which not at all. It decides by what the gateway itself would read; `wall-sql.ts` says it in SQL.
 */
import type { ProtectedColumn } from "#policies/question.ts";
import { type MysqlRoutine, type MysqlTable, mysqlLookup, SERVER_DATABASES } from "./catalogue.ts";
import { maskedSelect } from "./masked-tables.ts";
import { type MysqlMaskingView, type MysqlProtectedColumns, protectedMysqlColumns } from "./protection.ts";
import { quoteName } from "./quoting.ts";
import { viewsIn } from "./view-definitions.ts";

export interface MaskedMysqlView {
  /** Its view has the same name. */
  readonly table: MysqlTable;
  readonly query: string;
  /** Names of its columns: invisible ones are left out. */
  readonly columns: readonly string[];
  /** Masked columns of the table itself, in order; a view over masked ones may have none. */
  readonly masked: readonly ProtectedColumn[];
  /** What the views' owner has to read for it. */
  readonly reads: readonly MysqlTable[];
}

/** One database of masked views. */
export interface MysqlWallDatabase {
  readonly name: string;
  /** What they show is of this one. */
  readonly database: string;
  readonly views: readonly MaskedMysqlView[];
  /**
   * A column that may be named in a privilege that reads nothing: whoever holds none in a database may not choose it as the
   * current one. Null where the account holds another, or there is none.
   */
  readonly foothold: { readonly table: string; readonly column: string } | null;
}

export interface WithheldMysqlTable {
  readonly table: MysqlTable;
  readonly why: string;
}

export interface MysqlWallPlan {
  /** Tables and views of the target's databases with nothing to mask. */
  readonly granted: readonly MysqlTable[];
  readonly databases: readonly MysqlWallDatabase[];
  readonly withheld: readonly WithheldMysqlTable[];
  /** Stored functions that `masking.functions.allow` lists, as far as they are there. */
  readonly functions: readonly MysqlRoutine[];
}

export interface MysqlWallPlace {
  /** Databases that agents work in, as the configuration spells them. */
  readonly databases: readonly string[];
  /** What the names of the wall's databases begin with. */
  readonly schema: string;
}

export function planMysqlWall(view: MysqlMaskingView, { databases, schema }: MysqlWallPlace): MysqlWallPlan {
  const lookup = mysqlLookup(view.catalogue);
  const walls = new Set(view.catalogue.walls.map(({ name }) => name));
  const wanted = new Set(databases.map((name) => lookup.database(name) ?? name));
  const own = view.catalogue.tables.filter(
    ({ database }) => wanted.has(database) && !walls.has(database) && !SERVER_DATABASES.has(database.toLowerCase()),
  );
  const granted: MysqlTable[] = [];
  const views: MaskedMysqlView[] = [];
  const withheld: WithheldMysqlTable[] = [];
  for (const table of own) {
    const place = placeOf(table, view);
    if (place === "granted") granted.push(table);
    else if ("why" in place) withheld.push(place);
    else views.push(place);
  }
  const functions = view.functionsAllowed.flatMap((name) => {
    const [database = "", ...rest] = name.split(".");
    const routine = lookup.routine(database, rest.join("."));
    return routine?.kind === "function" ? [routine] : [];
  });
  const made = [...Map.groupBy(views, ({ table }) => table.database)].map(([database, list]): MysqlWallDatabase => {
    const held = granted.some((table) => table.database === database) || functions.some((one) => one.database === database);
    return { name: `${schema}_${database}`, database, views: list, foothold: held ? null : footholdIn(list, view) };
  });
  return { granted, databases: made, withheld, functions };
}

const NONE: MysqlProtectedColumns = new Map();

function placeOf(table: MysqlTable, view: MysqlMaskingView): "granted" | MaskedMysqlView | WithheldMysqlTable {
  const attributes = view.protection.columns.get(table) ?? NONE;
  if (table.kind === "other") return { table, why: "it is no table whose rows are its own" };
  const reading = table.kind === "view" ? viewsIn(view)(table) : null;
  if (reading?.kind === "refused") return { table, why: reading.message };
  if (attributes.size === 0 && reading?.kind !== "rewritten") return "granted";
  const visible = table.columns.filter(({ invisible }) => !invisible);
  if (visible.length === 0) return { table, why: "all of its columns are invisible" };
  const masked = protectedMysqlColumns(table, attributes);
  const columns = visible.map(({ name }) => name);
  if (reading?.kind !== "rewritten") {
    const reads = [table, ...(reading === null ? [] : reading.tables)];
    return { table, query: maskedSelect(table, visible, attributes), columns, masked, reads: reads.filter(isUsers) };
  }
  const list = visible.map(({ name }) => {
    const expression = attributes.get(name)?.expression;
    return expression === undefined ? quoteName(name) : `${expression} AS ${quoteName(name)}`;
  });
  const query = attributes.size === 0 ? reading.text : `SELECT ${list.join(", ")} FROM (${reading.text}) AS ${quoteName(table.name)}`;
  return { table, query, columns, masked, reads: reading.tables.filter(isUsers) };
}

/** What is the server's own everybody may read as far as they may. */
function isUsers({ database }: MysqlTable): boolean {
  return !SERVER_DATABASES.has(database.toLowerCase());
}

function footholdIn(views: readonly MaskedMysqlView[], view: MysqlMaskingView): MysqlWallDatabase["foothold"] {
  for (const { table } of views) {
    const attributes = view.protection.columns.get(table) ?? NONE;
    const open = table.columns.find(({ name, invisible }) => !invisible && !attributes.has(name));
    if (open !== undefined) return { table: table.name, column: open.name };
  }
  return null;
}
