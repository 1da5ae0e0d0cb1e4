/**
 * Databases of masked views that `sallyport wall` made, as they are told from others, and a server as the account behind one
 * sees it: what it may not read itself stands there by its own name, and is read by the view. The gateway's masks lie on top once
 * more, so that a view that is older than a rule shows no more than the rule lets.
 */
import type { MysqlColumn, MysqlTable, MysqlWall } from "./catalogue.ts";
import { quoteName } from "./quoting.ts";

/**
 * Such a table stands in each such database, or several whose names begin so. Its comment says whose wall it is and over which
 * database, the comments of its columns which columns show masked: `information_schema` tells all of it. It has no rows.
 */
export const WALL_TABLE = "sallyport wall";

export interface WallMark {
  readonly user: string;
  readonly host: string;
  readonly database: string;
}

export type WallColumn = MysqlWall["masked"][number];

export function wallComment({ user, host, database }: WallMark): string {
  return `sallyport wall of ${quoteName(user)}@${quoteName(host)} over ${quoteName(database)}`;
}

export function wallColumnComment({ table, column, rule }: WallColumn): string {
  return `${quoteName(table)}.${quoteName(column)} by ${quoteName(rule)}`;
}

const NAME = "`((?:[^`]|``)*)`";
const MARK = new RegExp(`^sallyport wall of ${NAME}@${NAME} over ${NAME}$`, "su");
const COLUMN = new RegExp(`^${NAME}\\.${NAME} by ${NAME}$`, "su");

/** @returns undefined for any other table */
export function wallMarkIn(name: string, comment: string): WallMark | undefined {
  const found = name.startsWith(WALL_TABLE) ? namesIn(MARK, comment) : undefined;
  if (found === undefined) return undefined;
  const [user = "", host = "", database = ""] = found;
  return { user, host, database };
}

/** @returns undefined for any other column */
export function wallColumnIn(comment: string): WallColumn | undefined {
  const found = namesIn(COLUMN, comment);
  if (found === undefined) return undefined;
  const [table = "", column = "", rule = ""] = found;
  return { table, column, rule };
}

function namesIn(form: RegExp, comment: string): readonly string[] | undefined {
  return form
    .exec(comment)
    ?.slice(1)
    .map((name) => name.replaceAll("``", "`"));
}

/** @param walls those of the login; @param tables as the server tells them */
export function seenThroughWalls(tables: readonly MysqlTable[], walls: readonly MysqlWall[]): readonly MysqlTable[] {
  if (walls.length === 0) return tables;
  const names = new Set(walls.map(({ name }) => name));
  const shown = walls.flatMap((wall) =>
    tables.filter(({ database, kind }) => database === wall.name && kind === "view").map((view) => ({ view, database: wall.database })),
  );
  const stoodFor = new Map<MysqlTable, MysqlTable>();
  const made = shown.map(({ view, database }) => {
    const base = tables.find((one) => one.database === database && one.name === view.name);
    const seen = through(view, database, base);
    if (base !== undefined) stoodFor.set(base, seen);
    return seen;
  });
  const others = tables.filter((table) => !names.has(table.database) && !stoodFor.has(table));
  return [...others, ...made];
}

/** @param base what else is seen of it, where something but reading it was granted */
function through(view: MysqlTable, database: string, base: MysqlTable | undefined): MysqlTable {
  const known = new Map((base?.columns ?? []).map((column) => [column.name, column]));
  const columns = view.columns.map((column): MysqlColumn => {
    const own = known.get(column.name);
    return own === undefined ? column : { ...own, number: column.number };
  });
  const kind = base?.kind === "system-versioned" ? base.kind : "table";
  return { ...(base ?? view), database, kind, columns, view: null, wall: { database: view.database, name: view.name } };
}
