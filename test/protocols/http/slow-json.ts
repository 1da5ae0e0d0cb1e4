/**
 * The slow reference for masking JSON: a tree of the whole text, rules applied by walking it with the concrete path of each
 * value. It shares nothing with the streaming filter but the meaning of a mask on one value.
 */
import type { FieldPath, HttpMask } from "#policies/question.ts";
import { maskedValue, replacesWhole } from "#protocols/http/masked-value.ts";

type Node =
  | { readonly kind: "string" | "number" | "literal"; readonly raw: string }
  /** Pieces between and around the values, as they stand; one more than there are values. */
  | {
      readonly kind: "object" | "array";
      readonly glue: readonly string[];
      readonly names: readonly string[];
      readonly values: readonly Node[];
    };

/** The text is known to be JSON. */
function parse(text: string): readonly [before: string, Node, after: string] {
  let at = 0;
  const blanks = () => {
    const from = at;
    while (/[ \t\r\n]/.test(text[at] ?? "")) at++;
    return text.slice(from, at);
  };
  const string = () => {
    const from = at++;
    while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
    return text.slice(from, ++at);
  };
  const value = (): Node => {
    const sign = text[at] ?? "";
    if (sign === '"') return { kind: "string", raw: string() };
    if (sign !== "{" && sign !== "[") {
      const raw = /^[^\s,\]}]+/.exec(text.slice(at))?.[0] ?? "";
      at += raw.length;
      return { kind: /^[tfn]/.test(raw) ? "literal" : "number", raw };
    }
    const glue: string[] = [];
    const names: string[] = [];
    const values: Node[] = [];
    let from = at++;
    blanks();
    while (text[at] !== "}" && text[at] !== "]") {
      if (text[at] === ",") at++;
      blanks();
      if (sign === "{") {
        names.push(JSON.parse(string()));
        blanks();
        at++;
        blanks();
      }
      glue.push(text.slice(from, at));
      values.push(value());
      from = at;
      blanks();
    }
    at++;
    glue.push(text.slice(from, at));
    return { kind: sign === "{" ? "object" : "array", glue, names, values };
  };
  const before = blanks();
  const node = value();
  return [before, node, blanks()];
}

function means(steps: FieldPath, path: readonly (string | number)[]): boolean {
  const [step, ...rest] = steps;
  if (step === undefined) return path.length === 0;
  if (step.kind === "descend") return means(rest, path) || (path.length > 0 && means(steps, path.slice(1)));
  const [first, ...below] = path;
  if (first === undefined) return false;
  const fits = step.kind === "any" || (step.kind === "key" ? step.name === first : step.index === first);
  return fits && means(rest, below);
}

function ruleAt(masks: readonly HttpMask[], path: readonly (string | number)[]): HttpMask | undefined {
  const prefixes = Array.from({ length: path.length + 1 }, (_, length) => path.slice(0, length));
  return masks.find(({ fields }) => fields.some((steps) => prefixes.some((prefix) => means(steps, prefix))));
}

export function slowlyMasked(text: string, masks: readonly HttpMask[]): string {
  const walk = (node: Node, path: readonly (string | number)[]): string => {
    const rule = ruleAt(masks, path);
    if ("glue" in node) {
      if (rule !== undefined && replacesWhole(rule.mask)) return maskedValue(rule.mask, "literal", null);
      return node.glue.map((piece, index) => piece + below(node, index, path)).join("");
    }
    return rule === undefined || node.raw === "null" ? node.raw : maskedValue(rule.mask, node.kind, node.raw);
  };
  const below = (node: Node & { kind: "object" | "array" }, index: number, path: readonly (string | number)[]): string => {
    const value = node.values[index];
    return value === undefined ? "" : walk(value, [...path, node.kind === "object" ? (node.names[index] ?? "") : index]);
  };
  const [before, node, after] = parse(text);
  return before + walk(node, []) + after;
}
