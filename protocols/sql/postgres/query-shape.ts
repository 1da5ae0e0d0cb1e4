/** What the clauses of one SELECT make of its rows: its columns, whether an aggregate makes one of all, its LIMIT. */
import { constantOf } from "./constants.ts";
import { isAggregate, mayReturnSet } from "./functions.ts";
import { outputName } from "./output-name.ts";
import { nameOfCall } from "./reading.ts";
import { type Level, type Read, spend } from "./sources.ts";
import { type Body, nodeOf, nodesOf, pushParts, type TreeNode, textOf, wordsOf } from "./tree.ts";

/** Names of the columns that a list of targets yields; undefined when they can't be told. */
export function columnsOf(targets: readonly TreeNode[], level: Level): ReadonlySet<string> | undefined {
  const columns = new Set<string>();
  for (const target of targets) {
    const value = nodeOf("ResTarget", target.body, "val");
    const star = value === undefined ? false : starOf(value, level);
    if (star === undefined) return undefined;
    if (star !== false) spend(level.work, star.length);
    for (const name of star === false ? [outputName(target.body)] : star) columns.add(name);
  }
  return columns;
}

/** The columns that `*` or `t.*` stands for; false when the target is no star, undefined when they can't be told. */
function starOf({ type, body }: TreeNode, level: Level): readonly string[] | undefined | false {
  const steps = nodesOf(type, body, type === "A_Indirection" ? "indirection" : "fields");
  if (steps.at(-1)?.type !== "A_Star") return false;
  if (type !== "ColumnRef") return undefined;
  const [qualifier] = wordsOf(body, "fields").slice(0, -1).slice(-1);
  const meant = [...level.sources].filter(({ alias }) => qualifier === undefined || alias === qualifier);
  if (meant.length === 0 || meant.some(({ columns }) => columns === undefined)) return undefined;
  for (const { columns } of meant) spend(level.work, 8 + (columns?.size ?? 0));
  return meant.flatMap(({ columns }) => [...(columns ?? [])]);
}

/** Aggregates whose value holds all rows that went in. */
const COLLECTING = /^(array_agg|string_agg|xmlagg|range_agg|jsonb?_(object_)?agg(_.*)?)$/;

/** Whether all rows become one, and whether that one holds them all. */
export function aggregationOf(body: Body, targets: readonly TreeNode[]): "none" | "reducing" | "collecting" {
  const groups = nodesOf("SelectStmt", body, "groupClause");
  if (groups.some(({ type, body: item }) => type !== "GroupingSet" || textOf(item, "kind") !== "GROUPING_SET_EMPTY")) return "none";
  const having = nodeOf("SelectStmt", body, "havingClause");
  let found: "none" | "reducing" | "collecting" = groups.length > 0 || having !== undefined ? "reducing" : "none";
  const stack = having === undefined ? [...targets] : [...targets, having];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (node.type === "SelectStmt") continue;
    const kind = aggregateKind(node);
    if (kind === "collecting" || (kind === "reducing" && found === "none")) found = kind;
    pushParts(stack, node);
  }
  return found;
}

function aggregateKind({ type, body }: TreeNode): "none" | "reducing" | "collecting" {
  if (type === "JsonObjectAgg" || type === "JsonArrayAgg") {
    const inner = nodeOf(type, body, "constructor");
    return inner?.body["over"] === undefined ? "collecting" : "none";
  }
  if (type !== "FuncCall" || body["over"] !== undefined) return "none";
  const called = nameOfCall(body);
  const marked = ["agg_star", "agg_distinct", "agg_order", "agg_filter", "agg_within_group"].some((field) => body[field] !== undefined);
  if (!marked && !isAggregate(called)) return "none";
  return COLLECTING.test(called.name) ? "collecting" : "reducing";
}

/** Whether a target may turn one row into several. */
export function yieldsSet(target: TreeNode): boolean {
  const stack = [target];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (node.type === "SelectStmt") continue;
    if (node.type === "FuncCall" && mayReturnSet(nameOfCall(node.body))) return true;
    pushParts(stack, node);
  }
  return false;
}

/** Undefined without one; Infinity for a number that only the server will know. */
export function limitOf(body: Body): number | undefined {
  const count = nodeOf("SelectStmt", body, "limitCount");
  if (count === undefined) return undefined;
  const constant = constantOf(count);
  if (constant === undefined) return Number.POSITIVE_INFINITY;
  if (constant.value === null) return undefined;
  const number = Number(constant.value);
  return Number.isNaN(number) ? Number.POSITIVE_INFINITY : number;
}

/** A LIMIT that leaves the whole table in is none. */
export function limited(read: Read | undefined, limit: number | undefined): Read | undefined {
  return read === undefined || limit === undefined || (Number.isFinite(limit) && limit >= read.rows) ? read : undefined;
}
