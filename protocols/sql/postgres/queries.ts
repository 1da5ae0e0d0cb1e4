/**
 * SELECT, VALUES and set operations as lineage follows them, clause by clause in the order of parse analysis
 * (analyze.c, transformSelectStmt): what they yield, with everything in them noted.
 */
import { type OnFirst, withClause } from "./common-tables.ts";
import { fromList, type Reader, type Star } from "./from-items.ts";
import { modification } from "./lineage-writes.ts";
import type { Output, Outputs } from "./namespace.ts";
import { ANYTHING, mixed, NOTHING, type Origin } from "./origins.ts";
import { outputName } from "./output-name.ts";
import { columnAt, type Meaning, referenceOf, type Scope, type WithOutputs } from "./scope.ts";
import { type Body, nodeOf, nodesOf, type TreeNode, textOf } from "./tree.ts";

/** A SELECT, VALUES or set operation; or a data-modifying statement, with what RETURNING yields. */
export function query(reader: Reader, node: TreeNode, names: WithOutputs | null, up: Scope | null, onFirst?: OnFirst): Outputs {
  const { type, body } = node;
  const inner = withClause(reader, body, names, up);
  if (type !== "SelectStmt") return modification(reader, node, inner, up, targets);
  if (isSetOperation(body)) return setOperation(reader, body, inner, up, onFirst);
  if (body["valuesLists"] !== undefined) return values(reader, body, inner, up);
  const from = fromList(reader, nodesOf(type, body, "fromClause"), inner, up);
  const windows = new Map<string, Origin>();
  const scope: Scope = { spaces: [from.space], windows, up };
  for (const part of nodesOf(type, body, "windowClause")) windows.set(textOf(part.body, "name"), visit(reader, part, inner, scope));
  const list = nodesOf(type, body, "targetList");
  const outputs = targets(reader, list, inner, scope, from.star);
  for (const field of ["whereClause", "havingClause", "limitCount", "limitOffset"]) visit(reader, nodeOf(type, body, field), inner, scope);
  const clauses = namedItems(reader, inner, scope, outputs);
  for (const field of ["sortClause", "distinctClause"]) for (const part of nodesOf(type, body, field)) clauses(part, false);
  const items = nodesOf(type, body, "groupClause");
  for (const part of items) clauses(part, true);
  if (items.length > 0) reader.grouped({ items, targets: list, scope });
  return outputs;
}

function isSetOperation(body: Body): boolean {
  return textOf(body, "op") !== "SETOP_NONE" && body["larg"] !== undefined;
}

function visit(reader: Reader, node: TreeNode | undefined, names: WithOutputs | null, scope: Scope): Origin {
  return node === undefined ? NOTHING : reader.expression(node, names, scope);
}

/**
 * ORDER BY, DISTINCT ON and GROUP BY take a bare name for an output column's; GROUP BY only where no column of its own
 * FROM has the name (parse_clause.c, findTargetlistEntrySQL92).
 */
function namedItems(reader: Reader, names: WithOutputs | null, scope: Scope, outputs: Outputs) {
  let byName: ReadonlyMap<string, Output> | undefined;
  const outputOf = (name: string): Output | undefined => {
    byName ??= new Map(outputs?.map((output) => [output.name, output]));
    return byName.get(name);
  };
  const item = (node: TreeNode, inputFirst: boolean): void => {
    const { type, body } = node;
    if (type === "SortBy") {
      const inner = nodeOf(type, body, "node");
      if (inner !== undefined) item(inner, inputFirst);
    } else if (type === "GroupingSet") {
      for (const part of nodesOf(type, body, "content")) item(part, inputFirst);
    } else if (type === "RowExpr" && inputFirst && textOf(body, "row_format") === "COERCE_IMPLICIT_CAST") {
      for (const part of nodesOf(type, body, "args")) item(part, inputFirst);
    } else {
      const { words, star } = type === "ColumnRef" ? referenceOf(body) : { words: [], star: true };
      const [name = ""] = words;
      const bare = !star && words.length === 1 && !(inputFirst && columnAt(scope, name) !== undefined);
      const output = bare ? outputOf(name) : undefined;
      if (output === undefined) reader.expression(node, names, scope);
      else reader.named(body, output.origin);
    }
  };
  return item;
}

/** `a UNION b UNION c …` is as deep as it is long: the left side is followed without a call for each step. */
function setOperation(reader: Reader, body: Body, names: WithOutputs | null, up: Scope | null, onFirst: OnFirst | undefined): Outputs {
  const spine: Body[] = [];
  let left: TreeNode | undefined = { type: "SelectStmt", body };
  while (left !== undefined && isSetOperation(left.body) && (left.body === body || isPlain(left.body))) {
    spine.push(left.body);
    left = nodeOf("SelectStmt", left.body, "larg");
  }
  let outputs = left === undefined ? undefined : reader.query(left, names, up);
  for (const step of spine.reverse()) {
    if (step === body) onFirst?.(outputs);
    const right = nodeOf("SelectStmt", step, "rarg");
    outputs = united(reader, outputs, right === undefined ? undefined : reader.query(right, names, up));
  }
  const scope: Scope = { spaces: [reader.namespace()], up };
  const clauses = namedItems(reader, names, scope, outputs);
  for (const part of nodesOf("SelectStmt", body, "sortClause")) clauses(part, false);
  for (const field of ["limitCount", "limitOffset"]) visit(reader, nodeOf("SelectStmt", body, field), names, scope);
  return outputs;
}

