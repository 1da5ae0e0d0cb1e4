/**
 * Header fields as both legs hand them over: pairs in their order, names as they came. Values are Latin-1 texts, as Node
 * gives them; one with a line end or NUL is an error of ours, since no parser lets it through.
 */
import { invariant } from "#protocols/wire/assert.ts";

export type HeaderPair = readonly [name: string, value: string];

/** Strict-Transport-Security: a year, as RFC 6797 section 6.1 has it in seconds. */
export const HSTS = "max-age=31536000";

/** RFC 9110 section 7.6.1, with what older peers sent in its place. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);

/** Without what was meant for one connection only: the names above, those with `:` in front, and those that Connection lists. */
export function endToEnd(pairs: readonly HeaderPair[]): readonly HeaderPair[] {
  const listed = new Set(valuesOf(pairs, "connection").flatMap(members));
  return pairs.filter(([name, value]) => {
    invariant(!/[\r\n\0]/.test(name) && !/[\r\n\0]/.test(value), "a header field with a line end");
    const folded = name.toLowerCase();
    return !folded.startsWith(":") && !HOP_BY_HOP.has(folded) && !listed.has(folded);
  });
}

/** Of every field of that name, in their order. */
export function valuesOf(pairs: readonly HeaderPair[], name: string): readonly string[] {
  return pairs.filter(([one]) => one.toLowerCase() === name).map(([, value]) => value);
}

/** RFC 9110 section 5.6.1: of a list without quoted strings, in lower case. */
export function members(list: string): readonly string[] {
  return list
    .split(",")
    .map((member) => member.trim().toLowerCase())
    .filter((member) => member !== "");
}
