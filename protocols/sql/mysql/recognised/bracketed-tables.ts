/**
 * `FROM (a, b) LEFT JOIN c`, as some frameworks write it, as `FROM (a CROSS JOIN b) LEFT JOIN c`: the grammar reads joins in brackets,
 * and no lists. A table alone in brackets stays unread: MySQL takes no query there, as one may have to stand for it.
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
    if (tokens.slice(at + 1, Math.max(end, at)).every(isPart))
      for (let index = at + 1; index < end; index++) if (isSymbol(tokens[index], ",")) commas.add(index);
  });
  if (commas.size === 0) return tokens;
  return tokens.flatMap((token, at) =>
    commas.has(at) ? ["CROSS", "JOIN"].map((text) => ({ ...token, kind: "word" as const, text, spaced: true })) : [token],
  );
}

function opensTables(token: Token | undefined): boolean {
  return token?.kind === "word" && /^(from|join)$/i.test(token.text);
}

function isSymbol(token: Token | undefined, text: string): boolean {
  return token?.kind === "symbol" && token.text === text;
}

/** Of names of tables and their aliases. */
function isPart({ kind, text }: Token): boolean {
  if (kind === "word") return !isReserved(text) || text.toLowerCase() === "as";
  return kind === "quoted-name" || (kind === "symbol" && ",.".includes(text));
}
