/** The `masking` part of the policy document: which columns show masked, to whom they do not, and how. */
import { z } from "zod";
import { mayBePath, pathPattern } from "#policies/http-paths.ts";
import type { ActiveMask, HttpMask, Mask, Principal } from "#policies/question.ts";
import { isMeant, whoSchema } from "#policies/who.ts";
import { fieldPath, formName, headerName } from "./http-names.ts";

const WITH = "expected redact, null, email, year, { keepLast: N }, { constant: … } or { hash: { key: … } }";
const KEPT_MAX = 64;

const withSchema = z
  .union(
    [
      z.enum(["redact", "null", "email", "year"]),
      z.null(),
      z.strictObject({ keepLast: z.int().min(1).max(KEPT_MAX) }),
      z.strictObject({ constant: z.union([z.string(), z.number(), z.boolean()]) }),
      // The key is a secret, which is fetched where files and variables are read.
      z.strictObject({ hash: z.strictObject({ key: z.unknown() }) }),
    ],
    { error: WITH },
  )
  .transform(maskOf);

type Written = string | null | { keepLast: number } | { constant: string | number | boolean } | { hash: unknown };

function maskOf(written: Written): Mask {
  if (written === null || written === "null") return { kind: "null" };
  if (written === "email" || written === "year") return { kind: written };
  if (typeof written === "object" && "keepLast" in written) return { kind: "keepLast", characters: written.keepLast };
  if (typeof written === "object" && "constant" in written) return { kind: "constant", value: written.constant };
  if (typeof written === "object" && "hash" in written) return { kind: "hash" };
  return { kind: "redact" };
}

/** `schema.table.column`, each part at least one character; exact, as the catalogue spells it, but for `*`. */
const columnSchema = z.string().regex(/^[^.]+\.[^.]+\.[^.]+$/, { error: "expected schema.table.column" });

/** Folded, since nobody may notice that a comment spells a tag with a capital letter, and the column stood bare. */
const tagSchema = z
  .string()
  .regex(/^[A-Za-z0-9_]+(?:[.-][A-Za-z0-9_]+)*$/, { error: "expected a tag: letters a to z, digits, _, and - or . between them" })
  .transform((tag) => tag.toLowerCase());

const SQL_KEYS = ["columns", "tags"] as const;
const HTTP_KEYS = ["fields", "headers", "query", "form"] as const;

const ruleSchema = z
  .strictObject({
    name: z.string().min(1).optional(),
    target: z.string().min(1),
    columns: z.array(columnSchema).min(1).readonly().optional(),
    tags: z.array(tagSchema).min(1).readonly().optional(),
    paths: z.array(pathPattern).min(1).readonly().optional(),
    fields: z.array(fieldPath).min(1).readonly().optional(),
    headers: z.array(headerName).min(1).readonly().optional(),
    query: z.array(formName).min(1).readonly().optional(),
    form: z.array(formName).min(1).readonly().optional(),
    with: withSchema,
    unless: whoSchema.optional(),
    assign: z.enum(["none", "values"], { error: "expected none or values" }).optional(),
    lookup: z.literal("none", { error: "lookup: equality is not supported yet" }).optional(),
  })
  .superRefine((rule, context) => {
    const sql = SQL_KEYS.some((key) => rule[key] !== undefined);
    const http = HTTP_KEYS.find((key) => rule[key] !== undefined);
    if (sql && (http !== undefined || rule.paths !== undefined)) {
      context.addIssue({ code: "custom", path: [http ?? "paths"], message: "is for HTTP targets; columns and tags are for databases" });
    }
    if (http !== undefined && rule.with.kind === "hash") {
      context.addIssue({ code: "custom", path: ["with"], message: "hash is for columns of PostgreSQL targets" });
    }
    if (!sql && http === undefined) {
      const message = "needs columns or tags (databases), or fields, headers, query or form (HTTP targets)";
      context.addIssue({ code: "custom", message });
    }
  });

/** APIs take whole records, so that requests carry what responses mask: writes pass unless the rule says `assign: none`. */
function httpOf({ paths, fields, headers, query, form, assign }: z.output<typeof ruleSchema>) {
  if (HTTP_KEYS.every((key) => ({ fields, headers, query, form })[key] === undefined)) return null;
  return {
    /** Null: every path. */
    paths: paths ?? null,
    fields: fields ?? [],
    headers: headers ?? [],
    query: query ?? [],
    form: form ?? [],
    assign: assign ?? ("values" as const),
  };
}

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
          /** Null in a rule for a database. */
          http: httpOf(rule),
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
    .filter((rule) => rule.http === null && holds(rule, principal, target))
    .map(({ name, columns, tags, mask, assign }) => ({ rule: name, columns, tags, mask, assign }));
}

/** The same of an HTTP target and one path of it; paths are matched widely. */
export function activeHttpMasks({ rules }: MaskingRules, principal: Principal, target: string, path: string): readonly HttpMask[] {
  return rules.flatMap((rule) => {
    const { name, http, mask } = rule;
    if (http === null || !holds(rule, principal, target)) return [];
    const { paths, ...names } = http;
    return paths === null || paths.some((pattern) => mayBePath(pattern, path)) ? [{ rule: name, ...names, mask }] : [];
  });
}

function holds(rule: MaskingRules["rules"][number], principal: Principal, target: string): boolean {
  return rule.target === target && (rule.unless === undefined || !isMeant(rule.unless, principal));
}