function isPlain(body: Body): boolean {
  return ["withClause", "sortClause", "limitCount", "limitOffset"].every((field) => body[field] === undefined);
}

function united(reader: Reader, left: Outputs, right: Outputs): Outputs {
  if (left === undefined || right === undefined || left.length !== right.length) return undefined;
  reader.spend(left.length);
  return left.map(({ name, origin }, index) => ({
    name,
    origin: mixed([origin, right[index]?.origin ?? ANYTHING]),
    direct: false,
    type: null,
  }));
}

function values(reader: Reader, body: Body, names: WithOutputs | null, up: Scope | null): Outputs {
  const empty: Scope = { spaces: [], up };
  const columns: Set<Origin>[] = [];
  let known = true;
  for (const row of nodesOf("SelectStmt", body, "valuesLists")) {
    nodesOf("List", row.body, "items").forEach((item, index) => {
      // `t.*` in a list of values stands for as many columns as t has.
      known &&= item.type !== "ColumnRef" || !referenceOf(item.body).star;
      const column = columns[index] ?? new Set<Origin>();
      columns[index] = column.add(visit(reader, item, names, empty));
    });
  }
  const outputs = known
    ? columns.map((column, index) => ({ name: `column${index + 1}`, origin: mixed(column), direct: false, type: null }))
    : undefined;
  const space = reader.namespace();
  const origin = mixed(columns.flatMap((column) => [...column]));
  space.add({ alias: "", outputs, named: [], origin, relation: undefined, bare: undefined, rangeVar: undefined, replaced: false });
  const scope: Scope = { spaces: [space], up };
  const clauses = namedItems(reader, names, scope, outputs);
  for (const part of nodesOf("SelectStmt", body, "sortClause")) clauses(part, false);
  for (const field of ["limitCount", "limitOffset"]) visit(reader, nodeOf("SelectStmt", body, field), names, scope);
  return outputs;
}

/** @param all what `*` stands for */
function targets(reader: Reader, list: readonly TreeNode[], names: WithOutputs | null, scope: Scope, all: Star): Outputs {
  const outputs: Output[] = [];
  let known = true;
  for (const target of list) {
    const value = nodeOf("ResTarget", target.body, "val");
    const from = outputs.length;
    const star = value === undefined ? undefined : starOf(reader, value, scope, all, outputs);
    if (star === "known") {
      for (let index = from; index < outputs.length; index += 1) reader.refer(outputs[index]?.origin ?? ANYTHING);
    } else {
      const origin = visit(reader, value, names, scope);
      const meaning = value === undefined ? undefined : reader.meaning(value.body);
      if (star === "unknown") known = false;
      else {
        const { direct, type } = meaning?.kind === "column" ? meaning : { direct: false, type: null };
        outputs.push({ name: outputName(target.body), origin, direct, type });
      }
    }
  }
  return known ? outputs : undefined;
}

/** Appends the columns that `*`, `t.*` or `(t).*` stands for; undefined when the target is no star. */
function starOf(reader: Reader, value: TreeNode, scope: Scope, all: Star, into: Output[]): "known" | "unknown" | undefined {
  const told = (known: boolean) => {
    if (!known) reader.refer(ANYTHING);
    return known ? "known" : "unknown";
  };
  if (value.type === "ColumnRef") {
    const { words, star } = referenceOf(value.body);
    if (!star) return undefined;
    if (words.length === 0) return told(all(into));
    return told(rowInto(reader, reader.reference(value.body, scope), into, false));
  }
  if (value.type !== "A_Indirection") return undefined;
  const steps = nodesOf(value.type, value.body, "indirection");
  if (steps.at(-1)?.type !== "A_Star") return undefined;
  const arg = nodeOf(value.type, value.body, "arg");
  if (steps.length > 1 || arg?.type !== "ColumnRef") return told(false);
  return told(rowInto(reader, reader.reference(arg.body, scope), into, true));
}

/** @param fields whether the columns are taken of the row as a value: `(t).*` */
function rowInto(reader: Reader, meaning: Meaning, into: Output[], fields: boolean): boolean {
  if (meaning.kind !== "row" || meaning.entry.outputs === undefined) return false;
  const { outputs, composed } = meaning.entry;
  reader.spend(outputs.length);
  const whole = fields && composed === true ? { origin: meaning.origin, direct: false, type: null } : undefined;
  for (const output of outputs) into.push(whole === undefined ? output : { ...output, ...whole });
  return true;
}
