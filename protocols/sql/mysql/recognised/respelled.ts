/**
 * What the grammar does not read although it means the same as something that it does: said in those words, so that a
 * statement's rights and guards can be told, and where tables and functions stand in it. Only for that: what is made here never goes
 * to a server, and some of it loses what these do not depend on.
 */
import type { Token } from "#protocols/sql/mysql/lexer.ts";
import { holdsList, partnerOf } from "#protocols/sql/mysql/query-brackets.ts";
import { isReserved } from "#protocols/sql/mysql/reserved.ts";
import { EXPLAINED } from "./forms.ts";
import { bracketedTables, updatedTables } from "./listed-tables.ts";
import { negated } from "./negated.ts";
import { upserted } from "./upserted.ts";

/** @returns tokens that the grammar reads; those that came where nothing was to be changed */
export function respelled(tokens: readonly Token[]): readonly Token[] {
  const found = [...bracketedTables(updatedTables(negated(upserted(withoutModifiers(tokens)))))];
  const made: Token[] = [];
  for (let at = 0; at < found.length; ) {
    const token = found[at];
    if (token === undefined) break;
    const rule = RULES.find(({ takes }) => takes(found, at) > 0);
    if (rule === undefined) made.push(token);
    else made.push(...rule.instead.map((text) => ({ ...token, kind: kindOf(text), text, spaced: true })));
    at += rule?.takes(found, at) ?? 1;
  }
  return made;
}

function kindOf(text: string): Token["kind"] {
  return /^\w/.test(text) ? "word" : "symbol";
}

type Place = (tokens: readonly Token[], at: number) => boolean;

interface Rule {
  /** How many tokens from here on; 0 where it does not apply. */
  readonly takes: (tokens: readonly Token[], at: number) => number;
  readonly instead: readonly string[];
}

/** @param takes how many tokens, where it fits */
function rule(fits: Place, takes: number, ...instead: readonly string[]): Rule {
  return { takes: (tokens, at) => (fits(tokens, at) ? takes : 0), instead };
}

const RULES: readonly Rule[] = [
  // LOCK and IN are reserved: nothing else reads so.
  rule((tokens, at) => words(tokens, at, "lock", "in", "share", "mode"), 4, "FOR", "SHARE"),
  // Reserved; before a bracket it is a function.
  rule((tokens, at) => words(tokens, at, "mod") && signAt(tokens, at + 1) !== "(", 1, "DIV"),
  rule((tokens, at) => words(tokens, at, "charset") && endsType(tokens, at, at + 1), 2),
  rule((tokens, at) => words(tokens, at, "character", "set") && endsType(tokens, at, at + 2), 3),
  // MariaDB's.
  rule((tokens, at) => words(tokens, at, "wait") && tokens[at + 1]?.kind === "number" && behindLock(tokens, at), 2, "NOWAIT"),
  rule(isTableStatement, 1, "SELECT", "*", "FROM"),
  rule((tokens, at) => words(tokens, at, "with", "rollup") && endsGrouping(tokens[at + 2]), 2),
  // What dumps have around their rows: an ALTER TABLE like any other.
  rule((tokens, at) => at === tokens.length - 2 && wordAt(tokens, 0) === "alter" && switchesKeys(tokens, at), 2, "ADD", "k", "INT"),
  rule((tokens, at) => words(tokens, at, "sounds", "like") && endsOperand(tokens[at - 1]), 1),
  rule((tokens, at) => words(tokens, at, "interval") && holdsList(tokens, at + 1), 1, "ELT"),
  { takes: aggregateLimit, instead: [] },
  // Reserved; they stand for a unit of time and nothing else.
  rule((tokens, at) => COMPOUND_UNITS.has(wordAt(tokens, at) ?? ""), 1, "SECOND"),
  rule((tokens, at) => isSideOfTrim(tokens, at) && words(tokens, at - 2, "trim"), 2),
  rule((tokens, at) => words(tokens, at, "using") && endsChar(tokens, at + 2), 2),
  // ALTER TABLE: an index goes by either word.
  rule((tokens, at) => wordAt(tokens, 0) === "alter" && words(tokens, at, "drop", "key"), 2, "DROP", "INDEX"),
  rule(
    (tokens, at) => wordAt(tokens, 0) === "alter" && /^(index|key)$/.test(wordAt(tokens, at) ?? "") && words(tokens, at - 1, "rename"),
    1,
    "COLUMN",
  ),
  // Before the SELECT that fills a table.
  rule((tokens, at) => wordAt(tokens, 0) === "create" && isDuplicates(tokens, at), 1),
];

function words(tokens: readonly Token[], at: number, ...wanted: readonly string[]): boolean {
  return wanted.every((word, index) => wordAt(tokens, at + index) === word);
}

/** In small letters; undefined where no word stands. */
function wordAt(tokens: readonly Token[], at: number): string | undefined {
  const token = tokens[at];
  return token?.kind === "word" ? token.text.toLowerCase() : undefined;
}

function signAt(tokens: readonly Token[], at: number): string | undefined {
  const token = tokens[at];
  return token?.kind === "symbol" ? token.text : undefined;
}

function behindLock(tokens: readonly Token[], at: number): boolean {
  return words(tokens, at - 2, "for", "update") || words(tokens, at - 2, "for", "share") || words(tokens, at - 2, "share", "mode");
}

