/**
 * Cuts a text into tokens as a MySQL or MariaDB server with the given sql_mode would. Stricter than they are: what they
 * read in a way that depends on something that is not known here (an unclosed comment, a NUL, a hint) is refused.
 *
 * Source: MySQL manual, "Language Structure"; MariaDB documentation, "Comment Syntax".
 */
import type { SqlMode } from "./sql-mode.ts";

export type TokenKind =
  /** A name without quotes, a key word among them; `text` as written. */
  | "word"
  /** A name in back-ticks, or in double quotes under ANSI_QUOTES; `text` is the name itself. */
  | "quoted-name"
  /** A character string; `text` is its value. */
  | "string"
  /** Digits as written, with fraction and exponent. */
  | "number"
  /** `0x41` and `x'41'` as they are, as MariaDB computes with them differently; `0b1` and `b'1'` as `0b…`. */
  | "bits"
  /** `@name`; `text` is the name without the sign. */
  | "user-variable"
  /** `@@`; what follows is words and dots. */
  | "system-variable"
  | "parameter"
  | "symbol";

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  /** Indexes into the text: start, and end, excluded. */
  readonly start: number;
  readonly end: number;
  /** White space or a comment stands before it: `count (` and `count(` differ. */
  readonly spaced: boolean;
}

export interface LexerOptions {
  readonly sqlMode: SqlMode;
  /** The session's character set is not UTF-8: a byte beyond ASCII may be white space to the server (0xa0 in latin1). */
  readonly foreign?: boolean;
  /** Which executable comments count as text; null: a text that has one is refused. */
  readonly executes: ((comment: ExecutableComment) => ExecutedAs) | null;
}

/** Whether the content is text; `five-digits`: it is, and begins with the sixth digit of the version; `unknown`: refused. */
export type ExecutedAs = boolean | "five-digits" | "unknown";

export interface ExecutableComment {
  /** `/*M!`: for MariaDB alone. */
  readonly mariadb: boolean;
  /** 50726, 100108 …; null when the comment names none. */
  readonly version: number | null;
  readonly sixDigits: boolean;
}

/** @param letter `M` or nothing. @param digits behind the exclamation mark, five or six */
export function executableComment(letter: string | undefined, digits: string | undefined): ExecutableComment {
  return { mariadb: letter === "M", version: digits === undefined ? null : Number(digits), sixDigits: digits?.length === 6 };
}

export type Lexed =
  | { readonly kind: "tokens"; readonly tokens: readonly Token[]; readonly executableComments: boolean }
  | { readonly kind: "error"; readonly message: string; readonly index: number };

class LexerError extends Error {
  readonly index: number;
  constructor(message: string, index: number) {
    super(message);
    this.index = index;
  }
}

const TOKENS_MAX = 1_000_000;
const SPACE = /[ \t\n\r\v\f]/;
/** What a name without quotes is made of: everything beyond ASCII counts. */
const NAME = /[0-9A-Za-z$_\u0080-\uffff]+/y;
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y;
const HEXADECIMAL = /0x[0-9A-Fa-f]+(?![0-9A-Za-z$_\u0080-\uffff])/y;
const BINARY = /0b[01]+(?![0-9A-Za-z$_\u0080-\uffff])/y;
/** Longest first. */
const SYMBOLS = ["<=>", "->>", "<<", ">>", "<=", ">=", "<>", "!=", ":=", "||", "&&", "->"] as const;
const SINGLE = "()[]{},;.=<>+-*/%^&|~!:";

export function lex(sql: string, options: LexerOptions): Lexed {
  try {
    const lexer = new Lexer(sql, options);
    const tokens = lexer.run();
    return { kind: "tokens", tokens, executableComments: lexer.executableComments };
  } catch (error) {
    if (error instanceof LexerError) return { kind: "error", message: error.message, index: error.index };
    throw error;
  }
}

class Lexer {
  readonly #sql: string;
  readonly #options: LexerOptions;
  readonly #tokens: Token[] = [];
  #at = 0;
  #spaced = false;
  /** Inside an executable comment whose content counts: its end is a symbol of its own. */
  #inside = false;
  executableComments = false;

  constructor(sql: string, options: LexerOptions) {
    this.#sql = sql;
    this.#options = options;
  }

