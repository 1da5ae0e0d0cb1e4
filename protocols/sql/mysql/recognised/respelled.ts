/**
 * What the grammar does not read although it means the same as something that it does: said in those words, so that a
 * statement's rights can be told. Only for that: what is made here never goes to a server, and some of it loses what rights
 * do not depend on.
 */
import type { Token } from "#protocols/sql/mysql/lexer.ts";
import { EXPLAINED } from "./forms.ts";

/** @returns tokens that the grammar reads; those that came where nothing was to be changed */
export function respelled(tokens: readonly Token[]): readonly Token[] {
  const found = [...withoutModifiers(tokens)];
  const respelledTokens: Token[] = [];
  for (let at = 0; at < found.length; ) {
    const rule = RULES.find(({ fits }) => fits(found, at));
    const token = found[at];
    if (token === undefined) break;
    if (rule === undefined) {
      respelledTokens.push(token);
      at++;
    } else {
      respelledTokens.push(
        ...rule.instead.map((text) => ({ ...token, kind: text === "*" ? ("symbol" as const) : ("word" as const), text, spaced: true })),
      );
      at += rule.takes;
    }
  }
  return respelledTokens;
}

interface Rule {
  readonly fits: (tokens: readonly Token[], at: number) => boolean;
  readonly takes: number;
  readonly instead: readonly string[];
}

const RULES: readonly Rule[] = [
  // LOCK and IN are reserved: nothing else reads so.
  { fits: (tokens, at) => words(tokens, at, "lock", "in", "share", "mode"), takes: 4, instead: ["FOR", "SHARE"] },
  // Reserved; before a bracket it is a function.
  { fits: (tokens, at) => words(tokens, at, "mod") && signAt(tokens, at + 1) !== "(", takes: 1, instead: ["DIV"] },
  { fits: (tokens, at) => words(tokens, at, "charset") && endsType(tokens, at, at + 1), takes: 2, instead: [] },
  { fits: (tokens, at) => words(tokens, at, "character", "set") && endsType(tokens, at, at + 2), takes: 3, instead: [] },
  // MariaDB's.
  {
    fits: (tokens, at) => words(tokens, at, "wait") && tokens[at + 1]?.kind === "number" && behindLock(tokens, at),
    takes: 2,
    instead: ["NOWAIT"],
  },
  { fits: isTableStatement, takes: 1, instead: ["SELECT", "*", "FROM"] },
  { fits: (tokens, at) => words(tokens, at, "with", "rollup") && endsGrouping(tokens[at + 2]), takes: 2, instead: [] },
  // What dumps have around their rows: an ALTER TABLE like any other.
  {
    fits: (tokens, at) => at === tokens.length - 2 && wordAt(tokens, 0) === "alter" && switchesKeys(tokens, at),
    takes: 2,
    instead: ["ADD", "k", "INT"],
  },
  { fits: isCommaInUpdate, takes: 1, instead: ["JOIN"] },
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

/** `UPDATE a, b SET …`: the tables, up to SET. */
function isCommaInUpdate(tokens: readonly Token[], at: number): boolean {
  if (signAt(tokens, at) !== "," || wordAt(tokens, 0) !== "update") return false;
  let depth = 0;
  for (let index = 0; index < at; index++) {
    const sign = signAt(tokens, index);
    if (sign === "(") depth++;
    if (sign === ")") depth--;
    if (depth === 0 && wordAt(tokens, index) === "set") return false;
  }
  return depth === 0;
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
