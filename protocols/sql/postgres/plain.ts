/**
 * Names and literals read straight off the text at a place that the tree gives, in their plainest forms, and held
 * against what the tree says stands there: for most statements that saves the scanning of the whole text. Whatever is
 * written in another way is left to the scanner (`tokens.ts`).
 */
import { type Body, isBody, textOf } from "./tree.ts";

const NAME = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|"(?:[^"]|"")+"/y;
/** What may follow a relation in FROM: its alias, the next item, the next clause, the end. No comment, and no `*`. */
const BEHIND = /[ \t\r\n\f]*(?:[A-Za-z_",);\u0080-\uffff]|$)/y;
/** What may stand before it, so that neither ONLY nor TABLE does. */
const BEFORE = /(?:[,(]|\b(?:from|join|using))[ \t\r\n\f]*$/i;
/** How far back the word before is looked for. */
const BEFORE_CHARACTERS = 40;

/**
 * Where a relation's name ends, its words given as the server spells them; undefined when it is not written plainly.
 *
 * @param start index of its first character
 */
export function plainNameEnd(sql: string, start: number, words: readonly string[]): number | undefined {
  const last = plainPrefixEnd(sql, start, words.slice(0, -1));
  const end = last === undefined ? undefined : wordEnd(sql, last, words.at(-1) ?? "");
  if (end === undefined) return undefined;
  BEHIND.lastIndex = end;
  return BEHIND.test(sql) && BEFORE.test(sql.slice(Math.max(0, start - BEFORE_CHARACTERS), start)) ? end : undefined;
}

/** Where the name behind some others begins, each with a dot behind it; undefined when that is not written plainly. */
export function plainPrefixEnd(sql: string, start: number, words: readonly string[]): number | undefined {
  let at = start;
  for (const word of words) {
    const end = wordEnd(sql, at, word);
    if (end === undefined || sql[end] !== ".") return undefined;
    at = end + 1;
  }
  return at;
}

function wordEnd(sql: string, start: number, word: string): number | undefined {
  NAME.lastIndex = start;
  const [written] = NAME.exec(sql) ?? [];
  return written !== undefined && spelled(written) === word ? NAME.lastIndex : undefined;
}

/** As the server folds names: ASCII letters alone. */
function spelled(written: string): string {
  if (written.startsWith('"')) return written.slice(1, -1).replaceAll('""', '"');
  return written.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** `U&'…'`, `E'…'` and their kin begin with a letter. Behind a string and a line break another may go on with it. */
const STRING = /'((?:[^'\\]|'')*)'(?![ \t\r\n\f]*(?:'|--|\/\*))/y;
const NUMBER = /\d+(?:\.\d+)?(?![\w$.\u0080-\uffff])/y;

/** Where a literal ends, given its A_Const; undefined when it is not written plainly, or has a sign. */
export function plainLiteralEnd(sql: string, start: number, constant: Body): number | undefined {
  const text = constant["sval"];
  if (isBody(text)) {
    STRING.lastIndex = start;
    const [, written] = STRING.exec(sql) ?? [];
    return written !== undefined && written.replaceAll("''", "'") === textOf(text, "sval") ? STRING.lastIndex : undefined;
  }
  NUMBER.lastIndex = start;
  return NUMBER.test(sql) ? NUMBER.lastIndex : undefined;
}
