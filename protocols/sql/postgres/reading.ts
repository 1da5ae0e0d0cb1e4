/** Small readings of single nodes that several judgements share. */
import type { FunctionName } from "./functions.ts";
import { type Body, flagOf, isBody, nodesOf, type TreeNode, textOf, wordsOf } from "./tree.ts";

/** The last two words of a call's name; one word means no schema is named. */
export function nameOfCall(body: Body): FunctionName {
  const words = wordsOf(body, "funcname");
  return { schema: words.length > 1 ? (words.at(-2) ?? "") : null, name: words.at(-1) ?? "" };
}

/** The text of a string constant, casts around it left aside; undefined for anything else. */
export function literalText(node: TreeNode): string | undefined {
  if (node.type === "TypeCast") {
    const arg = node.body["arg"];
    const inner = isBody(arg) && isBody(arg["A_Const"]) ? arg["A_Const"] : undefined;
    return inner === undefined ? undefined : literalText({ type: "A_Const", body: inner });
  }
  const value = node.type === "A_Const" ? node.body["sval"] : undefined;
  return isBody(value) ? textOf(value, "sval") : undefined;
}

/** The setting that SET or RESET changes, lower case; empty for RESET ALL. */
export function settingName(body: Body): string {
  return textOf(body, "name").toLowerCase();
}

/** Which options of EXPLAIN are on. One given as `analyze false` counts as on: the doubt is not worth a reading. */
export function explains(body: Body): { readonly analyze: boolean; readonly options: readonly string[] } {
  const options = nodesOf("ExplainStmt", body, "options").map((option) => textOf(option.body, "defname").toLowerCase());
  return { analyze: options.includes("analyze"), options };
}

/** Whether a COPY speaks to the client, and which way. */
export function copyDirection(body: Body): "in" | "out" | null {
  if (textOf(body, "filename") !== "" || flagOf(body, "is_program")) return null;
  return flagOf(body, "is_from") ? "in" : "out";
}

/** A relation as its text qualifies it. */
export function relationText(body: Body): string {
  return [textOf(body, "catalogname"), textOf(body, "schemaname"), textOf(body, "relname")].filter((word) => word !== "").join(".");
}
