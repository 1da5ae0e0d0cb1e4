/**
 * By which names a statement can reach protected columns: their own, those they are renamed to, and those of whole rows.
 * Coarser than scopes, on purpose: what is named here is kept out of recordings, and in doubt a name counts.
 */
import type { CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { builtInVolatility } from "./functions.ts";
import { lookupIn } from "./lookup.ts";
import { judgeRelation } from "./masked-relations.ts";
import { outputName } from "./output-name.ts";
import type { MaskingView } from "./protection.ts";
import { referenceOf } from "./scope.ts";
import { bindsName, nodeOf, nodesOf, type Place, type TreeNode, textOf, walk } from "./tree.ts";
import { viewsIn } from "./view-definitions.ts";

export interface Touched {
  /** Names of protected columns, and what they are renamed to. */
  readonly names: Set<string>;
  /** What columns are named of; alone, such a name can mean a whole row. */
  readonly rows: ReadonlySet<string>;
  /** Whether `x.name`, by its words, can be a call that takes the whole row of x. */
  readonly isCall: (qualifier: string, name: string) => boolean;
}

/** Names of protected columns of the relations that are named; of all there are where a relation is not known. */
export function touchedNames(statement: TreeNode, view: MaskingView): Touched {
  const names = new Set<string>();
  const rows = new Set<string>();
  const relations = new Map<string, Set<CatalogueRelation>>();
  const others = new Set<string>();
  walk(statement, ({ type, body, parent, field, names: bound }) => {
    if (type === "Alias") rows.add(textOf(body, "aliasname"));
    if (type === "Alias" && parent !== "RangeVar") others.add(textOf(body, "aliasname"));
    if (type !== "RangeVar" || field === "lockedRels") return true;
    const alias = nodeOf(type, body, "alias");
    const called = alias === undefined ? textOf(body, "relname") : textOf(alias.body, "aliasname");
    rows.add(called);
    const { kind, relation } = judgeRelation(view, body);
    if (relation === undefined || bindsName(bound, textOf(body, "relname"))) others.add(called);
    else relations.set(called, (relations.get(called) ?? new Set()).add(relation));
    for (const name of kind === "refused" || relation === undefined ? view.protection.columnNames : maskedNames(view, relation))
      names.add(name);
    return true;
  });
  const isCall = (qualifier: string, name: string): boolean => {
    const known = relations.get(qualifier);
    for (const { columns } of known ?? []) if (!columns.some((column) => column.name === name)) return true;
    return (known === undefined || others.has(qualifier)) && isFunctionName(view, name);
  };
  return { names, rows, isCall };
}

/** Of a view also what its definition computes from masked columns; of one that may not be read, all that is masked. */
function maskedNames(view: MaskingView, relation: CatalogueRelation): Iterable<string> {
  const attributes = view.protection.columns.get(relation.oid);
  const reading = relation.definition === null ? undefined : viewsIn(view)(relation);
  if (reading?.kind === "refused") return view.protection.columnNames;
  const outputs = reading?.kind === "inlined" ? reading.rewriting.outputs : [];
  return relation.columns
    .filter(({ number }, index) => attributes?.has(number) === true || outputs[index]?.masked === true)
    .map(({ name }) => name);
}

function isFunctionName({ catalogue }: MaskingView, name: string): boolean {
  return builtInVolatility(name) !== undefined || lookupIn(catalogue).functions.has(name);
}

/** A name can be passed on this often before all literals of the statement count as sensitive. */
const ALIAS_ROUNDS_MAX = 16;

/**
 * `ssn AS x`, `upper(ssn)`, `FROM users AS u(a, b)`, `WITH c(x)`: a new name for an old column. False when they did not
 * come to an end, or where columns get names that stand nowhere: functions in FROM, VALUES, arms of set operations.
 */
export function addAliases(statement: TreeNode, touched: Touched): boolean {
  const { names } = touched;
  let told = true;
  for (let round = 0; round < ALIAS_ROUNDS_MAX; round += 1) {
    const before = names.size;
    walk(statement, (place) => {
      const { type, body } = place;
      if (renamesUnseen(place) && references(place, touched).mentions) told = false;
      if (type === "ResTarget" && !names.has(outputName(body)) && references(place, touched).mentions) names.add(outputName(body));
      const renaming = type === "Alias" ? "colnames" : type === "CommonTableExpr" ? "aliascolnames" : undefined;
      if (renaming !== undefined) for (const word of nodesOf(type, body, renaming)) names.add(textOf(word.body, "sval"));
      return told;
    });
    if (!told) return false;
    if (names.size === before) return true;
  }
  return false;
}

/** The statement's own list of rows, or set operation, has nobody who could name its columns. */
function renamesUnseen({ type, body, field }: Place): boolean {
  if (type === "SelectStmt") return field !== "" && (body["valuesLists"] !== undefined || body["larg"] !== undefined);
  return type === "RangeFunction" || type === "RangeTableFunc" || type === "JsonTable";
}

export function references(node: TreeNode, { names, rows, isCall }: Touched): { readonly mentions: boolean; readonly others: boolean } {
  let mentions = false;
  let columns = 0;
  walk(node, ({ type, body }) => {
    if (type === "A_Indirection") mentions ||= nodesOf(type, body, "indirection").some((step) => names.has(textOf(step.body, "sval")));
    if (type === "FuncCall") mentions ||= nodesOf(type, body, "funcname").some((step) => names.has(textOf(step.body, "sval")));
    if (type !== "ColumnRef") return true;
    const { words, star } = referenceOf(body);
    const name = words.at(-1) ?? "";
    mentions ||= star || names.has(name) || rows.has(name) || (words.length > 1 && isCall(words.at(-2) ?? "", name));
    columns += 1;
    return true;
  });
  return { mentions, others: columns > 1 };
}
