/**
 * Turns what the analysis found about protected columns into a verdict. The analysis has been made for this very
 * principal; should it have been made without its masks, that is a fault of ours, and the statement is refused.
 */
import type { Decision, Denial, Masking } from "#policies/decision.ts";
import type { Policy } from "#policies/policy.ts";
import type { MaskingFacts, Question, StatementFacts } from "#policies/question.ts";
import { activeHttpMasks, activeMasks, type MaskingRules } from "./rules.ts";

export const maskingPolicy: Policy<MaskingRules> = { name: "masking", decide };

function decide(masking: MaskingRules, question: Question): Decision | undefined {
  if (question.kind === "connect") return undefined;
  if (question.kind === "request") return maskingOfRequest(masking, question);
  const { facts, principal, target } = question;
  const masks = activeMasks(masking, principal, target);
  if (masks.length === 0) return undefined;
  if (facts.kind === "unparsed") {
    const hint = "a statement that the gateway cannot read is not forwarded where columns are masked";
    return denial({ reason: "masked-unparsed", rule: null, message: facts.message, hint, position: facts.position });
  }
  const judged = facts.statements.map(({ masking: found }: StatementFacts) => found);
  if (judged.some((found) => found === null)) {
    const message = `the statement was not read with the masks that are in force on ${target}`;
    return denial({ reason: "masked-unresolved", rule: masks[0]?.rule ?? null, message, hint: "try again", position: null });
  }
  const obstacle = judged.find((found) => found?.kind === "obstacle");
  return obstacle?.kind === "obstacle" ? denial(obstacle.obstacle) : maskingOf(judged);
}

/** An answer can be masked while it passes; what can't is refused there. */
function maskingOfRequest(masking: MaskingRules, { principal, target, facts }: Question & { kind: "request" }): Masking | undefined {
  const [first] = activeHttpMasks(masking, principal, target, facts.path);
  return first === undefined ? undefined : { verdict: "mask", rule: first.rule, columns: [] };
}

function maskingOf(judged: readonly (MaskingFacts | null)[]): Masking | undefined {
  const columns = judged.flatMap((found) => (found?.kind === "rewritable" ? found.columns : []));
  const [first] = columns;
  return first === undefined ? undefined : { verdict: "mask", rule: first.rule, columns };
}

function denial(said: Omit<Denial, "verdict">): Denial {
  const { reason, rule, message, hint, position } = said;
  return { verdict: "deny", reason, rule, message, hint, position };
}
