/** The words of a text with their places, comments left out: for cutting into text where the tree gives only starts. */
import { scanText } from "./grammar.ts";
import type { Offsets } from "./offsets.ts";
import { isBody, numberOf } from "./tree.ts";

export interface Token {
  /** Byte offset, as the tree's locations count. */
  readonly byte: number;
  /** Indexes into the string. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export interface Tokens {
  readonly list: readonly Token[];
  /** Place in `list` of the token that starts at a byte; -1 when none does. */
  at(byte: number): number;
}

/** Undefined when the scanner does not read what the parser read. */
export function tokensOf(sql: string, offsets: Offsets): Tokens | undefined {
  const scanned = scanText(sql);
  if (scanned.kind === "error" || !isBody(scanned.tree) || !Array.isArray(scanned.tree["tokens"])) return undefined;
  const list: Token[] = [];
  for (const item of scanned.tree["tokens"]) {
    if (!isBody(item)) return undefined;
    // A token at the very beginning has its zero left out.
    const byte = numberOf(item, "start");
    const start = offsets.toIndex(byte);
    const end = offsets.toIndex(numberOf(item, "end"));
    const text = sql.slice(start, end);
    if (!text.startsWith("--") && !text.startsWith("/*")) list.push({ byte, start, end, text });
  }
  const places = new Map(list.map((token, index) => [token.byte, index]));
  return { list, at: (byte) => places.get(byte) ?? -1 };
}

/** A keyword as it is written outside quotes. */
export function isWord(token: Token | undefined, word: string): boolean {
  return token?.text.toLowerCase() === word;
}
