/** The list of policies, each with its part of the policy document. A new policy is one folder and its lines here. */
import { accessPolicy } from "#policies/access/decide.ts";
import { accessSchema } from "#policies/access/rules.ts";
import { approvalsSchema } from "#policies/approvals/rules.ts";
import { guardrailsPolicy } from "#policies/guardrails/decide.ts";
import { type HttpBounds, httpBoundsIn } from "#policies/guardrails/http.ts";
import { activeGuardrails, guardrailsSchema, readsCatalogue } from "#policies/guardrails/rules.ts";
import { maskingPolicy } from "#policies/masking/decide.ts";
import { activeHttpMasks, activeMasks, maskingSchema } from "#policies/masking/rules.ts";
import type { Decision } from "./decision.ts";
import type { ActiveMask, HttpMask, Principal, Question } from "./question.ts";

/** Each part with what it is when the document leaves it out: nothing granted, nothing masked. */
export const SECTIONS = {
  access: accessSchema.default({ rules: [] }),
  masking: maskingSchema.default({ rules: [] }),
  guardrails: guardrailsSchema.default({ rules: [] }),
  approvals: approvalsSchema.default({ rules: [] }),
} as const;

export type { HttpBounds };

export type Sections = { readonly [Name in keyof typeof SECTIONS]: (typeof SECTIONS)[Name]["_zod"]["output"] };

/** What every policy says, silence left out, in the order of the list. */
export function askAll(sections: Sections, question: Question): readonly Decision[] {
  const answers = [
    accessPolicy.decide(sections.access, question),
    maskingPolicy.decide(sections.masking, question),
    guardrailsPolicy.decide(sections.guardrails, question),
  ];
  return answers.filter((answer) => answer !== undefined);
}

export function masksIn(sections: Sections, principal: Principal, target: string): readonly ActiveMask[] {
  return activeMasks(sections.masking, principal, target);
}

export function httpMasksIn(sections: Sections, principal: Principal, target: string, path: string): readonly HttpMask[] {
  return activeHttpMasks(sections.masking, principal, target, path);
}

export function httpBoundsOf(sections: Sections, principal: Principal, target: string): HttpBounds {
  return httpBoundsIn(sections.guardrails, principal, target);
}

/** Which guardrails hold for a principal on a target: none, such as the text alone tells, or such as need the catalogue. */
export type Guarded = "no" | "by-text" | "by-catalogue";

export function guardedIn({ guardrails }: Sections, principal: Principal, target: string): Guarded {
  const rules = activeGuardrails(guardrails, principal, target).filter(({ deny }) => deny.length > 0);
  if (rules.length === 0) return "no";
  return rules.some(readsCatalogue) ? "by-catalogue" : "by-text";
}

/** Targets whose rules need the catalogue, whomever they hold for. */
export function catalogueTargetsIn({ masking, guardrails }: Sections): ReadonlySet<string> {
  return new Set([
    ...masking.rules.flatMap(({ target, http }) => (http === null ? [target] : [])),
    ...guardrails.rules.filter(readsCatalogue).flatMap(({ targets }) => targets),
  ]);
}

/** Targets whose tables' sizes matter to a rule. */
export function sizedTargetsIn({ guardrails }: Sections): ReadonlySet<string> {
  return new Set(guardrails.rules.filter(({ deny }) => deny.includes("unlimited-select")).flatMap(({ targets }) => targets));
}
