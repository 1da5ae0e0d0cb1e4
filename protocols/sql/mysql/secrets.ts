/**
 * Where passwords may stand in a text, so that the record shows digests in their place. It looks at words alone, since the
 * grammar reads few of the statements that bear them, and takes too much rather than too little.
 */
import type { TextRange } from "#protocols/wire/redacted.ts";

/** CREATE USER … IDENTIFIED, SET PASSWORD, PASSWORD(), MASTER_PASSWORD, OPTIONS (PASSWORD …). */
const SIGNS = /identified|password/i;

/** @returns every quoted and hexadecimal literal of a text that speaks of passwords; one that is not closed runs to the end */
export function secretsIn(sql: string): readonly TextRange[] {
  if (!SIGNS.test(sql)) return [];
  // A backslash may escape the quote or not, by sql_mode: from the first quote on nothing is certain then.
  const first = sql.search(/['"]/);
  if (first >= 0 && sql.includes("\\", first)) return [{ start: first, end: sql.length }];
  const literals = sql.matchAll(/'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|\b0x[0-9a-f]+/gi);
  return [...literals].map((found) => ({ start: found.index, end: found.index + found[0].length }));
}
