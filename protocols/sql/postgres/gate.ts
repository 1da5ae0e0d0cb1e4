/**
 * The gate for statements of principals under a mask: every node of the tree is looked at once, and whatever is not
 * known to be harmless is refused with its place. What passes either touches nothing that is masked, or names the
 * places where a relation with masked columns stands.
 */
import type { ProtectedColumn } from "#policies/question.ts";
import type { CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { attributeRefusal, type Located, type Refusal } from "./masked-calls.ts";
import { nodeRefusal } from "./masked-nodes.ts";
import { judgeRelation } from "./masked-relations.ts";
import { writeRefusal } from "./masked-writes.ts";
import { type MaskingView, type ProtectedAttributes, protectedColumnsOf } from "./protection.ts";
import { readsNothing, settingByFilter } from "./reading.ts";
import { referenceOf } from "./scope.ts";
import { isServers } from "./server-relations.ts";
import { type Body, bindsName, isBody, locationOf, type Place, type TreeNode, textOf, walk } from "./tree.ts";
import type { Rewriting, Views } from "./view-reading.ts";

/** A place where a relation with masked columns is named, or a view over one. */
export interface Occurrence {
  readonly rangeVar: Body;
  readonly relation: CatalogueRelation;
  /** Columns of the relation itself that are masked. */
  readonly attributes: ProtectedAttributes;
  /** Set for a view that its definition takes the place of; its own masks go on top. */
  readonly rewriting: Rewriting | undefined;
  /** All that is masked in it: its own columns, and those that a view's definition reads. */
  readonly columns: readonly ProtectedColumn[];
  /** Type of the node around it and the field it stands in. */
  readonly parent: string;
  readonly field: string;
}

/** What a later look at names decides: `x.name` could call a function that may not be called. */
export interface Attribute extends Located {
  readonly columnRef: Body;
}

export interface Gated {
  readonly refused: readonly Located[];
  readonly occurrences: readonly Occurrence[];
  readonly attributes: readonly Attribute[];
  /** References with two or more words before the column, or before the star. */
  readonly qualified: readonly Body[];
  readonly systemColumns: readonly Body[];
  readonly locks: readonly Body[];
  /** Every word of a qualified or plain name. */
  readonly identifiers: ReadonlySet<string>;
  /** Names that stand alone where a column could: they may mean a whole row. */
  readonly singles: ReadonlySet<string>;
  /** What is named of each relation, by the word before it: a name that is no column of it takes its whole row. */
  readonly named: ReadonlyMap<string, ReadonlySet<string>>;
  /** A star, NATURAL or the alias of a join names columns without saying so. */
  readonly sweeping: boolean;
}

/** Relations stand in other places too: targets of changes, where no common table expression is ever meant. */
export const FROM_PLACES: ReadonlySet<string> = new Set([
  "SelectStmt.fromClause",
  "JoinExpr.larg",
  "JoinExpr.rarg",
  "RangeTableSample.relation",
  "UpdateStmt.fromClause",
  "DeleteStmt.usingClause",
  "MergeStmt.sourceRelation",
]);

/** Whether a relation at that place is read, and an unqualified name may mean a common table expression. */
function isFromPlace(parent: string, field: string): boolean {
  return FROM_PLACES.has(`${parent}.${field}`);
}

const NO_ATTRIBUTES: ProtectedAttributes = new Map();

export const SYSTEM_COLUMNS: ReadonlySet<string> = new Set(["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"]);

/** @param views how the definitions of views read under the same masks */
export function gate(statement: TreeNode, view: MaskingView, views: Views): Gated {
  const refused: Located[] = [];
  const occurrences: Occurrence[] = [];
  const attributes: Attribute[] = [];
  const qualified: Body[] = [];
  const systemColumns: Body[] = [];
  const locks: Body[] = [];
  const identifiers = new Set<string>();
  const singles = new Set<string>();
  const named = new Map<string, Set<string>>();
  const settings = new Map<Body, string>();
  let sweeping = false;
  walk(statement, (place) => {
    const { type, body } = place;
    if (type === "RangeVar") {
      const found = relationAt(place, view, views);
      if (found !== undefined && "refusal" in found) refused.push(found);
      else if (found !== undefined) occurrences.push(found);
      return true;
    }
    const setting = settingByFilter(place);
    if (setting !== undefined) settings.set(setting.call, setting.name);
    const refusal = nodeRefusal(place, view, settings);
    if (refusal !== undefined) refused.push({ refusal, location: locationOf(body) });
    const write = writeRefusal(view, place);
    if (write !== undefined) refused.push(write);
    if (type === "LockingClause") locks.push(body);
    if (type === "String") identifiers.add(textOf(body, "sval"));
    if (type === "A_Star" || (type === "JoinExpr" && (body["isNatural"] === true || body["alias"] !== undefined))) sweeping = true;
    if (type !== "ColumnRef") return true;
    const { words, star } = referenceOf(body);
    const name = star ? "" : (words.at(-1) ?? "");
    if (SYSTEM_COLUMNS.has(name)) systemColumns.push(body);
    if (words.length === 1 && !star) singles.add(name);
    const [qualifier] = star ? [] : words.slice(-2, -1);
    if (qualifier !== undefined) named.set(qualifier, (named.get(qualifier) ?? new Set<string>()).add(name));
    if (words.length - (star ? 0 : 1) > 1) qualified.push(body);
    const disguised = words.length > 1 && !star ? attributeRefusal(view, name) : undefined;
    if (disguised !== undefined) attributes.push({ refusal: disguised, location: locationOf(body), columnRef: body });
    return true;
  });
  return { refused, occurrences, attributes, qualified, systemColumns, locks, identifiers, singles, named, sweeping };
}

/** Whether the name means what WITH binds it to. */
export function isCommonTable({ body, parent, field, names }: Place): boolean {
  return isFromPlace(parent, field) && body["schemaname"] === undefined && bindsName(names, textOf(body, "relname"));
}

/** Undefined where the name means no relation, or one that may be read as it is. */
function relationAt(place: Place, view: MaskingView, views: Views): Occurrence | Located | undefined {
  const { body, parent, field } = place;
  if (readsNothing(place) || isCommonTable(place)) return undefined;
  const verdict = judgeRelation(view, body);
  const refused = (refusal: Refusal): Located => ({ refusal, location: locationOf(body) });
  switch (verdict.kind) {
    case "refused":
      return refused(verdict.refusal);
    case "clear":
    case "temporary":
      return undefined;
    case "protected": {
      const { relation, attributes } = verdict;
      const columns = protectedColumnsOf(relation, attributes);
      return { rangeVar: body, relation, attributes, rewriting: undefined, columns, parent, field };
    }
    case "view": {
      const { relation, attributes = NO_ATTRIBUTES } = verdict;
      const reading = views(relation);
      if (reading.kind === "refused") return refused(reading.refusal);
      const rewriting = reading.kind === "inlined" ? reading.rewriting : undefined;
      if (rewriting === undefined && attributes.size === 0) return undefined;
      const columns = [...protectedColumnsOf(relation, attributes), ...(rewriting?.columns ?? [])];
      return { rangeVar: body, relation, attributes, rewriting, columns, parent, field };
    }
  }
}

/** Occurrences without those of the server's own relations whose masked column the statement has no way to reach. */
export function reachable(gated: Gated): readonly Occurrence[] {
  return gated.occurrences.filter((occurrence) => !isServers(occurrence.relation.schema) || isReached(gated, occurrence));
}

/**
 * Whether the statement has a way to a masked column of the relation: its name, a star, a whole row, a renaming alias
 * or NATURAL stands somewhere in it, the relation stands outside FROM, or it is a view that reads such a column.
 */
export function isReached(gated: Gated, occurrence: Occurrence): boolean {
  const { relation, attributes, rewriting, parent, field } = occurrence;
  if (rewriting !== undefined || !isFromPlace(parent, field) || takenWhole(gated, occurrence)) return true;
  return protectedColumnsOf(relation, attributes).some(({ column }) => gated.identifiers.has(column));
}

/**
 * Whether columns of it may be meant that no word names: by a star, NATURAL, a renaming alias or its whole row, which
 * `x.name` takes as well when x has no column of that name, since it calls a function then.
 */
export function takenWhole({ singles, named, sweeping }: Gated, { relation, rangeVar }: Occurrence): boolean {
  const alias = rangeVar["alias"];
  if (sweeping || (isBody(alias) && alias["colnames"] !== undefined)) return true;
  const name = isBody(alias) ? textOf(alias, "aliasname") : relation.name;
  if (singles.has(name)) return true;
  return [...(named.get(name) ?? [])].some((word) => !SYSTEM_COLUMNS.has(word) && !relation.columns.some((column) => column.name === word));
}