/** `CAST(x AS CHAR(3) CHARACTER SET utf8mb4)`: the set's name stands behind CHAR and before the bracket that closes. */
function endsType(tokens: readonly Token[], at: number, name: number): boolean {
  return (
    (words(tokens, at - 1, "char") || signAt(tokens, at - 1) === ")") &&
    wordAt(tokens, name) !== undefined &&
    signAt(tokens, name + 1) === ")"
  );
}

const BEFORE_QUERY: ReadonlySet<string> = new Set(["union", "all", "distinct", "except", "intersect"]);

/** `TABLE t`, where a query may begin. TABLE is reserved. */
function isTableStatement(tokens: readonly Token[], at: number): boolean {
  const next = tokens[at + 1]?.kind;
  if (!words(tokens, at, "table") || (next !== "word" && next !== "quoted-name")) return false;
  const before = wordAt(tokens, at - 1);
  // `INSERT INTO t TABLE u`
  if (/^(insert|replace)$/.test(wordAt(tokens, 0) ?? "") && endsOperand(tokens[at - 1])) return true;
  return at === 0 || signAt(tokens, at - 1) === "(" || (before !== undefined && (BEFORE_QUERY.has(before) || isExplain(before, at - 1)));
}

function isExplain(word: string | undefined, at: number): boolean {
  return at === 0 && (word === "explain" || word === "describe" || word === "desc");
}

function switchesKeys(tokens: readonly Token[], at: number): boolean {
  return words(tokens, at, "disable", "keys") || words(tokens, at, "enable", "keys");
}

const BEHIND_GROUPING: ReadonlySet<string> = new Set(["having", "order", "limit", "window", "for", "lock", "union", "except", "intersect"]);

/** A common table expression may have this very name: an AS or a bracket stands behind that. */
function endsGrouping(token: Token | undefined): boolean {
  if (token === undefined) return true;
  return token.kind === "symbol" ? token.text === ")" : token.kind === "word" && BEHIND_GROUPING.has(token.text.toLowerCase());
}

const COMPOUND_UNITS: ReadonlySet<string> = new Set(
  `second_microsecond minute_microsecond minute_second hour_microsecond hour_second hour_minute day_microsecond day_second day_minute
  day_hour year_month`.split(/\s+/),
);

/** `TRIM(LEADING FROM x)` */
function isSideOfTrim(tokens: readonly Token[], at: number): boolean {
  const opens = signAt(tokens, at - 1) === "(";
  return opens && /^(both|leading|trailing)$/.test(wordAt(tokens, at) ?? "") && words(tokens, at + 1, "from");
}

/** `CHAR(97 USING utf8mb4)`, at its closing bracket. */
function endsChar(tokens: readonly Token[], at: number): boolean {
  return signAt(tokens, at) === ")" && words(tokens, partnerOf(tokens, at) - 1, "char");
}

/** Reserved words are operators and clauses there, but for constants. */
function endsOperand(token: Token | undefined): boolean {
  if (token === undefined) return false;
  if (token.kind === "symbol") return token.text === ")";
  return token.kind !== "word" || !isReserved(token.text) || /^(null|true|false)$/i.test(token.text);
}

/** MariaDB's `GROUP_CONCAT(… LIMIT 2)`, `LIMIT 1, 2` and `LIMIT 2 OFFSET 1`, up to the bracket. */
function aggregateLimit(tokens: readonly Token[], at: number): number {
  if (!words(tokens, at, "limit")) return 0;
  const isCount = (index: number): boolean => tokens[index]?.kind === "number" || tokens[index]?.kind === "parameter";
  const second = signAt(tokens, at + 2) === "," || words(tokens, at + 2, "offset");
  const end = second ? at + 4 : at + 2;
  if (!isCount(at + 1) || !isCount(end - 1) || signAt(tokens, end) !== ")") return 0;
  const name = wordAt(tokens, partnerOf(tokens, end) - 1);
  return name === "group_concat" || name === "json_arrayagg" ? end - at : 0;
}

function isDuplicates(tokens: readonly Token[], at: number): boolean {
  const named = words(tokens, at, "ignore") || words(tokens, at, "replace");
  return named && wordAt(tokens, at - 1) !== "or" && /^(as|select|with)$/.test(wordAt(tokens, at + 1) ?? "");
}

const MODIFIERS: ReadonlySet<string> = new Set(["low_priority", "quick", "ignore"]);

/** Of UPDATE, DELETE and EXPLAIN: they change how, not what. */
function withoutModifiers(tokens: readonly Token[]): readonly Token[] {
  const first = wordAt(tokens, 0);
  if (first === "update" || first === "delete") {
    let from = 1;
    while (MODIFIERS.has(wordAt(tokens, from) ?? "") && tokens[from + 1]?.kind !== "symbol" && wordAt(tokens, from + 1) !== "set") from++;
    return [...tokens.slice(0, 1), ...tokens.slice(from)];
  }
  const old = wordAt(tokens, 1) === "extended" || wordAt(tokens, 1) === "partitions";
  if (isExplain(first, 0) && old && EXPLAINED.has(wordAt(tokens, 2) ?? "")) return [...tokens.slice(0, 1), ...tokens.slice(2)];
  return tokens;
}
