/**
 * What a statement does that a guardrail may forbid: changes without a condition, dropped and altered objects, reads of
 * large tables without a bound, sources that nothing connects. Facts only, and of the client's own text; which of them
 * are refused to whom is the policy's matter.
 */
import type { Guard, GuardKind } from "#policies/question.ts";
import type { Catalogue, CatalogueRelation } from "#protocols/sql/catalogue.ts";
import type { LocatedStatement } from "./effects.ts";
import { runsText } from "./functions.ts";
import { type Lookup, lookupIn } from "./lookup.ts";
import { type Findings, QueryReader } from "./query-reach.ts";
import { explains, nameOfCall, relationText } from "./reading.ts";
import type { SourceText } from "./source-text.ts";
import { largest, type Read } from "./sources.ts";
import { statementTag } from "./tags.ts";
import { type Body, flagOf, isBody, nodeOf, nodesOf, partsOf, type TreeNode, textOf, walk, wordsOf } from "./tree.ts";

/** Steps that the reading of one statement may take: some hundred milliseconds. */
const STEPS_MAX = 5_000_000;

/** Where in its statement a query stands. */
type Sort =
  /** Its rows go to the client, now or when they are fetched. */
  | "shown"
  /** It runs, and something in the server takes its rows. */
  | "inside"
  /** It is kept for later, in a view, a rule or a function. */
  | "defined";

interface Found {
  readonly kind: GuardKind;
  readonly location: number | undefined;
  readonly relation: string | null;
  readonly detail: string | null;
  readonly rows: number | null;
}

/** @param first whether the statement is the first of its text */
export function guardsOf(statement: LocatedStatement, first: boolean, catalogue: Catalogue | null, text: SourceText): readonly Guard[] {
  const found: Found[] = [];
  const note = (kind: GuardKind, more: Partial<Found> = {}) => {
    found.push({ kind, location: undefined, relation: null, detail: null, rows: null, ...more });
  };
  if (!first) note("multi-statement");
  walk(statement, (place) => {
    if (isOnlyPlanned(place)) return false;
    noteNode(place, note);
    return true;
  });
  try {
    for (const { node, sort } of queriesIn(statement)) noteQuery(node, sort, catalogue, note);
  } catch (error) {
    // The stack gave out, or the steps.
    if (!(error instanceof RangeError)) throw error;
    note("opaque", { detail: "a statement that is too deep or too winding to be followed" });
  }
  return inOrder(
    found.map(({ location, ...rest }): Guard => {
      const index = location === undefined ? beginningOf(statement, text.sql) : text.offsets.toIndex(location);
      return { ...rest, position: text.offsets.toPosition(index) };
    }),
  );
}

/** The statement's text begins behind the semicolon of the one before. */
function beginningOf({ start, end }: LocatedStatement, sql: string): number {
  return start + sql.slice(start, end).search(/\S|$/);
}

type Note = (kind: GuardKind, more?: Partial<Found>) => void;

/** Of each kind: a text can hold as many as it likes, and one refuses it. */
const SAME_KIND_MAX = 10;

/** In the order of the text. A condition of a MERGE is read twice. */
function inOrder(guards: readonly Guard[]): readonly Guard[] {
  const counts = new Map<GuardKind, number>();
  return [...new Map(guards.map((guard) => [`${guard.kind}/${guard.position}`, guard])).values()]
    .sort((a, b) => (a.position ?? 0) - (b.position ?? 0))
    .filter(({ kind }) => {
      const count = (counts.get(kind) ?? 0) + 1;
      counts.set(kind, count);
      return count <= SAME_KIND_MAX;
    });
}

/** Planning alone runs nothing. */
function isOnlyPlanned({ type, body }: TreeNode): boolean {
  return type === "ExplainStmt" && !explains(body).analyze;
}

const DROPS: ReadonlySet<string> = new Set([
  "DropStmt",
  "DropOwnedStmt",
  "DropRoleStmt",
  "DropSubscriptionStmt",
  "DropTableSpaceStmt",
  "DropUserMappingStmt",
  "DropdbStmt",
]);

