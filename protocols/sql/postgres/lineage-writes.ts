/**
 * INSERT, UPDATE, DELETE, MERGE and COPY FROM as lineage follows them (analyze.c, parse_merge.c): which names their parts
 * can use, and what RETURNING yields. The rows that are written are marked as such, since no masking subquery takes their
 * place.
 */
import { type FromItem, fromItem, fromList, type Reader, type Star } from "./from-items.ts";
import type { Entry, Namespace, Outputs } from "./namespace.ts";
import type { Scope, WithOutputs } from "./scope.ts";
import { nodeOf, nodesOf, partsOf, type TreeNode, textOf } from "./tree.ts";

/** What a list of targets yields. @param all what `*` stands for */
export type Targets = (reader: Reader, list: readonly TreeNode[], names: WithOutputs | null, scope: Scope, all: Star) => Outputs;

const SOURCES = ["fromClause", "usingClause", "sourceRelation"];
/** Read in their own way, or naming nothing. */
const APART: ReadonlySet<string> = new Set([
  ...SOURCES,
  "relation",
  "withClause",
  "returningClause",
  "selectStmt",
  "cols",
  "onConflictClause",
  "mergeWhenClauses",
]);

export function modification(reader: Reader, node: TreeNode, names: WithOutputs | null, up: Scope | null, targets: Targets): Outputs {
  const { type, body } = node;
  const target = nodeOf(type, body, "relation");
  // A target is never a common table expression.
  const into = target === undefined ? fromList(reader, [], null, up) : fromItem(reader, target, null, { spaces: [], up });
  const entries = into.space.entries().map((entry): Entry => ({ ...entry, replaced: false, written: "target" }));
  const written = reader.namespace();
  for (const entry of entries) written.add(entry);
  const from = fromList(
    reader,
    SOURCES.flatMap((field) => partsOf(node, field)),
    names,
    up,
  );
  const scope: Scope = { spaces: [written, from.space], up };
  const select = nodeOf(type, body, "selectStmt");
  if (select !== undefined) reader.query(select, names, up);
  for (const column of nodesOf(type, body, "cols")) reader.expression(column, names, { spaces: [], up });
  const conflict = nodeOf(type, body, "onConflictClause");
  if (conflict !== undefined) visitConflict(reader, conflict, names, { spaces: [written], up }, entries);
  for (const when of nodesOf(type, body, "mergeWhenClauses"))
    visitParts(reader, when, names, { spaces: whenSpaces(textOf(when.body, "matchKind"), written, from.space), up }, []);
  visitParts(reader, node, names, scope, APART);
  const returning = nodeOf(type, body, "returningClause");
  if (returning === undefined) return [];
  const rows = withImages(reader, scope, entries, returning);
  return targets(reader, nodesOf("ReturningClause", returning.body, "exprs"), names, rows, starOf(type, into, from));
}

function starOf(type: string, into: FromItem, from: FromItem): Star {
  const [first, second] = type === "MergeStmt" ? [from, into] : [into, from];
  return (outputs) => first.star(outputs) && second.star(outputs);
}

function visitParts(reader: Reader, { type, body }: TreeNode, names: WithOutputs | null, scope: Scope, apart: Iterable<string>): void {
  const left = new Set(apart);
  const parts: TreeNode[] = [];
  for (const field in body) if (!left.has(field)) parts.push(...partsOf({ type, body }, field));
  for (const part of parts) reader.expression(part, names, scope);
}

/** DO UPDATE sees the row that could not be inserted, too; where names stand alone, the server calls them ambiguous. */
function visitConflict(reader: Reader, conflict: TreeNode, names: WithOutputs | null, target: Scope, entries: readonly Entry[]): void {
  const infer = nodeOf(conflict.type, conflict.body, "infer");
  if (infer !== undefined) reader.expression(infer, names, target);
  const excluded = reader.namespace();
  for (const entry of entries) excluded.add({ ...entry, alias: "excluded", bare: undefined, written: "excluded" });
  visitParts(reader, conflict, names, { spaces: [...target.spaces, excluded], up: target.up }, ["infer"]);
}

/** What is inserted has no row yet; what no source matched has no source. */
function whenSpaces(matchKind: string, target: Namespace, sources: Namespace): readonly Namespace[] {
  if (matchKind === "MERGE_WHEN_NOT_MATCHED_BY_TARGET") return [sources];
  return matchKind === "MERGE_WHEN_NOT_MATCHED_BY_SOURCE" ? [target] : [target, sources];
}

/**
 * PostgreSQL 18: the row before and after as `old` and `new`, or as what `RETURNING WITH (OLD AS o)` calls them. Their
 * columns can be named only behind these; where something else has the name, it goes before them.
 */
function withImages(reader: Reader, scope: Scope, [target]: readonly Entry[], returning: TreeNode): Scope {
  if (target === undefined) return scope;
  const options = nodesOf("ReturningClause", returning.body, "options");
  const given = new Map(options.map(({ body }) => [textOf(body, "option"), textOf(body, "value")]));
  const space = reader.namespace();
  for (const alias of [given.get("RETURNING_OPTION_OLD") ?? "old", given.get("RETURNING_OPTION_NEW") ?? "new"]) {
    const taken = scope.spaces.some((one) => one.byAlias(alias).length > 0);
    if (!taken) space.addAlias({ ...target, alias, bare: undefined, written: "returned" });
  }
  return { spaces: [...scope.spaces, space], up: scope.up };
}
