/**
 * Follows columns through a query: what each reference means where it stands, from which base columns each output
 * column derives, and which the statement reads at all. Nothing here decides whether a statement may run; where it
 * can't tell, it says so.
 */
import { type FromItem, fromItem, type Grouped, type Reader } from "./from-items.ts";
import { ANYTHING, type ColumnSet, mixed, NOTHING, type Origin, Reads } from "./origins.ts";
import { outputName } from "./output-name.ts";
import {
  type Entry,
  entryOf,
  type Meaning,
  meaningOf,
  type Output,
  type Outputs,
  type Relations,
  referenceOf,
  rowOrigin,
  type Scope,
  type WithOutputs,
} from "./scope.ts";
import { type Body, flagOf, isBody, nodeOf, nodesOf, type TreeNode, textOf, wordsOf } from "./tree.ts";

export interface Lineage {
  /** Of the statement as a whole. */
  readonly outputs: Outputs;
  /** Every column of a relation that is referred to anywhere: stars, whole rows, USING and NATURAL included. */
  readonly reads: ColumnSet;
  /** Something is referred to whose columns can't be told: `reads` may lack some. */
  readonly vague: boolean;
  /** By the body of each ColumnRef. */
  readonly meanings: ReadonlyMap<Body, Meaning>;
  /** By the body of each ColumnRef that names a schema: what the relation's name alone would mean there. */
  readonly shortened: ReadonlyMap<Body, Entry | undefined>;
  /** FROM lists in which two relations go by one name, with their schemas to tell them apart. */
  readonly clashes: readonly Entry[];
  readonly grouped: readonly Grouped[];
}

interface Noted {
  readonly reads: Reads;
  readonly meanings: Map<Body, Meaning>;
  readonly shortened: Map<Body, Entry | undefined>;
}

/** Recursive WITH inside recursive WITH is read twice at each level: a text must not buy unbounded work with that. */
const QUERIES_MAX = 10_000;

