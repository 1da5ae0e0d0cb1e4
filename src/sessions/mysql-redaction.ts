/**
 * What of a MySQL text must not stand in its record: secrets, and constants that are compared with masked columns. Each gives way to
 * its keyed digest, in the text and in the names of columns that servers make of it.
 */
import { type MysqlAnalysis, secretsIn } from "#protocols/mysql/protocol.ts";
import type { TextRange } from "#protocols/wire/redacted.ts";

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
export function literalsIn(sql: string, ranges: readonly TextRange[], { named, masked }: MysqlAnalysis): readonly string[] {
  const outside = ranges.map(({ start, end }) => sql.slice(start, end));
  const prepared = named !== null && "text" in named ? named.text : "";
  const secrets = secretsIn(prepared).map(({ start, end }) => prepared.slice(start, end));
  return [...outside, ...secrets, ...(masked?.sensitive.inside ?? [])].filter((literal) => literal !== "");
}
