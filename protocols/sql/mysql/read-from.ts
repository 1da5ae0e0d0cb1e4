/** Reads FROM: tables, joins, queries in brackets, JSON_TABLE. Whatever stands here as a table is told as one. */
import { startsQuery } from "./query-brackets.ts";
import { readType } from "./read-call.ts";
import { readExpression, readStrings } from "./read-expression.ts";
import { type Merge, type Reader, Refused, type Scope, type Source, type Span, type TableMention } from "./reading.ts";

/** Behind FROM or UPDATE. @param role of tables that are named outside brackets of queries */
export function readFrom(reader: Reader, role: TableMention["role"] = "source"): void {
  do readJoined(reader, role);
  while (reader.acceptSymbol(","));
}

function readJoined(reader: Reader, role: TableMention["role"]): void {
  const { scope } = reader;
  const left = scope.sources.length;
  readFactor(reader, role);
  // Behind a join without a condition it can't be told which side a later one belongs to.
  let open: { readonly right: number; readonly reversed: boolean } | null = null;
  for (;;) {
    const end = scope.sources.length;
    const join = acceptJoin(reader);
    if (join !== null) {
      if (open !== null) scope.merges = null;
      readFactor(reader, role);
      const side = { right: end, reversed: join.reversed };
      open = join.natural ? null : side;
      if (join.natural) addMerge(scope, { left, ...side, end: scope.sources.length, names: null });
    } else if (!startsUpdate(reader) && reader.acceptWord("on")) {
      readExpression(reader);
      open = null;
    } else if (reader.acceptWord("using")) {
      const names = readUsing(reader);
      if (open === null) scope.merges = null;
      else addMerge(scope, { left, ...open, end, names });
      open = null;
    } else return;
  }
}

/** Behind the SELECT of an INSERT: no condition of a join reads so. */
function startsUpdate(reader: Reader): boolean {
  return ["on", "duplicate", "key", "update"].every((word, ahead) => reader.word(ahead) === word);
}

function addMerge(scope: Scope, merge: Merge): void {
  if (scope.merges !== null) scope.merges = [...(scope.merges ?? []), merge];
}

/** The columns are compared, those of a table that is written to among them. */
function readUsing(reader: Reader): readonly string[] {
  const start = reader.at;
  const names = reader.nameList();
  for (const [index, name] of names.entries()) {
    const at = start + 1 + 2 * index;
    reader.found.columns.push({ span: { start: at, end: at + 1 }, parts: [name], star: false, scope: reader.scope });
  }
  return names;
}

function acceptJoin(reader: Reader): { readonly natural: boolean; readonly reversed: boolean } | null {
  const plain = { natural: false, reversed: false };
  if (reader.acceptWord("join") || reader.acceptWord("straight_join")) return plain;
  if (reader.acceptWord("inner", "join") || reader.acceptWord("cross", "join")) return plain;
  const natural = reader.acceptWord("natural");
  if (natural) reader.found.natural = true;
  if (natural && (reader.acceptWord("join") || reader.acceptWord("inner", "join"))) return { natural, reversed: false };
  const reversed = reader.word() === "right";
  if (reader.acceptWord("left") || reader.acceptWord("right")) {
    reader.acceptWord("outer");
    reader.expectWord("join");
    return { natural, reversed };
  }
  if (natural) throw reader.unexpected("JOIN");
  return null;
}

function readFactor(reader: Reader, role: TableMention["role"]): void {
  if (reader.acceptWord("lateral")) {
    if (!startsQuery(reader.tokens, reader.at)) throw reader.unexpected("a query in brackets");
    readDerived(reader, true);
  } else if (reader.word() === "json_table") readJsonTable(reader);
  else if (startsQuery(reader.tokens, reader.at)) readDerived(reader, false);
  else if (reader.symbol() === "(") {
    reader.within(() => {
      reader.expectSymbol("(");
      readFrom(reader, role);
      reader.expectSymbol(")");
    });
  } else if (reader.word() === "dual") reader.at++;
  else readTable(reader, role);
}

/** A query in FROM sees the columns around it only with LATERAL; that it is held to see them does no harm. */
function readDerived(reader: Reader, lateral: boolean): void {
  const outer = reader.scope;
  if (!lateral) reader.scope = { parent: outer.parent, sources: [] };
  reader.expectSymbol("(");
  const query = reader.query(reader);
  reader.expectSymbol(")");
  reader.scope = outer;
  const name = readTableAlias(reader);
  const columns = reader.symbol() === "(" ? reader.nameList() : null;
  addSource(reader, { name, table: null, query, columns });
}

