/** What the gate's fuzzer found, made small. It is judged and run by the fuzzer's test, and mutated further. */
import type { Hostile } from "#test/masking/statements.ts";

export const GATE_FOUND: readonly Hostile[] = [
  // The order in which a materialised view's rows lie, seen by where its NULLs stand.
  "SELECT masked_mail FROM m_grouped",
  "SELECT md5((SELECT masked_mail FROM m_grouped LIMIT 1))",
];
