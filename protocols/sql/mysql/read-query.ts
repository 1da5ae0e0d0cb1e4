/**
 * Reads queries: WITH, set operations, SELECT and its clauses. Names of common tables are seen as the server sees them: from the
 * definition behind their own on, and in their own where WITH is RECURSIVE.
 */

import { startsQuery } from "./query-brackets.ts";
import { readOrder, readWindow } from "./read-call.ts";
import { LENT, readExpression, readExpressions } from "./read-expression.ts";
import { readFrom, readTable } from "./read-from.ts";
import { type CommonTable, type Item, type Query, type Reader, Refused, type Scope, type Select } from "./reading.ts";

/** From WITH, SELECT, VALUES or a bracket on to the end of the query. */
export function readQuery(reader: Reader): Query {
  return reader.within(() => {
    const { names } = reader;
    if (reader.word() === "with") readWith(reader);
    const query = readBody(reader);
    reader.names = names;
    return query;
  });
}

export function readWith(reader: Reader): void {
  reader.expectWord("with");
  const recursive = reader.acceptWord("recursive");
  do {
    const nameAt = reader.at;
    const name = reader.name();
    const columns = reader.symbol() === "(" ? reader.nameList() : null;
    reader.expectWord("as");
    const common: CommonTable = { name, nameAt, columns, query: null };
    reader.found.commons.push(common);
    const before = reader.names;
    if (recursive) reader.names = { common, next: before };
    const outer = reader.scope;
    reader.scope = { parent: null, sources: [] };
    reader.expectSymbol("(");
    common.query = readQuery(reader);
    reader.expectSymbol(")");
    reader.scope = outer;
    reader.names = { common, next: before };
  } while (reader.acceptSymbol(","));
}

function readBody(reader: Reader): Query {
  const selects: Select[] = [...readTerm(reader)];
  while (/^(union|except|intersect)$/.test(reader.word())) {
    reader.at++;
    if (!reader.acceptWord("all")) reader.acceptWord("distinct");
    selects.push(...readTerm(reader));
  }
  // Behind a plain SELECT these were read along with it.
  readTail(reader);
  return { selects };
}

function readTerm(reader: Reader): readonly Select[] {
  if (reader.symbol() === "(") {
    reader.expectSymbol("(");
    const { selects } = readQuery(reader);
    reader.expectSymbol(")");
    return selects;
  }
  reader.found.selects++;
  if (reader.word() === "values") {
    readRows(reader);
    return [];
  }
  return [reader.word() === "table" ? readTableQuery(reader) : readSelect(reader)];
}

/** `TABLE t` is `SELECT * FROM t`. */
function readTableQuery(reader: Reader): Select {
  const { at, scope: outer, found } = reader;
  const scope: Scope = { parent: outer, sources: [] };
  reader.scope = scope;
  reader.expectWord("table");
  found.tableQueries.push(at);
  const span = { start: at, end: at };
  found.columns.push({ span, parts: [], star: true, scope });
  const item: Item = { span, alias: null, star: true, columns: { start: found.columns.length - 1, end: found.columns.length } };
  readTable(reader, "source");
  reader.scope = outer;
  return { scope, items: [item] };
}

/** `VALUES ROW(1, 2), ROW(3, 4)`; on MariaDB without ROW. */
function readRows(reader: Reader): void {
  reader.expectWord("values");
  do {
    reader.acceptWord("row");
    reader.expectSymbol("(");
    readExpressions(reader);
    reader.expectSymbol(")");
  } while (reader.acceptSymbol(","));
}

const OPTIONS: ReadonlySet<string> = new Set(
  "all distinct distinctrow high_priority straight_join sql_small_result sql_big_result sql_buffer_result sql_no_cache sql_cache sql_calc_found_rows".split(
    " ",
  ),
);

function readSelect(reader: Reader): Select {
  const scope: Scope = { parent: reader.scope, sources: [] };
  reader.scope = scope;
  reader.expectWord("select");
  while (OPTIONS.has(reader.word())) reader.at++;
  const items = readItems(reader);
  if (reader.acceptWord("from")) readFrom(reader);
  if (reader.acceptWord("where")) readExpression(reader);
  if (reader.acceptWord("group")) readGrouping(reader);
  if (reader.acceptWord("having")) readExpression(reader);
  if (reader.acceptWord("window")) {
    do {
      reader.name();
      reader.expectWord("as");
      readWindow(reader, LENT);
    } while (reader.acceptSymbol(","));
  }
  readTail(reader);
  reader.scope = scope.parent ?? { parent: null, sources: [] };
  return { scope, items };
}

