/** What stands in FROM: relations, subqueries, functions and joins, as names and columns that can be referred to. */
import type { CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { ANYTHING, baseOrigin, mixed, type Origin } from "./origins.ts";
import { type Entry, type Output, type Outputs, type Relations, rowOrigin, type Scope, type WithOutputs } from "./scope.ts";
import { type Body, flagOf, isBody, nodeOf, nodesOf, type TreeNode, textOf, wordsOf } from "./tree.ts";

/** The reading of a query that is under way; its parts call each other through this. */
export interface Reader {
  readonly relations: Relations;
  query(node: TreeNode, names: WithOutputs | null, scope: Scope | null): Outputs;
  expression(node: TreeNode, names: WithOutputs | null, scope: Scope): Origin;
  /** Notes what is referred to without an expression. */
  read(origin: Origin): void;
  clash(entry: Entry): void;
  grouped(list: Grouped): void;
}

/** A GROUP BY with what its items can refer to. */
export interface Grouped {
  readonly items: readonly TreeNode[];
  readonly targets: readonly TreeNode[];
  readonly scope: Scope;
}

export interface FromItem {
  readonly entries: readonly Entry[];
  /** What `*` stands for, this item alone. */
  readonly outputs: Outputs;
}

/** Set-returning functions of `pg_catalog` by the number of their columns, where that is fixed. */
const FUNCTION_COLUMNS: Readonly<Record<string, readonly string[]>> = {
  json_each: ["key", "value"],
  json_each_text: ["key", "value"],
  jsonb_each: ["key", "value"],
  jsonb_each_text: ["key", "value"],
};
const ONE_COLUMN: ReadonlySet<string> = new Set([
  "generate_series",
  "generate_subscripts",
  "json_array_elements",
  "json_array_elements_text",
  "json_object_keys",
  "jsonb_array_elements",
  "jsonb_array_elements_text",
  "jsonb_object_keys",
  "jsonb_path_query",
  "regexp_matches",
  "regexp_split_to_table",
  "string_to_table",
]);

/** @param scope what stands before it in the same FROM, which functions and LATERAL see, and all around */
export function fromItem(reader: Reader, node: TreeNode, names: WithOutputs | null, scope: Scope): FromItem {
  const { type, body } = node;
  switch (type) {
    case "RangeVar":
      return one(relationEntry(reader, body, names));
    case "RangeTableSample": {
      const sampled = nodeOf(type, body, "relation");
      for (const field of ["args", "repeatable"]) for (const arg of listed(node, field)) reader.expression(arg, names, scope);
      return sampled === undefined ? { entries: [], outputs: undefined } : fromItem(reader, sampled, names, scope);
    }
    case "RangeSubselect": {
      const subquery = nodeOf(type, body, "subquery");
      const outputs = subquery === undefined ? undefined : reader.query(subquery, names, flagOf(body, "lateral") ? scope : scope.up);
      return one(aliased(body, outputs, ANYTHING));
    }
    case "JoinExpr":
      return join(reader, node, names, scope);
    default:
      return one(computed(reader, node, names, scope));
  }
}

function one(entry: Entry): FromItem {
  return { entries: [entry], outputs: entry.outputs };
}

function listed(node: TreeNode, field: string): readonly TreeNode[] {
  const single = nodeOf(node.type, node.body, field);
  return single === undefined ? nodesOf(node.type, node.body, field) : [single];
}

function relationEntry(reader: Reader, body: Body, names: WithOutputs | null): Entry {
  const name = textOf(body, "relname");
  for (let at = body["schemaname"] === undefined ? names : null; at !== null; at = at.up) {
    if (at.name === name) return { ...aliased(body, at.outputs, ANYTHING), alias: aliasName(body) ?? name };
  }
  const relation = reader.relations.find(body);
  if (relation === undefined) return { ...aliased(body, undefined, ANYTHING), alias: aliasName(body) ?? name };
  const masked = reader.relations.maskedColumns(relation);
  const outputs = reader.relations.defined?.(relation) ?? ownColumns(relation, masked);
  const alias = aliasName(body);
  return {
    ...aliased(body, outputs, ANYTHING),
    alias: alias ?? name,
    bare: alias === undefined ? relation : undefined,
    rangeVar: body,
    replaced: masked.size > 0,
  };
}

function ownColumns({ oid, columns }: CatalogueRelation, masked: ReadonlySet<number>): readonly Output[] {
  return columns.map(({ name, number }) => ({ name, origin: baseOrigin(oid, number, masked.has(number)), direct: true }));
}

function aliasName(body: Body): string | undefined {
  const alias = body["alias"];
  return isBody(alias) ? textOf(alias, "aliasname") : undefined;
}

function aliased(body: Body, outputs: Outputs, origin: Origin): Entry {
  const alias = body["alias"];
  const columns = isBody(alias) ? wordsOf(alias, "colnames") : [];
  const named = outputs?.map((output, index) => ({ ...output, name: columns[index] ?? output.name }));
  return { alias: aliasName(body) ?? "", outputs: named, origin, bare: undefined, rangeVar: undefined, replaced: false };
}

/** Functions, XMLTABLE, JSON_TABLE: masked when anything that goes in is. */
function computed(reader: Reader, node: TreeNode, names: WithOutputs | null, scope: Scope): Entry {
  const origin = reader.expression(node, names, scope);
  const entry = aliased(node.body, undefined, origin);
  const columns = definedColumns(node) ?? functionColumns(node, entry.alias);
  const ordinality = node.type === "RangeFunction" && flagOf(node.body, "ordinality") ? ["ordinality"] : [];
  if (columns === undefined) return entry;
  const outputs: Output[] = [...columns, ...ordinality].map((name) => ({ name, origin, direct: false }));
  const renamed = aliased(node.body, outputs, origin);
  return { ...renamed, alias: renamed.alias === "" ? (columns[0] ?? "") : renamed.alias };
}

function definedColumns({ type, body }: TreeNode): readonly string[] | undefined {
  const field = type === "RangeFunction" ? "coldeflist" : "columns";
  const defined = nodesOf(type, body, field).map((column) => textOf(column.body, column.type === "JsonTableColumn" ? "name" : "colname"));
  // NESTED PATH columns have no name of their own but columns below.
  return defined.length === 0 || defined.includes("") ? undefined : defined;
}

function functionColumns({ type, body }: TreeNode, alias: string): readonly string[] | undefined {
  const functions = type === "RangeFunction" ? nodesOf(type, body, "functions") : [];
  const [call] = functions.length === 1 ? nodesOf("List", functions[0]?.body ?? {}, "items") : [];
  if (call?.type !== "FuncCall") return undefined;
  const name = wordsOf(call.body, "funcname").at(-1) ?? "";
  return FUNCTION_COLUMNS[name] ?? (ONE_COLUMN.has(name) ? [alias === "" ? name : alias] : undefined);
}

/** The columns named in USING come first and once, then the others, left before right. */
function join(reader: Reader, { type, body }: TreeNode, names: WithOutputs | null, scope: Scope): FromItem {
  const left = sideOf(reader, { type, body }, "larg", names, scope);
  const right = sideOf(reader, { type, body }, "rarg", names, { entries: [...scope.entries, ...left.entries], up: scope.up });
  const entries = [...left.entries, ...right.entries];
  const quals = nodeOf(type, body, "quals");
  if (quals !== undefined) reader.expression(quals, names, { entries, up: scope.up });
  const outputs = merged(reader, body, left.outputs, right.outputs);
  const alias = aliasName(body);
  if (alias !== undefined) return one({ ...aliased(body, outputs, mixed(entries.map(rowOrigin))), alias });
  return { entries, outputs };
}

function sideOf(reader: Reader, { type, body }: TreeNode, field: string, names: WithOutputs | null, scope: Scope): FromItem {
  const node = nodeOf(type, body, field);
  return node === undefined ? { entries: [], outputs: undefined } : fromItem(reader, node, names, scope);
}

function merged(reader: Reader, body: Body, left: Outputs, right: Outputs): Outputs {
  if (left === undefined || right === undefined) return undefined;
  const shared = flagOf(body, "isNatural")
    ? left.map(({ name }) => name).filter((name) => right.some((other) => other.name === name))
    : wordsOf(body, "usingClause");
  const either = (name: string): Origin => mixed([...left, ...right].filter((output) => output.name === name).map(({ origin }) => origin));
  for (const name of shared) reader.read(either(name));
  const rest = (side: readonly Output[]) => side.filter(({ name }) => !shared.includes(name));
  return [...shared.map((name) => ({ name, origin: either(name), direct: false })), ...rest(left), ...rest(right)];
}
