/**
 * Whether the rows of a query tell of masked columns by being there, by how often or in which order: then a copy of
 * them is no better hidden by masking some columns of it. They don't where every masked value is only handed on, as it
 * is or computed with, to an output column.
 */
import type { Lineage } from "./lineage.ts";
import { ANYTHING, type BaseColumn, maskedAmong, type Origin } from "./origins.ts";
import { outputName } from "./output-name.ts";
import type { Meaning } from "./scope.ts";
import { type Body, flagOf, isBody, nodeOf, nodesOf, type TreeNode, textOf, walk, wordsOf } from "./tree.ts";

/**
 * @param names of the masked columns that the query reads
 * @param isMasked of the columns that `lineage` ends at
 */
export function tellsByRows(
  query: TreeNode,
  { meanings, vague }: Lineage,
  names: ReadonlySet<string>,
  isMasked: (base: BaseColumn) => boolean,
): boolean {
  if (vague) return true;
  const handed = new Set<Body>();
  follow(query, handed);
  const origins = [...meanings.values()].map(originOf);
  const masked = maskedAmong(origins, isMasked);
  const reading = new Set([...meanings].flatMap(([node, meaning]) => (masked.has(originOf(meaning)) ? [node] : [])));
  return [...reading].some((node) => !handed.has(node)) || joinsBy(query, reading, names);
}

function originOf(meaning: Meaning): Origin {
  return meaning.kind === "unknown" ? ANYTHING : meaning.origin;
}

/** Gathers the nodes of output lists, of the query and of those that it takes its rows from. */
function follow({ type, body }: TreeNode, handed: Set<Body>): void {
  const withClause = body["withClause"];
  for (const cte of isBody(withClause) ? nodesOf("WithClause", withClause, "ctes") : []) {
    const inner = nodeOf(cte.type, cte.body, "ctequery");
    if (inner !== undefined) follow(inner, handed);
  }
  if (type !== "SelectStmt" || comparesRows(body)) return;
  for (const field of ["larg", "rarg"]) {
    const arm = nodeOf(type, body, field);
    if (arm !== undefined) follow(arm, handed);
  }
  for (const item of nodesOf(type, body, "fromClause")) followFrom(item, handed);
  for (const target of nodesOf(type, body, "targetList")) {
    const value = nodeOf(target.type, target.body, "val");
    if (value !== undefined) followExpression(value, handed);
  }
}

/** DISTINCT and set operations but UNION ALL compare whole rows; a place in the output list may stand for a column. */
function comparesRows(body: Body): boolean {
  const operation = textOf(body, "op");
  if (body["distinctClause"] !== undefined) return true;
  if (operation !== "SETOP_NONE" && (operation !== "SETOP_UNION" || body["all"] !== true || body["sortClause"] !== undefined)) return true;
  const items = [
    ...nodesOf("SelectStmt", body, "groupClause"),
    ...nodesOf("SelectStmt", body, "sortClause").map((item) => nodeOf(item.type, item.body, "node")),
  ];
  return items.some((item) => item?.type === "A_Const");
}

function followFrom(item: TreeNode, handed: Set<Body>): void {
  if (item.type === "RangeSubselect") {
    const subquery = nodeOf(item.type, item.body, "subquery");
    if (subquery !== undefined) follow(subquery, handed);
  }
  for (const field of item.type === "JoinExpr" ? ["larg", "rarg"] : []) {
    const side = nodeOf(item.type, item.body, field);
    if (side !== undefined) followFrom(side, handed);
  }
}

/** A window sorts the rows, and a function that yields several rows says by their number what it was given. */
function followExpression(root: TreeNode, handed: Set<Body>): void {
  walk(root, ({ type, body }) => {
    handed.add(body);
    if (type === "SelectStmt") follow({ type, body }, handed);
    return type !== "SelectStmt" && type !== "WindowDef" && !(type === "FuncCall" && mayYieldRows(wordsOf(body, "funcname")));
  });
}

const SEVERAL_ROWS =
  /^(unnest|generate_|regexp_matches$|regexp_split_to_table$|string_to_table$|jsonb?_(array_elements|each|object_keys|path_query|populate_recordset|to_recordset)|ts_|pg_|aclexplode$|_pg_expandarray$)/;

function mayYieldRows(words: readonly string[]): boolean {
  return words.at(-2) !== "pg_catalog" || SEVERAL_ROWS.test(words.at(-1) ?? "");
}

/** USING names a column without a reference; what an alias renames may be one too. */
function joinsBy(query: TreeNode, reading: ReadonlySet<Body>, names: ReadonlySet<string>): boolean {
  const shared = new Set<string>();
  const masked = new Set(names);
  let natural = false;
  walk(query, (place) => {
    const { type, body } = place;
    if (type === "JoinExpr") for (const word of wordsOf(body, "usingClause")) shared.add(word);
    natural ||= type === "JoinExpr" && flagOf(body, "isNatural");
    if (type === "Alias") for (const word of wordsOf(body, "colnames")) masked.add(word);
    if (type === "CommonTableExpr") for (const word of wordsOf(body, "aliascolnames")) masked.add(word);
    if (type === "ResTarget" && holds(place, reading)) masked.add(outputName(body));
    return true;
  });
  return natural || [...shared].some((word) => masked.has(word));
}

function holds(root: TreeNode, nodes: ReadonlySet<Body>): boolean {
  let found = false;
  walk(root, ({ body }) => {
    found ||= nodes.has(body);
    return !found;
  });
  return found;
}
