/**
 * What the server evaluates or compares when a row of a relation is written, as sets of the relation's columns: checks,
 * generated columns, indexes, foreign keys from and to it, partition keys, conditions of triggers. Generated columns count
 * as what they are made of. Read off the catalogue once for each relation that somebody writes to.
 */
import type { Catalogue, CatalogueColumn, CatalogueIndex, CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { statementsOf } from "./effects.ts";
import { parseText } from "./grammar.ts";
import { lookupIn } from "./lookup.ts";
import { referenceOf } from "./scope.ts";
import { nodeOf, nodesOf, type TreeNode, textOf, walk } from "./tree.ts";

/** Names of columns of one relation. */
export type Columns = ReadonlySet<string>;

export interface WrittenRelation {
  readonly relation: CatalogueRelation;
  readonly checks: readonly { readonly columns: Columns; readonly expression: string; readonly validated: boolean }[];
  readonly generated: readonly { readonly name: string; readonly columns: Columns }[];
  readonly indexes: readonly WrittenIndex[];
  /** Of WHEN; `old.a` and `new.a` are both a. `changes`: it asks only whether columns change, as `old.a IS DISTINCT FROM new.a`. */
  readonly conditions: readonly { readonly columns: Columns; readonly changes: boolean }[];
  /** Of the relation itself and of those that it is a partition of, by their names for the columns. */
  readonly partitionKey: Columns;
  /** Foreign keys of the relation. */
  readonly keys: readonly Columns[];
  /** Foreign keys to it, as its own columns. */
  readonly referred: readonly Columns[];
}

export interface WrittenIndex {
  readonly name: string;
  readonly unique: boolean;
  readonly exclusion: boolean;
  /** What each column of the index is made of; an expression may be of several. */
  readonly keys: readonly { readonly columns: Columns; readonly plain: boolean }[];
  readonly predicate: Columns;
  readonly all: Columns;
  /** An entry can grow beyond what a page holds: a failure that tells how long its other values are. */
  readonly overflows: boolean;
  /** Columns that take part in that with values of any length. */
  readonly long: Columns;
}

const known = new WeakMap<Catalogue, Map<number, WrittenRelation>>();

export function writtenRelation(catalogue: Catalogue, relation: CatalogueRelation): WrittenRelation {
  const made = known.get(catalogue) ?? new Map<number, WrittenRelation>();
  known.set(catalogue, made);
  const found = made.get(relation.oid) ?? read(catalogue, relation);
  made.set(relation.oid, found);
  return found;
}

function read(catalogue: Catalogue, relation: CatalogueRelation): WrittenRelation {
  const { columns, checks, indexes, references, triggerConditions } = relation;
  const { referring } = lookupIn(catalogue);
  const numbered = (numbers: readonly number[]): Columns => namesOf(relation, numbers);
  return {
    relation,
    checks: checks.map(({ expression, validated }) => ({ columns: columnsIn(relation, expression), expression, validated })),
    generated: columns
      .filter(({ generatedFrom }) => generatedFrom.length > 0)
      .map(({ name, generatedFrom }) => ({ name, columns: numbered(generatedFrom) })),
    indexes: indexes.map((index) => readIndex(relation, index)),
    conditions: triggerConditions.map((text) => readCondition(relation, text)),
    partitionKey: new Set([relation, ...above(catalogue, relation)].flatMap((one) => [...columnsIn(one, one.partitionKey)])),
    keys: references.map((reference) => numbered(reference.columns.map(({ number }) => number))),
    referred: (referring.get(relation.oid) ?? []).map(({ reference }) => numbered(reference.columns.map(({ refersTo }) => refersTo))),
  };
}

function readIndex(relation: CatalogueRelation, { name, unique, exclusion, keys, predicate }: CatalogueIndex): WrittenIndex {
  const read = keys.map((key) => {
    const column = relation.columns.find((one) => one.name === key && one.generatedFrom.length === 0);
    return column === undefined
      ? { columns: columnsIn(relation, key), plain: false, bytes: Number.POSITIVE_INFINITY }
      : { columns: new Set([column.name]), plain: true, bytes: bytesMax(column) };
  });
  const condition = predicate === null ? new Set<string>() : columnsIn(relation, predicate);
  return {
    name,
    unique,
    exclusion,
    keys: read.map(({ columns, plain }) => ({ columns, plain })),
    predicate: condition,
    all: new Set([...read.flatMap(({ columns }) => [...columns]), ...condition]),
    long: new Set(read.filter(({ bytes }) => bytes > FIXED_BYTES).flatMap(({ columns }) => [...columns])),
    overflows: read.reduce((sum, { bytes }) => sum + bytes, 0) > ENTRY_BYTES,
  };
}

/** BTMaxItemSize on pages of 8 KiB is 2,704; some of it is taken by headers and padding. */
const ENTRY_BYTES = 2500;
/** No value of a type of fixed length takes more. */
const FIXED_BYTES = 64;

/** The longest that a value of a type can be, in UTF-8. */
function bytesMax({ baseType, category }: CatalogueColumn): number {
  const [, type = "", length] = /^([^(]*)(?:\((\d+)[^)]*\))?/.exec(baseType) ?? [];
  if (/^char/.test(type) && length !== undefined) return 4 * Number(length) + 4;
  if (type.trim() === "numeric") return length === undefined ? Number.POSITIVE_INFINITY : Number(length) + 8;
  return "BNDTEI".includes(category) || type === "uuid" || type === "name" ? FIXED_BYTES : Number.POSITIVE_INFINITY;
}

/** All columns where the text names what is none, such as a whole row, or can't be read. */
export function columnsIn(relation: CatalogueRelation, text: string): Columns {
  if (text === "") return new Set();
  return columnsOf(relation, soleStatement(`SELECT ${text}`));
}

function readCondition(relation: CatalogueRelation, createTrigger: string): WrittenRelation["conditions"][number] {
  const statement = soleStatement(createTrigger);
  const when = statement && nodeOf(statement.type, statement.body, "whenClause");
  return { columns: columnsOf(relation, when), changes: when !== undefined && asksForChange(when) };
}

/** `old.a IS DISTINCT FROM new.a`, `old.* IS DISTINCT FROM new.*`, and several of these. */
function asksForChange({ type, body }: TreeNode): boolean {
  if (type === "BoolExpr") return nodesOf(type, body, "args").every(asksForChange);
  if (type !== "A_Expr" || textOf(body, "kind") !== "AEXPR_DISTINCT") return false;
  const [one, other] = ["lexpr", "rexpr"].map((field) => {
    const side = nodeOf(type, body, field);
    return side?.type === "ColumnRef" ? referenceOf(side.body) : undefined;
  });
  if (one === undefined || other === undefined || one.star !== other.star) return false;
  return one.words.length === 2 - Number(one.star) && one.words.slice(1).join() === other.words.slice(1).join();
}

export function soleStatement(text: string): TreeNode | undefined {
  const parsed = parseText(text);
  const statements = parsed.kind === "tree" ? statementsOf(parsed.tree, (byte) => byte, text.length) : undefined;
  return statements?.length === 1 ? statements[0] : undefined;
}

function columnsOf(relation: CatalogueRelation, node: TreeNode | undefined): Columns {
  const numbers = new Set<number>();
  let all = node === undefined;
  if (node !== undefined)
    walk(node, ({ type, body }) => {
      if (type !== "ColumnRef") return true;
      const { words, star } = referenceOf(body);
      const column = star ? undefined : relation.columns.find(({ name }) => name === words.at(-1));
      if (column === undefined) all = true;
      else numbers.add(column.number);
      return true;
    });
  return namesOf(relation, all ? relation.columns.map(({ number }) => number) : [...numbers]);
}

function namesOf({ columns }: CatalogueRelation, numbers: readonly number[]): Columns {
  const reached = new Set(numbers);
  // A set is walked in the order in which it grows.
  for (const number of reached)
    for (const source of columns.find((column) => column.number === number)?.generatedFrom ?? []) reached.add(source);
  const found = columns.filter(({ number, generatedFrom }) => reached.has(number) && generatedFrom.length === 0);
  return new Set(found.map(({ name }) => name));
}

function above(catalogue: Catalogue, relation: CatalogueRelation): readonly CatalogueRelation[] {
  const { byOid } = lookupIn(catalogue);
  const seen = new Set([relation]);
  for (const one of seen)
    for (const oid of one.parents) {
      const parent = byOid.get(oid);
      if (parent !== undefined) seen.add(parent);
    }
  seen.delete(relation);
  return [...seen];
}
