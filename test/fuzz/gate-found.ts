/** What the gate's fuzzer found, made small. It is judged and run by the fuzzer's test, and mutated further. */
import type { Hostile } from "#test/masking/statements.ts";

export const GATE_FOUND: readonly Hostile[] = [
  // The order in which a materialised view's rows lie, seen by where its NULLs stand.
  "SELECT masked_mail FROM m_grouped",
  "SELECT md5((SELECT masked_mail FROM m_grouped LIMIT 1))",
  // A hashed column beside the same one by a view, which shows NULL: the wrong one of the two was taken for what is to be hashed.
  "SELECT q.ssn FROM users u CROSS JOIN v_all q",
  "SELECT q.ssn, u.ssn FROM users u CROSS JOIN v_deep d CROSS JOIN v_all q",
];
