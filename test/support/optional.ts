/**
 * Whether a test that needs a part of the system may be left out. Never silently: a part that is missing fails its
 * tests, unless `TEST_OPTIONAL` names it, and then they are counted as skipped with the reason.
 */

import { FETCHED_PARTS } from "#test/support/fetched.ts";
import { PARTS, probe } from "#test/support/parts.ts";

/** Everything that `TEST_OPTIONAL` may name. */
export const PART_NAMES: readonly string[] = [...PARTS, ...FETCHED_PARTS].map((part) => part.name);

/** @throws Error for a name that no part has */
export function optionalParts(): ReadonlySet<string> {
  const names = (process.env["TEST_OPTIONAL"] ?? "").split(",").filter((name) => name !== "");
  const unknown = names.filter((name) => !PART_NAMES.includes(name));
  if (unknown.length > 0) throw new Error(`TEST_OPTIONAL names ${unknown.join(", ")}; known are ${PART_NAMES.join(", ")}`);
  return new Set(names);
}

/** For `test(name, { skip: optional("java", "jdbc") }, …)`: the reason to skip, when a part is missing and may be. */
export function optional(...parts: readonly string[]): string | false {
  const named = optionalParts();
  const absent = parts.find((part) => named.has(part) && versionOf(part) === undefined);
  return absent === undefined ? false : `${absent} is missing, and TEST_OPTIONAL names it`;
}

/** Of a part of the system; undefined when it is missing. */
export function versionOf(name: string): string | undefined {
  const part = PARTS.find((candidate) => candidate.name === name);
  if (part !== undefined) return probe(part);
  const fetched = FETCHED_PARTS.find((candidate) => candidate.name === name);
  if (fetched === undefined) throw new Error(`there is no part ${name}`);
  try {
    const [program, ...args] = fetched.probe;
    return probe({ name, packages: [], probe: [...fetched.fetch().command(program), ...args] });
  } catch {
    // No apt, no mirror, another architecture: it is missing, and the caller says so.
    return undefined;
  }
}
