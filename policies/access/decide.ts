/**
 * Whether the principal holds every right that a statement needs on the target. It always answers, never stays
 * silent: what no rule grants is denied here, in words that say what is missing.
 */
import type { Decision, Denial } from "#policies/decision.ts";
import type { Policy } from "#policies/policy.ts";
import { type Question, RIGHTS, type Right, type TextFacts } from "#policies/question.ts";
import { isMeant } from "#policies/who.ts";
import { judgeRequest } from "./requests.ts";
import type { AccessRule, AccessRules } from "./rules.ts";

export const accessPolicy: Policy<AccessRules> = { name: "access", decide };

function decide(access: AccessRules, question: Question): Decision {
  const { principal, target } = question;
  const rules = access.rules.filter((rule) => rule.targets.includes(target) && isMeant(rule.who, principal));
  const [first] = rules;
  if (first === undefined) {
    return denial("target-not-granted", `no access rule lets this principal use ${target}`, `an access rule must name it and ${target}`);
  }
  if (question.kind === "connect") return { verdict: "allow", rule: first.name, reason: null };
  if (question.kind === "request") return judgeRequest(rules, question.facts, target);
  return question.facts.kind === "parsed" ? judge(rules, question.facts, target) : judgeUnparsed(rules, question.facts, target);
}

function judge(rules: readonly AccessRule[], facts: TextFacts & { kind: "parsed" }, target: string): Decision {
  for (const { tag, needs } of facts.statements) {
    const missing = missingOf(rules, needs);
    if (missing.length > 0) {
      const message = `${tag} needs ${inWords(missing)} on ${target}, which no access rule grants this principal`;
      return denial("access-not-granted", message, `a rule with may: [${missing.join(", ")}] for ${target} is needed`);
    }
  }
  const needed = new Set(facts.statements.flatMap(({ needs }) => needs));
  const granting = rules.find(({ may }) => may.some((right) => needed.has(right))) ?? rules[0];
  return { verdict: "allow", rule: granting?.name ?? null, reason: null };
}

/** What nobody understood may be anything: it takes every right. Masks are for the masking policy to see to. */
function judgeUnparsed(rules: readonly AccessRule[], facts: TextFacts & { kind: "unparsed" }, target: string): Decision {
  const missing = missingOf(rules, RIGHTS);
  if (missing.length === 0) return { verdict: "allow", rule: rules[0]?.name ?? null, reason: "unparsed" };
  return {
    verdict: "deny",
    reason: "statement-unparsed",
    rule: null,
    message: facts.message,
    hint: `a statement that does not parse is forwarded only for a principal with every right on ${target}`,
    position: facts.position,
  };
}

function missingOf(rules: readonly AccessRule[], needs: readonly Right[]): readonly Right[] {
  return needs.filter((right) => !rules.some(({ may }) => may.includes(right)));
}

function inWords(rights: readonly Right[]): string {
  return rights.map((right) => `"${right}"`).join(" and ");
}

function denial(reason: Denial["reason"], message: string, hint: string): Denial {
  return { verdict: "deny", reason, rule: null, message, hint, position: null };
}
