/**
 * What a tool showed, cut into cases: a line of two at-signs and a name begins each, in both of its streams. What
 * differs from run to run by nature is made equal.
 */
import type { Shown } from "#test/conformance/program.ts";

export type Cases = ReadonlyMap<string, string>;

/** Addresses of objects in memory, and the mark that the gateway puts behind `application_name`. */
const BY_NATURE: readonly (readonly [RegExp, string])[] = [
  [/\b0x[0-9a-f]{6,}\b/g, "0x"],
  [/ sp:[0-9a-f]{12}:agent\b/g, ""],
];

/** Of a whole database or tablespace, files of the server's own among them, which come, go and grow when the server likes. */
const SIZED = ["\\db+", "\\l+"];
const SIZES: readonly (readonly [RegExp, string])[] = [
  [/\b\d+ (?:bytes|[kMG]B)\b/g, "size"],
  [/ {2,}/g, " "],
  [/-{2,}/g, "-"],
];

export function casesIn({ stdout, stderr }: Shown): Cases {
  const cases = new Map<string, string>();
  for (const stream of [stdout, stderr]) {
    let name: string | undefined;
    for (const line of stream.split("\n")) {
      if (line.startsWith("@@ ")) {
        name = line.slice(3);
        cases.set(name, cases.get(name) ?? "");
      } else if (name !== undefined)
        cases.set(name, `${cases.get(name)}${even(line, SIZED.includes(name) ? [...BY_NATURE, ...SIZES] : BY_NATURE)}\n`);
    }
  }
  return cases;
}

function even(line: string, patterns: typeof BY_NATURE): string {
  return patterns.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), line);
}

/** Names of cases that are not the same both ways, each with its first different line. */
export function differences(direct: Cases, through: Cases): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [name, expected] of direct) {
    const actual = through.get(name);
    if (actual === expected) continue;
    const [ours, theirs] = [(actual ?? "").split("\n"), expected.split("\n")];
    const at = theirs.findIndex((line, index) => line !== ours[index]);
    found.set(name, `${ours[at] ?? "nothing"}\n  instead of ${theirs[at] ?? "nothing"}`);
  }
  return found;
}
