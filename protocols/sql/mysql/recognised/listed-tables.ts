/**
 * Lists of tables where the grammar reads joins alone. `FROM (a, b) LEFT JOIN c`, as some frameworks write it, as
 * `FROM (a CROSS JOIN b) LEFT JOIN c`: a table alone in brackets stays unread, since MySQL takes no query there, as one may have to
 * stand for it. And `UPDATE a, b SET` as `UPDATE a JOIN b SET`.
 */
import type { Token } from "#protocols/sql/mysql/lexer.ts";
import { partnerOf } from "#protocols/sql/mysql/query-brackets.ts";
import { isReserved } from "#protocols/sql/mysql/reserved.ts";

/** @returns the tokens themselves where there is no such bracket */
export function bracketedTables(tokens: readonly Token[]): readonly Token[] {
  const commas = new Set<number>();
  tokens.forEach((token, at) => {
    if (!isSymbol(token, "(") || !opensTables(tokens[at - 1])) return;
    const end = partnerOf(tokens, at);
    let behind = at + 1;
    while (behind < end && isPart(tokens[behind])) behind++;
    if (behind === end) for (let index = at + 1; index < end; index++) if (isSymbol(tokens[index], ",")) commas.add(index);
  });
  return commas.size === 0 ? tokens : withWords(tokens, commas, ["CROSS", "JOIN"]);
}

/** @returns the tokens themselves for whatever is no UPDATE of several tables */
export function updatedTables(tokens: readonly Token[]): readonly Token[] {
  if (!isWord(tokens[0], "update")) return tokens;
  const commas = new Set<number>();
  for (let at = 1; at < tokens.length && !isWord(tokens[at], "set"); at++) {
    if (isSymbol(tokens[at], ",")) commas.add(at);
    const end = isSymbol(tokens[at], "(") ? partnerOf(tokens, at) : at;
    if (end < 0) break;
    at = end;
  }
  return commas.size === 0 ? tokens : withWords(tokens, commas, ["JOIN"]);
}

/** @param commas indexes of tokens that the words take the place of */
function withWords(tokens: readonly Token[], commas: ReadonlySet<number>, words: readonly string[]): readonly Token[] {
  return tokens.flatMap((token, at) =>
    commas.has(at) ? words.map((text) => ({ ...token, kind: "word" as const, text, spaced: true })) : [token],
  );
}

function isWord(token: Token | undefined, text: string): boolean {
  return token?.kind === "word" && token.text.toLowerCase() === text;
}

function opensTables(token: Token | undefined): boolean {
  return token?.kind === "word" && /^(from|join)$/i.test(token.text);
}

function isSymbol(token: Token | undefined, text: string): boolean {
  return token?.kind === "symbol" && token.text === text;
}

/** Of names of tables and their aliases. */
function isPart(token: Token | undefined): boolean {
  if (token?.kind === "word") return !isReserved(token.text) || token.text.toLowerCase() === "as";
  return token?.kind === "quoted-name" || (token?.kind === "symbol" && ",.".includes(token.text));
}