function readGrouping(reader: Reader): void {
  reader.expectWord("by");
  do {
    readExpression(reader);
    if (!reader.acceptWord("asc")) reader.acceptWord("desc");
  } while (reader.acceptSymbol(","));
  reader.acceptWord("with", "rollup");
}

/** Output columns, of SELECT or RETURNING. */
export function readItems(reader: Reader): readonly Item[] {
  const items: Item[] = [];
  do items.push(readItem(reader));
  while (reader.acceptSymbol(","));
  reader.found.items.push(...items);
  return items;
}

function readItem(reader: Reader): Item {
  const start = reader.at;
  const first = reader.found.columns.length;
  const star = acceptStar(reader);
  if (!star) readExpression(reader);
  const span = { start, end: reader.at };
  if (reader.symbol() === ":=")
    throw new Refused("masked-statement-kind", "a query may not assign user variables", "leave it out", reader.at);
  const alias = star ? null : readAlias(reader);
  return { span, alias, star, columns: { start: first, end: reader.found.columns.length } };
}

/** `*`, `t.*`, `d.t.*` */
export function acceptStar(reader: Reader): boolean {
  const start = reader.at;
  let end = start;
  const parts: string[] = [];
  while (parts.length < 2 && isNameAt(reader, end) && isSymbolAt(reader, end + 1, ".")) {
    parts.push(reader.tokens[end]?.text ?? "");
    end += 2;
  }
  if (!isSymbolAt(reader, end, "*") || (parts.length === 0 && end !== start)) return false;
  reader.at = end + 1;
  reader.found.columns.push({ span: { start, end: end + 1 }, parts, star: true, scope: reader.scope });
  return true;
}

function isNameAt(reader: Reader, index: number): boolean {
  const kind = reader.tokens[index]?.kind;
  return kind === "word" || kind === "quoted-name";
}

function isSymbolAt(reader: Reader, index: number, symbol: string): boolean {
  const token = reader.tokens[index];
  return token?.kind === "symbol" && token.text === symbol;
}

/** A string may be one too. */
function readAlias(reader: Reader): string | null {
  const explicit = reader.acceptWord("as");
  const { token } = reader;
  if (token?.kind === "string") {
    reader.at++;
    return token.text;
  }
  return explicit || reader.isName() ? reader.name() : null;
}

/** ORDER BY, LIMIT and row locks. */
function readTail(reader: Reader): void {
  if (reader.word() === "order") readOrder(reader, LENT);
  if (reader.acceptWord("limit")) {
    readExpression(reader);
    if (reader.acceptSymbol(",") || reader.acceptWord("offset")) readExpression(reader);
  }
  readFetch(reader);
  while (reader.word() === "for" || reader.word() === "lock") readLock(reader);
  const refused = /^(into|procedure|fetch|offset|qualify)$/.exec(reader.word())?.[0];
  if (refused === "into") {
    const hint = "leave INTO out: the rows come back to you; SET @name = (SELECT …) keeps a value";
    throw new Refused("masked-statement-kind", "a query may not store what it reads in files or variables under a mask", hint, reader.at);
  }
  if (refused !== undefined) throw reader.unexpected("the end of the query");
}

/** MariaDB's `OFFSET 1 ROW FETCH NEXT 2 ROWS ONLY`: on MySQL an error. */
function readFetch(reader: Reader): void {
  const rows = (): boolean => reader.acceptWord("rows") || reader.acceptWord("row");
  if (reader.acceptWord("offset")) {
    readExpression(reader);
    if (!rows()) throw reader.unexpected("ROWS");
  }
  if (!reader.acceptWord("fetch")) return;
  if (!reader.acceptWord("first")) reader.expectWord("next");
  if (!rows()) {
    readExpression(reader);
    if (!rows()) throw reader.unexpected("ROWS");
  }
  if (!reader.acceptWord("only") && !reader.acceptWord("with", "ties")) throw reader.unexpected("ONLY");
}

function readLock(reader: Reader): void {
  const start = reader.at;
  let of = false;
  if (!reader.acceptWord("lock", "in", "share", "mode")) {
    reader.expectWord("for");
    if (!reader.acceptWord("update")) reader.expectWord("share");
    of = reader.acceptWord("of");
    if (of) {
      do reader.name();
      while (reader.acceptSymbol(","));
    }
  }
  if (!reader.acceptWord("nowait") && !reader.acceptWord("skip", "locked") && reader.acceptWord("wait")) readExpression(reader);
  reader.found.locks.push({ start, end: reader.at, of });
}

/** A query in brackets, if one begins here. */
export function acceptBracketed(reader: Reader): Query | null {
  if (!startsQuery(reader.tokens, reader.at)) return null;
  reader.expectSymbol("(");
  const query = readQuery(reader);
  reader.expectSymbol(")");
  return query;
}