function noteNode(node: TreeNode, note: Note): void {
  const { type, body } = node;
  if (type === "TruncateStmt") {
    const [table] = nodesOf(type, body, "relations");
    note("truncate", table === undefined ? {} : placeOf(table.body));
  } else if (DROPS.has(type)) note("drop", { detail: statementTag(node), relation: droppedName(node) });
  else if ((type.startsWith("Alter") && type.endsWith("Stmt")) || type === "RenameStmt") {
    const dropsColumn = nodesOf(type, body, "cmds").some((command) => textOf(command.body, "subtype") === "AT_DropColumn");
    if (dropsColumn) note("drop", { ...altered(node), detail: `${statementTag(node)} DROP COLUMN` });
    note("alter", altered(node));
  } else if (type === "DoStmt" || type === "CallStmt") note("opaque", { detail: statementTag(node) });
  else noteCall(node, note);
}

function altered(node: TreeNode): Partial<Found> {
  const relation = nodeOf(node.type, node.body, "relation");
  return { detail: statementTag(node), ...(relation?.type === "RangeVar" ? placeOf(relation.body) : {}) };
}

/** Also in attribute notation: `('delete …'::text).query_to_xml`. */
function noteCall({ type, body }: TreeNode, note: Note): void {
  const location = typeof body["location"] === "number" ? body["location"] : undefined;
  const words = type === "ColumnRef" ? wordsOf(body, "fields").slice(1) : type === "A_Indirection" ? wordsOf(body, "indirection") : [];
  const called = type === "FuncCall" ? [nameOfCall(body).name] : words;
  const name = called.find(runsText);
  if (name !== undefined) note("opaque", { detail: `${name}()`, location });
}

function droppedName({ type, body }: TreeNode): string | null {
  const [first] = type === "DropStmt" ? nodesOf(type, body, "objects") : [];
  if (first === undefined) return null;
  const names = first.type === "List" ? wordsOf(first.body, "items") : first.type === "String" ? [textOf(first.body, "sval")] : [];
  return names.length === 0 ? null : names.join(".");
}

function placeOf(rangeVar: Body): Pick<Found, "location" | "relation"> {
  const location = typeof rangeVar["location"] === "number" ? rangeVar["location"] : undefined;
  return { location, relation: relationText(rangeVar) };
}

const QUERIES: ReadonlySet<string> = new Set(["SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"]);
const DEFINITIONS: ReadonlySet<string> = new Set(["ViewStmt", "RuleStmt", "CreateFunctionStmt", "CreatePolicyStmt", "AlterPolicyStmt"]);
/** Whose query is as if it stood alone. */
const WRAPPERS: ReadonlySet<string> = new Set(["ExplainStmt", "DeclareCursorStmt", "PrepareStmt", "CopyStmt"]);

interface Outermost {
  readonly node: TreeNode;
  readonly sort: Sort;
}

function queriesIn(statement: TreeNode): readonly Outermost[] {
  const found: Outermost[] = [];
  const stack: Outermost[] = [{ node: statement, sort: "shown" }];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    const { node, sort } = at;
    if (isOnlyPlanned(node)) continue;
    if (QUERIES.has(node.type)) found.push(makesTable(node) ? { node, sort: "inside" } : at);
    else if (node.type === "CopyStmt" && node.body["query"] === undefined) found.push(at);
    else {
      const below = DEFINITIONS.has(node.type) ? "defined" : WRAPPERS.has(node.type) || sort === "defined" ? sort : "inside";
      for (const field in node.body) for (const part of partsOf(node, field)) stack.push({ node: part, sort: below });
    }
  }
  return found;
}

/** SELECT INTO; of a set operation the first SELECT says so. */
function makesTable({ type, body }: TreeNode): boolean {
  for (let at: Body | undefined = type === "SelectStmt" ? body : undefined; at !== undefined; ) {
    if (at["intoClause"] !== undefined) return true;
    at = isBody(at["larg"]) ? at["larg"] : undefined;
  }
  return false;
}

