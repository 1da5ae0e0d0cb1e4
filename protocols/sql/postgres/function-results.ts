/** The columns that functions, XMLTABLE and JSON_TABLE have in FROM (parse_relation.c, addRangeTableEntryForFunction). */
import { NAMED, VARYING } from "./function-columns.ts";
import { builtInVolatility } from "./functions.ts";
import { outputName } from "./output-name.ts";
import { nameOfCall } from "./reading.ts";
import { flagOf, nodeOf, nodesOf, type TreeNode, textOf } from "./tree.ts";

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

const VARIES: ReadonlySet<string> = new Set(words(VARYING));
const COLUMNS: ReadonlyMap<string, readonly string[]> = new Map(
  NAMED.trim()
    .split("\n")
    .map((line) => {
      const [name = "", ...columns] = words(line);
      return [name, columns] as const;
    }),
);

/**
 * Names of the columns of an item of FROM that is no relation, query or join; undefined where they can't be told.
 *
 * @param alias what the item is called; empty when it isn't
 * @param overloads whether a user's function goes by a name too
 */
export function functionColumns(node: TreeNode, alias: string, overloads: (name: string) => boolean): readonly string[] | undefined {
  if (node.type === "JsonTable") return jsonColumns(node);
  if (node.type === "RangeTableFunc") return nodesOf(node.type, node.body, "columns").map(({ body }) => textOf(body, "colname"));
  if (node.type !== "RangeFunction") return undefined;
  const functions = nodesOf(node.type, node.body, "functions");
  const all: string[] = [];
  for (const item of functions) {
    const defined = definedIn(functions.length === 1 ? node : item);
    const [call] = nodesOf("List", item.body, "items");
    const columns = defined ?? (call === undefined ? undefined : called(call, functions.length === 1 ? alias : "", overloads));
    if (columns === undefined) return undefined;
    all.push(...columns);
  }
  return flagOf(node.body, "ordinality") ? [...all, "ordinality"] : all;
}

/** By which name an item without an alias can be referred to. */
export function functionAlias(node: TreeNode): string {
  if (node.type === "RangeTableFunc") return "xmltable";
  if (node.type === "JsonTable") return "json_table";
  const [first] = nodesOf(node.type, node.body, "functions");
  const [call] = nodesOf("List", first?.body ?? {}, "items");
  return call === undefined ? "" : nameOf(call);
}

function nameOf(call: TreeNode): string {
  return outputName({ val: { [call.type]: call.body } });
}

/** `AS (a int, b text)`, of the item or of one function in ROWS FROM. */
function definedIn({ type, body }: TreeNode): readonly string[] | undefined {
  const list = type === "RangeFunction" ? nodesOf(type, body, "coldeflist") : nodesOf("List", body, "items").slice(1).flatMap(membersOf);
  return list.length === 0 ? undefined : list.map((column) => textOf(column.body, "colname"));
}

function membersOf(list: TreeNode): readonly TreeNode[] {
  return list.type === "List" ? nodesOf("List", list.body, "items") : [];
}

function called(call: TreeNode, alias: string, overloads: (name: string) => boolean): readonly string[] | undefined {
  const scalar = [alias === "" ? nameOf(call) : alias];
  if (call.type === "SQLValueFunction") return scalar;
  if (call.type !== "FuncCall") return undefined;
  const { schema, name } = nameOfCall(call.body);
  if (schema !== null && schema !== "pg_catalog") return undefined;
  if (VARIES.has(name) || builtInVolatility(name) === undefined || (schema === null && overloads(name))) return undefined;
  return COLUMNS.get(name) ?? scalar;
}

/** The columns of a level come first, then those of each NESTED PATH in it. */
function jsonColumns(node: TreeNode): readonly string[] {
  const columns = nodesOf(node.type, node.body, "columns");
  const nested = columns.filter(({ body }) => nodeOf("JsonTableColumn", body, "columns") !== undefined || isNested(body));
  const own = columns.filter((column) => !nested.includes(column)).map(({ body }) => textOf(body, "name"));
  return [...own, ...nested.flatMap(jsonColumns)];
}

function isNested(body: TreeNode["body"]): boolean {
  return textOf(body, "coltype") === "JTC_NESTED";
}
