/** Small readings of single nodes that several judgements share. */
import type { FunctionName } from "./functions.ts";
import { type Body, flagOf, isBody, nodeOf, nodesOf, type Place, type TreeNode, textOf, wordsOf } from "./tree.ts";

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

/**
 * The call and the setting of `SELECT set_config(name, 'value', false) FROM pg_settings WHERE name = 'setting'`, by which
 * tools set what the server may not have: no row passes whose name is another.
 */
export function settingByFilter({ type, body }: TreeNode): { readonly call: Body; readonly name: string } | undefined {
  const [target, ...targets] = type === "SelectStmt" ? nodesOf(type, body, "targetList") : [];
  const [from, ...others] = nodesOf(type, body, "fromClause");
  if (targets.length > 0 || others.length > 0 || !/^(pg_catalog\.)?pg_settings$/.test(relationText(from?.body ?? {}))) return undefined;
  const call = target === undefined ? undefined : nodeOf("ResTarget", target.body, "val");
  const filter = nodeOf(type, body, "whereClause");
  if (call?.type !== "FuncCall" || filter?.type !== "A_Expr") return undefined;
  const compared = nodeOf("A_Expr", filter.body, "lexpr");
  const literal = nodeOf("A_Expr", filter.body, "rexpr");
  const [first] = nodesOf("FuncCall", call.body, "args");
  const byName = isPlainName(first) && isPlainName(compared) && textOf(filter.body, "kind") === "AEXPR_OP";
  const name = byName && wordsOf(filter.body, "name").join(".") === "=" && literal !== undefined ? literalText(literal) : undefined;
  return name === undefined ? undefined : { call: call.body, name: name.toLowerCase() };
}

function isPlainName(node: TreeNode | undefined): boolean {
  return node?.type === "ColumnRef" && wordsOf(node.body, "fields").join(".") === "name";
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

/** Names of relations where no row is read by them: the aliases behind FOR UPDATE OF, what LOCK holds, tables to be made. */
export function readsNothing({ parent, field }: Place): boolean {
  return field === "lockedRels" || parent === "LockStmt" || parent === "IntoClause" || parent === "CreateStmt";
}
