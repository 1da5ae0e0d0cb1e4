/**
 * What reading a statement of a masked principal yields: where tables, columns and functions are named, as places among its
 * tokens. The readers go over the tokens once, from left to right, and refuse whatever they do not know the meaning of.
 */
import type { MaskingReason } from "#policies/question.ts";
import type { Token } from "./lexer.ts";
import { isReserved } from "./reserved.ts";

/** Tokens from `start` to `end`, excluded. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A table named where one is read or written. */
export interface TableMention {
  /** Of the name alone. */
  readonly span: Span;
  /** Database, if written, and name. */
  readonly parts: readonly string[];
  /** The common table that it means; null: a table or view of a database. */
  readonly common: CommonTable | null;
  readonly alias: string | null;
  /** `PARTITION (…)` behind the name; null without. */
  readonly partition: Span | null;
  readonly hints: Span | null;
  /** Of the name and all that belongs to it. */
  readonly whole: Span;
  /** What stands there: a source of rows, or the target of a write. */
  readonly role: "source" | "target";
}

export interface CommonTable {
  readonly name: string;
  readonly nameAt: number;
  readonly columns: readonly string[] | null;
  /** Null while its own definition is read. */
  query: Query | null;
}

/** `a`, `t.a`, `d.t.a`, and with a star for the column. */
export interface ColumnMention {
  readonly span: Span;
  readonly parts: readonly string[];
  readonly star: boolean;
  readonly scope: Scope;
}

export interface Call {
  readonly at: number;
  readonly parts: readonly string[];
  /** `f()`, not `f(x)`. */
  readonly empty: boolean;
  /** Each argument is a string, a number or a parameter, and nothing more. */
  readonly constant: boolean;
}

/** A FROM clause with what it hands on by its names. */
export interface Scope {
  readonly parent: Scope | null;
  readonly sources: Source[];
  /** Its joins by names, the innermost first; left out without any, null where what they join can't be told. */
  merges?: readonly Merge[] | null;
}

/** A join that hands on once what both sides have by the same name: NATURAL, USING. */
export interface Merge {
  /** Indexes into the sources of the scope: of its left side from `left`, of its right side from `right` to `end`, excluded. */
  readonly left: number;
  readonly right: number;
  readonly end: number;
  /** Null: all that both sides have. */
  readonly names: readonly string[] | null;
  /** Of RIGHT JOIN, whose right side comes first. */
  readonly reversed: boolean;
}

export interface Source {
  /** The name that columns are qualified by; null where there is none. */
  readonly name: string | null;
  readonly table: TableMention | null;
  readonly query: Query | null;
  /** Names that are given to the columns of a query. */
  readonly columns: readonly string[] | null;
}

export interface Item {
  readonly span: Span;
  readonly alias: string | null;
  /** Indexes into `Found.columns`, of the columns that it names. */
  readonly columns: Span;
  readonly star: boolean;
}

export interface Select {
  readonly scope: Scope;
  readonly items: readonly Item[];
}

/** The branches of a set operation, in order; VALUES has no items. */
export interface Query {
  readonly selects: readonly Select[];
}

export interface Lock extends Span {
  /** It names the tables whose rows are locked. */
  readonly of: boolean;
}

export interface Found {
  readonly tables: TableMention[];
  readonly columns: ColumnMention[];
  readonly calls: Call[];
  readonly commons: CommonTable[];
  readonly items: Item[];
  /** FOR UPDATE and its kin, each whole. */
  readonly locks: Lock[];
  /** Tokens of `MATCH`. */
  readonly matches: number[];
  /** Tokens that are literals or parameters. */
  readonly literals: number[];
  /** Names that DELETE gives to tables which stand behind USING. */
  readonly deleted: number[];
  /** Tokens of `TABLE`, where that is a query. */
  readonly tableQueries: number[];
  natural: boolean;
  /** How many times SELECT, TABLE or VALUES begins a query. */
  selects: number;
}

/** A statement that may not pass, or is not understood; caught where reading began. */
export class Refused extends Error {
  readonly reason: MaskingReason;
  readonly hint: string;
  /** Index of a token; null where no place fits. */
  readonly at: number | null;
  readonly rule: string | null;
  constructor(reason: MaskingReason, message: string, hint: string, at: number | null = null, rule: string | null = null) {
    super(message);
    this.reason = reason;
    this.hint = hint;
    this.at = at;
    this.rule = rule;
  }
}

