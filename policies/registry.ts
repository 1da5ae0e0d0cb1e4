/** The list of policies, each with its part of the policy document. A new policy is one folder and its lines here. */
import { accessPolicy } from "#policies/access/decide.ts";
import { accessSchema } from "#policies/access/rules.ts";
import { approvalsSchema } from "#policies/approvals/rules.ts";
import { guardrailsSchema } from "#policies/guardrails/rules.ts";
import { maskingPolicy } from "#policies/masking/decide.ts";
import { activeMasks, maskingSchema } from "#policies/masking/rules.ts";
import type { Decision } from "./decision.ts";
import type { ActiveMask, Principal, Question } from "./question.ts";

/** Each part with what it is when the document leaves it out: nothing granted, nothing masked. */
export const SECTIONS = {
  access: accessSchema.default({ rules: [] }),
  masking: maskingSchema.default({ rules: [] }),
  guardrails: guardrailsSchema.default({ rules: [] }),
  approvals: approvalsSchema.default({ rules: [] }),
} as const;

export type Sections = { readonly [Name in keyof typeof SECTIONS]: (typeof SECTIONS)[Name]["_zod"]["output"] };

/** What every policy says, silence left out, in the order of the list. */
export function askAll(sections: Sections, question: Question): readonly Decision[] {
  const answers = [accessPolicy.decide(sections.access, question), maskingPolicy.decide(sections.masking, question)];
  return answers.filter((answer) => answer !== undefined);
}

export function masksIn(sections: Sections, principal: Principal, target: string): readonly ActiveMask[] {
  return activeMasks(sections.masking, principal, target);
}
