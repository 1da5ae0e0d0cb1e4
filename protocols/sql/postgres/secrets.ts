/**
 * Where passwords may stand in a text that no grammar reads, so that the record shows digests in their place. It looks at words
 * alone, and takes too much rather than too little.
 */
import type { TextRange } from "#protocols/wire/redacted.ts";

/** @returns every quoted string of a text that speaks of a password; one that is not closed runs to the end */
export function secretsIn(sql: string): readonly TextRange[] {
  if (!/password/i.test(sql)) return [];
  // A backslash may escape a quote or not, by the string's prefix and the session's settings: nothing is certain from there on.
  const first = sql.search(/['$]/);
  if (first >= 0 && sql.includes("\\", first)) return [{ start: first, end: sql.length }];
  const quoted = sql.matchAll(/'(?:[^']|'')*'?|\$([^$\s']*)\$[\s\S]*?(?:\$\1\$|$)/g);
  return [...quoted].map((found) => ({ start: found.index, end: found.index + found[0].length }));
}
