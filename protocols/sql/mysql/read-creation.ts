/**
 * Reads CREATE TABLE up to the query that fills it: its name, plain columns and indexes, and options that only say how rows are kept.
 * What would read another table, a file or another server (LIKE, REFERENCES, UNION, CONNECTION, DATA DIRECTORY, other
 * engines, partitions) is not known here, and so refused.
 *
 * Source: MySQL manual, "CREATE TABLE Statement"; MariaDB documentation, "CREATE TABLE".
 */
import { startsQuery } from "./query-brackets.ts";
import { readExpression, readStrings } from "./read-expression.ts";
import { type Reader, Refused, type Span } from "./reading.ts";

export interface CreationReading {
  readonly temporary: boolean;
  readonly name: { readonly parts: readonly string[]; readonly span: Span };
  /** Behind name, columns and options. */
  readonly headEnd: number;
  /** Where the query begins that fills it; null without one. */
  readonly queryAt: number | null;
}

/** @param reader at CREATE. @throws Refused */
export function readCreation(reader: Reader): CreationReading {
  reader.expectWord("create");
  if (reader.word() === "or") {
    throw new Refused(
      "masked-unsupported",
      "OR REPLACE could drop a table of others",
      "DROP TEMPORARY TABLE IF EXISTS before it",
      reader.at,
    );
  }
  const temporary = reader.acceptWord("temporary");
  if (!reader.acceptWord("table")) throw otherObject(reader);
  reader.acceptWord("if", "not", "exists");
  const start = reader.at;
  const parts = [reader.name()];
  if (reader.acceptSymbol(".")) parts.push(reader.name(true));
  const name = { parts, span: { start, end: reader.at } };
  if (reader.word() === "like" || (reader.symbol() === "(" && reader.word(1) === "like")) {
    throw new Refused("masked-unsupported", "LIKE takes over defaults and engines", "CREATE TEMPORARY TABLE … SELECT … LIMIT 0", reader.at);
  }
  if (reader.symbol() === "(" && !startsQuery(reader.tokens, reader.at)) readElements(reader);
  readOptions(reader);
  if (!reader.acceptWord("ignore")) reader.acceptWord("replace");
  const headEnd = reader.at;
  const as = reader.acceptWord("as");
  const queryAt = reader.at;
  if (reader.token === undefined && !as) return { temporary, name, headEnd, queryAt: null };
  const isQuery = /^(select|with|values|table)$/.test(reader.word()) || startsQuery(reader.tokens, queryAt);
  if (!isQuery) throw unknownPart(reader);
  return { temporary, name, headEnd, queryAt };
}

function otherObject(reader: Reader): Refused {
  const hint = "temporary tables and CREATE TABLE … SELECT may be made";
  return new Refused("masked-statement-kind", "CREATE of this is not a statement that passes under a mask", hint, reader.at);
}

export function unknownPart(reader: Reader): Refused {
  const shown = reader.token?.text.slice(0, 40).toUpperCase() ?? "the end";
  const hint = "give plain columns, indexes and defaults alone, or none with a SELECT";
  return new Refused("masked-unsupported", `${shown} is not known in a table that is made or changed under a mask`, hint, reader.at);
}

function readElements(reader: Reader): void {
  reader.expectSymbol("(");
  do {
    readElement(reader);
    if (reader.symbol() !== "," && reader.symbol() !== ")") throw unknownPart(reader);
  } while (reader.acceptSymbol(","));
  reader.expectSymbol(")");
}

/** A column with its type, an index or a check. @throws Refused */
export function readElement(reader: Reader): void {
  if (reader.acceptWord("constraint") && !/^(primary|unique|check)$/.test(reader.word())) reader.name();
  if (reader.word() === "check") readCheck(reader);
  else if (reader.acceptWord("primary", "key")) readIndex(reader);
  else if (reader.acceptWord("unique")) {
    if (!reader.acceptWord("key")) reader.acceptWord("index");
    readIndex(reader);
  } else if (reader.acceptWord("key") || reader.acceptWord("index")) readIndex(reader);
  else {
    if (!reader.isName()) throw unknownPart(reader);
    reader.name();
    readDefinition(reader);
  }
}

/** Type and attributes of a column. @throws Refused */
export function readDefinition(reader: Reader): void {
  readColumnType(reader);
  while (acceptAttribute(reader));
}

/** `[name] [USING BTREE] (a, b(10) DESC)` */
export function readIndex(reader: Reader): void {
  if (reader.symbol() !== "(" && reader.word() !== "using") reader.name();
  if (reader.acceptWord("using")) reader.name();
  reader.expectSymbol("(");
  do {
    reader.name();
    if (reader.symbol() === "(") readNumbers(reader);
    if (!reader.acceptWord("asc")) reader.acceptWord("desc");
  } while (reader.acceptSymbol(","));
  reader.expectSymbol(")");
  if (reader.acceptWord("using")) reader.name();
}

const TYPES: ReadonlySet<string> = new Set(
  `tinyint smallint mediumint int integer bigint int1 int2 int3 int4 int8 bool boolean bit serial decimal dec numeric fixed float double real precision
  date time datetime timestamp year char character varchar varcharacter varying nchar nvarchar national binary varbinary tinytext text mediumtext
  longtext tinyblob blob mediumblob longblob json enum set uuid inet4 inet6 vector geometry point linestring polygon multipoint multilinestring
  multipolygon geometrycollection long`.split(/\s+/),
);

