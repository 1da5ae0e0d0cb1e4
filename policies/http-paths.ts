/**
 * Patterns of request paths: one star stands for characters within a segment, two for any number of segments, none included.
 * What grants is matched exactly; what protects is matched as widely as servers are known to route, so that no other
 * spelling of a path leads around a mask.
 */
import { z } from "zod";

/** RFC 3986 section 3.3 without `;`, in the one spelling that requests are brought to. */
const PATTERN = /^\/(?:[A-Za-z0-9\-._~!$&'()*+,=:@/]|%[0-9A-F]{2})*$/;
const PATTERN_CHARACTERS_MAX = 1024;

export const pathPattern = z
  .string()
  .max(PATTERN_CHARACTERS_MAX)
  .regex(PATTERN, { error: "expected a path such as /v1/customers/**, beginning with /, percent-encoded where needed" })
  .refine(
    (pattern) =>
      !pattern
        .slice(1)
        .split("/")
        .some((segment) => segment !== "**" && segment.includes("**")),
    {
      error: "** stands for whole segments: /v1/**/notes",
    },
  )
  .refine((pattern) => !/\/\.\.?(\/|$)|\/\/|%2[Ff]|%5[Cc]|%2[Ee]/.test(pattern), {
    error: "no request path has dot segments, empty segments or encoded slashes",
  });

/** Exactly, as the path is written. */
export function isPath(pattern: string, path: string): boolean {
  return matches(segmentsOf(pattern), segmentsOf(path));
}

/**
 * Also in another case, with another percent-encoding, with `;parameters` in a segment, and with or without a slash at
 * the end: servers differ in what of this they take for the same resource.
 */
export function mayBePath(pattern: string, path: string): boolean {
  return matches(segmentsOf(pattern).map(folded), withoutEnd(segmentsOf(path).map(folded)));
}

function segmentsOf(path: string): readonly string[] {
  return path.slice(1).split("/");
}

function folded(segment: string): string {
  return decoded(segment).replace(/;.*$/s, "").normalize("NFC").toLowerCase();
}

/** Escapes that are no UTF-8 stay as they are, on both sides alike. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (error) {
    if (error instanceof URIError) return segment;
    throw error;
  }
}

function withoutEnd(segments: readonly string[]): readonly string[] {
  return segments.length > 1 && segments.at(-1) === "" ? segments.slice(0, -1) : segments;
}

/** Both walks go back to the last star alone, which is enough, and so take no more than pattern times text. */
function matches(pattern: readonly string[], path: readonly string[]): boolean {
  return walk(pattern, path, "**", (one, segment) => one === segment || (one !== "" && segment !== "" && isSegment(one, segment)));
}

function isSegment(pattern: string, segment: string): boolean {
  return walk([...pattern], [...segment], "*", (one, character) => one === character);
}

function walk(pattern: readonly string[], text: readonly string[], star: string, same: (one: string, part: string) => boolean): boolean {
  let at = 0;
  let place = 0;
  let back: { readonly at: number; place: number } | undefined;
  while (place < text.length) {
    const one = pattern[at];
    if (one === star) {
      back = { at: at + 1, place };
      at++;
    } else if (one !== undefined && same(one, text[place] ?? "")) {
      at++;
      place++;
    } else if (back !== undefined) {
      back.place++;
      at = back.at;
      place = back.place;
    } else return false;
  }
  return pattern.slice(at).every((rest) => rest === star);
}
