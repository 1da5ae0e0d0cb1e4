/**
 * The statement that goes upstream, by the kind of what the client sent. What comes out is read once more, by our own readers
 * and by the grammar library: protected tables may be named nowhere but in what the gateway put there.
 */
import type { ProtectedColumn } from "#policies/question.ts";
import { mysqlLookup } from "./catalogue.ts";
import { lex, type Token } from "./lexer.ts";
import { Lineage } from "./lineage.ts";
import { aliasEdits, type MaskedQuery, maskQuery, namesOfReplaced } from "./masked-query.ts";
import { plainStatement } from "./masked-statements.ts";
import { resolveTable, type TableContext } from "./masked-tables.ts";
import type { MysqlMaskingView } from "./protection.ts";
import { readQuery } from "./read-query.ts";
import { Reader, Refused } from "./reading.ts";
import { differenceIn } from "./second-reading.ts";
import { type Spelled, spelled } from "./spelling.ts";
import type { SqlMode } from "./sql-mode.ts";
import { viewsIn } from "./view-definitions.ts";

/** What of the session decides how its texts are read. */
export interface MaskedSettings {
  readonly sqlMode: SqlMode;
  /** The session's character set is not UTF-8: then the text may hold ASCII alone. */
  readonly foreign: boolean;
  /** The current database; null without one. */
  readonly database: string | null;
}

export interface MaskedForm {
  readonly text: string;
  readonly columns: readonly ProtectedColumn[];
  readonly outputMasked: readonly boolean[];
  readonly rebuildErrors: boolean;
  /** Where each token of the client's stands in `text`; -1 for one that is not there. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** @throws Refused */
export function maskedForm(sql: string, tokens: readonly Token[], view: MysqlMaskingView, settings: MaskedSettings): MaskedForm {
  const [first] = tokens;
  const word = first?.kind === "word" ? first.text.toLowerCase() : "";
  if (/oracle|mssql|db2|maxdb|postgresql/i.test(view.catalogue.sqlMode)) {
    throw new Refused("masked-setting", "the target's sql_mode makes it read other dialects", "run the target in MySQL's own dialect");
  }
  const context = contextOf(tokens, view, settings);
  if (QUERIES.has(word) || (first?.kind === "symbol" && first.text === "(")) return queryForm(sql, tokens, context, settings);
  const explained = explainedAt(tokens);
  if (explained > 0) return explainForm(sql, tokens, explained, context, settings);
  const edits = plainStatement(tokens, context);
  if (edits !== undefined) {
    const { text, starts, ends } = spelled(tokens, { start: 0, end: tokens.length }, edits, !settings.sqlMode.noBackslashEscapes);
    return { text, columns: [], outputMasked: [], rebuildErrors: false, starts, ends };
  }
  const hint = "send a SELECT, or a statement that reads no rows";
  throw new Refused("masked-statement-kind", `${word.toUpperCase()} is not a statement that passes under a mask`, hint, 0);
}

const QUERIES: ReadonlySet<string> = new Set(["select", "with", "table", "values"]);

/** Where the statement begins that is explained; 0 where none is. */
function explainedAt(tokens: readonly Token[]): number {
  const word = (index: number): string => (tokens[index]?.kind === "word" ? (tokens[index]?.text.toLowerCase() ?? "") : "");
  if (!/^(explain|describe|desc)$/.test(word(0))) return 0;
  if (word(1) === "format" && tokens[2]?.text === "=" && /^(json|tree|traditional)$/.test(word(3))) return 4;
  return QUERIES.has(word(1)) || /^(insert|replace|update|delete|analyze|extended|partitions|for)$/.test(word(1)) ? 1 : 0;
}

/** A plan prints values that the optimiser has read: there is none of tables with masked columns. */
function explainForm(sql: string, tokens: readonly Token[], at: number, context: TableContext, settings: MaskedSettings): MaskedForm {
  const form = queryForm(sql, tokens, context, settings, at);
  const [column] = form.columns;
  if (column === undefined) return { ...form, outputMasked: [] };
  const message = `a plan could show values of ${column.schema}.${column.table}, which has masked columns`;
  throw new Refused("masked-statement-kind", message, "explain a query on tables without masked columns", 0, column.rule);
}

function contextOf(tokens: readonly Token[], view: MysqlMaskingView, { sqlMode, database }: MaskedSettings): TableContext {
  const text = (start: number, end: number): string => spelled(tokens, { start, end }, [], !sqlMode.noBackslashEscapes).text;
  return { view, database, readView: viewsIn(view), text };
}

/** @param at where the query begins, behind EXPLAIN */
function queryForm(sql: string, tokens: readonly Token[], context: TableContext, settings: MaskedSettings, at = 0): MaskedForm {
  const { fold } = mysqlLookup(context.view.catalogue);
  const reader = new Reader(tokens, fold, readQuery);
  reader.at = at;
  const query = readQuery(reader);
  if (reader.token !== undefined) throw reader.unexpected("the end of the statement");
  const masked = maskQuery(reader.found, context);
  const aliases = aliasEdits(reader.found.items, masked.edits, {
    tokens,
    source: sql,
    named: namesOfReplaced(masked.resolved, context),
  });
  const text = spelled(tokens, { start: 0, end: tokens.length }, [...masked.edits, ...aliases], !settings.sqlMode.noBackslashEscapes);
  checkText(text, masked, context, settings, at);
  const outputs = new Lineage(reader.found, masked.resolved, fold).outputs(query);
  const { starts, ends } = text;
  return {
    text: text.text,
    columns: masked.columns,
    outputMasked: outputs?.map((output) => output.masked) ?? [],
    rebuildErrors: masked.columns.length > 0,
    starts,
    ends,
  };
}

/** Should the text not read as it must, that is a fault of ours; the statement is refused. */
function checkText(
  { text, inserted }: Spelled,
  { resolved }: MaskedQuery,
  context: TableContext,
  { sqlMode }: MaskedSettings,
  from: number,
): void {
  const unsound = (why: string): Refused => {
    const hint = "say it in plainer SQL: one statement, each table with an alias, names in back-ticks";
    return new Refused("masked-unsupported", why, hint);
  };
  const lexed = lex(text, { sqlMode, executes: null });
  if (lexed.kind === "error") throw unsound("the statement could not be rewritten safely");
  const reader = new Reader(lexed.tokens, mysqlLookup(context.view.catalogue).fold, readQuery);
  reader.at = from;
  readQuery(reader);
  if (reader.token !== undefined) throw unsound("the statement could not be rewritten safely");
  const ours = inserted.filter(({ start }) => text[start] === "(");
  const replaced = resolved.filter((one) => one.replaced).length;
  if (ours.length !== replaced) throw unsound("the statement could not be rewritten safely");
  let next = 0;
  for (const mention of reader.found.tables) {
    const at = lexed.tokens[mention.span.start]?.start ?? 0;
    while ((ours[next]?.end ?? Number.MAX_SAFE_INTEGER) <= at) next++;
    if ((ours[next]?.start ?? Number.MAX_SAFE_INTEGER) <= at) continue;
    if (resolveTable(mention, context, reader.found).replaced) throw unsound("the statement could not be rewritten safely");
  }
  const difference = differenceIn(lexed.tokens, reader.found);
  if (difference !== undefined) throw unsound(difference);
}
