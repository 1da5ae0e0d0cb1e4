/**
 * The statement that goes upstream, by the kind of what the client sent. What comes out is read once more, by our own readers
 * and by the grammar library: protected tables may be named nowhere but in what the gateway put there.
 */
import { mysqlLookup } from "./catalogue.ts";
import { checkReading, checkText } from "./checked-text.ts";
import type { Token } from "./lexer.ts";
import { maskedLineage, outputsMasked } from "./lineage.ts";
import type { MaskedForm, MaskedSettings } from "./masked-form-types.ts";
import { altered, creationForm, droppedOrEmptied } from "./masked-objects.ts";
import { aliasEdits, maskQuery, namesOfMasked, namesOfReplaced } from "./masked-query.ts";
import type { TableContext } from "./masked-tables.ts";
import { namedStatement } from "./named-statement.ts";
import { plainStatement } from "./plain-statements.ts";
import type { MysqlMaskingView } from "./protection.ts";
import { readQuery } from "./read-query.ts";
import { Reader, Refused } from "./reading.ts";
import { renamedOutputs } from "./renamed-outputs.ts";
import { type Edit, plainText, spelled } from "./spelling.ts";
import { NO_TEMPORARY } from "./temporary.ts";
import { twoPartForm } from "./two-part-form.ts";
import { variableForm } from "./variable-form.ts";
import { viewsIn } from "./view-definitions.ts";
import { writtenForm } from "./written-form.ts";

/** @throws Refused */
export function maskedForm(sql: string, tokens: readonly Token[], view: MysqlMaskingView, settings: MaskedSettings): MaskedForm {
  const [first] = tokens;
  const word = first?.kind === "word" ? first.text.toLowerCase() : "";
  if (/oracle|mssql|db2|maxdb|postgresql/i.test(view.catalogue.sqlMode)) {
    throw new Refused("masked-setting", "the target's sql_mode makes it read other dialects", "run the target in MySQL's own dialect");
  }
  const context = contextOf(tokens, view, settings);
  // The server answers that there is no statement.
  if (tokens.length === 0) return formOf([], tokens, settings);
  if (writes(tokens)) return writtenForm(sql, tokens, context, settings);
  if (QUERIES.has(word) || (first?.kind === "symbol" && first.text === "(")) return queryForm(sql, tokens, context, settings);
  const explained = explainedAt(tokens);
  if (explained > 0) return explainForm(sql, tokens, explained, context, settings);
  const named = namedStatement(tokens);
  // What stands under the name has been judged, and is asked about again where it runs.
  if (named?.kind === "execute" || named?.kind === "deallocate") return formOf([], tokens, settings);
  const object = altered(tokens, context) ?? droppedOrEmptied(tokens, context);
  if (object !== undefined) return { ...formOf(object.edits, tokens, settings), temporary: object.change };
  if (word === "create") {
    const filled = (query: readonly Token[]): MaskedForm => queryForm(sql, query, contextOf(query, view, settings), settings);
    return creationForm(tokens, context, settings, filled);
  }
  const variables = variableForm(tokens, context, settings);
  if (variables !== undefined) return variables;
  const edits = plainStatement(tokens, context);
  if (edits !== undefined) return formOf(edits, tokens, settings);
  const hint = "send a SELECT, or a statement that reads no rows";
  throw new Refused("masked-statement-kind", `${word.toUpperCase()} is not a statement that passes under a mask`, hint, 0);
}

function formOf(edits: readonly Edit[], tokens: readonly Token[], { sqlMode }: MaskedSettings): MaskedForm {
  const text = spelled(tokens, edits, !sqlMode.noBackslashEscapes);
  return { ...text, columns: [], outputMasked: [], renamed: [], rebuildErrors: false, names: new Set() };
}

const WRITES: ReadonlySet<string> = new Set(["insert", "replace", "update", "delete"]);

/** Whether it changes rows: by its first word; behind WITH by the first one outside brackets that could begin a statement. */
export function writes(tokens: readonly Token[]): boolean {
  let depth = 0;
  for (const [index, { kind, text }] of tokens.entries()) {
    if (kind === "symbol" && text === "(") depth++;
    if (kind === "symbol" && text === ")") depth--;
    const word = kind === "word" && depth === 0 ? text.toLowerCase() : "";
    if (WRITES.has(word)) return true;
    if (index === 0 ? word !== "with" : QUERIES.has(word)) return false;
  }
  return false;
}

