/**
 * LOAD DATA LOCAL and LOAD XML LOCAL: the server asks the client for a file by name, and the client sends what it finds there. So
 * the name must be known before, from the client's own statement, or a target could ask for any file.
 *
 * Source: MySQL manual, "LOAD DATA Statement", "Security Considerations for LOAD DATA LOCAL".
 */
import type { Token } from "#protocols/sql/mysql/lexer.ts";
import { form } from "./form.ts";

export interface LocalFile {
  /** As the statement's literal says; null where it can't be told for certain. */
  readonly name: string | null;
}

const LOAD_LOCAL = form("load {data|xml} [low_priority|concurrent] local infile @string @rest");

/** @param statements of one text. @returns null where none of them reads a file of the client's */
export function localFileOf(statements: readonly (readonly Token[])[]): LocalFile | null {
  const loads = statements.filter((tokens) => isWord(tokens[0], "load") && tokens.some((token) => isWord(token, "local")));
  const [load, ...others] = loads;
  if (load === undefined) return null;
  const alone = others.length === 0 && statements.length === 1 && LOAD_LOCAL(load) !== undefined;
  // All before it are words.
  return { name: alone ? (load.find(({ kind }) => kind === "string")?.text ?? null) : null };
}

function isWord(token: Token | undefined, word: string): boolean {
  return token?.kind === "word" && token.text.toLowerCase() === word;
}
