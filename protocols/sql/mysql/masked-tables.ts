/**
 * What each table that a statement names means, and what stands in its place: the table itself by its full name, a query that
 * masks its protected columns, the definition of a view over some, or a common table.
 */
import type { ProtectedColumn } from "#policies/question.ts";
import { type MysqlColumn, type MysqlIndex, type MysqlTable, mysqlLookup, SERVER_DATABASES } from "./catalogue.ts";
import { displayTable, type MysqlMaskingView, type MysqlProtectedColumns, protectedMysqlColumns } from "./protection.ts";
import { quoteName } from "./quoting.ts";
import { type CommonTable, type Found, Refused, type TableMention } from "./reading.ts";
import { hiddenIn, serverColumn } from "./server-tables.ts";
import type { Edit } from "./spelling.ts";
import type { TemporaryName, TemporaryTables } from "./temporary.ts";

/** What a view becomes: `rewritten` when something in its definition is masked. */
export type ViewReading =
  /** With all tables below it. */
  | { readonly kind: "plain"; readonly tables: readonly MysqlTable[] }
  | {
      readonly kind: "rewritten";
      readonly text: string;
      readonly columns: readonly ProtectedColumn[];
      readonly masked: readonly boolean[];
      /** All that `text` names. */
      readonly tables: readonly MysqlTable[];
    }
  | { readonly kind: "refused"; readonly message: string; readonly hint: string };

export interface TableContext {
  readonly view: MysqlMaskingView;
  /** What names without a database belong to. */
  readonly database: string | null;
  /** The session's own, which hide tables of others; views see none of them. */
  readonly temporary: TemporaryTables;
  readonly readView: (table: MysqlTable) => ViewReading;
  /** The tokens of a span as text. */
  readonly text: (start: number, end: number) => string;
  /** FOR UPDATE or its kin, which has to stand in what takes a table's place too; left out where rows are not locked. */
  readonly lock?: string;
}

export interface Resolved {
  readonly mention: TableMention;
  /** Null for a common table. */
  readonly table: MysqlTable | null;
  /** Whether something stands in its place that is not the table itself. */
  readonly replaced: boolean;
  /** Of each column that it hands on, whether it is masked, and whether `*` leaves it out; null where they are not known. */
  readonly outputs: readonly { readonly name: string; readonly masked: boolean; readonly hidden?: boolean }[] | null;
  readonly columns: readonly ProtectedColumn[];
  readonly edits: readonly Edit[];
}

const NONE: MysqlProtectedColumns = new Map();

/** In which a table of that name lies, as the catalogue spells it. @throws Refused where there is none, or it is the server's own */
export function databaseOf(parts: readonly string[], { view, database }: TableContext, at: number): string {
  const [first = "", second] = parts;
  const written = second === undefined ? database : first;
  if (written === null) throw new Refused("masked-undefined-table", "no database is selected", "write database.table", at);
  if (SERVER_DATABASES.has(written.toLowerCase())) throw serversRefusal(written, second ?? first, at);
  const known = mysqlLookup(view.catalogue).database(written);
  if (known === undefined) throw new Refused("masked-undefined-table", `database ${written} does not exist`, "check the spelling", at);
  return known;
}

/** As temporary tables are known by. @throws Refused */
export function temporaryNameOf(parts: readonly string[], context: TableContext, at: number): TemporaryName {
  const { fold } = mysqlLookup(context.view.catalogue);
  return { database: fold(databaseOf(parts, context, at)), name: fold(parts.at(-1) ?? "") };
}

/** Letters beyond ASCII servers compare in ways of their own. */
export function isTemporaryName(name: string): boolean {
  return /^[ -~]{1,64}$/.test(name);
}

/** The session's temporary table of that name. @throws Refused where it is not certain that it is there */
function temporaryOf({ parts, span }: TableMention, context: TableContext): MysqlTable | undefined {
  const name = parts.at(-1) ?? "";
  if (context.temporary.size === 0 || !isTemporaryName(name)) return undefined;
  const inside = parts.length > 1 ? parts[0] : context.database;
  const database = inside === undefined || inside === null ? undefined : mysqlLookup(context.view.catalogue).database(inside);
  // A database that nobody knows: it may have been dropped, and what was made in it is still there.
  if (database === undefined) return undefined;
  const found = context.temporary.find(temporaryNameOf(parts, context, span.start));
  if (found === undefined) return undefined;
  if (!found.certain) {
    const message = `whether temporary table ${database}.${name} is there is not certain: a statement that makes or drops it has failed`;
    throw new Refused("masked-unresolved", message, "DROP TEMPORARY TABLE IF EXISTS, and make it anew", span.start);
  }
  const none = { indexes: [], references: [], checks: [], triggers: [], partitionKey: "", view: null };
  return { database, name, kind: "temporary", columns: [], ...none };
}