/** What a query begins with, but for brackets. */
export const QUERIES: ReadonlySet<string> = new Set(["select", "with", "table", "values"]);

/** Where the statement begins that is explained; 0 where none is. */
function explainedAt(tokens: readonly Token[]): number {
  const word = (index: number): string => (tokens[index]?.kind === "word" ? (tokens[index]?.text.toLowerCase() ?? "") : "");
  if (!/^(explain|describe|desc)$/.test(word(0))) return 0;
  if (word(1) === "format" && tokens[2]?.text === "=" && /^(json|tree|traditional)$/.test(word(3))) return 4;
  return QUERIES.has(word(1)) || /^(insert|replace|update|delete|analyze|extended|partitions|for)$/.test(word(1)) ? 1 : 0;
}

/** A plan prints values that the optimiser has read: there is none of tables with masked columns. */
function explainForm(sql: string, tokens: readonly Token[], at: number, context: TableContext, settings: MaskedSettings): MaskedForm {
  const form = writes(tokens.slice(at))
    ? writeExplained(sql, tokens, at, context, settings)
    : queryForm(sql, tokens, context, settings, at);
  const [column] = form.columns;
  if (column === undefined) return { ...form, outputMasked: [], renamed: [] };
  const message = `a plan could show values of ${column.schema}.${column.table}, which has masked columns`;
  throw new Refused("masked-statement-kind", message, "explain a query on tables without masked columns", 0, column.rule);
}

/** A write that is explained writes nothing; what it may not do is refused all the same. */
function writeExplained(sql: string, tokens: readonly Token[], at: number, { view }: TableContext, settings: MaskedSettings): MaskedForm {
  const head = spelled(tokens.slice(0, at), [], !settings.sqlMode.noBackslashEscapes);
  return twoPartForm(tokens, head, at, " ", (write) => writtenForm(sql, write, contextOf(write, view, settings), settings));
}

function contextOf(tokens: readonly Token[], view: MysqlMaskingView, { sqlMode, database, temporary }: MaskedSettings): TableContext {
  const text = (start: number, end: number): string => plainText(tokens, { start, end }, !sqlMode.noBackslashEscapes);
  return { view, database, temporary: temporary ?? NO_TEMPORARY, readView: viewsIn(view), text };
}

/** @param at where the query begins, behind EXPLAIN */
function queryForm(sql: string, tokens: readonly Token[], context: TableContext, settings: MaskedSettings, at = 0): MaskedForm {
  const { fold } = mysqlLookup(context.view.catalogue);
  const reader = new Reader(tokens, fold, readQuery);
  reader.at = at;
  const query = readQuery(reader);
  if (reader.token !== undefined) throw reader.unexpected("the end of the statement");
  checkReading(tokens, reader.found);
  const [first] = tokens;
  const masked = maskQuery(reader.found, context, { locking: first?.kind === "word" && first.text.toLowerCase() === "select" });
  const aliases = aliasEdits(reader.found.items, masked.edits, {
    tokens,
    source: sql,
    named: namesOfReplaced(masked.resolved, context),
  });
  const text = spelled(tokens, [...masked.edits, ...aliases], !settings.sqlMode.noBackslashEscapes);
  checkText(text, masked, context, settings, (from) => {
    const again = new Reader(from, fold, readQuery);
    again.at = at;
    readQuery(again);
    if (again.token !== undefined) throw again.unexpected("the end of the statement");
    return { found: again.found, sources: again.found.tables };
  });
  const outputMasked = outputsMasked(maskedLineage(reader.found, masked.resolved, fold), query);
  const { columnNames } = context.view.protection;
  const renamed = renamedOutputs(reader.found, query, { tokens, resolved: masked.resolved, fold, masked: columnNames });
  return {
    ...text,
    columns: masked.columns,
    outputMasked,
    renamed,
    rebuildErrors: masked.columns.length > 0,
    names: namesOfMasked(reader.found, masked),
  };
}
