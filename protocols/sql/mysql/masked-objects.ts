/**
 * Tables that a principal under a mask may make, change, empty and drop: copies of what it may read, which hold masked values, and temporary
 * tables of its own, which hold what came through the gateway. A temporary table hides others by its name; so it may not bear
 * the name of one, and what is dropped is a temporary table or nothing.
 */
import { mysqlLookup } from "./catalogue.ts";
import type { Token } from "./lexer.ts";
import type { MaskedForm, MaskedSettings } from "./masked-form-types.ts";
import { checkCalls } from "./masked-functions.ts";
import { databaseOf, fullName, isTemporaryName, type TableContext, tableOf, temporaryNameOf } from "./masked-tables.ts";
import { displayTable } from "./protection.ts";
import { quoteName } from "./quoting.ts";
import { isAlteration, readAlteration } from "./read-alteration.ts";
import { type CreationReading, readCreation } from "./read-creation.ts";
import { readTable } from "./read-from.ts";
import { readQuery } from "./read-query.ts";
import { Reader, Refused } from "./reading.ts";
import { form } from "./recognised/form.ts";
import { type Edit, spelled } from "./spelling.ts";
import { TEMPORARY_MAX, type TemporaryChange } from "./temporary.ts";
import { headPlaces, twoPartForm } from "./two-part-form.ts";

/** Edits to the tokens of a statement that makes no copy, and what it does to temporary tables. */
export interface ObjectForm {
  readonly edits: readonly Edit[];
  readonly change: TemporaryChange | null;
}

const DROP = form("drop [temporary] {table|tables} [if exists] <@table> [restrict|cascade]");
const TRUNCATE = form("truncate [table] @table");

/** DROP and TRUNCATE. @returns undefined for other statements. @throws Refused */
export function droppedOrEmptied(tokens: readonly Token[], context: TableContext): ObjectForm | undefined {
  if (DROP(tokens) !== undefined) return dropped(tokens, context);
  return TRUNCATE(tokens) === undefined ? undefined : emptied(tokens, context);
}

/** It starts no trigger, and takes every row whatever stands in it; rows that others refer to it does not take. */
function emptied(tokens: readonly Token[], context: TableContext): ObjectForm {
  const reader = readerOf(tokens, context);
  reader.at = reader.word(1) === "table" ? 2 : 1;
  const { span, ...mention } = readTable(reader, "target", false);
  const table = tableOf({ ...mention, span }, context);
  const change =
    table.kind === "temporary" ? ({ kind: "remake", table: temporaryNameOf(mention.parts, context, span.start) } as const) : null;
  return { edits: [{ ...span, text: fullName(table) }], change };
}

/** With TEMPORARY it can drop no table of others, whatever the name has come to mean. */
function dropped(tokens: readonly Token[], context: TableContext): ObjectForm {
  const reader = readerOf(tokens, context);
  reader.at = 1;
  const edits: Edit[] = reader.acceptWord("temporary") ? [] : [{ start: 1, end: 1, text: "TEMPORARY" }];
  reader.at++;
  reader.acceptWord("if", "exists");
  const lookup = mysqlLookup(context.view.catalogue);
  const tables = [];
  do {
    const start = reader.at;
    const parts = [reader.name()];
    if (reader.acceptSymbol(".")) parts.push(reader.name(true));
    const database = databaseOf(parts, context, start);
    const name = parts.at(-1) ?? "";
    const own = temporaryNameOf(parts, context, start);
    if (edits[0]?.text === "TEMPORARY" && context.temporary.find(own) === undefined && lookup.table(database, name) !== undefined) {
      const hint = "temporary tables of the session's own may be dropped";
      throw new Refused("masked-statement-kind", `${database}.${name} may not be dropped under a mask`, hint, start);
    }
    tables.push(own);
    edits.push({ start, end: reader.at, text: `${quoteName(database)}.${quoteName(name)}` });
  } while (reader.acceptSymbol(","));
  return { edits, change: { kind: "drop", tables } };
}

