/** Reads what stands in the brackets of a function, and the window behind them. */
import type { Reader } from "./reading.ts";

/** What the reader of expressions lends, which itself needs this one. */
export interface Lent {
  readonly expression: (reader: Reader, noIn?: boolean) => void;
  /** Without an operator behind it. */
  readonly operand: (reader: Reader) => void;
  readonly units: ReadonlySet<string>;
}

export interface Named {
  readonly start: number;
  readonly parts: readonly string[];
}

const TYPE_WORDS: ReadonlySet<string> = new Set(
  `char character varchar nchar national binary varbinary text tinytext mediumtext longtext signed unsigned integer int decimal dec date datetime time year double precision
  float real bigint smallint tinyint mediumint json bool boolean uuid inet4 inet6`.split(/\s+/),
);

/** The reader stands at the opening bracket. */
export function readCall(reader: Reader, { start, parts }: Named, lent: Lent): void {
  reader.expectSymbol("(");
  reader.found.calls.push({ at: start, parts, empty: reader.symbol() === ")", constant: takesConstants(reader) });
  const name = parts.length === 1 ? (parts[0] ?? "").toLowerCase() : "";
  if (!reader.acceptSymbol(")")) {
    readArguments(reader, name, lent);
    reader.expectSymbol(")");
  }
  if (reader.word() === "within" && reader.word(1) === "group") {
    reader.at += 2;
    readWindow(reader, lent);
  }
  if (!reader.acceptWord("respect", "nulls")) reader.acceptWord("ignore", "nulls");
  if (!reader.acceptWord("over")) return;
  if (reader.symbol() === "(") readWindow(reader, lent);
  else reader.name();
}

/** The reader stands behind the opening bracket, and stays there. */
function takesConstants(reader: Reader): boolean {
  const kindAt = (ahead: number): string => reader.tokens[reader.at + ahead]?.kind ?? "";
  for (let ahead = 0; reader.symbol(ahead) !== ")"; ahead++) {
    if (ahead > 0 && reader.symbol(ahead++) !== ",") return false;
    if (reader.symbol(ahead) === "-" && kindAt(ahead + 1) === "number") ahead++;
    if (!/^(string|number|parameter)$/.test(kindAt(ahead))) return false;
  }
  return true;
}

function readArguments(reader: Reader, name: string, lent: Lent): void {
  switch (name) {
    case "cast":
      lent.expression(reader);
      reader.expectWord("as");
      readType(reader);
      return;
    case "convert":
      lent.expression(reader);
      if (reader.acceptWord("using")) readCharset(reader);
      else {
        reader.expectSymbol(",");
        readType(reader);
      }
      return;
    case "extract":
      readUnit(reader, lent);
      reader.expectWord("from");
      lent.expression(reader);
      return;
    case "timestampadd":
    case "timestampdiff":
      readUnit(reader, lent);
      reader.expectSymbol(",");
      readList(reader, lent);
      return;
    case "trim":
      readTrim(reader, lent);
      return;
    case "position":
      lent.expression(reader, true);
      reader.expectWord("in");
      lent.expression(reader);
      return;
    case "get_format":
      if (!/^(date|time|datetime|timestamp)$/.test(reader.word())) throw reader.unexpected("a type of date");
      reader.at++;
      reader.expectSymbol(",");
      lent.expression(reader);
      return;
    default:
      readList(reader, lent);
  }
}

/** Expressions, with what aggregates and some others let stand around them. */
function readList(reader: Reader, lent: Lent): void {
  if (!reader.acceptWord("distinct")) reader.acceptWord("all");
  // COUNT(*)
  if (reader.symbol() === "*" && reader.symbol(1) === ")") {
    reader.at++;
    return;
  }
  do lent.expression(reader);
  while (reader.acceptSymbol(","));
  if (reader.acceptWord("from")) {
    lent.expression(reader);
    if (reader.acceptWord("for")) lent.expression(reader);
    return;
  }
  if (reader.acceptWord("using")) readCharset(reader);
  if (reader.word() === "order") readOrder(reader, lent);
  if (reader.acceptWord("separator")) lent.expression(reader);
  if (reader.acceptWord("limit")) {
    lent.expression(reader);
    if (reader.acceptSymbol(",") || reader.acceptWord("offset")) lent.expression(reader);
  }
}

function readTrim(reader: Reader, lent: Lent): void {
  if (/^(both|leading|trailing)$/.test(reader.word())) reader.at++;
  if (reader.word() !== "from") lent.expression(reader);
  if (reader.acceptWord("from")) lent.expression(reader);
}

function readUnit(reader: Reader, lent: Lent): void {
  if (!lent.units.has(reader.word())) throw reader.unexpected("a unit of time");
  reader.at++;
}

function readCharset(reader: Reader): void {
  if (!reader.acceptWord("binary")) reader.name();
}

export function readType(reader: Reader): void {
  if (!TYPE_WORDS.has(reader.word())) throw reader.unexpected("a type");
  while (TYPE_WORDS.has(reader.word())) {
    if (reader.word() === "character" && reader.word(1) === "set") break;
    reader.at++;
  }
  if (reader.acceptSymbol("(")) {
    do {
      if (reader.token?.kind !== "number") throw reader.unexpected("a number");
      reader.at++;
    } while (reader.acceptSymbol(","));
    reader.expectSymbol(")");
  }
  while (TYPE_WORDS.has(reader.word()) && reader.word() !== "character") reader.at++;
  if (reader.acceptWord("character", "set") || reader.acceptWord("charset")) readCharset(reader);
}

export function readOrder(reader: Reader, lent: Lent): void {
  reader.expectWord("order");
  reader.expectWord("by");
  do {
    lent.expression(reader);
    if (!reader.acceptWord("asc")) reader.acceptWord("desc");
  } while (reader.acceptSymbol(","));
}

/** `([name] [PARTITION BY …] [ORDER BY …] [ROWS …])` */
export function readWindow(reader: Reader, lent: Lent): void {
  reader.expectSymbol("(");
  if (reader.isName()) reader.name();
  if (reader.acceptWord("partition")) {
    reader.expectWord("by");
    do lent.expression(reader);
    while (reader.acceptSymbol(","));
  }
  if (reader.word() === "order") readOrder(reader, lent);
  if (reader.acceptWord("rows") || reader.acceptWord("range")) {
    if (reader.acceptWord("between")) {
      readBound(reader, lent);
      reader.expectWord("and");
    }
    readBound(reader, lent);
  }
  reader.expectSymbol(")");
}

function readBound(reader: Reader, lent: Lent): void {
  if (reader.acceptWord("current", "row") || reader.acceptWord("unbounded", "preceding") || reader.acceptWord("unbounded", "following"))
    return;
  if (reader.acceptWord("interval")) {
    lent.operand(reader);
    readUnit(reader, lent);
  } else lent.operand(reader);
  if (!reader.acceptWord("preceding")) reader.expectWord("following");
}
