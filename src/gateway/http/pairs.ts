/** Header fields between Node's flat lists of names and values and the pairs of the design. */
import type { HeaderPair } from "#protocols/http/protocol.ts";

export function flat(pairs: readonly HeaderPair[]): string[] {
  return pairs.flat();
}

/** RFC 9113 section 8.2: names are in lower case. Values of one name stand together, in their order. */
export function byName(pairs: readonly HeaderPair[]): Record<string, string | string[]> {
  const named = new Map<string, string[]>();
  for (const [name, value] of pairs) {
    const lower = name.toLowerCase();
    named.set(lower, [...(named.get(lower) ?? []), value]);
  }
  const fields: Record<string, string | string[]> = Object.create(null);
  for (const [name, values] of named) fields[name] = values.length === 1 ? (values[0] ?? "") : values;
  return fields;
}
