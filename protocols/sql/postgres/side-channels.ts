/**
 * Whether a write's success or failure would tell of stored values of masked columns. A check `name <> ssn` fails by what
 * both hold, so whoever may set the one could ask for the other; the same goes for an index, a foreign key, a generated
 * column, a partition's bounds, a policy or a trigger's condition in which a column that is assigned meets a masked one
 * that is not. What foreign keys change along with the target is looked at too.
 */
import type { CatalogueRelation } from "#protocols/sql/catalogue.ts";
import type { Change } from "./changes.ts";
import { builtInVolatility, type FunctionName } from "./functions.ts";
import { lookupIn } from "./lookup.ts";
import { judgeRelation } from "./masked-relations.ts";
import type { MaskingView } from "./protection.ts";
import { nameOfCall } from "./reading.ts";
import { referenceOf } from "./scope.ts";
import { walk } from "./tree.ts";
import { type Columns, soleStatement, type WrittenIndex, type WrittenRelation, writtenRelation } from "./written-relations.ts";

export interface SideChannel {
  /** Where it lies: the target, or what is changed along with it. */
  readonly relation: CatalogueRelation;
  /** The masked column of it that could be told of; null when it is another relation's. */
  readonly column: string | null;
  /** A column that the statement assigns and that takes part; null when none does. */
  readonly assigned: string | null;
  /** `a check`, `index users_x` … */
  readonly by: string;
}

/** One way in which rows of one relation change: by the statement itself or along with others. */
interface Effect {
  readonly relation: CatalogueRelation;
  readonly kind: Change["kind"];
  readonly values: Columns;
  readonly defaults: Columns;
  /** Rows may go from one partition to another, whose checks and indexes they then meet. */
  readonly moves: boolean;
}

