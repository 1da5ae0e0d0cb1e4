/**
 * What of a MySQL text must not stand in its record: secrets, and constants that are compared with masked columns. Each gives way to
 * its keyed digest, in the text and in the names of columns that servers make of it.
 */
import { type MysqlAnalysis, secretsIn } from "#protocols/mysql/protocol.ts";

/** Offsets in a text, the end not included. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** Of a longer name the server may have left out the end. */
const WHOLE_NAME_CHARACTERS = 60;

/** A column without an alias is called by its expression as the text writes it. In one go: digests have digits, as literals do. */
export function namesWithout(literals: readonly string[], digest: (literal: string) => string): (name: string) => string {
  let found: RegExp | null = null;
  return (name) => {
    if (name.length > WHOLE_NAME_CHARACTERS) return digest(name);
    found ??= oneOf(literals);
    return name.replaceAll(found, (literal) => digest(literal));
  };
}

/** The longest of those that begin at a place. */
function oneOf(literals: readonly string[]): RegExp {
  const longestFirst = [...new Set(literals)].sort((a, b) => b.length - a.length);
  const alternatives = longestFirst.map((literal) => literal.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return alternatives.length === 0 ? /(?!)/g : new RegExp(alternatives.join("|"), "g");
}

/** Of a statement that PREPARE has in a string they stand inside that. */
export function literalsIn(sql: string, ranges: readonly Stretch[], { named, masked }: MysqlAnalysis): readonly string[] {
  const outside = ranges.map(({ start, end }) => sql.slice(start, end));
  const prepared = named !== null && "text" in named ? named.text : "";
  const secrets = secretsIn(prepared).map(({ start, end }) => prepared.slice(start, end));
  return [...outside, ...secrets, ...(masked?.sensitive.inside ?? [])].filter((literal) => literal !== "");
}

/** In order, and none over another. */
export function joined(ranges: readonly Stretch[]): readonly Stretch[] {
  const found: { start: number; end: number }[] = [];
  for (const { start, end } of ranges.toSorted((a, b) => a.start - b.start)) {
    const last = found.at(-1);
    if (last === undefined || start >= last.end) found.push({ start, end });
    else last.end = Math.max(last.end, end);
  }
  return found;
}

export function redact(sql: string, ranges: readonly Stretch[], digest: (literal: string) => string): string {
  let at = 0;
  let redacted = "";
  for (const { start, end } of ranges) {
    redacted += sql.slice(at, start) + digest(sql.slice(start, end));
    at = end;
  }
  return redacted + sql.slice(at);
}
