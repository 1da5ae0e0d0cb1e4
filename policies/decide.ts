/** The join of all policies: deny > hold > mask > allow, and silence of every policy is a denial. */
import type { Decision, Verdict } from "./decision.ts";
import type { PolicyDocument } from "./document.ts";
import type { ActiveMask, HttpMask, Principal, Question } from "./question.ts";
import {
  askAll,
  catalogueTargetsIn,
  type Guarded,
  guardedIn,
  type HttpBounds,
  httpBoundsOf,
  httpMasksIn,
  masksIn,
  sizedTargetsIn,
} from "./registry.ts";

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

/** The masks on the answer to a request, in the order of their rules; empty: under none on this path. */
export function httpMasksFor(document: PolicyDocument, principal: Principal, target: string, path: string): readonly HttpMask[] {
  return httpMasksIn(document, principal, target, path);
}

/** How large requests and answers may be, and how many requests there may be in a time. */
export function httpBoundsFor(document: PolicyDocument, principal: Principal, target: string): HttpBounds {
  return httpBoundsOf(document, principal, target);
}

/** Which guardrails hold for a principal on a target. */
export function guardrailsFor(document: PolicyDocument, principal: Principal, target: string): Guarded {
  return guardedIn(document, principal, target);
}

/** Targets whose catalogue has to be known before anything can be judged, for some principals at least. */
export function catalogueTargets(document: PolicyDocument): ReadonlySet<string> {
  return catalogueTargetsIn(document);
}

/** Of these, the targets of which it has to be known how large their tables are. */
export function sizedTargets(document: PolicyDocument): ReadonlySet<string> {
  return sizedTargetsIn(document);
}