/** The table that a mention means. @throws Refused when there is none, or it may not be read */
export function tableOf(mention: TableMention, context: TableContext): MysqlTable {
  const { parts, span } = mention;
  const { view, database } = context;
  const [first = "", second] = parts;
  const inside = second === undefined ? database : first;
  const name = second ?? first;
  if (inside === null) throw new Refused("masked-undefined-table", "no database is selected", "write database.table", span.start);
  const own = temporaryOf(mention, context);
  if (own !== undefined) return own;
  const lookup = mysqlLookup(view.catalogue);
  const table = lookup.table(inside, name);
  if (SERVER_DATABASES.has(inside.toLowerCase())) throw serversRefusal(inside, name, span.start);
  if (table === undefined) {
    const hint = "check the spelling and the database; right after DDL try again";
    throw new Refused("masked-undefined-table", `table ${inside}.${name} does not exist`, hint, span.start);
  }
  if (table.kind === "other") {
    const message = `${displayTable(table)} is no table whose rows are its own`;
    throw new Refused("masked-unresolved", message, "read the tables that it takes its rows from", span.start);
  }
  return table;
}

/** @param star columns are taken by `*` somewhere in the statement. @throws Refused */
export function resolveTable(mention: TableMention, context: TableContext, star: boolean): Resolved {
  const { common } = mention;
  if (common !== null)
    return { mention, table: null, replaced: false, outputs: null, columns: [], edits: commonEdits(mention, common, context) };
  const servers = resolveServers(mention, context);
  if (servers !== undefined) return servers;
  const table = tableOf(mention, context);
  const attributes = context.view.protection.columns.get(table) ?? NONE;
  if (table.kind === "view") return resolveView(mention, table, attributes, context);
  if (attributes.size === 0 && table.wall === undefined) return plain(mention, table);
  checkPartition(mention, table, attributes);
  const columns = table.columns.filter(({ invisible }) => !invisible || !star);
  const lock = context.lock === undefined ? "" : ` ${context.lock}`;
  const text = `(${maskedSelect(table, columns, attributes, insideOf(mention, table, context))}${lock}) AS ${quoteName(exposed(mention))}`;
  return {
    mention,
    table,
    replaced: true,
    outputs: columns.map(({ name }) => ({ name, masked: attributes.has(name) })),
    columns: protectedMysqlColumns(table, attributes),
    edits: [{ ...mention.whole, text }],
  };
}

/** What takes the place of a table, or shows it in a wall. @param inside what stands behind its name */
export function maskedSelect(
  table: MysqlTable,
  columns: readonly MysqlColumn[],
  attributes: MysqlProtectedColumns,
  inside: readonly string[] = [],
): string {
  const list = columns.map(({ name }) => masked(name, attributes.get(name)?.expression));
  const order = table.wall === undefined ? withoutOrder(table, attributes) : [];
  return `SELECT ${list.join(", ")} FROM ${[fullName(table.wall ?? table), ...inside, ...order].join(" ")}`;
}

/** A view has no indexes that a hint could name. */
function insideOf({ partition, hints }: TableMention, { wall }: MysqlTable, context: TableContext): readonly string[] {
  return [partition, wall === undefined ? hints : null].flatMap((span) => (span === null ? [] : [context.text(span.start, span.end)]));
}

/**
 * Read off an index, rows come in the order of its true values, without anybody asking for one. The primary key's can't be
 * helped: that is how rows are stored.
 */
function withoutOrder({ indexes }: MysqlTable, attributes: MysqlProtectedColumns): readonly string[] {
  const names = [...attributes.keys()].map((name) => name.toLowerCase());
  const isTold = ({ column, expression }: MysqlIndex["keys"][number]): boolean =>
    names.some((name) => column?.toLowerCase() === name || (expression ?? "").toLowerCase().includes(name));
  const telling = indexes.filter(({ name, visible, keys }) => name !== "PRIMARY" && visible && keys.some(isTold));
  return telling.length === 0 ? [] : [`IGNORE INDEX (${telling.map(({ name }) => quoteName(name)).join(", ")})`];
}

function masked(name: string, expression: string | undefined): string {
  return expression === undefined ? quoteName(name) : `${expression} AS ${quoteName(name)}`;
}

/** Columns that are not among those of `*` can't stand in what takes their table's place then. */
export function hasStar(found: Found): boolean {
  return found.natural || found.columns.some(({ star }) => star);
}

function plain(mention: TableMention, table: MysqlTable): Resolved {
  const outputs =
    table.kind === "temporary" ? null : table.columns.map(({ name, invisible }) => ({ name, masked: false, hidden: invisible }));
  return { mention, table, replaced: false, outputs, columns: [], edits: [{ ...mention.span, text: fullName(table) }] };
}