  run(): readonly Token[] {
    const nul = this.#sql.indexOf("\0");
    if (nul >= 0) throw new LexerError("the statement holds a NUL character", nul);
    for (;;) {
      this.#skip();
      if (this.#at >= this.#sql.length) break;
      this.#token();
      this.#checkForeign();
      this.#spaced = false;
      if (this.#tokens.length > TOKENS_MAX) throw new LexerError("the statement has too many parts", this.#at);
    }
    if (this.#inside) throw new LexerError("an executable comment is not closed", this.#sql.length);
    return this.#tokens;
  }

  /** Quotes end at the same place in every set that is judged; what stands outside them may not. */
  #checkForeign(): void {
    const last = this.#tokens.at(-1);
    if (this.#options.foreign !== true || last === undefined || !["word", "number", "user-variable"].includes(last.kind)) return;
    const found = this.#sql.slice(last.start, last.end).search(/[\u0080-\uffff]/);
    if (found >= 0) throw new LexerError("a character beyond ASCII outside quotes, in another set than UTF-8", last.start + found);
  }

  /** White space and comments. */
  #skip(): void {
    for (;;) {
      const char = this.#sql[this.#at];
      if (char === undefined) return;
      if (SPACE.test(char)) this.#at++;
      else if (char === "#") this.#line();
      else if (char === "-" && this.#sql[this.#at + 1] === "-" && this.#endsDashes(this.#at + 2)) this.#line();
      else if (this.#sql.startsWith("/*", this.#at)) this.#comment();
      else if (this.#inside && this.#sql.startsWith("*/", this.#at)) {
        this.#inside = false;
        this.#at += 2;
      } else return;
      this.#spaced = true;
    }
  }

  /** Two dashes begin a comment only before white space, a control character or the end. */
  #endsDashes(index: number): boolean {
    const char = this.#sql[index];
    return char === undefined || char <= " " || char === "\u007f";
  }

  #line(): void {
    const end = this.#sql.indexOf("\n", this.#at);
    this.#at = end < 0 ? this.#sql.length : end + 1;
  }

  #comment(): void {
    const start = this.#at;
    const executable = /\/\*(M?)!(\d{5,6})?/y;
    executable.lastIndex = start;
    const found = executable.exec(this.#sql);
    if (found === null) {
      if (this.#sql[start + 2] === "+") throw new LexerError("optimizer hints are not understood", start);
      this.#at = this.#closing(start + 2);
      return;
    }
    const { executes } = this.#options;
    const [whole, letter, digits] = found;
    const comment = executableComment(letter, digits);
    const executed = executes === null ? "unknown" : executes(comment);
    if (executed === "unknown") throw new LexerError("this executable comment is not understood here", start);
    if (this.#inside) throw new LexerError("an executable comment stands inside another", start);
    this.executableComments = true;
    if (executed !== false) {
      this.#inside = true;
      const rest = executed === "five-digits" && comment.sixDigits ? 1 : 0;
      this.#at = start + whole.length - rest;
      // Servers differ in what they take for the number when more digits follow.
      if (/\d/.test(this.#sql[this.#at + rest] ?? "")) throw new LexerError("the version of an executable comment can't be told", start);
    } else this.#at = this.#skipped(start + whole.length);
  }

  #closing(from: number): number {
    const end = this.#sql.indexOf("*/", from);
    if (end < 0) throw new LexerError("a comment is not closed", this.#at);
    return end + 2;
  }

  /** Content that this server does not execute; comments inside it nest on some servers and not on others. */
  #skipped(from: number): number {
    const end = this.#closing(from);
    if (this.#sql.slice(from, end).includes("/*")) throw new LexerError("a comment stands inside an executable comment", this.#at);
    return end;
  }

  #token(): void {
    const start = this.#at;
    const char = this.#sql[start] ?? "";
    if (char === "'") this.#push("string", this.#quoted("'", true), start);
    else if (char === '"') this.#doubleQuoted(start);
    else if (char === "`") this.#push("quoted-name", this.#quoted("`", false), start);
    else if (char === "@") this.#variable(start);
    else if (char === "?") this.#symbol("parameter", "?", start);
    else if (char === "\\" && this.#sql[start + 1] === "N") this.#symbol("word", "\\N", start);
    else if (this.#bits(start)) return;
    else if (/[0-9]/.test(char) || (char === "." && /[0-9]/.test(this.#sql[start + 1] ?? "") && !this.#afterName())) this.#number(start);
    else if (matches(NAME, this.#sql, start) !== null) this.#word(start);
    else this.#operator(start);
  }

  #push(kind: TokenKind, text: string, start: number): void {
    this.#tokens.push({ kind, text, start, end: this.#at, spaced: this.#spaced });
  }

  #symbol(kind: TokenKind, text: string, start: number): void {
    this.#at = start + text.length;
    this.#push(kind, text, start);
  }

  #doubleQuoted(start: number): void {
    const { ansiQuotes } = this.#options.sqlMode;
    const text = this.#quoted('"', !ansiQuotes);
    this.#push(ansiQuotes ? "quoted-name" : "string", text, start);
  }

  /** From the quote under `#at` to its end. @param escapes whether backslashes count in it */
  #quoted(quote: string, escapes: boolean): string {
    const start = this.#at;
    const backslashes = escapes && !this.#options.sqlMode.noBackslashEscapes;
    let value = "";
    let from = start + 1;
    for (let index = from; index < this.#sql.length; index++) {
      const char = this.#sql[index];
      if (char === "\\" && backslashes) {
        value += this.#sql.slice(from, index) + escaped(this.#sql[index + 1]);
        index++;
        from = index + 1;
      } else if (char === quote) {
        value += this.#sql.slice(from, index);
        if (this.#sql[index + 1] !== quote) {
          this.#at = index + 1;
          return value;
        }
        value += quote;
        index++;
        from = index + 1;
      }
    }
    throw new LexerError("a quoted text is not closed", start);
  }

  #variable(start: number): void {
    const next = this.#sql[start + 1];
    if (next === "@") {
      this.#symbol("system-variable", "@@", start);
      return;
    }
    this.#at = start + 1;
    if (next === "`") this.#push("user-variable", this.#quoted("`", false), start);
    else if (next === "'") this.#push("user-variable", this.#quoted(next, true), start);
    // As by itself: under ANSI_QUOTES it is a name, in which a backslash is one.
    else if (next === '"') this.#push("user-variable", this.#quoted(next, !this.#options.sqlMode.ansiQuotes), start);
    else {
      const name = matches(/[0-9A-Za-z$_.\u0080-\uffff]*/y, this.#sql, start + 1) ?? "";
      this.#at = start + 1 + name.length;
      this.#push("user-variable", name, start);
    }
  }

  /** `x'41'`, `b'1'`, `0x41`, `0b1`. */
  #bits(start: number): boolean {
    const quoted = matches(/[xX]'[0-9A-Fa-f]*'|[bB]'[01]*'/y, this.#sql, start);
    const plain = quoted === null ? (matches(HEXADECIMAL, this.#sql, start) ?? matches(BINARY, this.#sql, start)) : null;
    // Without quotes an odd number of digits has a zero before it; in quotes it is an error.
    const padded = plain?.startsWith("0x") === true && plain.length % 2 === 1 ? `0x0${plain.slice(2)}` : plain;
    const text = quoted === null ? padded : /^x/i.test(quoted) ? `x${quoted.slice(1)}` : `0b${quoted.slice(2, -1)}`;
    if (text === null) return false;
    // Behind a dot it is a name.
    if (plain !== null && this.#afterDot()) return false;
    if (text.startsWith("x") && text.length % 2 === 0) throw new LexerError("a hexadecimal string has an odd length", start);
    this.#at = start + (quoted ?? plain ?? "").length;
    this.#push("bits", text, start);
    return true;
  }

  /** Digits; a name may begin with them too, and behind a dot it always is one. */
  #number(start: number): void {
    const name = this.#sql[start] === "." ? null : matches(NAME, this.#sql, start);
    const number = matches(NUMBER, this.#sql, start) ?? "";
    if (this.#afterDot() || (name !== null && name.length > number.length)) {
      // `1e5x` and `1.e5`: servers part these in ways of their own.
      if (name === null || /^\d+[eE]\d*$/.test(name)) throw new LexerError("a number runs into a name", start);
      this.#at = start + name.length;
      this.#push("word", name, start);
      return;
    }
    this.#at = start + number.length;
    if (matches(NAME, this.#sql, this.#at) !== null) throw new LexerError("a number runs into a name", start);
    this.#push("number", number, start);
  }

  #word(start: number): void {
    const name = matches(NAME, this.#sql, start) ?? "";
    this.#at = start + name.length;
    this.#push("word", name, start);
  }

  #operator(start: number): void {
    const long = SYMBOLS.find((symbol) => this.#sql.startsWith(symbol, start));
    const char = this.#sql[start] ?? "";
    if (long === undefined && !SINGLE.includes(char)) throw new LexerError(`a character that begins nothing: ${printable(char)}`, start);
    this.#symbol("symbol", long ?? char, start);
  }

  /** `t.1a` and `t.5`: behind a name and a dot without space, digits are a name. */
  #afterDot(): boolean {
    const last = this.#tokens.at(-1);
    return last?.kind === "symbol" && last.text === "." && !this.#spaced;
  }

  #afterName(): boolean {
    const last = this.#tokens.at(-1);
    return !this.#spaced && (last?.kind === "word" || last?.kind === "quoted-name");
  }
}

function matches(pattern: RegExp, text: string, index: number): string | null {
  pattern.lastIndex = index;
  const found = pattern.exec(text)?.[0];
  return found === undefined || found === "" ? null : found;
}

const ESCAPES: Readonly<Record<string, string>> = { "0": "\0", b: "\b", n: "\n", r: "\r", t: "\t", Z: "\u001a" };

/** `\%` and `\_` stay as they are: LIKE reads them. */
function escaped(char: string | undefined): string {
  if (char === undefined) return "\\";
  if (char === "%" || char === "_") return `\\${char}`;
  return ESCAPES[char] ?? char;
}

function printable(char: string): string {
  return char < " " || char > "~" ? `U+${(char.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}` : char;
}
