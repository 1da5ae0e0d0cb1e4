/**
 * Tokens of a masked principal's statement as the text that goes upstream, with what the gateway puts in the place of some of
 * them. Unlike `canonical.ts` it is for the server to read, under the session's own sql_mode.
 */
import type { Token } from "./lexer.ts";
import { quoteName } from "./quoting.ts";
import type { Span } from "./reading.ts";

/** What stands in the place of some tokens; with `start` and `end` the same, in front of the token. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export interface Spelled {
  readonly text: string;
  /** Where each token begins in `text`; -1 for one that an edit took the place of. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** Where the texts of the edits stand, in order. */
  readonly inserted: readonly { readonly start: number; readonly end: number }[];
}

/** @param edits not overlapping, in any order; those at the same place in the order given */
export function spelled(tokens: readonly Token[], edits: readonly Edit[], backslashes: boolean): Spelled {
  const span = { start: 0, end: tokens.length };
  const parts: string[] = [];
  let length = 0;
  const starts = new Int32Array(tokens.length).fill(-1);
  const ends = new Int32Array(tokens.length).fill(-1);
  const inserted: { readonly start: number; readonly end: number }[] = [];
  const add = (text: string): void => {
    parts.push(text);
    length += text.length;
  };
  const insert = (text: string): void => {
    add(" ");
    inserted.push({ start: length, end: length + text.length });
    add(`${text} `);
  };
  const sorted = [...edits].sort((a, b) => a.start - b.start || a.end - b.end);
  let next = 0;
  for (let index = span.start; index <= span.end; ) {
    let to = index;
    for (let edit = sorted[next]; edit?.start === index; edit = sorted[++next]) {
      insert(edit.text);
      to = Math.max(to, edit.end);
    }
    if (to > index) index = to;
    else {
      const token = index < span.end ? tokens[index] : undefined;
      if (token !== undefined) {
        if (index > span.start && isApart(tokens[index - 1], token)) add(" ");
        starts[index] = length;
        add(spell(token, backslashes));
        ends[index] = length;
      }
      index++;
    }
  }
  return { text: parts.join(""), starts, ends, inserted };
}

/** Some tokens as text, with nothing in their place. */
export function plainText(tokens: readonly Token[], { start, end }: Span, backslashes: boolean): string {
  let text = "";
  for (let index = start; index < end; index++) {
    const token = tokens[index];
    if (token === undefined) break;
    if (index > start && isApart(tokens[index - 1], token)) text += " ";
    text += spell(token, backslashes);
  }
  return text;
}

/** A word and the bracket behind it stay together as they were, and so do a word and a string: `count(`, `N'…'`. */
function isApart(before: Token | undefined, token: Token): boolean {
  if (before === undefined) return false;
  if (token.spaced) return true;
  // Never the beginning of a comment, and never one sign out of two.
  if (before.kind === "symbol" && token.kind === "symbol") return /[-+<>=|&!:*/]$/.test(before.text) && /^[-+<>=|&!:*/]/.test(token.text);
  // A dot would become part of a variable's name.
  if (before.kind === "user-variable") return true;
  const glued = (one: Token): boolean => one.kind === "symbol" || one.kind === "system-variable" || one.kind === "parameter";
  if (glued(before) || glued(token)) return false;
  return !(before.kind === "word" && token.kind === "string");
}

/** @param backslashes whether they escape under the session's sql_mode */
export function spelledString(text: string, backslashes: boolean): string {
  const doubled = text.replaceAll("'", "''");
  return backslashes ? `'${doubled.replaceAll("\\", "\\\\").replaceAll("\0", "\\0")}'` : `'${doubled}'`;
}

function spell({ kind, text }: Token, backslashes: boolean): string {
  switch (kind) {
    case "quoted-name":
      return quoteName(text);
    case "string":
      return spelledString(text, backslashes);
    case "user-variable":
      return /^[\w$.]+$/.test(text) ? `@${text}` : `@${quoteName(text)}`;
    case "bits":
      return text.startsWith("0b") ? `b'${text.slice(2)}'` : text;
    case "word":
    case "number":
    case "system-variable":
    case "parameter":
    case "symbol":
      return text;
  }
}
