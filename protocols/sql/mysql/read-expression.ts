/**
 * Reads expressions: operands with operators between them. How operators bind is left to the server, since nothing here depends
 * on it; what counts is that every name is known to be a column, a function or a word of the grammar.
 */

import { holdsList, startsQuery } from "./query-brackets.ts";
import { type Lent, readCall } from "./read-call.ts";
import { type Reader, Refused } from "./reading.ts";
import { isReserved } from "./reserved.ts";

const OPERATORS: ReadonlySet<string> = new Set("= <=> <> != < <= > >= + - * / % ^ & | << >> && || -> ->>".split(" "));
const COMPARISONS: ReadonlySet<string> = new Set("= <=> <> != < <= > >=".split(" "));
const WORD_OPERATORS: ReadonlySet<string> = new Set("and or xor div mod like regexp rlike escape collate between in".split(" "));
const NEGATED: ReadonlySet<string> = new Set(["like", "regexp", "rlike", "between", "in", "member"]);
const PREFIXES: ReadonlySet<string> = new Set(["+", "-", "~", "!"]);
const CONSTANTS: ReadonlySet<string> = new Set(["null", "true", "false", "unknown", "\\n"]);
/** Functions of the server's own whose names are reserved words. */
const RESERVED_FUNCTIONS: ReadonlySet<string> = new Set(
  `char convert cume_dist current_date current_role current_time current_timestamp current_user database default dense_rank first_value
  grouping if insert lag last_value lead left localtime localtimestamp mod nth_value ntile percent_rank rank repeat replace right
  row row_number schema utc_date utc_time utc_timestamp values`.split(/\s+/),
);
/** They may stand without brackets. */
const BARE_FUNCTIONS: ReadonlySet<string> = new Set(
  "current_date current_role current_time current_timestamp current_user localtime localtimestamp utc_date utc_time utc_timestamp".split(
    " ",
  ),
);
const UNITS: ReadonlySet<string> = new Set(
  `microsecond second minute hour day week month quarter year second_microsecond minute_microsecond minute_second hour_microsecond
  hour_second hour_minute day_microsecond day_second day_minute day_hour year_month`.split(/\s+/),
);

export const LENT: Lent = { expression: readExpression, operand: readOperand, units: UNITS };

/** @param noIn stops before IN, as in `POSITION(x IN y)` */
export function readExpression(reader: Reader, noIn = false): void {
  reader.within(() => {
    readOperand(reader);
    while (acceptOperator(reader, noIn)) readOperand(reader);
  });
}

export function readExpressions(reader: Reader): void {
  do readExpression(reader);
  while (reader.acceptSymbol(","));
}

/** Whether an operator was read that another operand must follow; those that stand behind their operand are read along. */
function acceptOperator(reader: Reader, noIn: boolean): boolean {
  for (;;) {
    const symbol = reader.symbol();
    if (symbol === ":=") throw assignment(reader);
    if (OPERATORS.has(symbol)) {
      reader.at++;
      const quantified = COMPARISONS.has(symbol) && /^(all|any|some)$/.test(reader.word()) && reader.symbol(1) === "(";
      if (quantified) reader.at++;
      return true;
    }
    const word = reader.word();
    if (word === "is") readIs(reader);
    else if (word === "sounds" && reader.acceptWord("sounds", "like")) return true;
    else if (word === "member") return readMember(reader);
    else if (word === "not" && NEGATED.has(reader.word(1))) {
      reader.at++;
      if (reader.word() === "member") return readMember(reader);
      reader.at++;
      return true;
    } else if (WORD_OPERATORS.has(word) && !(noIn && word === "in")) {
      reader.at++;
      if (word !== "collate") return true;
      if (!reader.acceptWord("binary")) reader.name();
    } else return false;
  }
}

function readMember(reader: Reader): true {
  reader.expectWord("member");
  reader.acceptWord("of");
  if (reader.symbol() !== "(") throw reader.unexpected("(");
  return true;
}

function readIs(reader: Reader): void {
  reader.expectWord("is");
  reader.acceptWord("not");
  if (!["null", "true", "false", "unknown", "\\n"].includes(reader.word())) throw reader.unexpected("NULL, TRUE, FALSE or UNKNOWN");
  reader.at++;
}

export function assignment(reader: Reader): Refused {
  return new Refused(
    "masked-statement-kind",
    "a query may not assign user variables under a mask",
    "SET @name = a constant, in a statement by itself",
    reader.at,
  );
}

function readOperand(reader: Reader): void {
  while (PREFIXES.has(reader.symbol()) || reader.word() === "not" || (reader.word() === "binary" && reader.symbol(1) !== "(")) reader.at++;
  const { token } = reader;
  if (token === undefined) throw reader.unexpected("an expression");
  switch (token.kind) {
    case "number":
    case "bits":
    case "parameter":
      reader.found.literals.push(reader.at);
      reader.at++;
      return;
    case "string":
      readStrings(reader);
      return;
    case "user-variable":
      reader.at++;
      return;
    case "system-variable":
      readSystemVariable(reader);
      return;
    case "symbol":
      readBracket(reader);
      return;
    case "word":
      readWord(reader);
      return;
    case "quoted-name":
      readName(reader);
      return;
  }
}

