/**
 * What a statement does to the rows of its target, clause by clause: which columns it gives a value, which it sets to
 * their default, and where the text says so. An INSERT with ON CONFLICT DO UPDATE is two changes, a MERGE as many as it
 * has clauses.
 */
import type { CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { type Body, flagOf, isBody, locationOf, nodeOf, nodesOf, type TreeNode, textOf, wordsOf } from "./tree.ts";

export interface Change {
  readonly kind: "insert" | "update" | "delete";
  /** Columns that are given a value, DEFAULT left out; each with its byte offset in the text where it has one. */
  readonly values: ReadonlyMap<string, number | undefined>;
  /** Columns that are set to DEFAULT by an update. */
  readonly defaults: ReadonlySet<string>;
  /** Columns of which only an element or a field is assigned, which reads the rest. */
  readonly parts: ReadonlySet<string>;
}

/** The nodes that name what a statement or one of its WITH queries writes to. */
export function targetsOf({ type, body }: TreeNode): readonly TreeNode[] {
  if (type === "TruncateStmt") return nodesOf(type, body, "relations");
  const writes = isChange(type) || (type === "CopyStmt" && flagOf(body, "is_from"));
  const target = writes ? nodeOf(type, body, "relation") : undefined;
  return target === undefined ? [] : [target];
}

/** Whether what stands in a field is the target of a write, where no common table expression is ever meant. */
export function isTarget(parent: string, field: string): boolean {
  return (field === "relation" && (isChange(parent) || parent === "CopyStmt")) || (parent === "TruncateStmt" && field === "relations");
}

export function isChange(type: string): boolean {
  return /^(Insert|Update|Delete|Merge)Stmt$/.test(type);
}

/** Empty for a statement that assigns nothing and looks at no row, such as TRUNCATE. */
export function changesOf(statement: TreeNode, relation: CatalogueRelation): readonly Change[] {
  const { type, body } = statement;
  switch (type) {
    case "InsertStmt": {
      const conflict = nodeOf(type, body, "onConflictClause");
      const updates = conflict !== undefined && textOf(conflict.body, "action") === "ONCONFLICT_UPDATE";
      return [inserted(body, relation), ...(updates ? [updated(conflict)] : [])];
    }
    case "UpdateStmt":
      return [updated(statement)];
    case "DeleteStmt":
      return [DELETED];
    case "MergeStmt":
      return nodesOf(type, body, "mergeWhenClauses").flatMap((when) => mergeChange(when, relation));
    case "CopyStmt":
      return flagOf(body, "is_from") ? [copied(body, relation)] : [];
    default:
      return [];
  }
}

const NOTHING = { values: new Map<string, number | undefined>(), defaults: new Set<string>(), parts: new Set<string>() } as const;
const DELETED: Change = { kind: "delete", ...NOTHING };

function mergeChange(when: TreeNode, relation: CatalogueRelation): readonly Change[] {
  switch (textOf(when.body, "commandType")) {
    case "CMD_UPDATE":
      return [updated(when)];
    case "CMD_DELETE":
      return [DELETED];
    case "CMD_INSERT": {
      const row = nodesOf(when.type, when.body, "values");
      return [insertedRows(nodesOf(when.type, when.body, "targetList"), [row], row.length, relation)];
    }
    default:
      return [];
  }
}

function updated({ type, body }: TreeNode): Change {
  const values = new Map<string, number | undefined>();
  const defaults = new Set<string>();
  const targets = nodesOf(type, body, "targetList");
  for (const target of targets) {
    const name = textOf(target.body, "name");
    if (nodeOf(target.type, target.body, "val")?.type === "SetToDefault") defaults.add(name);
    else values.set(name, locationOf(target.body));
  }
  return { kind: "update", values, defaults, parts: partsIn(targets) };
}

function partsIn(targets: readonly TreeNode[]): ReadonlySet<string> {
  return new Set(targets.filter(({ body }) => body["indirection"] !== undefined).map(({ body }) => textOf(body, "name")));
}

function inserted(body: Body, relation: CatalogueRelation): Change {
  const source = nodeOf("InsertStmt", body, "selectStmt");
  const rows =
    source === undefined ? [] : nodesOf(source.type, source.body, "valuesLists").map((row) => nodesOf(row.type, row.body, "items"));
  return insertedRows(nodesOf("InsertStmt", body, "cols"), rows, source === undefined ? 0 : widthOf(source), relation);
}

/** @param rows of VALUES, in which DEFAULT may stand */
function insertedRows(
  columns: readonly TreeNode[],
  rows: readonly (readonly TreeNode[])[],
  width: number,
  relation: CatalogueRelation,
): Change {
  const starred = rows.some((row) => row.some(holdsStar));
  const named = columns.length > 0 ? columns.map(({ body }) => textOf(body, "name")) : relation.columns.map(({ name }) => name);
  const values = new Map<string, number | undefined>();
  named.slice(0, starred ? undefined : width).forEach((name, index) => {
    const first = rows.map((row) => row[index]).find((item) => item !== undefined && item.type !== "SetToDefault");
    if (rows.length > 0 && first === undefined && !starred) return;
    const column = columns[index];
    values.set(name, locationOf((column ?? first)?.body ?? {}));
  });
  return { kind: "insert", values, defaults: new Set(), parts: partsIn(columns) };
}

/** How many columns a query yields, as far as its text says; else as many as there may be. */
function widthOf({ type, body }: TreeNode): number {
  const arm = nodeOf(type, body, "larg");
  if (textOf(body, "op") !== "SETOP_NONE" && arm !== undefined) return widthOf(arm);
  const rows = nodesOf(type, body, "valuesLists");
  if (rows.length > 0) return Math.max(...rows.map((row) => nodesOf(row.type, row.body, "items").length));
  const targets = nodesOf(type, body, "targetList");
  return targets.some((target) => holdsStar(nodeOf(target.type, target.body, "val"))) ? Number.POSITIVE_INFINITY : targets.length;
}

function holdsStar(value: TreeNode | undefined): boolean {
  if (value === undefined) return true;
  const steps = value.type === "ColumnRef" ? "fields" : "indirection";
  return nodesOf(value.type, value.body, steps).some(({ type }) => type === "A_Star");
}

/** Generated columns can't be copied in; without a list all others are. */
function copied(body: Body, relation: CatalogueRelation): Change {
  const listed = wordsOf(body, "attlist");
  const all = relation.columns.filter(({ generated }) => !generated).map(({ name }) => name);
  const target = isBody(body["relation"]) ? locationOf(body["relation"]) : undefined;
  const values = new Map((listed.length > 0 ? listed : all).map((name) => [name, target] as const));
  return { kind: "insert", values, defaults: new Set(), parts: new Set() };
}
