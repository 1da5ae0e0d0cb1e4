/**
 * A query, or a write with queries in it, made such that it can be sent: tables are replaced, columns that name a database
 * follow, and output columns keep the names that the client's own text gives them.
 */
import type { ProtectedColumn } from "#policies/question.ts";
import { mysqlLookup } from "./catalogue.ts";
import type { Token } from "./lexer.ts";
import { checkCalls } from "./masked-functions.ts";
import { commonName, exposed, hasStar, type Resolved, resolveTable, type TableContext } from "./masked-tables.ts";
import { writtenText } from "./output-name.ts";
import { quoteName } from "./quoting.ts";
import { type Found, type Item, Refused, type Span, type TableMention } from "./reading.ts";
import { type Edit, plainText } from "./spelling.ts";

export interface MaskedQuery {
  readonly edits: readonly Edit[];
  readonly resolved: readonly Resolved[];
  readonly columns: readonly ProtectedColumn[];
}

export interface Asked {
  /** Tables that are read; all that are named where left out. */
  readonly sources?: readonly TableMention[];
  /** It is one SELECT by itself, whose rows may be locked. */
  readonly locking?: boolean;
}

/** @throws Refused */
export function maskQuery(found: Found, context: TableContext, { sources = found.tables, locking = false }: Asked = {}): MaskedQuery {
  checkCalls(found.calls, context.view, context.database, found.tables.length === 0);
  const star = hasStar(found);
  const [lock] = found.locks;
  const locked = locking && lock !== undefined ? { ...context, lock: context.text(lock.start, lock.end) } : context;
  const resolved = sources.map((mention) => resolveTable(mention, locked, star));
  const replaced = resolved.filter((one) => one.replaced);
  checkLocks(found, replaced, locking);
  checkMatches(found, context, replaced);
  checkDefaultCalls(found, replaced);
  const renamed = found.commons.flatMap((common): Edit[] => {
    const name = commonName(common, context);
    return name === common.name ? [] : [{ start: common.nameAt, end: common.nameAt + 1, text: quoteName(name) }];
  });
  const selects = found.tableQueries.map((at): Edit => ({ start: at, end: at + 1, text: "SELECT * FROM" }));
  const edits = [...selects, ...resolved.flatMap((one) => one.edits), ...renamed, ...qualifierEdits(found, replaced, context)];
  return { edits, resolved, columns: distinct(resolved.flatMap((one) => one.columns)) };
}

export function distinct(columns: readonly ProtectedColumn[]): readonly ProtectedColumn[] {
  return [...new Map(columns.map((one) => [`${one.schema}\0${one.table}\0${one.column}`, one])).values()];
}

/**
 * Names under which a literal can be compared with a masked column, those of views among them.
 *
 * @returns null where one can meet a literal without its name: `SELECT * FROM users UNION SELECT 1, '…'`
 */
export function namesOfMasked({ columns, selects }: Found, { resolved, columns: masked }: MaskedQuery): ReadonlySet<string> | null {
  if (masked.length > 0 && selects > 1 && columns.some(({ star }) => star)) return null;
  const outputs = resolved.flatMap((one) => one.outputs ?? []);
  return new Set(outputs.flatMap((one) => (one.masked ? [one.name.toLowerCase()] : [])));
}

/**
 * What stands in a table's place has no rows of its own to lock: the clause stands in it once more, and both servers lock the same
 * rows as without a mask. That is so where one clause is for all tables of the one SELECT. A hint could have rows locked in
 * the order of an index on a masked column.
 */
function checkLocks({ locks, selects, commons }: Found, replaced: readonly Resolved[], locking: boolean): void {
  const [lock, ...others] = locks;
  const [first] = replaced;
  if (lock === undefined || first === undefined) return;
  const simple = locking && others.length === 0 && !lock.of && selects === 1 && commons.length === 0;
  if (simple && replaced.every(({ table, mention }) => table?.kind === "table" && table.wall === undefined && mention.hints === null))
    return;
  const hint = "lock them by one SELECT of the tables themselves, without subqueries, OF and index hints";
  const message = `rows of ${exposed(first.mention)} can't be locked so, as columns of it are masked`;
  throw new Refused("masked-unsupported", message, hint, lock.start, first.columns[0]?.rule ?? null);
}

/** A full-text index knows true values: what it finds tells of them. */
function checkMatches(found: Found, { view }: TableContext, replaced: readonly Resolved[]): void {
  const [at] = found.matches;
  const column = found.columns.find(({ parts }) => view.protection.columnNames.has((parts.at(-1) ?? "").toLowerCase()));
  if (at === undefined || column === undefined || replaced.length === 0) return;
  const hint = "match columns that are not masked, in a query that names no masked one";
  throw new Refused("masked-unsupported", "full-text search does not go together with masked columns", hint, at);
}

