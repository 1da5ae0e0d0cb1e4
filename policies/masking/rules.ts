/** The `masking` part of the policy document: which columns show masked, to whom they do not, and how. */
import { z } from "zod";
import type { ActiveMask, Mask, Principal } from "#policies/question.ts";
import { isMeant, whoSchema } from "#policies/who.ts";

const WITH = "expected redact, null, email, year, { keepLast: N } or { constant: … }";
const KEPT_MAX = 64;

const withSchema = z
  .union(
    [
      z.enum(["redact", "null", "email", "year"]),
      z.null(),
      z.strictObject({ keepLast: z.int().min(1).max(KEPT_MAX) }),
      z.strictObject({ constant: z.union([z.string(), z.number(), z.boolean()]) }),
      z.strictObject({ hash: z.unknown() }).refine(() => false, { error: "hash is not supported yet" }),
    ],
    { error: WITH },
  )
  .transform(maskOf);

function maskOf(written: string | null | { keepLast: number } | { constant: string | number | boolean } | { hash: unknown }): Mask {
  if (written === null || written === "null") return { kind: "null" };
  if (written === "email" || written === "year") return { kind: written };
  if (typeof written === "object" && "keepLast" in written) return { kind: "keepLast", characters: written.keepLast };
  if (typeof written === "object" && "constant" in written) return { kind: "constant", value: written.constant };
  return { kind: "redact" };
}

/** `schema.table.column`, each part at least one character; exact, as the catalogue spells it, but for `*`. */
const columnSchema = z.string().regex(/^[^.]+\.[^.]+\.[^.]+$/, { error: "expected schema.table.column" });

/** Folded, since nobody may notice that a comment spells a tag with a capital letter, and the column stood bare. */
const tagSchema = z
  .string()
  .regex(/^[A-Za-z0-9_]+(?:[.-][A-Za-z0-9_]+)*$/, { error: "expected a tag: letters a to z, digits, _, and - or . between them" })
  .transform((tag) => tag.toLowerCase());

const ruleSchema = z
  .strictObject({
    name: z.string().min(1).optional(),
    target: z.string().min(1),
    columns: z.array(columnSchema).min(1).readonly().optional(),
    tags: z.array(tagSchema).min(1).readonly().optional(),
    with: withSchema,
    unless: whoSchema.optional(),
    assign: z.enum(["none", "values"], { error: "expected none or values" }).optional(),
    lookup: z.literal("none", { error: "lookup: equality is not supported yet" }).optional(),
  })
  .refine(({ columns, tags }) => columns !== undefined || tags !== undefined, { error: "needs columns, tags or both" });

export const maskingSchema = z
  .strictObject({
    rules: z
      .array(ruleSchema)
      .transform((rules) =>
        rules.map((rule, index) => ({
          name: rule.name ?? `masking.rules.${index}`,
          target: rule.target,
          columns: rule.columns ?? [],
          tags: rule.tags ?? [],
          mask: rule.with,
          assign: rule.assign ?? ("none" as const),
          unless: rule.unless,
        })),
      )
      .readonly(),
    functions: z
      .strictObject({ allow: z.array(z.string().regex(/^[^.]+\.[^.]+$/, { error: "expected schema.function" })).readonly() })
      .readonly()
      .optional(),
  })
  .readonly();

export type MaskingRules = z.output<typeof maskingSchema>;

/** The masks that a principal is under on a target, in the order of the rules: where two name a column, the first counts. */
export function activeMasks({ rules }: MaskingRules, principal: Principal, target: string): readonly ActiveMask[] {
  return rules
    .filter((rule) => rule.target === target && (rule.unless === undefined || !isMeant(rule.unless, principal)))
    .map(({ name, columns, tags, mask, assign }) => ({ rule: name, columns, tags, mask, assign }));
}
