/**
 * Whether a test that needs a part of the system may be left out. Never silently: a part that is missing fails its
 * tests, unless `TEST_OPTIONAL` names it, and then they are counted as skipped with the reason.
 */
const named = new Set((process.env["TEST_OPTIONAL"] ?? "").split(","));

/** For `test(name, { skip: optional("jdbc") }, …)`. Several parts: one that is named is enough. */
export function optional(...parts: readonly string[]): string | false {
  const left = parts.find((part) => named.has(part));
  return left === undefined ? false : `TEST_OPTIONAL names ${left}`;
}