function addSource(reader: Reader, source: Source): void {
  reader.scope.sources.push(source);
}

/** @param aliased whether a name of its own may follow */
export function readTable(reader: Reader, role: TableMention["role"], aliased = true): TableMention {
  const start = reader.at;
  const parts = [reader.name()];
  if (reader.symbol() === ".") {
    reader.at++;
    parts.push(reader.name(true));
  }
  const span = { start, end: reader.at };
  // A function that yields rows; behind INSERT INTO columns stand there.
  if (aliased && reader.symbol() === "(") throw reader.unexpected("a table");
  const partition = readPartition(reader);
  if (reader.word() === "for" && /^(system_time|portion)$/.test(reader.word(1)))
    throw new Refused("masked-unsupported", "versions of rows are not read under a mask", "read the table as it is now", reader.at);
  const alias = aliased ? readTableAlias(reader) : null;
  const hints = readHints(reader);
  const [first = ""] = parts;
  const common = parts.length === 1 ? reader.commonOf(first) : null;
  const table: TableMention = { span, parts, common, alias, partition, hints, whole: { start, end: reader.at }, role };
  reader.found.tables.push(table);
  addSource(reader, { name: alias ?? parts.at(-1) ?? null, table, query: null, columns: null });
  return table;
}

function readPartition(reader: Reader): Span | null {
  const start = reader.at;
  if (!reader.acceptWord("partition")) return null;
  reader.nameList();
  return { start, end: reader.at };
}

function readTableAlias(reader: Reader): string | null {
  const explicit = reader.acceptWord("as");
  return explicit || reader.isName() ? reader.name() : null;
}

/** `USE INDEX FOR JOIN (a, b)`, several. */
function readHints(reader: Reader): Span | null {
  const start = reader.at;
  do {
    if (!/^(use|ignore|force)$/.test(reader.word()) || !/^(index|key)$/.test(reader.word(1))) break;
    reader.at += 2;
    if (reader.acceptWord("for") && !reader.acceptWord("join") && !reader.acceptWord("order", "by")) {
      reader.expectWord("group");
      reader.expectWord("by");
    }
    reader.expectSymbol("(");
    while (!reader.acceptSymbol(")")) {
      if (!reader.acceptWord("primary")) reader.name();
      reader.acceptSymbol(",");
    }
  } while (reader.acceptSymbol(",") || /^(use|ignore|force)$/.test(reader.word()));
  return reader.at === start ? null : { start, end: reader.at };
}

function readJsonTable(reader: Reader): void {
  const start = reader.at;
  const first = reader.found.columns.length;
  reader.expectWord("json_table");
  reader.expectSymbol("(");
  readExpression(reader);
  reader.expectSymbol(",");
  readStrings(reader);
  const names = readJsonColumns(reader);
  reader.expectSymbol(")");
  const name = readTableAlias(reader);
  // Whatever it is made of may stand in each of its columns.
  const columns = { start: first, end: reader.found.columns.length };
  const item = { span: { start, end: reader.at }, alias: null, star: false, columns };
  const query = { selects: [{ scope: reader.scope, items: names.map(() => item) }] };
  addSource(reader, { name, table: null, query, columns: names });
}

function readJsonColumns(reader: Reader): readonly string[] {
  reader.expectWord("columns");
  reader.expectSymbol("(");
  const names: string[] = [];
  do {
    if (reader.acceptWord("nested")) {
      reader.acceptWord("path");
      readStrings(reader);
      names.push(...reader.within(() => readJsonColumns(reader)));
    } else {
      names.push(reader.name());
      readJsonColumn(reader);
    }
  } while (reader.acceptSymbol(","));
  reader.expectSymbol(")");
  return names;
}

function readJsonColumn(reader: Reader): void {
  if (reader.acceptWord("for", "ordinality")) return;
  readType(reader);
  if (reader.acceptWord("collate")) reader.name();
  reader.acceptWord("exists");
  reader.expectWord("path");
  readStrings(reader);
  while (/^(null|error|default)$/.test(reader.word())) {
    if (reader.acceptWord("default")) readStrings(reader);
    else reader.at++;
    reader.expectWord("on");
    if (!reader.acceptWord("empty")) reader.expectWord("error");
  }
}
