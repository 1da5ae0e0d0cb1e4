/**
 * A text with its constants left out. Clients that write their values into the text send the same statement over and over with
 * other numbers and strings in it; where no fact depends on them, what was found out about one such text holds for all.
 *
 * Two texts of one template differ in nothing but the values of constants: what stands around a constant is the same, and
 * none of it can end, begin or continue one. Whatever would need more care than that (comments, escapes, dollar quoting) has no
 * template.
 */
import type { LocatedStatement } from "./effects.ts";
import type { Offsets } from "./offsets.ts";
import { nameOfCall } from "./reading.ts";
import { isBody, locationOf, walk } from "./tree.ts";

export interface Template {
  /** The text with marks in the place of constants, which stand in no text that has a template. */
  readonly text: string;
  /** Where the constants begin: indexes into the string of the client's text. */
  readonly constants: readonly number[];
}

/** Longer texts are rare, and rarely differ in constants alone. */
const CHARACTERS_MAX = 4096;
/** Up to here a number fits 32 bits, and is of the same type whatever its digits are. */
const DIGITS_MAX = 9;
const NUMBER = "\u0001";
const STRING = "\u0002";

/** A backslash may be an escape, by a setting of the session; of control characters two are the marks. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNFIT = /[\\\x00-\x08\x0b\x0c\x0e-\x1f]/;

/** Letters, digits, `_`, and everything outside ASCII, as in the server's scanner (scan.l, `ident_cont`); `$` has no template. */
function isWord(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || isDigit(code) || code === 0x5f || code >= 0x80;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Undefined for a text that has none. */
export function templateOf(sql: string): Template | undefined {
  if (sql.length > CHARACTERS_MAX || UNFIT.test(sql)) return undefined;
  const constants: number[] = [];
  let text = "";
  let from = 0;
  let before = 0;
  for (let at = 0; at < sql.length; ) {
    const code = sql.charCodeAt(at);
    const end = endOf(sql, at, code, before);
    if (end === undefined) return undefined;
    const isConstant = code === QUOTE || (isDigit(code) && end - at <= DIGITS_MAX && before !== DOT && isPlainNumber(sql, at, end));
    if (isConstant) {
      text += sql.slice(from, at) + (code === QUOTE ? STRING : NUMBER);
      constants.push(at);
      from = end;
    }
    before = sql.charCodeAt(end - 1);
    at = end;
  }
  return { text: text + sql.slice(from), constants };
}

const QUOTE = 0x27;
const DOUBLE_QUOTE = 0x22;
const DOT = 0x2e;
const AMPERSAND = 0x26;

/** Where what begins at `at` ends: a quoted part, a word or number, else a single character. Undefined where there is no template. */
function endOf(sql: string, at: number, code: number, before: number): number | undefined {
  switch (code) {
    case QUOTE:
    case DOUBLE_QUOTE:
      // E'', B'', X'', N'' and U&'' are read by other rules.
      return isWord(before) || before === AMPERSAND || before === QUOTE ? undefined : endOfQuoted(sql, at, code);
    case 0x24: // $
      return undefined;
    case 0x2d: // -
    case 0x2f: // /
      return sql.startsWith("--", at) || sql.startsWith("/*", at) ? undefined : at + 1;
    default:
      return isWord(code) ? endOfWord(sql, at) : at + 1;
  }
}

/** A doubled quote stands for itself. */
function endOfQuoted(sql: string, at: number, quote: number): number | undefined {
  const mark = String.fromCharCode(quote);
  let end = sql.indexOf(mark, at + 1);
  while (end >= 0 && sql.charCodeAt(end + 1) === quote) end = sql.indexOf(mark, end + 2);
  if (end < 0 || isWord(sql.charCodeAt(end + 1))) return undefined;
  return end + 1;
}

function endOfWord(sql: string, at: number): number {
  let end = at + 1;
  while (end < sql.length && isWord(sql.charCodeAt(end))) end++;
  return end;
}

/** Digits alone, and not the beginning of a fraction. */
function isPlainNumber(sql: string, start: number, end: number): boolean {
  if (sql.charCodeAt(end) === DOT) return false;
  for (let at = start; at < end; at++) if (!isDigit(sql.charCodeAt(at))) return false;
  return true;
}

/** Of other statements the server's grammar itself looks at values, or a fact does. */
const STATEMENTS: ReadonlySet<string> = new Set(["SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt"]);

/**
 * Whether all that is found out about a text, for a principal under no mask and no guardrail, would be found out about any other of its
 * template: each constant is one to the grammar too, in an expression, and no setting is made of one.
 */
export function standsForAll({ constants }: Template, statements: readonly LocatedStatement[], offsets: Offsets): boolean {
  const [statement] = statements;
  if (statement === undefined || statements.length > 1 || !STATEMENTS.has(statement.type)) return false;
  const found = new Set<number>();
  let settles = false;
  walk(statement, ({ type, body, parent }) => {
    if (type === "FuncCall" && nameOfCall(body).name === "set_config") settles = true;
    const location = locationOf(body);
    const isValue = type === "A_Const" && (isBody(body["ival"]) || isBody(body["sval"]));
    // Those of a type's name, as in varchar(10), are part of what the grammar checks.
    if (isValue && parent !== "TypeName" && location !== undefined) found.add(offsets.toIndex(location));
    return true;
  });
  // A negative number begins at its sign.
  return !settles && constants.every((at) => found.has(at) || found.has(at - 1));
}