function noteQuery(node: TreeNode, sort: Sort, catalogue: Catalogue | null, note: Note): void {
  const findings: Findings = {
    apart: ({ location, shown }, first) => {
      if (sort !== "defined") note("cross-join", { location, relation: shown, detail: first?.shown ?? null });
    },
    change: (change, reached, reachOf) => noteChange(change, reached, reachOf, note),
    relation: (rangeVar) => sizeOf(rangeVar, catalogue),
  };
  if (node.type === "CopyStmt") {
    noteCopy(node.body, catalogue, note);
    return;
  }
  const { read, carried } = new QueryReader(findings, { left: STEPS_MAX }).query(node, null, null);
  if (sort === "shown") noteRead(largest(read, carried), note);
}

function noteRead(read: Read | undefined, note: Note): void {
  if (read !== undefined) note("unlimited-select", { location: read.location, relation: read.shown, rows: read.rows });
}

/** COPY of a table to the client: without a condition by its form. To a file it is the server's own. */
function noteCopy(body: Body, catalogue: Catalogue | null, note: Note): void {
  const relation = nodeOf("CopyStmt", body, "relation");
  if (relation === undefined || flagOf(body, "is_from") || textOf(body, "filename") !== "") return;
  const { rows } = sizeOf(relation.body, catalogue);
  if (rows !== null) note("unlimited-select", { ...placeOf(relation.body), rows });
}

function noteChange(
  { type, body }: TreeNode,
  reached: "every" | "named" | "none",
  reachOf: (condition: TreeNode | undefined) => "every" | "named" | "none",
  note: Note,
): void {
  const target = nodeOf(type, body, "relation");
  const place = target === undefined ? {} : placeOf(target.body);
  if (type === "UpdateStmt" && reached === "every") note("update-without-where", { ...place, detail: "UPDATE" });
  if (type === "DeleteStmt" && reached === "every") note("delete-without-where", { ...place, detail: "DELETE" });
  if (type !== "MergeStmt") return;
  for (const { body: when } of nodesOf(type, body, "mergeWhenClauses")) {
    // A row that the source does not match is there for each row of the target when ON holds for none.
    const inReach = textOf(when, "matchKind") === "MERGE_WHEN_NOT_MATCHED_BY_SOURCE" ? reached !== "named" : reached === "every";
    if (!inReach || reachOf(nodeOf("MergeWhenClause", when, "condition")) !== "every") continue;
    const command = textOf(when, "commandType");
    if (command === "CMD_UPDATE") note("update-without-where", { ...place, detail: "MERGE" });
    if (command === "CMD_DELETE") note("delete-without-where", { ...place, detail: "MERGE" });
  }
}

/**
 * A name without a schema counts as the largest relation of that name in any schema: the session's search path is its own
 * to change.
 */
function sizeOf(
  rangeVar: Body,
  catalogue: Catalogue | null,
): { readonly relation: CatalogueRelation | undefined; readonly rows: number | null } {
  if (catalogue === null) return { relation: undefined, rows: null };
  const lookup = lookupIn(catalogue);
  const schema = textOf(rangeVar, "schemaname");
  const name = textOf(rangeVar, "relname");
  const named = lookup.named.get(name) ?? [];
  const meant = schema === "" ? named : named.filter((one) => one.schema === schema);
  const relation = (schema === "" ? lookup.relation(null, name) : undefined) ?? meant[0];
  return { relation, rows: greatest(meant.map((one) => rowsOf(one, lookup, new Set()))) };
}

/** A view is as large as the largest relation that its definition reads. */
function rowsOf(relation: CatalogueRelation, lookup: Lookup, seen: Set<number>): number | null {
  if (relation.kind !== "view" || seen.has(relation.oid)) return relation.estimatedRows;
  seen.add(relation.oid);
  const read = relation.reads.flatMap((oid) => lookup.byOid.get(oid) ?? []);
  return greatest(read.map((one) => rowsOf(one, lookup, seen)));
}

function greatest(rows: readonly (number | null)[]): number | null {
  return rows.reduce((most, one) => (one !== null && (most === null || one > most) ? one : most), null);
}
