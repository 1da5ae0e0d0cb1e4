/** The `access` part of the policy document: who may do what on which targets. */
import { z } from "zod";
import { RIGHTS } from "#policies/question.ts";
import { whoSchema } from "#policies/who.ts";

/** Known to the design, enforced by nothing yet: refused, so that nobody relies on it. */
const notYet = (key: string) => z.never({ error: `${key} is not supported yet` }).optional();

const ruleSchema = z.strictObject({
  name: z.string().min(1).optional(),
  who: whoSchema,
  targets: z.array(z.string().min(1)).min(1).readonly(),
  may: z.array(z.enum(RIGHTS)).min(1).readonly(),
  methods: notYet("methods"),
  paths: notYet("paths"),
});

/** A rule without a name is called by its place in the file. */
export const accessSchema = z
  .strictObject({
    rules: z
      .array(ruleSchema)
      .transform((rules) =>
        rules.map(({ name, who, targets, may }, index) => ({ name: name ?? `access.rules.${index}`, who, targets, may })),
      )
      .readonly(),
    onRevoke: notYet("onRevoke"),
  })
  .readonly();

export type AccessRules = z.output<typeof accessSchema>;
export type AccessRule = AccessRules["rules"][number];
