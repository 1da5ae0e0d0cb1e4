/** The `access` part of the policy document: who may do what on which targets. */
import { z } from "zod";
import { pathPattern } from "#policies/http-paths.ts";
import { RIGHTS } from "#policies/question.ts";
import { whoSchema } from "#policies/who.ts";

/** Known to the design, enforced by nothing yet: refused, so that nobody relies on it. */
const notYet = (key: string) => z.never({ error: `${key} is not supported yet` }).optional();

/** Nothing passes these two, whatever a rule says. */
const NEVER = ["CONNECT", "TRACE"];

/** RFC 9110 section 5.6.2: a token; methods are compared exactly. */
const methodSchema = z
  .string()
  .regex(/^[A-Z][A-Z0-9!#$%&'*+.^_`|~-]{0,31}$/, { error: "expected a method in capitals, such as GET" })
  .refine((method) => !NEVER.includes(method), { error: "CONNECT and TRACE are refused everywhere" });

const toolSchema = z.string().min(1).max(256);

const ruleSchema = z.strictObject({
  name: z.string().min(1).optional(),
  who: whoSchema,
  targets: z.array(z.string().min(1)).min(1).readonly(),
  may: z.array(z.enum(RIGHTS)).min(1).readonly(),
  methods: z.array(methodSchema).min(1).readonly().optional(),
  paths: z.array(pathPattern).min(1).readonly().optional(),
  tools: z.array(toolSchema).min(1).readonly().optional(),
});

/** A rule without a name is called by its place in the file. */
export const accessSchema = z
  .strictObject({
    rules: z
      .array(ruleSchema)
      .transform((rules) =>
        rules.map(({ name, who, targets, may, ...narrowed }, index) => ({
          name: name ?? `access.rules.${index}`,
          who,
          targets,
          may,
          ...narrowed,
        })),
      )
      .readonly(),
    onRevoke: notYet("onRevoke"),
  })
  .readonly();

export type AccessRules = z.output<typeof accessSchema>;
export type AccessRule = AccessRules["rules"][number];
