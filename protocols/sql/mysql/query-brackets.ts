/** Whether a bracket holds a query: `((SELECT 1) UNION SELECT 2)` does, `((SELECT 1) + 1)` and `((SELECT 1) AS a JOIN b)` do not. */
import type { Token } from "./lexer.ts";

const STARTS: ReadonlySet<string> = new Set(["select", "with", "values", "table"]);
/** What may follow a query in brackets that is a part of a larger one. */
const GOES_ON: ReadonlySet<string> = new Set(["union", "except", "intersect", "minus", "order", "limit", "for", "lock", "into"]);

const PARTNERS = new WeakMap<readonly Token[], Int32Array>();

/** For each bracket the index of the one that closes or opens it; -1 for what has none. */
function partners(tokens: readonly Token[]): Int32Array {
  const known = PARTNERS.get(tokens);
  if (known !== undefined) return known;
  const found = new Int32Array(tokens.length).fill(-1);
  const open: number[] = [];
  tokens.forEach(({ kind, text }, index) => {
    if (kind !== "symbol") return;
    if (text === "(") open.push(index);
    else if (text === ")") {
      const start = open.pop();
      if (start === undefined) return;
      found[start] = index;
      found[index] = start;
    }
  });
  PARTNERS.set(tokens, found);
  return found;
}

/** @param index of an opening bracket */
export function startsQuery(tokens: readonly Token[], index: number): boolean {
  let innermost = index;
  while (isSymbol(tokens[innermost], "(")) innermost++;
  if (innermost === index || !isWordOf(tokens[innermost], STARTS)) return false;
  // VALUES(column) is a function.
  if (isWordOf(tokens[innermost], VALUES) && innermost === index + 1 && !startsRows(tokens, innermost)) return false;
  const closing = partners(tokens);
  // From the inside out: each pair of brackets has to hold a query and what goes on with it.
  for (let at = innermost - 1; at > index; at--) {
    const end = closing[at] ?? -1;
    const behind = tokens[end + 1];
    if (end < 0 || !(isSymbol(behind, ")") || isWordOf(behind, GOES_ON))) return false;
  }
  return true;
}

/** @param index of a bracket. @returns that of the one that closes or opens it; -1 where there is none */
export function partnerOf(tokens: readonly Token[], index: number): number {
  return partners(tokens)[index] ?? -1;
}

/** Whether a bracket holds several expressions: `INTERVAL(1, 2)` is a function, `INTERVAL (1) DAY` is none. @param index of a token */
export function holdsList(tokens: readonly Token[], index: number): boolean {
  if (!isSymbol(tokens[index], "(") || startsQuery(tokens, index)) return false;
  const closing = partners(tokens);
  const end = closing[index] ?? -1;
  for (let at = index + 1; at < end; at++) {
    if (isSymbol(tokens[at], "(")) at = closing[at] ?? end;
    else if (isSymbol(tokens[at], ",")) return true;
  }
  return false;
}

const VALUES: ReadonlySet<string> = new Set(["values"]);

/** `VALUES ROW(…)`, or MariaDB's `VALUES (1), (2)`: a column's name alone in brackets is the function. */
function startsRows(tokens: readonly Token[], at: number): boolean {
  const next = tokens[at + 1];
  if (next?.kind === "word" && next.text.toLowerCase() === "row") return true;
  return next?.spaced === true && isSymbol(next, "(");
}

function isSymbol(token: Token | undefined, text: string): boolean {
  return token?.kind === "symbol" && token.text === text;
}

function isWordOf(token: Token | undefined, words: ReadonlySet<string>): boolean {
  return token?.kind === "word" && words.has(token.text.toLowerCase());
}
