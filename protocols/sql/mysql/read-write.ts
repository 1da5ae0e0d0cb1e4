/** Reads INSERT, REPLACE, UPDATE and DELETE: what they write to, which columns they give values, and what those are made of. */
import { readOrder } from "./read-call.ts";
import { LENT, readExpression, readExpressions } from "./read-expression.ts";
import { readFrom, readTable } from "./read-from.ts";
import { readItems, readQuery, readWith } from "./read-query.ts";
import { type Item, type Reader, Refused, type Scope, type Span, type TableMention } from "./reading.ts";

export interface Assignment {
  /** `c`, `t.c`, `d.t.c` */
  readonly parts: readonly string[];
  readonly at: number;
  /** DEFAULT alone: no value is given. */
  readonly isDefault: boolean;
}

export interface WriteReading {
  readonly verb: "insert" | "replace" | "update" | "delete";
  /** Where columns of what is written to are seen. */
  readonly scope: Scope;
  /** Of INSERT and DELETE, one or more; of UPDATE, every table that is named before SET. */
  readonly tables: readonly TableMention[];
  /** Of UPDATE and ON DUPLICATE KEY UPDATE. */
  readonly assignments: readonly Assignment[];
  /** Of INSERT and REPLACE: the columns that are listed, null without a list; undefined for the others. */
  readonly columns: readonly string[] | null | undefined;
  /** Places in the list of columns whose values are all DEFAULT. */
  readonly defaults: ReadonlySet<number>;
  /** ON DUPLICATE KEY UPDATE stands behind an INSERT. */
  readonly updates: boolean;
  /** Of INSERT: names that the new row's columns have besides, as `AS new (a, b)` gives them; null without. */
  readonly renames: (Span & { readonly names: readonly string[] }) | null;
  /** With its output columns. */
  readonly returning: (Span & { readonly items: readonly Item[] }) | null;
}

const NONE: ReadonlySet<number> = new Set();

/** @throws Refused */
export function readWrite(reader: Reader): WriteReading {
  const { names } = reader;
  if (reader.word() === "with") readWith(reader);
  const scope: Scope = { parent: null, sources: [] };
  reader.scope = scope;
  const reading = readVerb(reader, scope);
  reader.names = names;
  if (reader.token !== undefined) throw reader.unexpected("the end of the statement");
  return reading;
}

function readVerb(reader: Reader, scope: Scope): WriteReading {
  const verb = reader.word();
  reader.at++;
  if (verb === "insert" || verb === "replace") return readInsert(reader, scope, verb);
  if (verb === "update") return readUpdate(reader, scope);
  if (verb === "delete") return readDelete(reader, scope);
  throw reader.unexpected("INSERT, REPLACE, UPDATE or DELETE");
}

function acceptModifiers(reader: Reader, ...words: readonly string[]): void {
  while (words.includes(reader.word())) reader.at++;
}

function readInsert(reader: Reader, scope: Scope, verb: "insert" | "replace"): WriteReading {
  acceptModifiers(reader, "low_priority", "high_priority", "delayed", "ignore");
  reader.acceptWord("into");
  const table = readTarget(reader, false);
  if (reader.acceptWord("set")) {
    const listed = readAssignments(reader);
    const rest = readBehindRows(reader, scope, table);
    const defaults = new Set(listed.flatMap(({ isDefault }, index) => (isDefault ? [index] : [])));
    return { verb, scope, tables: [table], columns: listed.map(({ parts }) => parts.at(-1) ?? ""), defaults, ...rest };
  }
  const columns = readColumnList(reader);
  let defaults = NONE;
  if (reader.acceptWord("values") || reader.acceptWord("value")) defaults = readRows(reader);
  else {
    reader.scope = { parent: null, sources: [] };
    readQuery(reader);
    reader.scope = scope;
  }
  return { verb, scope, tables: [table], columns, defaults, ...readBehindRows(reader, scope, table) };
}

/** A bracket behind the table's name holds columns, or the query itself. */
function readColumnList(reader: Reader): readonly string[] | null {
  if (reader.symbol() !== "(" || /^(select|with|values|table)$/.test(reader.word(1)) || reader.symbol(1) === "(") return null;
  reader.expectSymbol("(");
  if (reader.acceptSymbol(")")) return [];
  const names: string[] = [];
  do {
    let name = reader.name();
    while (reader.acceptSymbol(".")) name = reader.name(true);
    names.push(name);
  } while (reader.acceptSymbol(","));
  reader.expectSymbol(")");
  return names;
}

/** @returns the places that hold DEFAULT in every row */
function readRows(reader: Reader): ReadonlySet<number> {
  let defaults: Set<number> | undefined;
  do {
    reader.acceptWord("row");
    reader.expectSymbol("(");
    const found = new Set<number>();
    if (reader.symbol() !== ")") {
      let place = 0;
      do {
        if (acceptDefault(reader)) found.add(place);
        else readExpression(reader);
        place++;
      } while (reader.acceptSymbol(","));
    }
    reader.expectSymbol(")");
    const before = defaults;
    defaults = before === undefined ? found : new Set([...before].filter((place) => found.has(place)));
  } while (reader.acceptSymbol(","));
  return defaults ?? NONE;
}