/** Brackets and queries inside one another. */
const DEPTH_MAX = 150;

/** Common tables that can be seen at a place, the innermost first. */
export interface Names {
  readonly common: CommonTable;
  readonly next: Names | null;
}

export class Reader {
  readonly tokens: readonly Token[];
  readonly found: Found;
  /** Reads a query from here; set by the reader of queries, which the reader of expressions needs. */
  readonly query: (reader: Reader) => Query;
  /** Names of tables and aliases as the server compares them. */
  readonly fold: (name: string) => string;
  at = 0;
  scope: Scope = { parent: null, sources: [] };
  names: Names | null = null;
  #depth = 0;

  constructor(tokens: readonly Token[], fold: (name: string) => string, query: (reader: Reader) => Query) {
    this.tokens = tokens;
    this.fold = fold;
    this.query = query;
    this.found = {
      tables: [],
      columns: [],
      calls: [],
      commons: [],
      items: [],
      locks: [],
      matches: [],
      literals: [],
      deleted: [],
      tableQueries: [],
      natural: false,
      selects: 0,
    };
  }

  get token(): Token | undefined {
    return this.tokens[this.at];
  }

  /** A word without quotes, in lower case; empty when it is none, or not there. */
  word(ahead = 0): string {
    const token = this.tokens[this.at + ahead];
    return token?.kind === "word" ? token.text.toLowerCase() : "";
  }

  symbol(ahead = 0): string {
    const token = this.tokens[this.at + ahead];
    return token?.kind === "symbol" ? token.text : "";
  }

  acceptWord(...words: readonly string[]): boolean {
    if (!words.every((word, index) => this.word(index) === word)) return false;
    this.at += words.length;
    return true;
  }

  acceptSymbol(symbol: string): boolean {
    if (this.symbol() !== symbol) return false;
    this.at++;
    return true;
  }

  expectWord(word: string): void {
    if (!this.acceptWord(word)) throw this.unexpected(word.toUpperCase());
  }

  expectSymbol(symbol: string): void {
    if (!this.acceptSymbol(symbol)) throw this.unexpected(symbol);
  }

  /** A name, quoted or not reserved. @param anyWord behind a dot every word is a name */
  name(anyWord = false): string {
    const { token } = this;
    if (token === undefined) throw this.unexpected("a name");
    const isName = token.kind === "quoted-name" || (token.kind === "word" && token.text !== "\\N" && (anyWord || !isReserved(token.text)));
    if (!isName) throw this.unexpected("a name");
    this.at++;
    return token.text;
  }

  isName(): boolean {
    const { token } = this;
    return token?.kind === "quoted-name" || (token?.kind === "word" && token.text !== "\\N" && !isReserved(token.text));
  }

  nameSequence(): readonly string[] {
    const names = [this.name()];
    while (this.acceptSymbol(",")) names.push(this.name());
    return names;
  }

  /** `(a, b)` */
  nameList(): readonly string[] {
    this.expectSymbol("(");
    const names = this.nameSequence();
    this.expectSymbol(")");
    return names;
  }

  within<Value>(read: () => Value): Value {
    if (this.#depth >= DEPTH_MAX)
      throw new Refused("masked-unsupported", "the statement is nested too deep", "say it with fewer brackets inside one another", this.at);
    this.#depth++;
    const value = read();
    this.#depth--;
    return value;
  }

  /** The common table of that name that can be seen from here. */
  commonOf(name: string): CommonTable | null {
    const wanted = this.fold(name);
    for (let names = this.names; names !== null; names = names.next) if (this.fold(names.common.name) === wanted) return names.common;
    return null;
  }

  unexpected(wanted: string): Refused {
    const { token } = this;
    const shown = token === undefined ? "the end" : token.kind === "string" ? "a string" : token.text.slice(0, 40);
    return new Refused(
      "masked-unparsed",
      `expected ${wanted}, and there is ${shown}`,
      "say it in plainer SQL; quote names with back-ticks",
      this.at,
    );
  }
}
