/**
 * Names that masking rules for HTTP targets go by: header fields, parameters, and paths into JSON documents. Of RFC 9535
 * (JSONPath) only what can be told while a document streams: names, indexes, wildcards and descent; no slices or filters.
 */
import { z } from "zod";
import type { FieldPath, FieldStep } from "#policies/question.ts";

const STEPS_MAX = 32;
const NAME_MAX = 256;

/** RFC 9110 section 5.1; folded, as they are compared without regard to case. */
export const headerName = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/, { error: "expected the name of a header field" })
  .transform((name) => name.toLowerCase());

/** Decoded; folded, since frameworks differ in whether case matters. */
export const formName = z
  .string()
  .min(1)
  .max(NAME_MAX)
  .transform((name) => name.toLowerCase());

const EXPECTED = "expected a path such as $.customer.ssn, $.items[*].price, $['a b'] or $..email";

export const fieldPath = z.string().transform((text, context): FieldPath => {
  const steps = stepsOf(text);
  if (typeof steps !== "string") return steps;
  context.issues.push({ code: "custom", message: steps, input: text });
  return z.NEVER;
});

const TOKEN =
  /(?<dots>\.\.?)?(?:(?<name>[\p{L}_$][\p{L}\p{N}_$-]*)|(?<star>\*)|\[(?:(?<any>\*)|(?<index>0|[1-9]\d{0,8})|'(?<single>(?:[^'\\]|\\.)*)'|"(?<double>(?:[^"\\]|\\.)*)")\])/uy;

/** The steps, or what is wrong with them. */
function stepsOf(text: string): FieldPath | string {
  if (!text.startsWith("$")) return EXPECTED;
  const steps: FieldStep[] = [];
  let at = 1;
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    const step = found === null ? undefined : stepOf(found.groups ?? {});
    if (found === null || step === undefined) return problemAt(text, at);
    if (found.groups?.["dots"] === "..") steps.push({ kind: "descend" });
    steps.push(step);
    at = TOKEN.lastIndex;
  }
  return steps.length > STEPS_MAX ? `is deeper than ${STEPS_MAX} steps` : steps;
}

function stepOf(found: Readonly<Record<string, string | undefined>>): FieldStep | undefined {
  const { dots, name, star, any, index } = found;
  const quoted = found["single"] ?? found["double"];
  // `.x` and `..x` need their dots; `.['x']` is none of the forms of RFC 9535.
  if ((name !== undefined || star !== undefined) && dots === undefined) return undefined;
  if (name === undefined && star === undefined && dots === ".") return undefined;
  if (star !== undefined || any !== undefined) return { kind: "any" };
  if (index !== undefined) return { kind: "index", index: Number(index) };
  const key = name ?? unquoted(quoted ?? "");
  return key === undefined || key.length > NAME_MAX ? undefined : { kind: "key", name: key };
}

/** RFC 9535 section 2.3.1.2: escapes as in JSON, and of the quotes. */
function unquoted(text: string): string | undefined {
  try {
    const plain: unknown = JSON.parse(`"${text.replace(/\\'/g, "'").replace(/(^|[^\\])"/g, '$1\\"')}"`);
    return typeof plain === "string" ? plain : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function problemAt(text: string, at: number): string {
  if (/^\[-?\d*:/.test(text.slice(at)) || /^\[-\d/.test(text.slice(at)))
    return "slices and indexes from the end can't be told while a document streams";
  if (/^\.{0,2}\[\?/.test(text.slice(at))) return "filters can't be told while a document streams";
  return EXPECTED;
}
