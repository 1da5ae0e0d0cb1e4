/**
 * Where one text of several statements is cut, so that each goes to the server by itself: judged, recorded and answered alone.
 * The cuts are those of a server with the session's settings; what one statement changes in how the next is read has to be
 * looked at again when its turn comes.
 */
import { lex, type Token } from "./lexer.ts";
import type { Reading } from "./readings.ts";
import type { SqlMode } from "./sql-mode.ts";

export interface CutStatement {
  /** Indexes into the text, end excluded: comments and all, without the semicolon that ends it and white space around. */
  readonly start: number;
  readonly end: number;
  /** Its place among all semicolons of the text, from 0, those in quotes too; null before the first statement. */
  readonly behind: number | null;
  /** The same of the one that ends it; null where the text does. */
  readonly before: number | null;
  /** Set where it is USE: the database that is current behind it. */
  readonly uses: string | null;
}

export type Cuts =
  /** One statement, or none, or what no reader can take apart. */
  | { readonly kind: "one" }
  | { readonly kind: "several"; readonly statements: readonly CutStatement[] }
  | { readonly kind: "unclear"; readonly message: string; readonly position: number };

interface CutOptions {
  readonly sqlMode: SqlMode;
  readonly foreign: boolean;
  /** Of executable comments; one that is null refuses them. */
  readonly readings: readonly (Reading | null)[];
}

interface Segment {
  readonly start: number;
  readonly end: number;
  readonly tokens: readonly Token[];
}

/** A text without semicolons costs nothing. */
export function cutsOf(sql: string, { sqlMode, foreign, readings }: CutOptions): Cuts {
  if (!sql.includes(";")) return { kind: "one" };
  const read: (readonly Segment[])[] = [];
  for (const executes of readings) {
    const lexed = lex(sql, { sqlMode, foreign, executes });
    if (lexed.kind === "error") return { kind: "one" };
    read.push(segmentsIn(sql, lexed.tokens));
  }
  const [segments = [], ...others] = read;
  const filled = segments.map((_, index) => read.some((one) => (one[index]?.tokens.length ?? 0) > 0));
  const last = filled.lastIndexOf(true);
  if (filled.filter((one) => one).length < 2) return { kind: "one" };
  const differs = others.some((one) => one.length !== segments.length || one.some(({ end }, index) => end !== segments[index]?.end));
  if (differs) return unclear("which statements the text holds depends on the server's version; send them one by one", 1);
  const empty = segments.findIndex((_, index) => index < last && read.some((one) => one[index]?.tokens.length === 0));
  if (empty >= 0) return unclear("an empty statement stands among those of the text", (segments[empty]?.start ?? 0) + 1);
  return { kind: "several", statements: cutAt(sql, segments.slice(0, last + 1)) };
}

function unclear(message: string, position: number): Cuts {
  return { kind: "unclear", message, position };
}

/** Between the semicolons that are none of a string, a name or a comment; maybe empty. */
function segmentsIn(sql: string, tokens: readonly Token[]): readonly Segment[] {
  const segments: Segment[] = [];
  let start = 0;
  let from = 0;
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== "symbol" || token.text !== ";") continue;
    segments.push({ start, end: token.start, tokens: tokens.slice(from, index) });
    start = token.end;
    from = index + 1;
  }
  return [...segments, { start, end: sql.length, tokens: tokens.slice(from) }];
}

/** What is behind the last one, comments or semicolons, goes with it: the server says what it says to that. */
function cutAt(sql: string, segments: readonly Segment[]): readonly CutStatement[] {
  let semicolons = 0;
  let at = 0;
  const placeOf = (index: number): number => {
    for (; at < index; at++) if (sql[at] === ";") semicolons++;
    return semicolons;
  };
  let behind: number | null = null;
  return segments.map(({ start, end, tokens }, index): CutStatement => {
    const before = index === segments.length - 1 ? null : placeOf(end);
    const text = trimmed((place) => sql.charCodeAt(place), start, before === null ? sql.length : end);
    const statement = { ...text, behind, before, uses: usedBy(tokens) };
    behind = before;
    return statement;
  });
}

/** Without the white space around it: what the lexer takes for that, and nothing beyond ASCII. */
function trimmed(codeAt: (index: number) => number, from: number, to: number): { readonly start: number; readonly end: number } {
  const isSpace = (code: number): boolean => code === 0x20 || (code >= 0x09 && code <= 0x0d);
  let [start, end] = [from, to];
  while (start < end && isSpace(codeAt(start))) start++;
  while (end > start && isSpace(codeAt(end - 1))) end--;
  return { start, end };
}

function usedBy(tokens: readonly Token[]): string | null {
  const [use, name] = tokens;
  const isUse = tokens.length === 2 && use?.kind === "word" && use.text.toLowerCase() === "use";
  return isUse && (name?.kind === "word" || name?.kind === "quoted-name") ? name.text : null;
}

/**
 * The statements' own bytes, as the client sent them. No byte of a character beyond ASCII is a semicolon or white space in any
 * set that texts are judged in.
 *
 * @param text that `cutsOf` has cut
 * @returns a copy for each
 */
export function bytesOf(text: Buffer, statements: readonly Pick<CutStatement, "behind" | "before">[]): readonly Buffer[] {
  let at = -1;
  let passed = -1;
  const indexOf = (place: number): number => {
    for (; passed < place; passed++) at = text.indexOf(0x3b, at + 1);
    return at;
  };
  return statements.map(({ behind, before }) => {
    const from = behind === null ? 0 : indexOf(behind) + 1;
    const { start, end } = trimmed((index) => text[index] ?? 0, from, before === null ? text.length : indexOf(before));
    return Buffer.from(text.subarray(start, end));
  });
}