function readColumnType(reader: Reader): void {
  if (!TYPES.has(reader.word())) throw unknownPart(reader);
  while (TYPES.has(reader.word()) && !(reader.word() === "character" && reader.word(1) === "set")) reader.at++;
  if (reader.symbol() === "(") {
    if (reader.tokens[reader.at + 1]?.kind === "string") readValues(reader);
    else readNumbers(reader);
  }
  while (/^(unsigned|signed|zerofill)$/.test(reader.word())) reader.at++;
}

function readNumbers(reader: Reader): void {
  reader.expectSymbol("(");
  do {
    if (reader.token?.kind !== "number") throw reader.unexpected("a number");
    reader.at++;
  } while (reader.acceptSymbol(","));
  reader.expectSymbol(")");
}

function readValues(reader: Reader): void {
  reader.expectSymbol("(");
  do readStrings(reader);
  while (reader.acceptSymbol(","));
  reader.expectSymbol(")");
}

const PLAIN_ATTRIBUTES: readonly (readonly string[])[] = [
  ["not", "null"],
  ["null"],
  ["auto_increment"],
  ["primary", "key"],
  ["unique", "key"],
  ["unique"],
  ["key"],
  ["visible"],
  ["invisible"],
  ["binary"],
  ["ascii"],
  ["unicode"],
];

/** Behind a column's type, in any order. */
function acceptAttribute(reader: Reader): boolean {
  if (PLAIN_ATTRIBUTES.some((words) => reader.acceptWord(...words))) return true;
  if (reader.acceptWord("character", "set") || reader.acceptWord("charset") || reader.acceptWord("collate")) {
    if (!reader.acceptWord("binary")) reader.name();
    return true;
  }
  if (reader.acceptWord("comment")) {
    readStrings(reader);
    return true;
  }
  if (reader.acceptWord("default")) {
    readDefault(reader);
    return true;
  }
  if (reader.acceptWord("on", "update")) {
    readExpression(reader);
    return true;
  }
  if (reader.word() === "constraint" || reader.word() === "check") {
    if (reader.acceptWord("constraint") && reader.word() !== "check") reader.name();
    readCheck(reader);
    return true;
  }
  const generated = reader.acceptWord("generated", "always");
  if (generated || reader.word() === "as") {
    reader.expectWord("as");
    readBracketed(reader);
    if (!reader.acceptWord("virtual") && !reader.acceptWord("stored")) reader.acceptWord("persistent");
    return true;
  }
  return false;
}

/** A constant with its sign, a clock, or an expression in brackets: what follows is an attribute, and no operator. */
export function readDefault(reader: Reader): void {
  if (reader.symbol() === "(") readBracketed(reader);
  else if (reader.word() === "not" || reader.word() === "") {
    if (/^[-+]$/.test(reader.symbol())) reader.at++;
    const { token } = reader;
    if (token?.kind === "string") readStrings(reader);
    else if (token?.kind === "number" || token?.kind === "bits") reader.at++;
    else throw unknownPart(reader);
  } else if (/^(null|true|false)$/.test(reader.word())) reader.at++;
  else if (/^(current_timestamp|now|localtime|localtimestamp|current_date|current_time|curdate|curtime)$/.test(reader.word())) {
    reader.at++;
    if (reader.symbol() === "(" && reader.symbol(1) === ")") reader.at += 2;
    else if (reader.symbol() === "(") readNumbers(reader);
  } else throw unknownPart(reader);
}

function readCheck(reader: Reader): void {
  reader.expectWord("check");
  readBracketed(reader);
  if (!reader.acceptWord("not", "enforced")) reader.acceptWord("enforced");
}

function readBracketed(reader: Reader): void {
  if (startsQuery(reader.tokens, reader.at)) throw unknownPart(reader);
  reader.expectSymbol("(");
  readExpression(reader);
  reader.expectSymbol(")");
}

/** They keep their rows by themselves. */
const ENGINES: ReadonlySet<string> = new Set(["innodb", "memory", "heap", "myisam", "aria"]);
const NUMBERS: ReadonlySet<string> = new Set(["auto_increment", "max_rows", "min_rows", "avg_row_length", "key_block_size"]);

function readOptions(reader: Reader): void {
  while (acceptOption(reader)) reader.acceptSymbol(",");
}

function acceptOption(reader: Reader): boolean {
  const isDefault = reader.acceptWord("default");
  if (reader.acceptWord("character", "set") || reader.acceptWord("charset") || reader.acceptWord("collate")) {
    reader.acceptSymbol("=");
    if (!reader.acceptWord("binary")) reader.name();
    return true;
  }
  if (isDefault) throw unknownPart(reader);
  const option = reader.word();
  if (option !== "engine" && option !== "comment" && option !== "row_format" && !NUMBERS.has(option)) return false;
  reader.at++;
  reader.acceptSymbol("=");
  const value = reader.token;
  const fits =
    option === "engine"
      ? value?.kind === "word" && ENGINES.has(value.text.toLowerCase())
      : value?.kind === (option === "comment" ? "string" : option === "row_format" ? "word" : "number");
  if (!fits) throw unknownPart(reader);
  reader.at++;
  return true;
}