function acceptDefault(reader: Reader): boolean {
  if (reader.word() !== "default" || reader.symbol(1) === "(") return false;
  reader.at++;
  return true;
}

type BehindRows = Pick<WriteReading, "assignments" | "updates" | "returning" | "renames">;

function readBehindRows(reader: Reader, scope: Scope, table: TableMention): BehindRows {
  let renames: BehindRows["renames"] = null;
  // MySQL: a name for the row that is inserted, and perhaps for its columns. What it is qualified by belongs to the target.
  if (reader.acceptWord("as")) {
    scope.sources.push({ name: reader.name(), table, query: null, columns: null });
    const start = reader.at;
    if (reader.symbol() === "(") renames = { names: reader.nameList(), start, end: reader.at };
  }
  const updates = reader.acceptWord("on", "duplicate", "key", "update");
  const assignments = updates ? readAssignments(reader) : [];
  return { assignments, updates, returning: readReturning(reader), renames };
}

function readReturning(reader: Reader): WriteReading["returning"] {
  const start = reader.at;
  if (!reader.acceptWord("returning")) return null;
  const items = readItems(reader);
  return { start, end: reader.at, items };
}

function readAssignments(reader: Reader): readonly Assignment[] {
  const found: Assignment[] = [];
  do {
    const at = reader.at;
    const parts = [reader.name()];
    while (parts.length < 3 && reader.acceptSymbol(".")) parts.push(reader.name(true));
    if (!reader.acceptSymbol(":=")) reader.expectSymbol("=");
    const isDefault = acceptDefault(reader);
    if (!isDefault) readExpression(reader);
    found.push({ parts, at, isDefault });
  } while (reader.acceptSymbol(","));
  return found;
}

/** @param aliased whether a name of its own may follow: behind INSERT INTO it may not */
function readTarget(reader: Reader, aliased: boolean): TableMention {
  const table = readTable(reader, "target", aliased);
  if (table.hints !== null) throw reader.unexpected("no index hint");
  return table;
}

function readUpdate(reader: Reader, scope: Scope): WriteReading {
  acceptModifiers(reader, "low_priority", "ignore");
  const first = reader.found.tables.length;
  readFrom(reader, "target");
  const tables = reader.found.tables.slice(first).filter(({ role }) => role === "target");
  reader.expectWord("set");
  const assignments = readAssignments(reader);
  readConditions(reader);
  return {
    verb: "update",
    scope,
    tables,
    assignments,
    columns: undefined,
    defaults: NONE,
    updates: false,
    returning: readReturning(reader),
    renames: null,
  };
}

function readConditions(reader: Reader): void {
  if (reader.acceptWord("where")) readExpression(reader);
  if (reader.word() === "order") readOrder(reader, LENT);
  if (reader.acceptWord("limit")) readExpressions(reader);
}

/** `DELETE FROM t`, `DELETE a, b FROM …`, `DELETE FROM a, b USING …` */
function readDelete(reader: Reader, scope: Scope): WriteReading {
  acceptModifiers(reader, "low_priority", "quick", "ignore");
  const named = reader.acceptWord("from") ? null : readNamed(reader);
  if (named !== null) reader.expectWord("from");
  const several = named ?? acceptUsing(reader);
  const first = reader.found.tables.length;
  if (several === null) readTarget(reader, true);
  else readFrom(reader, "target");
  const all = reader.found.tables.slice(first).filter(({ role }) => role === "target");
  readConditions(reader);
  const tables = several === null ? all : several.map((name) => meantBy(name, all, reader));
  const returning = readReturning(reader);
  return { verb: "delete", scope, tables, assignments: [], columns: undefined, defaults: NONE, updates: false, returning, renames: null };
}

interface Named {
  readonly parts: readonly string[];
  readonly at: number;
}

/** `a, d.b, c.*` */
function readNamed(reader: Reader): readonly Named[] {
  const found: Named[] = [];
  do {
    const at = reader.at;
    const parts = [reader.name()];
    while (reader.acceptSymbol(".")) {
      if (reader.acceptSymbol("*")) break;
      parts.push(reader.name(true));
    }
    found.push({ parts, at });
  } while (reader.acceptSymbol(","));
  return found;
}

/** Behind FROM: names and USING; null, and nothing is read, where a table stands there. */
function acceptUsing(reader: Reader): readonly Named[] | null {
  const { at } = reader;
  try {
    const named = readNamed(reader);
    if (reader.acceptWord("using")) {
      reader.found.deleted.push(...named.map((one) => one.at));
      return named;
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
  reader.at = at;
  return null;
}

function meantBy({ parts, at }: Named, tables: readonly TableMention[], reader: Reader): TableMention {
  const wanted = reader.fold(parts.at(-1) ?? "");
  const found = tables.filter((table) => reader.fold(table.alias ?? table.parts.at(-1) ?? "") === wanted);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  throw new Refused("masked-unresolved", `${parts.join(".")} could mean several tables or none`, "give each table an alias", at);
}
