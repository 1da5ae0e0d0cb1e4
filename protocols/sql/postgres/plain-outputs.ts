/**
 * Which hashed columns a query yields as they stand, and uses for nothing else: these leave the server as they are, and are hashed on
 * their way to the client. Wherever there is any doubt about a column it is none of them, and shows NULL.
 *
 * The rules are of names alone, so that no error in resolving them could make a column pass: within the whole statement its name
 * may stand only as an output column of the outermost query, and what takes columns without naming them may not stand at all.
 */
import type { Occurrence } from "./gate.ts";
import { flattened, type Origin } from "./origins.ts";
import { referenceOf } from "./scope.ts";
import { type Body, nodeOf, nodesOf, type TreeNode, textOf, walk } from "./tree.ts";

export interface PlainOutputs {
  /** Attribute numbers of an occurrence's columns that pass. */
  readonly passing: (occurrence: Occurrence) => ReadonlySet<number>;
}

const NONE: ReadonlySet<number> = new Set();
export const NO_PLAIN_OUTPUTS: PlainOutputs = { passing: () => NONE };

/** What of a SELECT compares, sorts, or puts rows together, so that true values would show in their order or number. */
const MEDDLING = [
  "distinctClause",
  "groupClause",
  "havingClause",
  "windowClause",
  "withClause",
  "lockingClause",
  "valuesLists",
  "larg",
  "intoClause",
];

/** @param occurrences what will be replaced by masking subqueries in the statement */
export function plainOutputs(statement: TreeNode, occurrences: readonly Occurrence[]): PlainOutputs {
  const hashed = occurrences.filter(({ attributes }) => [...attributes.values()].some(({ mask }) => mask.kind === "hash"));
  if (hashed.length === 0 || statement.type !== "SelectStmt") return NO_PLAIN_OUTPUTS;
  if (MEDDLING.some((field) => statement.body[field] !== undefined)) return NO_PLAIN_OUTPUTS;
  const outermost = new Set<Body>();
  if (!nodesOf("SelectStmt", statement.body, "fromClause").every((item) => isPlainJoin(item, outermost))) return NO_PLAIN_OUTPUTS;
  const { shown, used, wholes, qualified } = namesIn(statement);
  // Columns that a view hands on are masked below it, and go by the same origin.
  const viewed = new Set(occurrences.flatMap(({ rewriting }) => (rewriting === undefined ? [] : relationsIn(rewriting.reads))));
  if (shown.star && sortsByNumber(statement)) return NO_PLAIN_OUTPUTS;
  return {
    passing: ({ relation, attributes, rewriting, rangeVar }) => {
      const alias = textOf((rangeVar["alias"] as Body | undefined) ?? rangeVar, rangeVar["alias"] === undefined ? "relname" : "aliasname");
      const named = viewed.has(relation.oid) || occurrences.filter((one) => one.relation.oid === relation.oid).length > 1;
      if (!outermost.has(rangeVar) || named || rewriting !== undefined || wholes.has(alias) || hasColumnAliases(rangeVar)) return NONE;
      const own = new Set(relation.columns.map(({ name }) => name));
      if ([...(qualified.get(alias) ?? [])].some((name) => !own.has(name))) return NONE;
      const columns = relation.columns.filter(({ name, number }) => attributes.get(number)?.mask.kind === "hash" && !used.has(name));
      return new Set(columns.filter(({ name }) => shown.star || shown.names.has(name)).map(({ number }) => number));
    },
  };
}

function relationsIn(reads: Origin): readonly number[] {
  return flattened(reads).columns.map(({ relation }) => relation);
}

/**
 * Relations joined by conditions; USING and NATURAL compare columns without naming their use.
 *
 * @param relations gets those that are joined
 */
function isPlainJoin({ type, body }: TreeNode, relations: Set<Body>): boolean {
  if (type === "RangeVar") return relations.add(body).has(body);
  if (type !== "JoinExpr" || body["usingClause"] !== undefined || body["isNatural"] === true || body["alias"] !== undefined) return false;
  return ["larg", "rarg"].every((side) => {
    const node = nodeOf(type, body, side);
    return node !== undefined && isPlainJoin(node, relations);
  });
}

function hasColumnAliases(rangeVar: Body): boolean {
  const alias = rangeVar["alias"];
  return typeof alias === "object" && alias !== null && "colnames" in alias;
}

interface Names {
  /** Output columns of the outermost query that are nothing but a reference. */
  readonly shown: { readonly star: boolean; readonly names: ReadonlySet<string> };
  /** Last words of all other references, and every other name that could mean a column. */
  readonly used: ReadonlySet<string>;
  /** Names that stand alone, or before a star within an expression: they may mean a whole row. */
  readonly wholes: ReadonlySet<string>;
  /** What is named behind a qualifier: what is no column of it is a function of its whole row. */
  readonly qualified: ReadonlyMap<string, ReadonlySet<string>>;
}

/** An output column; `column` is the last word where it is nothing but a reference. */
interface Target {
  readonly name: string;
  readonly column: string | null;
  readonly star: boolean;
  readonly reference: Body | null;
}

function namesIn(statement: TreeNode): Names {
  const targets = nodesOf("SelectStmt", statement.body, "targetList").map(targetOf);
  const plain = new Set(targets.flatMap(({ reference }) => reference ?? []));
  const used = new Set<string>(sortedBy(statement, targets));
  const wholes = new Set<string>();
  const qualified = new Map<string, Set<string>>();
  walk(statement, ({ type, body }) => {
    if (type === "String") used.add(textOf(body, "sval"));
    if (type !== "ColumnRef") return true;
    const { words, star } = referenceOf(body);
    const last = words.at(-1) ?? "";
    const shown = plain.has(body);
    if (star ? !shown : words.length === 1) wholes.add(last);
    if (!star && words.length > 1) {
      const qualifier = words.at(-2) ?? "";
      qualified.set(qualifier, (qualified.get(qualifier) ?? new Set()).add(last));
    }
    if (!star && !shown) used.add(last);
    return false;
  });
  const names = new Set(targets.flatMap(({ column }) => column ?? []));
  return { shown: { star: targets.some(({ star }) => star), names }, used, wholes, qualified };
}

function targetOf({ body }: TreeNode): Target {
  const value = nodeOf("ResTarget", body, "val");
  const alias = textOf(body, "name");
  if (value?.type !== "ColumnRef" || body["indirection"] !== undefined) return { name: alias, column: null, star: false, reference: null };
  const { words, star } = referenceOf(value.body);
  const column = words.at(-1) ?? "";
  return { name: alias === "" ? column : alias, column: star ? null : column, star, reference: value.body };
}

/** Columns of outputs that ORDER BY means by name or by number. A star makes numbers mean anything. */
function sortedBy(statement: TreeNode, targets: readonly Target[]): readonly string[] {
  return nodesOf("SelectStmt", statement.body, "sortClause").flatMap(({ body }) => {
    const by = nodeOf("SortBy", body, "node");
    if (by?.type === "ColumnRef") {
      const { words } = referenceOf(by.body);
      return words.length === 1 ? targets.flatMap(({ name, column }) => (name === words[0] ? (column ?? []) : [])) : [];
    }
    return by?.type === "A_Const" ? targets.flatMap(({ column }) => column ?? []) : [];
  });
}

function sortsByNumber(statement: TreeNode): boolean {
  return nodesOf("SelectStmt", statement.body, "sortClause").some(({ body }) => nodeOf("SortBy", body, "node")?.type === "A_Const");
}