/** ALTER TABLE, CREATE INDEX and DROP INDEX, of a temporary table. @returns undefined for other statements. @throws Refused */
export function altered(tokens: readonly Token[], context: TableContext): ObjectForm | undefined {
  const reader = readerOf(tokens, context);
  if (!isAlteration(reader)) return undefined;
  const { table, renamed } = readAlteration(reader);
  const meant = tableOf({ ...table, common: null, alias: null, partition: null, hints: null, whole: table.span, role: "target" }, context);
  if (meant.kind !== "temporary") {
    const hint = "temporary tables of the session's own may be changed";
    throw new Refused("masked-statement-kind", `${displayTable(meant)} may not be changed under a mask`, hint, table.span.start);
  }
  checkDefinitions(reader, context);
  const own = temporaryNameOf(table.parts, context, table.span.start);
  const edits = [{ ...table.span, text: fullName(meant) }];
  if (renamed === null) return { edits, change: { kind: "alter", table: own } };
  const to = temporaryNameOf(renamed.parts, context, renamed.span.start);
  const full = freeName(renamed, context);
  if (context.temporary.find(to) !== undefined) throw taken("a temporary table of that name is there", renamed.span.start);
  return { edits: [...edits, { ...renamed.span, text: full }], change: { kind: "rename", table: own, to } };
}

function readerOf(tokens: readonly Token[], { view }: TableContext): Reader {
  return new Reader(tokens, mysqlLookup(view.catalogue).fold, readQuery);
}

/**
 * CREATE TABLE.
 *
 * @param query makes a query of some of its tokens, as it goes upstream
 * @throws Refused
 */
export function creationForm(
  tokens: readonly Token[],
  context: TableContext,
  { sqlMode }: MaskedSettings,
  query: (tokens: readonly Token[]) => MaskedForm,
): MaskedForm {
  const reader = readerOf(tokens, context);
  const reading = readCreation(reader);
  checkDefinitions(reader, context);
  const { temporary, headEnd, queryAt, name } = reading;
  const full = checkName(reading, context);
  const head = spelled(tokens.slice(0, headEnd), [{ ...name.span, text: full }], !sqlMode.noBackslashEscapes);
  const change: TemporaryChange | null = temporary ? { kind: "make", table: temporaryNameOf(name.parts, context, name.span.start) } : null;
  if (queryAt === null) {
    const plain = { columns: [], outputMasked: [], renamed: [], rebuildErrors: false, names: new Set<string>(), temporary: change };
    return { text: head.text, inserted: head.inserted, ...plain, ...headPlaces(tokens, head) };
  }
  return { ...twoPartForm(tokens, head, queryAt, " AS ", query), outputMasked: [], renamed: [], temporary: change };
}

/** Of columns: their defaults, checks and expressions. */
function checkDefinitions({ found: { tables, calls, selects } }: Reader, { view, database }: TableContext): void {
  if (tables.length > 0 || selects > 0) {
    const hint = "fill the table by the SELECT behind its columns";
    throw new Refused("masked-unsupported", "a column's definition may hold no query", hint, tables[0]?.span.start ?? 0);
  }
  checkCalls(calls, view, database);
}

/** @returns the name in full. @throws Refused */
function checkName({ temporary, name: { parts, span }, queryAt }: CreationReading, context: TableContext): string {
  const database = databaseOf(parts, context, span.start);
  const name = parts.at(-1) ?? "";
  const known = context.temporary.find(temporaryNameOf(parts, context, span.start));
  const full = `${quoteName(database)}.${quoteName(name)}`;
  if (!temporary) {
    if (queryAt === null) {
      const hint = "CREATE TEMPORARY TABLE, or CREATE TABLE … SELECT";
      throw new Refused("masked-statement-kind", "a table of columns may be made under a mask only as a temporary one", hint, 0);
    }
    if (known !== undefined) throw taken(`${database}.${name} is the name of a temporary table of the session's`, span.start);
    return full;
  }
  freeName({ parts, span }, context);
  if (known === undefined && context.temporary.size >= TEMPORARY_MAX) {
    throw new Refused("masked-unsupported", `the session has ${TEMPORARY_MAX} temporary tables`, "drop some of them", span.start);
  }
  return full;
}

/** Of a temporary table, in full. @throws Refused where it would hide a table: by the name alone nobody could tell which is meant */
function freeName({ parts, span }: CreationReading["name"], context: TableContext): string {
  const database = databaseOf(parts, context, span.start);
  const name = parts.at(-1) ?? "";
  if (!isTemporaryName(name)) throw taken("names of temporary tables are made of ASCII", span.start);
  if (mysqlLookup(context.view.catalogue).isTaken(database, name)) throw taken(`${database}.${name} is the name of a table`, span.start);
  return `${quoteName(database)}.${quoteName(name)}`;
}

function taken(message: string, at: number): Refused {
  return new Refused("masked-unsupported", message, "give it another name", at);
}
