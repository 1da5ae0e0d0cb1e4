/**
 * INSERT, UPDATE, DELETE and MERGE as lineage follows them (analyze.c): which names their parts can use, and what
 * RETURNING yields.
 */
import { type FromItem, fromItem, fromList, type Reader, type Star } from "./from-items.ts";
import type { Entry, Outputs } from "./namespace.ts";
import type { Scope, WithOutputs } from "./scope.ts";
import { nodeOf, nodesOf, type TreeNode, textOf } from "./tree.ts";

/** What a list of targets yields. @param all what `*` stands for */
export type Targets = (reader: Reader, list: readonly TreeNode[], names: WithOutputs | null, scope: Scope, all: Star) => Outputs;

const SOURCES = ["fromClause", "usingClause", "sourceRelation"];
/** Read in their own way, or naming nothing. */
const APART: ReadonlySet<string> = new Set([...SOURCES, "relation", "withClause", "returningClause", "selectStmt", "onConflictClause"]);

export function modification(reader: Reader, node: TreeNode, names: WithOutputs | null, up: Scope | null, targets: Targets): Outputs {
  const { type, body } = node;
  const target = nodeOf(type, body, "relation");
  // A target is never a common table expression.
  const into = target === undefined ? fromList(reader, [], null, up) : fromItem(reader, target, null, { spaces: [], up });
  const entries = into.space.entries();
  const from = fromList(
    reader,
    SOURCES.flatMap((field) => listed(node, field)),
    names,
    up,
  );
  const scope: Scope = { spaces: [into.space, from.space], up };
  const select = nodeOf(type, body, "selectStmt");
  if (select !== undefined) reader.query(select, names, up);
  const conflict = nodeOf(type, body, "onConflictClause");
  if (conflict !== undefined) visitParts(reader, conflict, names, withRows(reader, scope, entries, ["excluded"]), []);
  visitParts(reader, node, names, scope, APART);
  const returning = nodeOf(type, body, "returningClause");
  if (returning === undefined) return [];
  const rows = withRows(reader, scope, entries, [...rowNames(returning)]);
  return targets(reader, nodesOf("ReturningClause", returning.body, "exprs"), names, rows, starOf(type, into, from));
}

function starOf(type: string, into: FromItem, from: FromItem): Star {
  const [first, second] = type === "MergeStmt" ? [from, into] : [into, from];
  return (outputs) => first.star(outputs) && second.star(outputs);
}

function listed(node: TreeNode, field: string): readonly TreeNode[] {
  const single = nodeOf(node.type, node.body, field);
  return single === undefined ? nodesOf(node.type, node.body, field) : [single];
}

function visitParts(reader: Reader, { type, body }: TreeNode, names: WithOutputs | null, scope: Scope, apart: Iterable<string>): void {
  const left = new Set(apart);
  const parts: TreeNode[] = [];
  for (const field in body) if (!left.has(field)) parts.push(...listed({ type, body }, field));
  for (const part of parts) reader.expression(part, names, scope);
}

/** The target's row under other names too, which name its columns only behind themselves: where nothing else has them. */
function withRows(reader: Reader, scope: Scope, entries: readonly Entry[], aliases: readonly string[]): Scope {
  const [target] = entries;
  if (target === undefined) return scope;
  const space = reader.namespace();
  for (const alias of aliases) {
    const taken = scope.spaces.some((one) => one.byAlias(alias).length > 0);
    if (!taken) space.addAlias({ ...target, alias, bare: undefined });
  }
  return { spaces: [...scope.spaces, space], up: scope.up };
}

/** PostgreSQL 18: `old` and `new`, or what `RETURNING WITH (OLD AS o)` calls them. */
function rowNames(returning: TreeNode): readonly string[] {
  const options = nodesOf("ReturningClause", returning.body, "options");
  const given = new Map(options.map(({ body }) => [textOf(body, "option"), textOf(body, "value")]));
  return [given.get("RETURNING_OPTION_OLD") ?? "old", given.get("RETURNING_OPTION_NEW") ?? "new"];
}
