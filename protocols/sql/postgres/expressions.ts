/**
 * Follows the column references of an expression (parse_expr.c): each is noted with what it means, and what it reads.
 * Queries inside are followed as queries.
 */
import type { Reader } from "./from-items.ts";
import { builtInVolatility } from "./functions.ts";
import { columnsNamed, type Entry, rowOrigin } from "./namespace.ts";
import { ANYTHING, mixed, NOTHING, type Origin, type Reads } from "./origins.ts";
import { entryOf, type Meaning, meaningOf, referenceOf, type Scope, type WithOutputs } from "./scope.ts";
import { type Body, nodeOf, nodesOf, pushParts, type TreeNode, textOf, wordsOf } from "./tree.ts";

/** What is gathered while a statement is followed; see `Lineage`. */
export interface Noted {
  readonly reads: Reads;
  readonly rows: Reads;
  readonly meanings: Map<Body, Meaning>;
  readonly shortened: Map<Body, Entry | undefined>;
}

/** Nothing in them names a column. */
const LEAVES: ReadonlySet<string> = new Set(["A_Const", "ParamRef", "TypeName", "String", "Integer", "A_Star", "SQLValueFunction"]);

export function noteReference(reader: Reader, noted: Noted, columnRef: Body, scope: Scope): Meaning {
  const reference = referenceOf(columnRef);
  const { words, star } = reference;
  const meaning = meaningOf(reference, scope, reader.spend);
  noted.meanings.set(columnRef, meaning);
  const relation = words.at(star ? -1 : -2);
  if (relation !== undefined && words.length > (star ? 1 : 2)) noted.shortened.set(columnRef, entryOf([relation], scope));
  return meaning;
}

/** All that an expression refers to. */
export function expression(reader: Reader, noted: Noted, root: TreeNode, names: WithOutputs | null, scope: Scope): Origin {
  const found = new Set<Origin>();
  const stack = [root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (LEAVES.has(node.type)) continue;
    if (node.type === "SelectStmt") {
      const outputs = reader.query(node, names, scope);
      if (outputs === undefined) found.add(ANYTHING);
      else for (const { origin } of outputs) found.add(origin);
    } else if (node.type === "ColumnRef") {
      found.add(readOf(noted, noteReference(reader, noted, node.body, scope)));
    } else {
      const field = node.type === "A_Indirection" || node.type === "FuncCall" ? fieldOf(reader, noted, node, scope) : undefined;
      if (field !== undefined) found.add(field);
      else if (node.type === "RowExpr") pushRow(reader, noted, node, scope, stack, found);
      else pushParts(stack, node);
      if (node.type === "WindowDef")
        for (const name of ["name", "refname"]) found.add(scope.windows?.get(textOf(node.body, name)) ?? NOTHING);
    }
  }
  return mixed(found);
}

/** Notes what a reference reads. */
function readOf(noted: Noted, meaning: Meaning): Origin {
  switch (meaning.kind) {
    case "column":
      // Where names can't be told apart, each thing that may be meant counts.
      if (meaning.vague) noted.reads.addVague(meaning.origin);
      else noted.reads.refer(meaning.origin);
      return meaning.origin;
    case "system":
      noted.reads.refer(meaning.origin);
      return meaning.origin;
    case "row":
      if (meaning.vague) noted.rows.addVague(meaning.origin);
      else noted.rows.add(meaning.origin);
      return meaning.origin;
    case "attribute":
      noted.rows.add(meaning.origin);
      return meaning.origin;
    case "output":
      return meaning.origin;
    case "unknown":
      return NOTHING;
  }
}

/** `(t).a` and `a(t)` are the column a of t, where it has one (parse_func.c, ParseComplexProjection); undefined otherwise. */
function fieldOf(reader: Reader, noted: Noted, { type, body }: TreeNode, scope: Scope): Origin | undefined {
  const steps = type === "A_Indirection" ? nodesOf(type, body, "indirection") : [];
  const words = type === "FuncCall" ? wordsOf(body, "funcname") : [textOf(steps[0]?.body ?? {}, "sval")];
  const [name = ""] = words;
  const args = type === "FuncCall" ? nodesOf(type, body, "args") : [nodeOf(type, body, "arg")];
  const [arg] = args;
  if (name === "" || words.length > 1 || args.length !== 1 || arg?.type !== "ColumnRef") return undefined;
  if (type === "FuncCall" && (builtInVolatility(name) !== undefined || reader.relations.overloads?.(name) === true)) return undefined;
  const row = meaningOf(referenceOf(arg.body), scope, reader.spend);
  const outputs = row.kind === "row" ? (row.entry.outputs ?? row.entry.named) : undefined;
  const [column, ...others] = outputs === undefined ? [] : columnsNamed(outputs, name, reader.spend);
  if (row.kind !== "row" || row.entry.composed === true || column === undefined || others.length > 0 || hasSubscripts(steps))
    return undefined;
  noteReference(reader, noted, arg.body, scope);
  noted.reads.refer(column.origin);
  const direct = column.direct && steps.length < 2;
  noted.meanings.set(body, {
    kind: "column",
    origin: column.origin,
    direct,
    type: direct ? column.type : null,
    entry: row.entry,
    vague: false,
  });
  return column.origin;
}

/** `(t).a[i]`: what stands in brackets is to be followed too. */
function hasSubscripts(steps: readonly TreeNode[]): boolean {
  return steps.some(({ type }) => type === "A_Indices");
}

/** In a row constructor `t.*` stands for the columns of t, one by one. */
function pushRow(reader: Reader, noted: Noted, node: TreeNode, scope: Scope, stack: TreeNode[], found: Set<Origin>): void {
  for (const arg of nodesOf(node.type, node.body, "args")) {
    const reference = arg.type === "ColumnRef" ? referenceOf(arg.body) : undefined;
    if (reference?.star !== true) {
      stack.push(arg);
      continue;
    }
    const meaning = noteReference(reader, noted, arg.body, scope);
    const entries = meaning.kind === "row" ? [meaning.entry] : scope.spaces.flatMap((space) => space.entries());
    for (const entry of entries) {
      if (entry.outputs === undefined) noted.reads.addVague(rowOrigin(entry));
      else for (const { origin } of entry.outputs) noted.reads.refer(origin);
      found.add(rowOrigin(entry));
    }
  }
}
