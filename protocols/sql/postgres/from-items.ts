/**
 * What stands in FROM: relations, subqueries, functions and joins, as names and columns that can be referred to
 * (parse_clause.c, transformFromClauseItem).
 */
import type { CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { functionAlias, functionColumns } from "./function-results.ts";
import type { Entry, Namespace, Output, Outputs, Spend } from "./namespace.ts";
import { rowOrigin } from "./namespace.ts";
import { ANYTHING, mixed, type Origin } from "./origins.ts";
import type { Meaning, Relations, Scope, WithOutputs } from "./scope.ts";
import { type Body, flagOf, isBody, nodeOf, partsOf, type TreeNode, textOf, wordsOf } from "./tree.ts";

/** The reading of a query that is under way; its parts call each other through this. */
export interface Reader {
  readonly relations: Relations;
  /** Counts what grows faster than the text: columns copied and looked up. @throws RangeError when it is too much */
  readonly spend: Spend;
  namespace(): Namespace;
  /** @param onFirst for a set operation: told what all arms but the last yield, before that is read */
  query(node: TreeNode, names: WithOutputs | null, up: Scope | null, onFirst?: (outputs: Outputs) => void): Outputs;
  expression(node: TreeNode, names: WithOutputs | null, scope: Scope): Origin;
  /** What a ColumnRef means: noted for later, not yet as read. */
  reference(columnRef: Body, scope: Scope): Meaning;
  meaning(body: Body): Meaning | undefined;
  /** A ColumnRef that names an output column of the query itself. */
  named(columnRef: Body, origin: Origin): void;
  /** Notes a column as read that is referred to without an expression. */
  refer(origin: Origin): void;
  /** Notes all that may be meant, where that can't be told. */
  referVague(origin: Origin): void;
  /** The columns of a relation, the same list each time. */
  columnsOf(relation: CatalogueRelation): Outputs;
  grouped(list: Grouped): void;
}

/** A GROUP BY with what its items can refer to. */
export interface Grouped {
  readonly items: readonly TreeNode[];
  readonly targets: readonly TreeNode[];
  readonly scope: Scope;
}

export interface FromItem {
  readonly space: Namespace;
  /** Appends what `*` stands for, this item alone; false where that can't be told. */
  readonly star: Star;
}

export type Star = (into: Output[]) => boolean;

/** @param scope what stands before it in the same FROM, which functions and LATERAL see, and all around */
export function fromItem(reader: Reader, node: TreeNode, names: WithOutputs | null, scope: Scope): FromItem {
  const { type, body } = node;
  switch (type) {
    case "RangeVar":
      return one(reader, relationEntry(reader, body, names));
    case "RangeTableSample": {
      const sampled = nodeOf(type, body, "relation");
      for (const field of ["args", "repeatable"]) for (const arg of partsOf(node, field)) reader.expression(arg, names, scope);
      return sampled === undefined ? nothing(reader) : fromItem(reader, sampled, names, scope);
    }
    case "RangeSubselect": {
      const subquery = nodeOf(type, body, "subquery");
      const outputs = subquery === undefined ? undefined : reader.query(subquery, names, flagOf(body, "lateral") ? scope : scope.up);
      return one(reader, aliased(reader, body, outputs, ANYTHING));
    }
    case "JoinExpr":
      return joins(reader, node, names, scope);
    default:
      return one(reader, computed(reader, node, names, scope));
  }
}

/** Items see those before them, which only functions and LATERAL make use of. */
export function fromList(reader: Reader, items: readonly TreeNode[], names: WithOutputs | null, up: Scope | null): FromItem {
  let space = reader.namespace();
  const stars: Star[] = [];
  for (const item of items) {
    const read = fromItem(reader, item, names, { spaces: [space], up });
    space = space.beside(read.space);
    stars.push(read.star);
  }
  return { space, star: (into) => stars.every((star) => star(into)) };
}

function one(reader: Reader, entry: Entry): FromItem {
  const space = reader.namespace();
  space.add(entry);
  return { space, star: starOf(reader, entry.outputs) };
}

function nothing(reader: Reader): FromItem {
  return { space: reader.namespace(), star: () => false };
}

function starOf(reader: Reader, outputs: Outputs): Star {
  return (into) => {
    if (outputs === undefined) return false;
    reader.spend(outputs.length);
    for (const output of outputs) into.push(output);
    return true;
  };
}

function relationEntry(reader: Reader, body: Body, names: WithOutputs | null): Entry {
  const name = textOf(body, "relname");
  const alias = aliasName(body);
  for (let at = body["schemaname"] === undefined ? names : null; at !== null; at = at.up) {
    const bound = at.bound.get(name);
    if (bound !== undefined) return { ...aliased(reader, body, bound(), ANYTHING), alias: alias ?? name };
  }
  const relation = reader.relations.find(body);
  if (relation === undefined) return { ...aliased(reader, body, undefined, ANYTHING), alias: alias ?? name };
  return {
    ...aliased(reader, body, reader.columnsOf(relation), ANYTHING),
    alias: alias ?? name,
    relation,
    bare: alias === undefined ? relation : undefined,
    rangeVar: body,
    replaced: reader.relations.maskedColumns(relation.oid) !== undefined,
  };
}

function aliasName(body: Body): string | undefined {
  const alias = body["alias"];
  return isBody(alias) ? textOf(alias, "aliasname") : undefined;
}

/** Under the names that the alias gives to its columns, as far as it does. */
function aliased(reader: Reader, body: Body, outputs: Outputs, origin: Origin): Entry {
  const alias = body["alias"];
  const columns = isBody(alias) ? wordsOf(alias, "colnames") : [];
  return {
    alias: aliasName(body) ?? "",
    outputs: renamed(reader, outputs, columns),
    // What stands behind the names of an alias can be any of its columns.
    named: outputs === undefined ? columns.map((name) => ({ name, origin, direct: false, type: null })) : [],
    origin,
    relation: undefined,
    bare: undefined,
    rangeVar: undefined,
    replaced: false,
  };
}

export function renamed(reader: Reader, outputs: Outputs, names: readonly string[]): Outputs {
  if (outputs === undefined || names.length === 0) return outputs;
  reader.spend(outputs.length);
  return outputs.map((output, index) => ({ ...output, name: names[index] ?? output.name }));
}

/** Functions, XMLTABLE, JSON_TABLE: whatever goes in may come out in any column. */
function computed(reader: Reader, node: TreeNode, names: WithOutputs | null, scope: Scope): Entry {
  const origin = reader.expression(node, names, scope);
  const alias = aliasName(node.body);
  const columns = functionColumns(node, alias ?? "", (name) => reader.relations.overloads?.(name) === true);
  const outputs = columns?.map((name) => ({ name, origin, direct: false, type: null }));
  return { ...aliased(reader, node.body, outputs, origin), alias: alias ?? functionAlias(node) };
}

/** `a JOIN b JOIN c …` is as deep as it is long: the left side is followed without a call for each step. */
function joins(reader: Reader, node: TreeNode, names: WithOutputs | null, scope: Scope): FromItem {
  const spine: TreeNode[] = [];
  let left: TreeNode | undefined = node;
  for (; left?.type === "JoinExpr"; left = nodeOf(left.type, left.body, "larg")) spine.push(left);
  let made = left === undefined ? nothing(reader) : fromItem(reader, left, names, scope);
  let stars = [made.star];
  for (const { body } of spine.reverse()) {
    const joined = join(reader, body, { ...made, star: allOf(stars) }, names, scope);
    stars = joined.merged ? [joined.star] : [...stars.splice(0), joined.star];
    made = joined;
  }
  return { space: made.space, star: allOf(stars) };
}

function allOf(stars: readonly Star[]): Star {
  return (into) => stars.every((star) => star(into));
}

interface Joined extends FromItem {
  /** `star` stands for both sides; otherwise for the right one alone. */
  readonly merged: boolean;
}

function join(reader: Reader, body: Body, left: FromItem, names: WithOutputs | null, scope: Scope): Joined {
  const node = nodeOf("JoinExpr", body, "rarg");
  const beneath: Scope = { spaces: [...scope.spaces, left.space], up: scope.up };
  const right = node === undefined ? nothing(reader) : fromItem(reader, node, names, beneath);
  const merging = flagOf(body, "isNatural") || body["usingClause"] !== undefined ? merge(reader, body, left, right) : undefined;
  const space = left.space.joined(right.space);
  if (merging === "unknown") blur(reader, space);
  else if (merging !== undefined) bindMerged(reader, space, body, merging);
  const quals = nodeOf("JoinExpr", body, "quals");
  if (quals !== undefined) reader.expression(quals, names, { spaces: [space], up: scope.up });
  const star: Star =
    merging === "unknown"
      ? () => false
      : merging === undefined
        ? right.star
        : (into) => mergedStar(merging, left.star, right.star, flagOf(body, "isNatural"), into);
  const alias = aliasName(body);
  if (alias === undefined) return { space, star, merged: merging !== undefined };
  const outputs: Output[] = [];
  const known = merging === undefined ? left.star(outputs) && right.star(outputs) : star(outputs);
  const entry = aliased(reader, body, known ? outputs : undefined, known ? ANYTHING : mixed(space.entries().map(rowOrigin)));
  const renames = entry.named.length > 0;
  return { ...one(reader, known || renames ? entry : { ...entry, named: space.single() }), merged: true };
}

/** NATURAL with a side whose columns can't be told may read any of the other's. */
function blur(reader: Reader, space: Namespace): void {
  const origin = mixed(space.entries().map(rowOrigin));
  reader.referVague(origin);
  space.blur(entryOf(reader, "", undefined, origin));
}

function entryOf(reader: Reader, alias: string, outputs: Outputs, origin: Origin): Entry {
  return { ...aliased(reader, {}, outputs, origin), alias };
}

/** The columns named in USING, or those that both sides of NATURAL have: undefined where that can't be told. */
function merge(reader: Reader, body: Body, left: FromItem, right: FromItem): readonly Output[] | "unknown" {
  const listed: Output[] = [];
  const natural = flagOf(body, "isNatural");
  if (natural && !(left.space.vague.length === 0 && right.star(listed))) return "unknown";
  const shared = natural
    ? [...new Set(listed.map(({ name }) => name))].filter((name) => left.space.columns(name).length > 0)
    : wordsOf(body, "usingClause");
  return shared.map((name) => {
    const one = side(left.space, name);
    const two = side(right.space, name);
    reader.refer(one.origin);
    reader.refer(two.origin);
    return mergedColumn(textOf(body, "jointype"), name, one, two);
  });
}

function side(space: Namespace, name: string): Output {
  const found = space.columns(name);
  const [first] = found;
  if (first !== undefined && found.length === 1) return first.output;
  const parts = found.length > 0 ? found.map(({ output }) => output.origin) : space.vague.map(({ origin }) => origin);
  return { name, origin: mixed(parts), direct: false, type: null };
}

/** Parse analysis (buildMergedJoinVar) takes the side whose rows are all kept, as it is where types agree. */
function mergedColumn(kind: string, name: string, left: Output, right: Output): Output {
  const type = left.type === right.type ? left.type : null;
  const inner = kind === "JOIN_INNER";
  // An inner join of two types takes the one that need not be converted: which that is, names don't tell.
  const kept = kind === "JOIN_LEFT" || (inner && type !== null) ? left : kind === "JOIN_RIGHT" ? right : undefined;
  if (kept === undefined) return { name, origin: mixed([left.origin, right.origin]), direct: false, type };
  return { name, origin: kept.origin, direct: kept.direct && type !== null, type };
}

function bindMerged(reader: Reader, space: Namespace, body: Body, merging: readonly Output[]): void {
  const alias = body["join_using_alias"];
  const entry = { ...entryOf(reader, isBody(alias) ? textOf(alias, "aliasname") : "", merging, ANYTHING), composed: true };
  for (const output of merging) space.merge({ output, entry });
  space.addAlias(entry);
}

/** Merged columns come first and once, in the order of USING or of the left side; then the others, left before right. */
function mergedStar(merging: readonly Output[], left: Star, right: Star, natural: boolean, into: Output[]): boolean {
  const [one, two]: [Output[], Output[]] = [[], []];
  if (!left(one) || !right(two)) return false;
  const merged = new Map(merging.map((output) => [output.name, output]));
  for (const output of natural ? one.map(({ name }) => merged.get(name)) : merging) if (output !== undefined) into.push(output);
  for (const output of [...one, ...two]) if (!merged.has(output.name)) into.push(output);
  return true;
}