/** Strings side by side are one. */
export function readStrings(reader: Reader): void {
  if (reader.token?.kind !== "string") throw reader.unexpected("a string");
  while (reader.token?.kind === "string") {
    reader.found.literals.push(reader.at);
    reader.at++;
  }
}

/** What they tell is the server's own; no row stands in any. */
function readSystemVariable(reader: Reader): void {
  reader.at++;
  const first = reader.name(true);
  if (!reader.acceptSymbol(".")) return;
  reader.name(true);
  if (/^(global|session|local|persist)$/i.test(first) && reader.acceptSymbol(".")) reader.name(true);
}

/** A query, or a list of expressions. */
export function readBracket(reader: Reader): void {
  if (startsQuery(reader.tokens, reader.at)) {
    reader.expectSymbol("(");
    reader.query(reader);
  } else {
    reader.expectSymbol("(");
    readExpressions(reader);
  }
  reader.expectSymbol(")");
}

function readWord(reader: Reader): void {
  const word = reader.word();
  const next = reader.tokens[reader.at + 1];
  const quotes = next?.kind === "string" || next?.kind === "bits";
  if (CONSTANTS.has(word)) reader.at++;
  else if (word === "case") readCase(reader);
  else if (word === "exists") {
    reader.at++;
    if (!startsQuery(reader.tokens, reader.at)) throw reader.unexpected("a query in brackets");
    readBracket(reader);
  } else if (word === "interval") readInterval(reader);
  else if (word === "match") readMatch(reader);
  else if (quotes && next.kind === "string" && ["date", "time", "timestamp"].includes(word)) {
    reader.at++;
    readStrings(reader);
  } else if (quotes && (word.startsWith("_") || word === "n")) {
    reader.at++;
    reader.found.literals.push(reader.at);
    reader.at++;
  } else if (word === "next" || word === "previous") readSequence(reader);
  else if (BARE_FUNCTIONS.has(word) && reader.symbol(1) !== "(") {
    reader.found.calls.push({ at: reader.at, parts: [word], empty: true, constant: true });
    reader.at++;
  } else if (isReserved(word)) {
    if (!RESERVED_FUNCTIONS.has(word) || reader.symbol(1) !== "(") throw reader.unexpected("an expression");
    reader.at++;
    readCall(reader, { start: reader.at - 1, parts: [word] }, LENT);
  } else readName(reader);
}

/** MariaDB's `NEXT VALUE FOR s` changes a sequence; `next` alone is a column. */
function readSequence(reader: Reader): void {
  if (reader.word(1) !== "value") {
    readName(reader);
    return;
  }
  throw new Refused("masked-function", "sequences may not be used under a mask", "let the column's AUTO_INCREMENT count", reader.at);
}

function readCase(reader: Reader): void {
  reader.expectWord("case");
  if (reader.word() !== "when") readExpression(reader);
  while (reader.acceptWord("when")) {
    readExpression(reader);
    reader.expectWord("then");
    readExpression(reader);
  }
  if (reader.acceptWord("else")) readExpression(reader);
  reader.expectWord("end");
}

/** `INTERVAL x DAY`, or the function `INTERVAL(a, b, …)`. */
function readInterval(reader: Reader): void {
  const start = reader.at;
  reader.expectWord("interval");
  if (holdsList(reader.tokens, reader.at)) {
    readCall(reader, { start, parts: ["interval"] }, LENT);
    return;
  }
  readExpression(reader);
  if (!UNITS.has(reader.word())) throw reader.unexpected("a unit of time");
  reader.at++;
}

function readMatch(reader: Reader): void {
  reader.found.matches.push(reader.at);
  reader.expectWord("match");
  const bracket = reader.acceptSymbol("(");
  readExpressions(reader);
  if (bracket) reader.expectSymbol(")");
  reader.expectWord("against");
  reader.expectSymbol("(");
  readExpression(reader, true);
  reader.acceptWord("in", "natural", "language", "mode");
  reader.acceptWord("in", "boolean", "mode");
  reader.acceptWord("with", "query", "expansion");
  reader.expectSymbol(")");
}

/** A column, or a function's call. */
function readName(reader: Reader): void {
  const start = reader.at;
  const parts = [reader.name()];
  while (parts.length < 3 && reader.symbol() === ".") {
    reader.at++;
    parts.push(reader.name(true));
  }
  if (reader.symbol() === "(") {
    if (parts.length > 2) throw reader.unexpected("an operator");
    readCall(reader, { start, parts }, LENT);
    return;
  }
  reader.found.columns.push({ span: { start, end: reader.at }, parts, star: false, scope: reader.scope });
}