export function fullName({ database, name }: Pick<MysqlTable, "database" | "name">): string {
  return `${quoteName(database)}.${quoteName(name)}`;
}

export function exposed({ alias, parts }: TableMention): string {
  return alias ?? parts.at(-1) ?? "";
}

/** Which partition a row is in tells of what it is sorted by. */
function checkPartition({ partition }: TableMention, table: MysqlTable, attributes: MysqlProtectedColumns): void {
  if (partition === null) return;
  const key = table.partitionKey.toLowerCase();
  const found = [...attributes.keys()].find((name) => key.includes(name.toLowerCase()));
  if (found === undefined) return;
  const message = `a partition of ${displayTable(table)} tells of ${found}, which is masked`;
  throw new Refused("masked-unsupported", message, "leave PARTITION out", partition.start, attributes.get(found)?.rule ?? null);
}

function resolveView(mention: TableMention, table: MysqlTable, attributes: MysqlProtectedColumns, context: TableContext): Resolved {
  const reading = context.readView(table);
  if (reading.kind === "refused") {
    throw new Refused("masked-view", `view ${displayTable(table)}: ${reading.message}`, reading.hint, mention.span.start);
  }
  if (reading.kind === "plain" && attributes.size === 0) return plain(mention, table);
  const inner = reading.kind === "plain" ? `SELECT * FROM ${fullName(table)}` : reading.text;
  const name = quoteName(exposed(mention));
  const list = table.columns.map((column) => masked(column.name, attributes.get(column.name)?.expression));
  const text = attributes.size === 0 ? `(${inner}) AS ${name}` : `(SELECT ${list.join(", ")} FROM (${inner}) AS ${name}) AS ${name}`;
  const below = reading.kind === "plain" ? [] : reading.masked;
  const columns = [...(reading.kind === "plain" ? [] : reading.columns), ...protectedMysqlColumns(table, attributes)];
  const outputs = table.columns.map((column, index) => ({
    name: column.name,
    masked: attributes.has(column.name) || below[index] === true,
  }));
  return { mention, table, replaced: true, outputs, columns, edits: [{ ...mention.whole, text }] };
}

function serversRefusal(database: string, name: string, at: number): Refused {
  const hint = "the schema is described by information_schema.tables, columns, key_column_usage and their like";
  return new Refused("masked-catalogue", `${database}.${name} may not be read under a mask`, hint, at);
}

/** Names in the server's own databases do not differ by case. @returns undefined for a table of another database */
function resolveServers(mention: TableMention, { view, database, readView }: TableContext): Resolved | undefined {
  const { parts, span } = mention;
  const [first = "", second] = parts;
  const inside = (second === undefined ? database : first)?.toLowerCase();
  const name = second ?? first;
  if (inside === undefined || !SERVER_DATABASES.has(inside)) return undefined;
  const hidden = inside === "information_schema" ? hiddenIn(name, view, (one) => readView(one).kind === "plain") : undefined;
  if (hidden === undefined) throw serversRefusal(inside, name, span.start);
  const full = `${quoteName(inside)}.${quoteName(name)}`;
  if (hidden.size === 0 || view.protection.columns.size === 0) {
    return { mention, table: null, replaced: false, outputs: null, columns: [], edits: [{ ...span, text: full }] };
  }
  const isMeant = (one: MysqlTable): boolean => one.database.toLowerCase() === inside && one.name.toLowerCase() === name.toLowerCase();
  const table = view.catalogue.tables.find(isMeant);
  if (table === undefined) throw serversRefusal(inside, name, span.start);
  const list = table.columns.map((column) => serverColumn(column.name, hidden));
  const text = `(SELECT ${list.join(", ")} FROM ${full}) AS ${quoteName(exposed(mention))}`;
  const outputs = table.columns.map((column) => ({ name: column.name, masked: hidden.has(column.name.toLowerCase()) }));
  return { mention, table, replaced: true, outputs, columns: [], edits: [{ ...mention.whole, text }] };
}

/**
 * A common table by the name of a table of the current database gets a name of its own: should the server see its name where
 * we do not, or the other way round, it finds nothing.
 */
export function commonName(common: CommonTable, { view, database }: TableContext): string {
  if (database === null) return common.name;
  const taken = mysqlLookup(view.catalogue).isTaken(database, common.name);
  return taken ? `${common.name} ${common.nameAt}` : common.name;
}

function commonEdits(mention: TableMention, common: CommonTable, context: TableContext): readonly Edit[] {
  const name = commonName(common, context);
  if (name === common.name) return [{ ...mention.span, text: quoteName(name) }];
  const alias = mention.alias === null ? ` AS ${quoteName(exposed(mention))}` : "";
  return [{ ...mention.span, text: `${quoteName(name)}${alias}` }];
}