/** Undefined when the statement is too deep or too winding to be followed. */
export function lineageOf(statement: TreeNode, relations: Relations): Lineage | undefined {
  try {
    return follow(statement, relations);
  } catch (error) {
    // The stack gave out, or the count below.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function follow(statement: TreeNode, relations: Relations): Lineage {
  let queries = 0;
  const meanings = new Map<Body, Meaning>();
  const shortened = new Map<Body, Entry | undefined>();
  const reads = new Reads();
  const clashes: Entry[] = [];
  const grouped: Grouped[] = [];
  const reader: Reader = {
    relations,
    query(node, names, scope) {
      queries += 1;
      if (queries > QUERIES_MAX) throw new RangeError("the statement has too many queries to follow");
      return query(reader, node, names, scope);
    },
    expression: (node, names, scope) => expression(reader, { reads, meanings, shortened }, node, names, scope),
    read: (origin) => reads.add(origin),
    clash: (entry) => clashes.push(entry),
    grouped: (list) => grouped.push(list),
  };
  const outputs = query(reader, statement, null, null);
  return { outputs, reads: reads.columns, vague: reads.vague, meanings, shortened, clashes, grouped };
}

/** A SELECT, or a data-modifying statement in WITH. */
function query(reader: Reader, node: TreeNode, names: WithOutputs | null, up: Scope | null): Outputs {
  const { type, body } = node;
  const inner = withClause(reader, body, names, up);
  if (type !== "SelectStmt") return modification(reader, node, inner, up);
  if (textOf(body, "op") !== "SETOP_NONE" && body["larg"] !== undefined) return setOperation(reader, body, inner, up);
  if (body["valuesLists"] !== undefined) return values(reader, body, inner, up);
  const from = fromList(reader, nodesOf(type, body, "fromClause"), inner, { entries: [], up });
  const scope: Scope = { entries: from.entries, up };
  const outputs = targets(reader, nodesOf(type, body, "targetList"), inner, scope, from.outputs);
  for (const field of ["whereClause", "havingClause", "limitCount", "limitOffset"]) visit(reader, nodeOf(type, body, field), inner, scope);
  for (const field of ["groupClause", "distinctClause", "windowClause", "sortClause"]) {
    for (const part of nodesOf(type, body, field)) visit(reader, part, inner, scope);
  }
  const items = nodesOf(type, body, "groupClause");
  if (items.length > 0) reader.grouped({ items, targets: nodesOf(type, body, "targetList"), scope });
  return outputs;
}

/** Items see those before them, which only functions and LATERAL make use of. */
function fromList(reader: Reader, items: readonly TreeNode[], names: WithOutputs | null, scope: Scope): FromItem {
  const entries = [...scope.entries];
  const columns: Outputs[] = [];
  for (const item of items) {
    const read = fromItem(reader, item, names, { entries: [...entries], up: scope.up });
    entries.push(...read.entries);
    columns.push(read.outputs);
  }
  noteClashes(reader, entries);
  return { entries, outputs: columns.some((part) => part === undefined) ? undefined : columns.flatMap((part) => part ?? []) };
}

function visit(reader: Reader, node: TreeNode | undefined, names: WithOutputs | null, scope: Scope): Origin {
  return node === undefined ? NOTHING : reader.expression(node, names, scope);
}

function noteClashes(reader: Reader, entries: readonly Entry[]): void {
  const seen = new Map<string, Entry>();
  for (const entry of entries) {
    const other = seen.get(entry.alias);
    if (other !== undefined && (entry.replaced || other.replaced)) reader.clash(entry);
    seen.set(entry.alias, entry);
  }
}

function setOperation(reader: Reader, body: Body, names: WithOutputs | null, up: Scope | null): Outputs {
  const arms = ["larg", "rarg"].map((field) => nodeOf("SelectStmt", body, field));
  const [left, right] = arms.map((arm) => (arm === undefined ? undefined : reader.query(arm, names, up)));
  for (const field of ["sortClause", "limitCount", "limitOffset"]) {
    const single = nodeOf("SelectStmt", body, field);
    for (const part of single === undefined ? nodesOf("SelectStmt", body, field) : [single])
      visit(reader, part, names, { entries: [], up });
  }
  if (left === undefined || right === undefined || left.length !== right.length) return undefined;
  return left.map(({ name, origin }, index) => ({ name, origin: mixed([origin, right[index]?.origin ?? ANYTHING]), direct: false }));
}

function values(reader: Reader, body: Body, names: WithOutputs | null, up: Scope | null): Outputs {
  const rows = nodesOf("SelectStmt", body, "valuesLists").map((row) =>
    nodesOf("List", row.body, "items").map((item) => visit(reader, item, names, { entries: [], up })),
  );
  return rows[0]?.map((_, index) => {
    const origin = mixed(rows.map((row) => row[index] ?? ANYTHING));
    return { name: `column${index + 1}`, origin, direct: false };
  });
}

/** @param all what `*` stands for */
function targets(reader: Reader, list: readonly TreeNode[], names: WithOutputs | null, scope: Scope, all: Outputs): Outputs {
  const outputs: Output[] = [];
  let known = true;
  for (const target of list) {
    const value = nodeOf("ResTarget", target.body, "val");
    const origin = visit(reader, value, names, scope);
    const star = value === undefined ? undefined : starOf(value, scope, all);
    if (star === "unknown") {
      reader.read(ANYTHING);
      known = false;
    } else if (star !== undefined) {
      for (const output of star) reader.read(output.origin);
      outputs.push(...star);
    } else {
      outputs.push({ name: outputName(target.body), origin, direct: value !== undefined && isDirect(value, scope) });
    }
  }
  return known ? outputs : undefined;
}

function isDirect({ type, body }: TreeNode, scope: Scope): boolean {
  const meaning = type === "ColumnRef" ? meaningOf(referenceOf(body), scope) : undefined;
  return meaning?.kind === "column" && meaning.direct;
}

/** The columns that `*`, `t.*` or `(t).*` stands for; undefined when the target is no star. */
function starOf(value: TreeNode, scope: Scope, all: Outputs): readonly Output[] | "unknown" | undefined {
  if (value.type === "A_Indirection") {
    if (nodesOf(value.type, value.body, "indirection").at(-1)?.type !== "A_Star") return undefined;
    const arg = nodeOf(value.type, value.body, "arg");
    const whole = arg?.type === "ColumnRef" ? meaningOf(referenceOf(arg.body), scope) : undefined;
    return whole?.kind === "row" ? (whole.entry.outputs ?? "unknown") : "unknown";
  }
  if (value.type !== "ColumnRef") return undefined;
  const reference = referenceOf(value.body);
  if (!reference.star) return undefined;
  if (reference.words.length === 0) return all ?? "unknown";
  const meaning = meaningOf(reference, scope);
  return meaning.kind === "row" ? (meaning.entry.outputs ?? "unknown") : "unknown";
}

/** All that an expression refers to; each reference in it is noted. Queries inside are followed too. */
function expression(reader: Reader, noted: Noted, root: TreeNode, names: WithOutputs | null, scope: Scope): Origin {
  const found = new Set<Origin>();
  const stack = [root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (node.type === "SelectStmt") {
      const outputs = reader.query(node, names, scope);
      if (outputs === undefined) found.add(ANYTHING);
      else for (const { origin } of outputs) found.add(origin);
    } else if (node.type === "ColumnRef") {
      const reference = referenceOf(node.body);
      const meaning = meaningOf(reference, scope);
      noted.meanings.set(node.body, meaning);
      const relation = reference.words.at(reference.star ? -1 : -2);
      if (relation !== undefined) noted.shortened.set(node.body, entryOf([relation], scope));
      const origin = originOf(meaning);
      noted.reads.add(origin);
      found.add(origin);
    } else {
      for (const field in node.body) stack.push(...parts(node, field));
    }
  }
  return mixed([...found]);
}

/** A name behind a relation that is no column of it takes the whole row, should it be a function. */
function originOf(meaning: Meaning): Origin {
  if (meaning.kind === "attribute") return rowOrigin(meaning.entry);
  return meaning.kind === "unknown" ? NOTHING : meaning.origin;
}

function parts(node: TreeNode, field: string): readonly TreeNode[] {
  const single = nodeOf(node.type, node.body, field);
  return single === undefined ? nodesOf(node.type, node.body, field) : [single];
}

/** Binds what a WITH clause names; a recursive one is first bound to what its first arm yields. */
function withClause(reader: Reader, owner: Body, names: WithOutputs | null, up: Scope | null): WithOutputs | null {
  const clause = owner["withClause"];
  if (!isBody(clause)) return names;
  let inner = names;
  for (const { body } of nodesOf("WithClause", clause, "ctes")) {
    const name = textOf(body, "ctename");
    const node = nodeOf("CommonTableExpr", body, "ctequery");
    const bind = (outputs: Outputs): WithOutputs => ({ name, outputs: renamed(outputs, wordsOf(body, "aliascolnames")), up: inner });
    if (node === undefined) continue;
    const first = flagOf(clause, "recursive") ? nodeOf("SelectStmt", node.body, "larg") : undefined;
    const seen = first === undefined ? inner : bind(reader.query(first, inner, up));
    inner = bind(extended(reader.query(node, seen, up), body));
  }
  return inner;
}

/** SEARCH and CYCLE add columns of their own. */
function extended(outputs: Outputs, cte: Body): Outputs {
  const search = cte["search_clause"];
  const cycle = cte["cycle_clause"];
  const added = [
    ...(isBody(search) ? [textOf(search, "search_seq_column")] : []),
    ...(isBody(cycle) ? [textOf(cycle, "cycle_mark_column"), textOf(cycle, "cycle_path_column")] : []),
  ];
  return outputs === undefined
    ? undefined
    : [...outputs, ...added.map((name) => ({ name, origin: mixed(outputs.map(({ origin }) => origin)), direct: false }))];
}

function renamed(outputs: Outputs, names: readonly string[]): Outputs {
  return outputs?.map((output, index) => ({ ...output, name: names[index] ?? output.name }));
}

const SOURCES = ["fromClause", "usingClause", "sourceRelation"];

/** INSERT, UPDATE, DELETE, MERGE: what RETURNING yields. References are noted with target and sources in view. */
function modification(reader: Reader, { type, body }: TreeNode, names: WithOutputs | null, up: Scope | null): Outputs {
  const target = nodeOf(type, body, "relation");
  const into = fromList(reader, target === undefined ? [] : [target], null, { entries: [], up });
  const sources = SOURCES.flatMap((field) => parts({ type, body }, field));
  const from = fromList(reader, sources, names, { entries: into.entries, up });
  const scope: Scope = { entries: from.entries, up };
  const returning = nodeOf(type, body, "returningClause");
  for (const field in body) {
    if (["relation", "withClause", "returningClause", ...SOURCES].includes(field)) continue;
    for (const part of parts({ type, body }, field)) visit(reader, part, names, scope);
  }
  const all = into.outputs === undefined || from.outputs === undefined ? undefined : [...into.outputs, ...from.outputs];
  return returning === undefined ? [] : targets(reader, nodesOf("ReturningClause", returning.body, "exprs"), names, scope, all);
}
