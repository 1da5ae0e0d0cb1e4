/** The `guardrails` part of the policy document: what nobody, or only some, may do on a target, however it is written. */
import { z } from "zod";
import { duration, volume } from "#policies/quantities.ts";
import { GUARD_KINDS, type Principal } from "#policies/question.ts";
import { isMeant, whoSchema } from "#policies/who.ts";

/** Rows by the planner's estimate from which a table is big, where a rule says nothing else. */
export const BIG_TABLE_ROWS = 100_000;

/** More would not be a limit on anything that one gateway serves. */
const RATE_MAX = 1_000_000;

const SQL_KEYS = ["deny", "bigTable", "opaque"] as const;
const HTTP_KEYS = ["requestBytes", "responseBytes", "rate"] as const;

const name = z.string().min(1);

const ruleSchema = z
  .strictObject({
    name: name.optional(),
    target: name.optional(),
    targets: z.array(name).min(1).readonly().optional(),
    who: whoSchema.optional(),
    unless: whoSchema.optional(),
    deny: z.array(z.enum(GUARD_KINDS)).min(1).readonly().optional(),
    bigTable: z.int().min(1).optional(),
    /** What cannot be seen through: DO, CALL, functions that run SQL from a text. */
    opaque: z.enum(["deny", "allow"]).optional(),
    requestBytes: volume.optional(),
    responseBytes: volume.optional(),
    rate: z
      .strictObject({ requests: z.int().min(1).max(RATE_MAX), per: duration })
      .readonly()
      .optional(),
  })
  .refine(({ target, targets }) => (target === undefined) !== (targets === undefined), { error: "needs either target or targets" })
  .superRefine((rule, context) => {
    const http = HTTP_KEYS.find((key) => rule[key] !== undefined);
    const sql = SQL_KEYS.find((key) => rule[key] !== undefined);
    if (rule.deny === undefined && http === undefined) {
      context.addIssue({ code: "custom", message: "needs deny (databases), or requestBytes, responseBytes or rate (HTTP targets)" });
    } else if (sql !== undefined && http !== undefined) {
      context.addIssue({ code: "custom", path: [http], message: `is for HTTP targets; ${sql} is for databases` });
    }
  });

/** A rule without a name is called by its place in the file. */
export const guardrailsSchema = z
  .strictObject({
    rules: z
      .array(ruleSchema)
      .transform((rules) =>
        rules.map(({ name: given, target, targets, who, unless, deny, bigTable, opaque, requestBytes, responseBytes, rate }, index) => ({
          name: given ?? `guardrails.rules.${index}`,
          targets: targets ?? (target === undefined ? [] : [target]),
          /** Whether the targets stand in a list: for the place of a problem. */
          listed: targets !== undefined,
          who,
          unless,
          /** Empty in a rule for HTTP targets. */
          deny: deny ?? [],
          bigTable: bigTable ?? BIG_TABLE_ROWS,
          opaque: opaque ?? "deny",
          requestBytes,
          responseBytes,
          rate,
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