/** Undefined when nothing that is masked can be told from it. */
export function sideChannelOf(view: MaskingView, target: CatalogueRelation, change: Change): SideChannel | undefined {
  const policy = policyColumn(view, target);
  if (policy !== undefined) return { relation: target, column: policy, assigned: null, by: "a row-level-security policy" };
  const begun: Effect = {
    relation: target,
    kind: change.kind,
    values: new Set(change.values.keys()),
    defaults: change.defaults,
    moves: false,
  };
  for (const effect of effectsOf(view, begun)) {
    const found = channelIn(view, effect);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The change itself, on partitions and children too, and what foreign keys make of it elsewhere. */
function effectsOf(view: MaskingView, begun: Effect): readonly Effect[] {
  const { children, referring } = lookupIn(view.catalogue);
  const effects: Effect[] = [];
  const seen = new Set<string>();
  const add = (effect: Effect): void => {
    const { relation, kind, values, defaults, moves } = effect;
    const key = JSON.stringify([relation.oid, kind, [...values].sort(), [...defaults].sort(), moves]);
    if (seen.has(key)) return;
    seen.add(key);
    effects.push(effect);
  };
  add(begun);
  // A list is walked in the order in which it grows.
  for (const effect of effects) {
    const { relation, kind, values, defaults } = effect;
    const moves = kind === "update" && meet(writtenRelation(view.catalogue, relation).partitionKey, touched(effect)) !== undefined;
    for (const child of children.get(relation.oid) ?? []) add({ ...effect, relation: child, moves: effect.moves || moves });
    for (const { relation: other, reference } of kind === "insert" ? [] : (referring.get(relation.oid) ?? [])) {
      const referred = named(
        relation,
        reference.columns.map(({ refersTo }) => refersTo),
      );
      if (kind === "update" && !effect.moves && meet(referred, new Set([...values, ...defaults])) === undefined) continue;
      // Before version 15 a row that goes to another partition counts as deleted there.
      const actions = kind === "delete" ? [reference.onDelete] : [reference.onUpdate, ...(effect.moves ? [reference.onDelete] : [])];
      const own = named(
        other,
        reference.columns.map(({ number }) => number),
      );
      if (reference.onDelete === "cascade" && actions.includes(reference.onDelete))
        add({ relation: other, kind: "delete", values: new Set(), defaults: new Set(), moves: false });
      if (actions.some((action) => action !== "refuse"))
        add({ relation: other, kind: "update", values: own, defaults: new Set(), moves: false });
    }
  }
  return effects;
}

function named({ columns }: CatalogueRelation, numbers: readonly number[]): Columns {
  return new Set(columns.filter(({ number }) => numbers.includes(number)).map(({ name }) => name));
}

function touched({ values, defaults }: Effect): Columns {
  return new Set([...values, ...defaults]);
}

function channelIn(view: MaskingView, effect: Effect): SideChannel | undefined {
  const { relation, kind } = effect;
  const attributes = view.protection.columns.get(relation.oid);
  if (attributes === undefined) return undefined;
  const masked: Columns = new Set(relation.columns.filter(({ number }) => attributes.has(number)).map(({ name }) => name));
  const written = writtenRelation(view.catalogue, relation);
  const found = kind === "insert" ? insertChannel(view, written, masked, effect) : storedChannel(view, written, masked, effect);
  return found === undefined ? undefined : { relation, assigned: null, ...found };
}

type Found = Pick<SideChannel, "column" | "by"> & { readonly assigned?: string | null };

/** A new row brings no value that its writer does not know, but it meets those of others in unique indexes. */
function insertChannel(view: MaskingView, written: WrittenRelation, masked: Columns, { values }: Effect): Found | undefined {
  const { relation, indexes, keys } = written;
  const left: Columns = new Set([...masked].filter((name) => !values.has(name) && hasFixedDefault(view, relation, name)));
  for (const index of indexes.filter(({ unique, exclusion }) => unique || exclusion)) {
    const found = revealing(index, masked) ?? meet(index.all, left);
    if (found !== undefined) return { column: found, by: `index ${index.name}` };
  }
  const key = keys.map((columns) => meet(columns, left)).find((name) => name !== undefined);
  return key === undefined ? undefined : { column: key, by: "a foreign key" };
}

/** Updates and deletes of stored rows. */
function storedChannel(view: MaskingView, written: WrittenRelation, masked: Columns, effect: Effect): Found | undefined {
  const { relation, partitionKey, referred } = written;
  const partitioned = (lookupIn(view.catalogue).children.get(relation.oid) ?? []).length > 0;
  const keyed = partitioned ? meet(partitionKey, masked) : undefined;
  if (keyed !== undefined) return { column: keyed, by: "the partition that a row lies in" };
  const changed = effect.kind === "delete" || effect.moves ? null : touched(effect);
  for (const columns of referred) {
    const column = meet(columns, masked);
    const assigned = changed === null ? null : meet(columns, changed);
    if (column !== undefined && assigned !== undefined) return { column, assigned, by: "a foreign key to it" };
  }
  return effect.kind === "delete" ? undefined : updateChannel(view, written, masked, effect);
}

function updateChannel(view: MaskingView, written: WrittenRelation, masked: Columns, effect: Effect): Found | undefined {
  const { relation, checks, generated, conditions, keys, partitionKey } = written;
  const assigned = touched(effect);
  const stored: Columns = new Set([...masked].filter((name) => !assigned.has(name)));
  const together = (columns: Columns, by: string, hidden = stored): Found | undefined => {
    const column = meet(columns, hidden);
    const other = meet(columns, assigned);
    return column === undefined || other === undefined ? undefined : { column, assigned: other, by };
  };
  const moved = (columns: Columns, by: string): Found | undefined => {
    const column = effect.moves ? meet(columns, stored) : undefined;
    return column === undefined ? undefined : { column, by };
  };
  const inherited = inheritedChecks(view, relation);
  for (const { columns, expression, validated } of checks) {
    const column = validated ? undefined : meet(columns, stored);
    const found = together(columns, "a check") ?? (inherited.has(expression) ? undefined : moved(columns, "a check of a partition"));
    if (found !== undefined || column !== undefined) return found ?? { column: column ?? null, by: "a check that was never validated" };
  }
  const first = [
    ...generated.map(({ name, columns }) => together(columns, `generated column ${name}`)),
    // What WHEN compares is the row as it was stored with the row as it will be.
    ...conditions.map(({ columns, changes }) => together(changes ? both(columns, masked) : columns, "a trigger's condition", masked)),
    ...keys.map((columns) => together(columns, "a foreign key") ?? moved(columns, "a foreign key")),
    together(partitionKey, "a partition's bounds", masked),
    relation.skipsUnchanged ? together(masked, "a trigger that skips updates which change nothing", masked) : undefined,
  ].find((found) => found !== undefined);
  return first ?? written.indexes.map((index) => indexChannel(view, index, masked, effect)).find((found) => found !== undefined);
}

function indexChannel(view: MaskingView, index: WrittenIndex, masked: Columns, effect: Effect): Found | undefined {
  const assigned = touched(effect);
  const stored: Columns = new Set([...masked].filter((name) => !assigned.has(name)));
  const by = `index ${index.name}`;
  const other = meet(index.all, assigned);
  if (other === undefined && !effect.moves) return undefined;
  if (index.unique || index.exclusion) {
    const fixed: Columns = new Set([...effect.defaults].filter((name) => masked.has(name) && hasFixedDefault(view, effect.relation, name)));
    const column = meet(index.all, stored) ?? revealing(index, masked) ?? meet(index.all, fixed);
    return column === undefined ? undefined : { column, assigned: other ?? null, by };
  }
  const computed = [...index.keys.filter(({ plain }) => !plain).map(({ columns }) => columns), index.predicate];
  for (const columns of index.overflows ? [index.long, ...computed] : computed) {
    const column = meet(columns, stored);
    const changed = meet(columns, assigned);
    if (column !== undefined && changed !== undefined) return { column, assigned: changed, by };
  }
  return undefined;
}

/**
 * A unique index tells whether the values that were given exist; whoever may assign them may know that. It must not tell
 * more: what a predicate or an expression mixes with other columns, or how one value lies to others (exclusion).
 */
function revealing({ exclusion, keys, predicate, all }: WrittenIndex, masked: Columns): string | undefined {
  const mixing = keys.find(({ columns }) => meet(columns, masked) !== undefined && [...columns].some((name) => !masked.has(name)));
  return meet(predicate, masked) ?? (mixing && meet(mixing.columns, masked)) ?? (exclusion ? meet(all, masked) : undefined);
}

function both(one: Columns, other: Columns): Columns {
  return new Set([...one].filter((name) => other.has(name)));
}

/** The first column that is in both. */
function meet(one: Columns, other: Columns): string | undefined {
  return [...one].find((name) => other.has(name));
}

/** Whether rows that leave the column out get a value that others may have as well, rather than one made for each. */
function hasFixedDefault(view: MaskingView, { columns }: CatalogueRelation, name: string): boolean {
  const text = columns.find((column) => column.name === name)?.default ?? null;
  const statement = text === null ? undefined : soleStatement(`SELECT ${text}`);
  if (text === null || /^NULL::/.test(text)) return false;
  let each = false;
  if (statement !== undefined)
    walk(statement, ({ type, body }) => {
      each ||= type === "FuncCall" && isVolatile(view, nameOfCall(body));
      return !each;
    });
  return !each;
}

function isVolatile({ catalogue }: MaskingView, { schema, name }: FunctionName): boolean {
  if (schema === null || schema === "pg_catalog") return builtInVolatility(name) === "volatile";
  return (lookupIn(catalogue).functions.get(name) ?? []).some((one) => one.schema === schema && one.volatility === "volatile");
}

function inheritedChecks(view: MaskingView, relation: CatalogueRelation): ReadonlySet<string> {
  const { byOid } = lookupIn(view.catalogue);
  return new Set(relation.parents.flatMap((oid) => byOid.get(oid)?.checks.map(({ expression }) => expression) ?? []));
}

/** The masked column that a policy reads; null when it is one of another relation. */
function policyColumn(view: MaskingView, relation: CatalogueRelation): string | null | undefined {
  const attributes = view.protection.columns.get(relation.oid);
  const masked = relation.columns.filter(({ number }) => attributes?.has(number)).map(({ name }) => name);
  for (const policy of relation.policies) {
    const statement = soleStatement(`SELECT ${policy}`);
    if (statement === undefined) return masked[0] ?? null;
    let found: string | null | undefined;
    walk(statement, ({ type, body }) => {
      if (type === "RangeVar" && readsMasked(view, judgeRelation(view, body).relation)) found ??= null;
      if (type !== "ColumnRef") return true;
      const { words, star } = referenceOf(body);
      // The server writes whole rows with a star.
      found ??= star ? masked[0] : masked.find((name) => name === words.at(-1));
      return true;
    });
    if (found !== undefined) return found;
  }
  return undefined;
}

function readsMasked({ catalogue, protection }: MaskingView, relation: CatalogueRelation | undefined): boolean {
  if (relation === undefined) return true;
  const { byOid } = lookupIn(catalogue);
  const seen = new Set([relation]);
  for (const one of seen)
    for (const oid of one.reads) {
      const read = byOid.get(oid);
      if (read !== undefined) seen.add(read);
    }
  return [...seen].some(({ oid }) => protection.columns.has(oid));
}
