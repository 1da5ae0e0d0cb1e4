/**
 * `!x`, which the grammar does not read, as `(NOT x)`: NOT by itself binds looser, and would take what stands behind along. Where it
 * can't be told how far x goes, the sign stays as it is, and the statement is not understood.
 */
import type { Token } from "#protocols/sql/mysql/lexer.ts";
import { partnerOf } from "#protocols/sql/mysql/query-brackets.ts";
import { isReserved } from "#protocols/sql/mysql/reserved.ts";

/** @returns the tokens themselves where no sign is among them, or none that all servers read alike: MySQL takes `!!` for one */
export function negated(tokens: readonly Token[]): readonly Token[] {
  if (!tokens.some((token) => isSymbol(token, "!"))) return tokens;
  if (tokens.some((token, at) => isSymbol(token, "!") && !token.spaced && isSymbol(tokens[at - 1], "!"))) return tokens;
  /** Of each sign before an operand: behind that. */
  const ends = new Map<number, number>();
  const closing = new Map<number, number>();
  for (let at = tokens.length - 1; at >= 0; at--) {
    if (!isPrefix(tokens[at])) continue;
    const end = isPrefix(tokens[at + 1]) ? ends.get(at + 1) : operandEnd(tokens, at + 1);
    if (end === undefined) continue;
    ends.set(at, end);
    if (isSymbol(tokens[at], "!")) closing.set(end, (closing.get(end) ?? 0) + 1);
  }
  return tokens.flatMap((token, at) => {
    const closed = Array.from({ length: closing.get(at + 1) ?? 0 }, () => made(token, "symbol", ")"));
    const opens = isSymbol(token, "!") && ends.has(at);
    return opens ? [made(token, "symbol", "("), made(token, "word", "NOT"), ...closed] : [token, ...closed];
  });
}

function made(token: Token, kind: Token["kind"], text: string): Token {
  return { ...token, kind, text, spaced: true };
}

function isSymbol(token: Token | undefined, text: string): boolean {
  return token?.kind === "symbol" && token.text === text;
}

function isPrefix(token: Token | undefined): boolean {
  return token?.kind === "symbol" && "!-+~".includes(token.text);
}

function isName(token: Token | undefined): boolean {
  return token?.kind === "word" || token?.kind === "quoted-name";
}

/** Behind a literal, a column, a call or what stands in brackets; undefined for whatever else. */
function operandEnd(tokens: readonly Token[], at: number): number | undefined {
  const token = tokens[at];
  switch (token?.kind) {
    case "number":
    case "bits":
    case "parameter":
    case "user-variable":
      return at + 1;
    case "string":
      return tokens[at + 1]?.kind === "string" ? operandEnd(tokens, at + 1) : at + 1;
    case "system-variable":
      return isName(tokens[at + 1]) ? nameEnd(tokens, at + 1) : undefined;
    case "symbol":
      return token.text === "(" ? bracketEnd(tokens, at) : undefined;
    case "word":
    case "quoted-name":
      return namedEnd(tokens, at);
    case undefined:
      return undefined;
  }
}

function bracketEnd(tokens: readonly Token[], at: number): number | undefined {
  const end = partnerOf(tokens, at);
  return end < 0 ? undefined : end + 1;
}

function nameEnd(tokens: readonly Token[], at: number): number {
  let end = at + 1;
  while (isSymbol(tokens[end], ".") && isName(tokens[end + 1])) end += 2;
  return end;
}

function namedEnd(tokens: readonly Token[], at: number): number | undefined {
  const end = nameEnd(tokens, at);
  if (isSymbol(tokens[end], "(")) return bracketEnd(tokens, end);
  // MySQL's `column->'$.path'`.
  if (isSymbol(tokens[end], "->") || isSymbol(tokens[end], "->>")) return tokens[end + 1]?.kind === "string" ? end + 2 : undefined;
  const token = tokens[at];
  const reserved = token?.kind === "word" && isReserved(token.text) && !/^(null|true|false)$/i.test(token.text);
  return reserved ? undefined : end;
}
