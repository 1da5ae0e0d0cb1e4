/**
 * Adds masking rules to the text of a configuration and changes nothing else in it: no comment, no order, no style. Where
 * the text has no place for them that can be proved right, there is no answer.
 */
import { isDeepStrictEqual } from "node:util";
import { isMap, isScalar, isSeq, parseDocument, type YAMLMap, type YAMLSeq } from "yaml";
import { policyShape } from "#policies/document.ts";
import type { Proposal } from "./proposal.ts";
import { blockLines, flowLines, nameOf } from "./rule-text.ts";

/** @returns the new text; undefined where the rules stand behind an alias, or in another way that is not followed */
export function withRules(text: string, proposals: readonly Proposal[], target: string): string | undefined {
  const end = text.includes("\r\n") ? "\r\n" : "\n";
  const edited = edit(text, proposals, target)?.replace(/\r?\n/g, end);
  return edited !== undefined && isAddition(text, edited, proposals) ? edited : undefined;
}

function edit(text: string, proposals: readonly Proposal[], target: string): string | undefined {
  const root = parseDocument(text).contents;
  if (!isMap(root)) return undefined;
  const masking = root.get("masking", true);
  if (masking === undefined) {
    const section = `"masking": { "rules": [\n${indented(flowLines(proposals, target), 4)}\n  ] }`;
    if (root.flow === true) return inBrackets(text, root, section);
    return `${text}${text.endsWith("\n") ? "" : "\n"}\nmasking:\n  rules:\n${indented(blockLines(proposals, target), 4)}\n`;
  }
  if (!isMap(masking)) return undefined;
  const rules = masking.get("rules", true);
  if (!isSeq(rules)) return undefined;
  if (rules.flow !== true) return behindItems(text, rules, blockLines(proposals, target));
  if (rules.items.length === 0 && masking.flow !== true) return inPlaceOfNothing(text, masking, rules, blockLines(proposals, target));
  return inBrackets(text, rules, indented(flowLines(proposals, target), columnOf(text, rules.range?.[0] ?? 0) + 4).trimStart());
}

/** Behind the last item of a block sequence, at the column of its dashes. */
function behindItems(text: string, rules: YAMLSeq, lines: readonly string[]): string | undefined {
  const [first] = rules.items;
  const last = rules.items.at(-1);
  const start = rangeOf(first)?.[0];
  const after = rangeOf(last)?.[1];
  if (start === undefined || after === undefined) return undefined;
  const dash = text.lastIndexOf("-", start - 1);
  // A value that ends with its line ends at the beginning of the next one.
  const at = text[after - 1] === "\n" ? after : nextLine(text, after);
  const before = text.slice(0, at);
  return `${before}${before.endsWith("\n") ? "" : "\n"}${indented(lines, dash - lineStart(text, dash))}\n${text.slice(at)}`;
}

/** `rules: []` in a block: the brackets go, what stands behind them on the line stays. */
function inPlaceOfNothing(text: string, masking: YAMLMap, rules: YAMLSeq, lines: readonly string[]): string | undefined {
  const key = masking.items.find((pair) => isScalar(pair.key) && pair.key.value === "rules")?.key;
  const column = rangeOf(key)?.[0];
  const [from, to] = rules.range ?? [];
  if (column === undefined || from === undefined || to === undefined) return undefined;
  const at = nextLine(text, to);
  const head = `${text.slice(0, from).trimEnd()}${text.slice(to, at)}`;
  return `${head}${head.endsWith("\n") ? "" : "\n"}${indented(lines, column - lineStart(text, column) + 2)}\n${text.slice(at)}`;
}

/** Before the closing bracket of a flow collection, behind a comma where something stands before it. */
function inBrackets(text: string, node: YAMLSeq | YAMLMap, added: string): string | undefined {
  const close = (node.range?.[1] ?? 0) - 1;
  const last = node.items.at(-1);
  if (close < 0 || !/[\]}]/.test(text[close] ?? "")) return undefined;
  // Within a block, brackets stand further in than the block.
  const indent = " ".repeat(columnOf(text, node.range?.[0] ?? 0) + 2);
  if (last === undefined) return `${text.slice(0, close)}\n${indent}  ${added}\n${indent}${text.slice(close)}`;
  const after = rangeOf(isMap(node) && typeof last === "object" && last !== null && "value" in last ? last.value : last)?.[1];
  if (after === undefined) return undefined;
  const behind = text.slice(after, close);
  const comma = /^\s*,/.test(behind) ? "" : ",";
  return `${text.slice(0, after)}${comma}${behind.trimEnd()}\n${indent}  ${added}\n${indent}${text.slice(close)}`;
}

/** The indentation of the line that a place stands in. */
function columnOf(text: string, offset: number): number {
  return /^ */.exec(text.slice(lineStart(text, offset)))?.[0].length ?? 0;
}

function lineStart(text: string, offset: number): number {
  return text.lastIndexOf("\n", offset - 1) + 1;
}

function nextLine(text: string, offset: number): number {
  const end = text.indexOf("\n", offset);
  return end === -1 ? text.length : end + 1;
}

function rangeOf(node: unknown): readonly number[] | undefined {
  const range: unknown = typeof node === "object" && node !== null && "range" in node ? node.range : undefined;
  return Array.isArray(range) && range.every((part) => typeof part === "number") ? range : undefined;
}

function indented(lines: readonly string[], columns: number): string {
  return lines.map((line) => `${" ".repeat(columns)}${line}`).join("\n");
}

/** Whether the new text says all that the old one said, then the proposed rules, and nothing else. */
function isAddition(before: string, after: string, proposals: readonly Proposal[]): boolean {
  const [old, now] = [before, after].map((text) => parseDocument(text, { uniqueKeys: true }));
  if (old === undefined || now === undefined || now.errors.length > 0 || now.warnings.length > 0) return false;
  const [{ masking: oldPart, ...oldRest }, { masking: nowPart, ...nowRest }] = [Object(old.toJS()), Object(now.toJS())];
  const { rules: oldRules = [], ...oldMasking } = Object(oldPart ?? {});
  const { rules: nowRules = [], ...nowMasking } = Object(nowPart ?? {});
  if (!isDeepStrictEqual([nowRest, nowMasking, nowRules.slice(0, oldRules.length)], [oldRest, oldMasking, oldRules])) return false;
  const parsed = policyShape.masking.safeParse({ rules: nowRules.slice(oldRules.length) });
  const added = parsed.success ? parsed.data.rules.map(({ name, columns }) => [name, columns]) : [];
  return isDeepStrictEqual(
    added,
    proposals.map(({ name, findings }) => [name, findings.map(nameOf)]),
  );
}
