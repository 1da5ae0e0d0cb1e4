/** Where two long results part, in a few lines: a whole diff of a dump helps nobody. */
import { isDeepStrictEqual } from "node:util";

const LINES_AROUND = 3;

/** Undefined when they are equal. */
export function firstDifference(actual: unknown, expected: unknown): string | undefined {
  if (isDeepStrictEqual(actual, expected)) return undefined;
  const [ours, theirs] = [linesOf(actual), linesOf(expected)];
  const at = ours.findIndex((line, index) => line !== theirs[index]);
  const place = at === -1 ? ours.length : at;
  const cut = (lines: readonly string[]) =>
    lines.slice(Math.max(0, place - LINES_AROUND), place + LINES_AROUND + 1).map((line) => line.slice(0, 300));
  return [`line ${place + 1} of ${ours.length}:`, ...cut(ours), `expected, of ${theirs.length}:`, ...cut(theirs)].join("\n");
}

function linesOf(value: unknown): readonly string[] {
  if (typeof value === "string") return value.split("\n");
  return (JSON.stringify(value, null, 1) ?? String(value)).split(/\n|\\n/);
}
