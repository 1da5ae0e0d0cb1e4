/**
 * Statements that read no rows of tables: transactions, settings, descriptions of the schema. They pass under a mask by their
 * form; of those that could tell a masked value, none does.
 */
import { type MysqlTable, mysqlLookup } from "./catalogue.ts";
import type { Token } from "./lexer.ts";
import { checkCalls } from "./masked-functions.ts";
import { readSettings } from "./masked-settings.ts";
import type { TableContext } from "./masked-tables.ts";
import { displayTable } from "./protection.ts";
import { quoteName, quoteString } from "./quoting.ts";
import { readExpression, readExpressions } from "./read-expression.ts";
import { readQuery } from "./read-query.ts";
import { Reader, Refused } from "./reading.ts";
import { form } from "./recognised/form.ts";
import { hiddenDefaultsOf } from "./server-tables.ts";
import type { Edit } from "./spelling.ts";

const CHARACTERISTIC = "{with consistent snapshot|read only|read write}";
const LEVEL = "isolation level {read uncommitted|read committed|repeatable read|serializable}";
const COMPLETION = "[work] [and [no] chain] [no release]";
const IN = "[{from|in} @name]";
const CHARSET = "{character set|char set|charset}";

/** With a filter behind them, that of `SHOW … LIKE`. */
const FILTERED = [
  "show {databases|schemas}",
  `show [full] tables ${IN}`,
  `show open tables ${IN}`,
  `show table status ${IN}`,
  `show triggers ${IN}`,
  `show events ${IN}`,
  "show {procedure|function} status",
  "show [global|session|local] {variables|status}",
  "show plugins",
  `show ${CHARSET}`,
  "show collation",
].map(form);

const PLAIN = [
  `start transaction [<${CHARACTERISTIC}>]`,
  "begin [work]",
  `commit ${COMPLETION}`,
  `rollback ${COMPLETION}`,
  "rollback [work] to [savepoint] @name",
  "savepoint @name",
  "release savepoint @name",
  "unlock {table|tables}",
  "use @name",
  `set [session|local] transaction <{${LEVEL}|read only|read write}>`,
  "show create {view|function|procedure|trigger|event} @table",
  "show create {database|schema} [if not exists] @name",
  "show {warnings|errors} [limit @number [{,|offset} @number]]",
  "show count ( * ) {warnings|errors}",
  "show [storage] engines",
  "show {privileges|authors|contributors|locales}",
  "show grants [for current_user [( )]]",
].map(form);

/** Of a table's columns and their defaults. */
const DESCRIBING = [
  `show [full] {columns|fields} {from|in} @table ${IN}`,
  "{describe|desc|explain} @table [@name|@string]",
  "show create table @table",
].map(form);
const INDEXES = [`show {index|indexes|keys} {from|in} @table ${IN}`].map(form);

/** @returns what stands in the place of its tokens; undefined for a statement that is none of these. @throws Refused */
export function plainStatement(tokens: readonly Token[], context: TableContext): readonly Edit[] | undefined {
  if (PLAIN.some((matches) => matches(tokens) !== undefined)) return [];
  const end = filterStart(tokens, context);
  const head = tokens.slice(0, end);
  if (FILTERED.some((matches) => matches(head) !== undefined)) return [];
  if (DESCRIBING.some((matches) => matches(head) !== undefined)) {
    checkDefaults(head, context);
    return [];
  }
  if (INDEXES.some((matches) => matches(head) !== undefined)) return indexEdits(tokens, end, context);
  if (wordAt(tokens, 0) === "do") return computed(tokens, context);
  if (wordAt(tokens, 0) !== "set") return undefined;
  const reader = new Reader(tokens, mysqlLookup(context.view.catalogue).fold, readQuery);
  reader.at = 1;
  readSettings(reader, context);
  if (reader.token !== undefined) throw reader.unexpected("the end of the statement");
  return [];
}

/** DO computes, and tells nothing. */
function computed(tokens: readonly Token[], { view, database }: TableContext): readonly Edit[] {
  const reader = new Reader(tokens, mysqlLookup(view.catalogue).fold, readQuery);
  reader.at = 1;
  readExpressions(reader);
  if (reader.token !== undefined) throw reader.unexpected("the end of the statement");
  if (reader.found.tables.length > 0 || reader.found.selects > 0) {
    throw new Refused("masked-statement-kind", "DO may hold no query under a mask", "send the query as a SELECT", 0);
  }
  checkCalls(reader.found.calls, view, database, true);
  return [];
}

function wordAt(tokens: readonly Token[], index: number): string {
  const token = tokens[index];
  return token?.kind === "word" ? token.text.toLowerCase() : "";
}

