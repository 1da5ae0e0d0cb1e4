/**
 * What stands in the FROM of a query, as guardrails see it: things whose columns can be named, what computes them, and the
 * conditions of the joins between them.
 */
import type { CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { mayReturnSet } from "./functions.ts";
import { nameOfCall, relationText } from "./reading.ts";
import { type Bound, type Level, type Reach, type References, type Source, spend } from "./sources.ts";
import { type Body, flagOf, isBody, nodeOf, nodesOf, type TreeNode, textOf, wordsOf } from "./tree.ts";

export interface JoinCondition {
  readonly kind: string;
  readonly left: readonly Source[];
  readonly right: readonly Source[];
  readonly quals: TreeNode | undefined;
  /** Pairs that USING or NATURAL connects. */
  readonly pairs: readonly (readonly [Source, Source])[];
}

/** The reading that is under way; its parts call each other through this. */
export interface Reading {
  query(node: TreeNode, names: Bound | null, up: Level | null): Reach;
  scan(nodes: readonly TreeNode[], names: Bound | null, level: Level): References;
  /** Undefined for what is not in the catalogue, or where there is none. */
  relation(rangeVar: Body): { readonly relation: CatalogueRelation | undefined; readonly rows: number | null };
}

/** Adds what an item of FROM brings to the level. @returns the sources that it brought */
export function readFromItem(
  reading: Reading,
  node: TreeNode,
  names: Bound | null,
  level: Level,
  joins: JoinCondition[],
): readonly Source[] {
  const { type, body } = node;
  switch (type) {
    case "RangeVar":
      return added(level, relationSource(reading, body, names, level));
    case "RangeTableSample": {
      const sampled = nodeOf(type, body, "relation");
      reading.scan([...nodesOf(type, body, "args"), ...single(node, "repeatable")], names, level);
      return sampled === undefined ? [] : readFromItem(reading, sampled, names, level, joins);
    }
    case "RangeSubselect":
      return added(level, subselectSource(reading, body, names, level));
    case "JoinExpr":
      return join(reading, node, names, level, joins);
    default:
      return added(level, computedSource(reading, node, names, level));
  }
}

function added(level: Level, source: Source): readonly Source[] {
  level.sources.add(source);
  if (!level.aliases.has(source.alias)) level.aliases.set(source.alias, source);
  return [source];
}

const NOTHING: ReadonlySet<Source> = new Set();

function relationSource(reading: Reading, body: Body, names: Bound | null, level: Level): Source {
  const name = textOf(body, "relname");
  const location = typeof body["location"] === "number" ? body["location"] : undefined;
  const shown = relationText(body);
  const common = { number: level.sources.size, alias: aliasOf(body) ?? name, needs: NOTHING, shown, location, optional: false };
  for (let at = body["schemaname"] === undefined ? names : null; at !== null; at = at.up) {
    if (at.name !== name) continue;
    const columns = renamed(at.reach.columns(), body, level);
    return { ...common, columns, relation: undefined, reach: at.reach, few: at.reach.oneRow, read: undefined };
  }
  const { relation, rows } = reading.relation(body);
  const columns = relation === undefined ? undefined : renamed(namesOf(relation, level), body, level);
  const read = rows === null ? undefined : { shown, rows, location };
  return { ...common, columns, relation, reach: undefined, few: false, read };
}

function subselectSource(reading: Reading, body: Body, names: Bound | null, level: Level): Source {
  const subquery = nodeOf("RangeSubselect", body, "subquery");
  const lateral = flagOf(body, "lateral");
  const reach = subquery === undefined ? undefined : reading.query(subquery, names, lateral ? level : level.up);
  return {
    number: level.sources.size,
    alias: aliasOf(body) ?? "",
    columns: renamed(reach?.columns(), body, level),
    relation: undefined,
    reach,
    few: reach?.oneRow === true || subquery?.body["valuesLists"] !== undefined,
    needs: new Set([...(reach?.outer.sources ?? [])].filter((source) => level.sources.has(source))),
    read: undefined,
    shown: aliasOf(body) ?? "a subquery",
    location: firstLocation(subquery),
    optional: false,
  };
}

/** Functions, XMLTABLE, JSON_TABLE. */
function computedSource(reading: Reading, node: TreeNode, names: Bound | null, level: Level): Source {
  const calls = nodesOf(node.type, node.body, "functions").flatMap((item) => nodesOf("List", item.body, "items"));
  const outer = reading.scan([node], names, level);
  const scalar = node.type === "RangeFunction" && calls.every((call) => call.type !== "FuncCall" || !mayReturnSet(nameOfCall(call.body)));
  const [first] = calls;
  const name = first?.type === "FuncCall" ? nameOfCall(first.body).name : "";
  const columns = scalar ? new Set(columnNames(node.body) ?? [aliasOf(node.body) ?? name]) : undefined;
  return {
    number: level.sources.size,
    alias: aliasOf(node.body) ?? name,
    columns,
    relation: undefined,
    reach: { columns: () => columns, oneRow: scalar, narrow: true, read: undefined, carried: undefined, outer },
    few: scalar,
    needs: new Set([...outer.sources].filter((source) => level.sources.has(source))),
    read: undefined,
    shown: name === "" ? "a function" : `${name}()`,
    location: firstLocation(first ?? node),
    optional: false,
  };
}

const JOINS_LEFT: ReadonlySet<string> = new Set(["JOIN_LEFT", "JOIN_FULL"]);
const JOINS_RIGHT: ReadonlySet<string> = new Set(["JOIN_RIGHT", "JOIN_FULL"]);

function join(reading: Reading, { type, body }: TreeNode, names: Bound | null, level: Level, joins: JoinCondition[]): readonly Source[] {
  const side = (field: string): readonly Source[] => {
    const node = nodeOf(type, body, field);
    return node === undefined ? [] : readFromItem(reading, node, names, level, joins);
  };
  const left = side("larg");
  const right = side("rarg");
  const kind = textOf(body, "jointype");
  if (JOINS_LEFT.has(kind)) for (const source of right) source.optional = true;
  if (JOINS_RIGHT.has(kind)) for (const source of left) source.optional = true;
  spend(level.work, left.length * right.length);
  joins.push({ kind, left, right, quals: nodeOf(type, body, "quals"), pairs: pairsOf(body, left, right) });
  const alias = aliasOf(body);
  const both = [...left, ...right];
  if (alias !== undefined) level.joins.set(alias, both);
  const using = body["join_using_alias"];
  if (isBody(using)) level.joins.set(textOf(using, "aliasname"), both);
  return both;
}

/** A column that USING names joins one source on each side; NATURAL joins any two that share a name. */
function pairsOf(body: Body, left: readonly Source[], right: readonly Source[]): readonly (readonly [Source, Source])[] {
  const owner = (side: readonly Source[], name: string): Source | undefined =>
    side.find(({ columns }) => columns?.has(name) === true) ?? side.find(({ columns }) => columns === undefined) ?? side[0];
  const pair = (a: Source | undefined, b: Source | undefined) => (a === undefined || b === undefined ? [] : [[a, b] as const]);
  if (!flagOf(body, "isNatural")) return wordsOf(body, "usingClause").flatMap((name) => pair(owner(left, name), owner(right, name)));
  const vague = [...left, ...right].some(({ columns }) => columns === undefined);
  if (vague) return pair(left[0], right[0]);
  return left.flatMap((a) => right.filter((b) => [...(a.columns ?? [])].some((name) => b.columns?.has(name))).map((b) => [a, b] as const));
}

function single({ type, body }: TreeNode, field: string): readonly TreeNode[] {
  const node = nodeOf(type, body, field);
  return node === undefined ? [] : [node];
}

function aliasOf(body: Body): string | undefined {
  const alias = body["alias"];
  return isBody(alias) ? textOf(alias, "aliasname") : undefined;
}

function columnNames(body: Body): readonly string[] | undefined {
  const alias = body["alias"];
  const names = isBody(alias) ? wordsOf(alias, "colnames") : [];
  return names.length === 0 ? undefined : names;
}

const columnSets = new WeakMap<CatalogueRelation, ReadonlySet<string>>();

function namesOf(relation: CatalogueRelation, { work }: Level): ReadonlySet<string> {
  const known = columnSets.get(relation);
  if (known !== undefined) return known;
  spend(work, relation.columns.length);
  const names = new Set(relation.columns.map(({ name }) => name));
  columnSets.set(relation, names);
  return names;
}

function renamed(columns: ReadonlySet<string> | undefined, body: Body, level: Level): ReadonlySet<string> | undefined {
  const names = columnNames(body);
  if (columns === undefined || names === undefined) return columns;
  spend(level.work, columns.size);
  return new Set([...columns].map((name, index) => names[index] ?? name));
}

/** Of the first thing below that has one. */
function firstLocation(node: TreeNode | undefined): number | undefined {
  if (node === undefined) return undefined;
  const own = node.body["location"];
  if (typeof own === "number" && own >= 0) return own;
  for (const field of ["targetList", "valuesLists", "fromClause", "larg", "val", "items", "args"]) {
    const below = [...single(node, field), ...nodesOf(node.type, node.body, field)][0];
    const location = firstLocation(below);
    if (location !== undefined) return location;
  }
  return undefined;
}
