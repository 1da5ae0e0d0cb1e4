/**
 * Views under masks: a view that leads to a masked column is read through its definition, in which the tables are replaced like
 * those of a statement. One whose definition can't be read, or does what a statement may not, is refused: it would run with the
 * rights of whoever made it.
 */
import type { MysqlTable } from "./catalogue.ts";
import { mysqlLookup } from "./catalogue.ts";
import { checkReading } from "./checked-text.ts";
import type { Token } from "./lexer.ts";
import { lex } from "./lexer.ts";
import { maskedLineage } from "./lineage.ts";
import { maskQuery } from "./masked-query.ts";
import type { ViewReading } from "./masked-tables.ts";
import { displayTable, type MysqlMaskingView } from "./protection.ts";
import { quoteName } from "./quoting.ts";
import { readQuery } from "./read-query.ts";
import { type Item, type Query, Reader, Refused } from "./reading.ts";
import { plainText, spelled } from "./spelling.ts";
import { DEFAULT_SQL_MODE } from "./sql-mode.ts";
import { NO_TEMPORARY } from "./temporary.ts";

/** Characters of a view as rewritten. */
const REWRITTEN_MAX = 256 * 1024;

const READINGS = new WeakMap<MysqlMaskingView, (table: MysqlTable) => ViewReading>();

/** What each view becomes; worked out once for each masking view. */
export function viewsIn(view: MysqlMaskingView): (table: MysqlTable) => ViewReading {
  const known = READINGS.get(view);
  if (known !== undefined) return known;
  const readings = new Map<MysqlTable, ViewReading>();
  const read = (table: MysqlTable): ViewReading => {
    const found = readings.get(table);
    if (found !== undefined) return found;
    // A view that leads to itself does not run.
    readings.set(table, refusal("its definition leads back to itself"));
    const reading = readingOf(table, view, read);
    readings.set(table, reading);
    return reading;
  };
  READINGS.set(view, read);
  return read;
}

function refusal(message: string, hint = "read the tables below it"): ViewReading {
  return { kind: "refused", message, hint };
}

function readingOf(table: MysqlTable, view: MysqlMaskingView, readView: (table: MysqlTable) => ViewReading): ViewReading {
  const definition = table.view?.definition ?? null;
  if (definition === null || definition === "") return refusal("its definition can't be seen by the gateway's login", "grant it SHOW VIEW");
  const lexed = lex(definition, { sqlMode: DEFAULT_SQL_MODE, executes: null });
  if (lexed.kind === "error") return refusal("its definition is not understood");
  const { tokens } = lexed;
  const { fold } = mysqlLookup(view.catalogue);
  const reader = new Reader(tokens, fold, readQuery);
  try {
    const query = readQuery(reader);
    if (reader.token !== undefined) return refusal("its definition is not understood");
    checkReading(tokens, reader.found);
    const text = (start: number, end: number): string => plainText(tokens, { start, end }, true);
    const { edits, resolved, columns } = maskQuery(reader.found, {
      view,
      database: table.database,
      temporary: NO_TEMPORARY,
      readView,
      text,
    });
    if (!resolved.some(({ replaced }) => replaced)) {
      return { kind: "plain", tables: resolved.flatMap(({ table: one }) => (one === null ? [] : storedIn(one, readView))) };
    }
    const asking = reader.found.calls.find(({ parts }) => /^(current_user|current_role)$/i.test(parts[0] ?? ""));
    // What takes its place is read as the login, for whom it might show other rows.
    if (asking !== undefined && table.view?.security === "definer") return refusal("it asks who reads it, and runs as somebody else");
    const rewritten = named(spelled(tokens, edits, true).text, query, table, tokens);
    if (rewritten.length > REWRITTEN_MAX) return refusal("it grows too long when the definitions below it take their place");
    if (/\\/.test(rewritten)) return refusal("a string in its definition holds a backslash, which means one thing or another by sql_mode");
    const outputs = maskedLineage(reader.found, resolved, fold).outputs(query);
    return {
      kind: "rewritten",
      text: rewritten,
      columns,
      masked: table.columns.map((_, index) => outputs?.[index]?.value ?? true),
      tables: [...new Set(resolved.flatMap(({ table: one }) => (one === null ? [] : namedFor(one, readView))))],
    };
  } catch (error) {
    if (error instanceof Refused) return refusal(error.message, error.hint);
    if (error instanceof RangeError) return refusal("its definition is nested too deep");
    throw error;
  }
}

type ReadView = (table: MysqlTable) => ViewReading;

/** The table itself, or all tables below a view that is plain. */
function storedIn(table: MysqlTable, readView: ReadView): readonly MysqlTable[] {
  if (table.kind !== "view") return [table];
  const reading = readView(table);
  return reading.kind === "plain" ? reading.tables : [];
}

/** What a text names that reads it: views that are plain stay what they are. */
function namedFor(table: MysqlTable, readView: ReadView): readonly MysqlTable[] {
  if (table.kind !== "view") return [table];
  const reading = readView(table);
  return reading.kind === "refused" ? [] : reading.kind === "plain" ? [table, ...reading.tables] : reading.tables;
}

/** With the names of the view's own columns, which its definition need not have. */
function named(text: string, { selects: [first] }: Query, table: MysqlTable, tokens: readonly Token[]): string {
  const names = first?.items.map((item) => nameOf(item, tokens)) ?? [];
  const same = names.length === table.columns.length && table.columns.every(({ name }, index) => names[index] === name);
  if (same) return text;
  const list = table.columns.map(({ name }) => quoteName(name)).join(", ");
  const inner = quoteName(`${displayTable(table)} rows`);
  return `WITH ${inner} (${list}) AS (${text}) SELECT * FROM ${inner}`;
}

function nameOf({ alias, span, star }: Item, tokens: readonly Token[]): string | null {
  if (alias !== null || star) return alias;
  const last = tokens[span.end - 1];
  return last?.kind === "quoted-name" && span.end - span.start <= 5 ? last.text : null;
}