/** Where LIKE or WHERE begins, the end otherwise. The condition of WHERE may name no table. @throws Refused */
function filterStart(tokens: readonly Token[], { view, database }: TableContext): number {
  const last = tokens.at(-1);
  if (wordAt(tokens, tokens.length - 2) === "like" && last?.kind === "string") return tokens.length - 2;
  const start = tokens.findIndex((_, index) => wordAt(tokens, index) === "where");
  if (start < 0 || wordAt(tokens, 0) !== "show") return tokens.length;
  const reader = new Reader(tokens, mysqlLookup(view.catalogue).fold, readQuery);
  reader.at = start + 1;
  readExpression(reader);
  if (reader.token !== undefined) throw reader.unexpected("the end of the statement");
  if (reader.found.tables.length > 0) {
    const hint = "compare with constants, or read information_schema";
    throw new Refused("masked-statement-kind", "the WHERE of a SHOW may hold no query under a mask", hint, start);
  }
  checkCalls(reader.found.calls, view, database);
  return start;
}

/** Tables whose name stands in it, in any database: to refuse too much does no harm here. */
function namedIn(tokens: readonly Token[], { view }: TableContext): readonly MysqlTable[] {
  const names = new Set(tokens.flatMap(({ kind, text }) => (kind === "word" || kind === "quoted-name" ? [text.toLowerCase()] : [])));
  return view.catalogue.tables.filter(({ name }) => names.has(name.toLowerCase()));
}

function checkDefaults(tokens: readonly Token[], context: TableContext): void {
  const isPlain = (view: MysqlTable): boolean => context.readView(view).kind === "plain";
  const table = namedIn(tokens, context).find((one) => hiddenDefaultsOf(one, context.view, isPlain).length > 0);
  if (table === undefined) return;
  const message = `${displayTable(table)} has a masked column whose default would be told`;
  throw new Refused("masked-catalogue", message, "information_schema.columns describes it, with that default hidden", 0);
}

const SHOWN_INDEX: readonly (readonly [column: string, shown: string])[] = [
  ["TABLE_NAME", "Table"],
  ["NON_UNIQUE", "Non_unique"],
  ["INDEX_NAME", "Key_name"],
  ["SEQ_IN_INDEX", "Seq_in_index"],
  ["COLUMN_NAME", "Column_name"],
  ["COLLATION", "Collation"],
  ["IF(FALSE, CARDINALITY, NULL)", "Cardinality"],
  ["SUB_PART", "Sub_part"],
];
const SHOWN_BEHIND = [
  ["NULLABLE", "Null"],
  ["INDEX_TYPE", "Index_type"],
  ["COMMENT", "Comment"],
  ["INDEX_COMMENT", "Index_comment"],
] as const;
const OF_FLAVOUR = {
  mysql: [["NULL", "Packed"], ...SHOWN_BEHIND, ["IS_VISIBLE", "Visible"], ["EXPRESSION", "Expression"]],
  mariadb: [["PACKED", "Packed"], ...SHOWN_BEHIND, ["IGNORED", "Ignored"]],
} as const;

/** SHOW INDEX tells how many values a column has: of tables with masked columns it is asked of information_schema, without. */
function indexEdits(tokens: readonly Token[], end: number, context: TableContext): readonly Edit[] {
  const { view, database } = context;
  if (!namedIn(tokens.slice(0, end), context).some((one) => view.protection.columns.has(one))) return [];
  const from = tokens.findIndex((_, index) => /^(from|in)$/.test(wordAt(tokens, index)));
  const names = tokens
    .slice(from + 1, end)
    .filter(({ kind, text }) => kind === "quoted-name" || (kind === "word" && !/^(from|in)$/i.test(text)));
  const qualified = tokens[from + 2]?.text === ".";
  const [first = "", second] = names.map(({ text }) => text);
  const [inside, name] = qualified ? [first, second ?? ""] : [second ?? database ?? "", first];
  const table = mysqlLookup(view.catalogue).table(inside, name);
  if (table === undefined)
    throw new Refused("masked-undefined-table", `table ${inside}.${name} does not exist`, "check the spelling", from + 1);
  const columns = [...SHOWN_INDEX, ...OF_FLAVOUR[view.catalogue.server.flavour]];
  const list = columns.map(([column, shown]) => `${column} AS ${quoteName(shown)}`).join(", ");
  const where = `TABLE_SCHEMA = ${quoteString(table.database)} AND TABLE_NAME = ${quoteString(table.name)}`;
  // Its first rows are those of the primary key.
  const order = "ORDER BY INDEX_NAME <> 'PRIMARY', NON_UNIQUE, INDEX_NAME, SEQ_IN_INDEX";
  const query = `SELECT * FROM (SELECT ${list} FROM information_schema.STATISTICS WHERE ${where} ${order} LIMIT 100000) AS shown`;
  return [{ start: 0, end, text: query }];
}
