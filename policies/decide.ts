/** The join of all policies: deny > hold > mask > allow, and silence of every policy is a denial. */
import type { Decision, Verdict } from "./decision.ts";
import type { PolicyDocument } from "./document.ts";
import type { ActiveMask, Principal, Question } from "./question.ts";
import { askAll, masksIn } from "./registry.ts";

const RANK: Readonly<Record<Verdict, number>> = { deny: 3, hold: 2, mask: 1, allow: 0 };

const SILENCE: Decision = {
  verdict: "deny",
  reason: "access-not-granted",
  rule: null,
  message: "no policy allows this",
  hint: "an access rule must grant it",
  position: null,
};

/** The strictest answer; of equals, that of the policy that stands first in the registry. */
export function decide(document: PolicyDocument, question: Question): Decision {
  const [first, ...others] = askAll(document, question);
  if (first === undefined) return SILENCE;
  return others.reduce((strictest, next) => (RANK[next.verdict] > RANK[strictest.verdict] ? next : strictest), first);
}

/** The masks that a principal is under on a target; empty: under none, and nothing is ever rewritten for it. */
export function masksFor(document: PolicyDocument, principal: Principal, target: string): readonly ActiveMask[] {
  return masksIn(document, principal, target);
}