/** Rows that were there before a column was may all hold its default. */
function checkDefaultCalls({ calls }: Found, replaced: readonly Resolved[]): void {
  const call = calls.find(({ parts }) => parts.length === 1 && parts[0]?.toLowerCase() === "default");
  if (call === undefined || replaced.length === 0) return;
  throw new Refused("masked-function", "DEFAULT() does not go together with masked columns", "leave it out", call.at);
}

/** `d.t.c` names no column any more once a query stands in the place of `d.t`: it becomes `t.c`. */
function qualifierEdits(found: Found, replaced: readonly Resolved[], context: TableContext): readonly Edit[] {
  const { fold } = mysqlLookup(context.view.catalogue);
  const long = found.columns.filter(({ parts, star }) => parts.length === (star ? 2 : 3));
  if (long.length === 0 || replaced.length === 0) return [];
  const counts = new Map<string, number>();
  for (const mention of found.tables) counts.set(fold(exposed(mention)), (counts.get(fold(exposed(mention))) ?? 0) + 1);
  const named = new Set(replaced.map((one) => `${fold(one.table?.database ?? "")}\0${fold(exposed(one.mention))}`));
  return long.flatMap(({ span, parts }): Edit[] => {
    const [database = "", table = ""] = parts;
    if (!named.has(`${fold(database)}\0${fold(table)}`)) return [];
    if ((counts.get(fold(table)) ?? 0) > 1) {
      const hint = "give each table an alias, and qualify columns by that";
      throw new Refused("masked-unresolved", `${database}.${table} could mean several tables of the statement`, hint, span.start);
    }
    // The database and its dot.
    return [{ start: span.start, end: span.start + 2, text: "" }];
  });
}

/**
 * The server names an output column by its text, as written. Where ours differs, an alias says what it was.
 *
 * @param source the text that the tokens are of
 * @param named names of columns that a query yields where a table would: the server tells them in its spelling then
 */
export function aliasEdits(
  items: readonly Item[],
  edits: readonly Edit[],
  { tokens, source, named }: { readonly tokens: readonly Token[]; readonly source: string; readonly named: ReadonlySet<string> },
): readonly Edit[] {
  const sorted = [...edits].sort((a, b) => a.start - b.start);
  const folded = new Set([...named].map((name) => name.toLowerCase()));
  return items.flatMap((item): Edit[] => {
    if (item.alias !== null || item.star) return [];
    if (isPlain(item, tokens)) {
      const name = tokens[item.span.end - 1]?.text ?? "";
      const respelt = !named.has(name) && folded.has(name.toLowerCase());
      return respelt ? [{ start: item.span.end, end: item.span.end, text: `AS ${quoteName(name)}` }] : [];
    }
    const inside = editsWithin(sorted, item.span);
    const written = writtenText(tokens.slice(item.span.start, item.span.end), source);
    if (inside.length === 0 && plainText(tokens, item.span, true) === written) return [];
    // A name of a column is of the Basic Multilingual Plane, and has an end.
    if (written.length > 255 || /[\ud800-\udfff]/.test(written)) return [];
    return [{ start: item.span.end, end: item.span.end, text: `AS ${quoteName(written)}` }];
  });
}

/** Of tables. Views, and MySQL's own tables, which are views, have their names told as they are anyway. */
export function namesOfReplaced(resolved: readonly Resolved[], { view }: TableContext): ReadonlySet<string> {
  const { flavour } = view.catalogue.server;
  const tables = resolved.filter(
    ({ replaced, table }) => replaced && table?.kind !== "view" && (table?.kind !== "other" || flavour === "mariadb"),
  );
  return new Set(tables.flatMap(({ outputs }) => outputs?.map(({ name }) => name) ?? []));
}

/** A column goes by its name, and a string by its value. */
function isPlain({ span: { start, end } }: Item, tokens: readonly Token[]): boolean {
  const last = tokens[end - 1]?.kind;
  const names = tokens
    .slice(start, end)
    .every(({ kind, text }, index) => (index % 2 === 0 ? kind === "word" || kind === "quoted-name" : text === "."));
  return (names && last !== "symbol" && (end - start > 1 || last === "quoted-name" || last === "word")) || tokens[start]?.kind === "string";
}

/** By bisection: a statement can have as many items as edits. */
function editsWithin(sorted: readonly Edit[], { start, end }: Span): readonly Edit[] {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle]?.start ?? 0) < start) low = middle + 1;
    else high = middle;
  }
  const first = sorted[low];
  return first !== undefined && first.end <= end && first.start < end ? [first] : [];
}
