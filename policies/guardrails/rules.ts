/** The `guardrails` part of the policy document: what nobody, or only some, may do on a target, however it is written. */
import { z } from "zod";
import { GUARD_KINDS, type Principal } from "#policies/question.ts";
import { isMeant, whoSchema } from "#policies/who.ts";

/** Rows by the planner's estimate from which a table is big, where a rule says nothing else. */
export const BIG_TABLE_ROWS = 100_000;

const name = z.string().min(1);

const ruleSchema = z
  .strictObject({
    name: name.optional(),
    target: name.optional(),
    targets: z.array(name).min(1).readonly().optional(),
    who: whoSchema.optional(),
    unless: whoSchema.optional(),
    deny: z.array(z.enum(GUARD_KINDS)).min(1).readonly(),
    bigTable: z.int().min(1).optional(),
    /** What cannot be seen through: DO, CALL, functions that run SQL from a text. */
    opaque: z.enum(["deny", "allow"]).optional(),
  })
  .refine(({ target, targets }) => (target === undefined) !== (targets === undefined), { error: "needs either target or targets" });

/** A rule without a name is called by its place in the file. */
export const guardrailsSchema = z
  .strictObject({
    rules: z
      .array(ruleSchema)
      .transform((rules) =>
        rules.map(({ name: given, target, targets, who, unless, deny, bigTable, opaque }, index) => ({
          name: given ?? `guardrails.rules.${index}`,
          targets: targets ?? (target === undefined ? [] : [target]),
          /** Whether the targets stand in a list: for the place of a problem. */
          listed: targets !== undefined,
          who,
          unless,
          deny,
          bigTable: bigTable ?? BIG_TABLE_ROWS,
          opaque: opaque ?? "deny",
        })),
      )
      .readonly(),
  })
  .readonly();

export type GuardrailsRules = z.output<typeof guardrailsSchema>;
export type GuardrailRule = GuardrailsRules["rules"][number];

/** The rules that hold for a principal on a target, in their order. */
export function activeGuardrails({ rules }: GuardrailsRules, principal: Principal, target: string): readonly GuardrailRule[] {
  return rules.filter(
    ({ targets, who, unless }) =>
      targets.includes(target) && (who === undefined || isMeant(who, principal)) && (unless === undefined || !isMeant(unless, principal)),
  );
}

/** What can't be judged without knowing the columns of relations, or how large they are. */
export function readsCatalogue({ deny }: GuardrailRule): boolean {
  return deny.includes("unlimited-select") || deny.includes("cross-join");
}
