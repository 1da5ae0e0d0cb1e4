/**
 * Refuses what a guardrail forbids, saying where and what would pass. Rules only take away: a statement without any of
 * these things is left to the other policies.
 */
import type { Decision, Denial } from "#policies/decision.ts";
import type { Policy } from "#policies/policy.ts";
import type { Guard, GuardKind, Question, TextFacts } from "#policies/question.ts";
import { activeGuardrails, type GuardrailRule, type GuardrailsRules } from "./rules.ts";

export const guardrailsPolicy: Policy<GuardrailsRules> = { name: "guardrails", decide };

function decide(guardrails: GuardrailsRules, question: Question): Decision | undefined {
  // What they bound of HTTP requests is counted while these pass: see http.ts.
  if (question.kind !== "statement") return undefined;
  const { facts, principal, target } = question;
  const rules = activeGuardrails(guardrails, principal, target);
  const [first] = rules;
  if (first === undefined) return undefined;
  if (facts.kind === "unparsed") return unparsed(first, facts);
  for (const guard of facts.statements.flatMap(({ guards }) => guards)) {
    const rule = rules.find((one) => forbids(one, guard));
    if (rule !== undefined) return denial(rule, guard);
  }
  return undefined;
}

function forbids({ deny, bigTable, opaque }: GuardrailRule, { kind, rows }: Guard): boolean {
  // What runs hidden could do any of the others, but it can't be several statements of one text.
  if (kind === "opaque") return opaque === "deny" && deny.some((one) => one !== "multi-statement");
  if (!deny.includes(kind)) return false;
  return kind !== "unlimited-select" || (rows ?? 0) >= bigTable;
}

/** What nobody understood may do what a rule forbids. */
function unparsed({ name }: GuardrailRule, { message, position }: TextFacts & { kind: "unparsed" }): Denial {
  const hint = "a statement that the gateway cannot read is not forwarded where guardrails hold";
  return { verdict: "deny", reason: "statement-unparsed", rule: name, message, hint, position };
}

function denial(rule: GuardrailRule, guard: Guard): Denial {
  const { message, hint } = SAYINGS[guard.kind](guard, rule);
  const shown = guard.kind === "opaque" ? message : `${guard.kind}: ${message}`;
  return { verdict: "deny", reason: "statement-guarded", rule: rule.name, message: shown, hint, position: guard.position };
}

interface Saying {
  readonly message: string;
  readonly hint: string;
}

const ROWS_NAMED = "add a WHERE that names the rows, e.g. by primary key";

const SAYINGS: Readonly<Record<GuardKind, (guard: Guard, rule: GuardrailRule) => Saying>> = {
  "update-without-where": ({ detail, relation }) => ({
    message: `${detail ?? "UPDATE"} has no condition that names rows of ${relation ?? "its table"}, so it would change every one`,
    hint: ROWS_NAMED,
  }),
  "delete-without-where": ({ detail, relation }) => ({
    message: `${detail ?? "DELETE"} has no condition that names rows of ${relation ?? "its table"}, so it would delete every one`,
    hint: ROWS_NAMED,
  }),
  truncate: ({ relation }) => ({
    message: `TRUNCATE of ${relation ?? "a table"} would delete all of its rows`,
    hint: "DELETE with a WHERE that names the rows",
  }),
  drop: ({ detail, relation }) => ({
    message: `${detail ?? "DROP"}${relation === null ? "" : ` ${relation}`} is refused here`,
    hint: "leave the object in place, or ask somebody whom the rule spares",
  }),
  alter: ({ detail, relation }) => ({
    message: `${detail ?? "ALTER"}${relation === null ? "" : ` ${relation}`} is refused here`,
    hint: "ask somebody whom the rule spares to make the change",
  }),
  "unlimited-select": ({ relation, rows }, { bigTable }) => ({
    message: `all rows of ${relation ?? "a table"} would be read, some ${rows ?? bigTable} of them`,
    hint: "add LIMIT, a WHERE that narrows the rows down, or an aggregate",
  }),
  "cross-join": ({ relation, detail }) => ({
    message: `no condition connects ${relation ?? "a relation"}${detail === null ? "" : ` to ${detail}`}, so every pair of rows would be made`,
    hint: "join them ON the columns that belong together",
  }),
  "multi-statement": () => ({
    message: "the text holds more than one statement",
    hint: "send each statement by itself",
  }),
  opaque: ({ detail }) => ({
    message: `${detail ?? "the statement"} runs what cannot be seen from outside, and guardrails hold here`,
    hint: "send the statements themselves; a rule with `opaque: allow` lets such calls pass",
  }),
};
