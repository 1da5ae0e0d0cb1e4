/**
 * What a statement refers to of the rows that it writes. Their masked columns may stand in RETURNING, where a mask takes
 * their place; nowhere else, since what an expression over them yields is stored, compared or told by a failure. A name
 * that might mean one of them counts as one: lineage's reading is trusted only where names are certain.
 */
import type { CatalogueColumn, CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { isChange } from "./changes.ts";
import type { Lineage } from "./lineage.ts";
import { lookupIn } from "./lookup.ts";
import type { Located } from "./masked-calls.ts";
import { judgeRelation } from "./masked-relations.ts";
import type { Entry } from "./namespace.ts";
import { display, type MaskingView, type ProtectedAttribute, type ProtectedAttributes, protectedColumnsOf } from "./protection.ts";
import { type Meaning, referenceOf, SYSTEM_COLUMNS } from "./scope.ts";
import { statementTag } from "./tags.ts";
import { type Body, flagOf, isBody, locationOf, nodeOf, nodesOf, partsOf, type TreeNode, textOf, walk } from "./tree.ts";

/** A statement, or one in WITH, whose target has masked columns. */
export interface MaskedWrite {
  readonly node: TreeNode;
  /** Of the target. */
  readonly rangeVar: Body;
  readonly relation: CatalogueRelation;
  readonly attributes: ProtectedAttributes;
  /** Its system columns may be read: they tell nothing of values, unless rows lie in children by these. */
  readonly plain: boolean;
}

/** A masked column, or all columns, of a written row in RETURNING. */
export interface Returned {
  readonly write: MaskedWrite;
  /** The item of RETURNING that it stands in. */
  readonly item: Body;
  readonly columnRef: Body;
  /** Null where it is `t.*`. */
  readonly column: { readonly column: CatalogueColumn; readonly attribute: ProtectedAttribute } | null;
}

export interface WrittenReferences {
  readonly refused: Located | undefined;
  readonly returned: readonly Returned[];
}

export function maskedWrites(statement: TreeNode, view: MaskingView): readonly MaskedWrite[] {
  const found: MaskedWrite[] = [];
  walk(statement, ({ type, body }) => {
    const writes = isChange(type) || (type === "CopyStmt" && flagOf(body, "is_from"));
    const target = writes ? nodeOf(type, body, "relation") : undefined;
    const relation = target === undefined ? undefined : judgeRelation(view, target.body).relation;
    const attributes = relation === undefined ? undefined : view.protection.columns.get(relation.oid);
    if (target !== undefined && relation !== undefined && attributes !== undefined)
      found.push({ node: { type, body }, rangeVar: target.body, relation, attributes, plain: isPlain(view, relation) });
    return true;
  });
  return found;
}

function isPlain({ catalogue }: MaskingView, { oid, kind }: CatalogueRelation): boolean {
  return kind === "table" && !lookupIn(catalogue).children.has(oid);
}

/** @param lineage of the statement, in which masked columns of the targets count as masked */
export function writtenReferences(statement: TreeNode, writes: readonly MaskedWrite[], { meanings }: Lineage): WrittenReferences {
  if (writes.length === 0) return { refused: undefined, returned: [] };
  const returned: Returned[] = [];
  const refused: Located[] = [];
  const nested = nestedIn(writes);
  if (nested !== undefined) return { refused: nested, returned: [] };
  const found = places(writes);
  const known = knownBy(writes);
  walk(statement, ({ type, body }) => {
    if (type === "CurrentOfExpr") refused.push(currentOf(writes));
    if (type !== "ColumnRef") return true;
    const place = found.get(body);
    const read = readOf(body, meanings.get(body), place?.write, known);
    if (read === undefined || (read.kind === "column" && read.written === "excluded" && place?.handedOn === true)) return true;
    const item = place?.item;
    const replaceable =
      read.kind === "column" ? item !== undefined : read.kind === "star" && item?.["val"] !== undefined && isAlone(item, body);
    if (read.kind !== "doubt" && replaceable && item !== undefined)
      returned.push({ write: read.write, item, columnRef: body, column: read.kind === "column" ? read.column : null });
    else refused.push(refusalOf(body, read, place));
    return true;
  });
  return { refused: refused.sort((a, b) => (a.location ?? -1) - (b.location ?? -1))[0], returned };
}

/**
 * Whether a rewritten statement still reads masked columns of rows that it writes.
 *
 * @param isOurs whether what stands at a byte offset was put there as a mask
 */
export function readsRaw(writes: readonly MaskedWrite[], { meanings }: Lineage, isOurs: (location: number) => boolean): boolean {
  const found = places(writes);
  const byTarget = targetsOf(writes);
  for (const [columnRef, meaning] of meanings) {
    const entry = "entry" in meaning ? meaning.entry : undefined;
    const write = entry?.written === undefined || entry.rangeVar === undefined ? undefined : byTarget.get(entry.rangeVar);
    const name = referenceOf(columnRef).words.at(-1);
    const column = meaning.kind === "column" ? write?.relation.columns.find((one) => one.name === name) : undefined;
    if (write === undefined || (column !== undefined && !write.attributes.has(column.number))) continue;
    if (meaning.kind === "system" && write.plain) continue;
    if (found.get(columnRef)?.handedOn === true && entry?.written === "excluded") continue;
    const location = locationOf(columnRef);
    if (location === undefined || !isOurs(location)) return true;
  }
  return false;
}

/** Where in a write a reference stands from which the written row is in view. */
interface Place {
  readonly write: MaskedWrite;
  readonly clause: string;
  /** The item of RETURNING, unless a subquery stands between. */
  readonly item: Body | undefined;
  /** `SET a = excluded.b` where a is masked: the value goes where it was meant to go, seen by nobody. */
  readonly handedOn: boolean;
}

const CLAUSES: Readonly<Record<string, string>> = {
  targetList: "SET",
  whereClause: "WHERE",
  joinCondition: "ON",
  mergeWhenClauses: "WHEN",
  onConflictClause: "ON CONFLICT",
  returningClause: "a subquery of RETURNING",
};

/**
 * The server takes writes in WITH at the top of a statement only. In a clause of another one they would have to be looked
 * through once for each that they stand in.
 */
function nestedIn(writes: readonly MaskedWrite[]): Located | undefined {
  let inside: Body | undefined;
  for (const { node } of writes) {
    for (const field of Object.keys(CLAUSES))
      for (const part of partsOf(node, field))
        walk(part, ({ type, body }) => {
          if (inside === undefined && isChange(type)) inside = body;
          return inside === undefined;
        });
    if (inside === undefined) continue;
    const message = "a write in WITH may stand only at the top of a statement, not in a clause of another write";
    const refusal = { reason: "masked-write", rule: null, message, hint: "put it into WITH at the beginning of the statement" } as const;
    return { refusal, location: locationOf(nodeOf("InsertStmt", inside, "relation")?.body ?? {}) };
  }
  return undefined;
}

function places(writes: readonly MaskedWrite[]): ReadonlyMap<Body, Place> {
  return new Map(writes.flatMap(placesIn));
}

function placesIn(write: MaskedWrite): readonly (readonly [Body, Place])[] {
  const { node } = write;
  const found: (readonly [Body, Place])[] = [];
  const fields = node.type === "InsertStmt" ? ["onConflictClause", "returningClause"] : Object.keys(CLAUSES);
  const handedOn = new Set(handedOnIn(write));
  for (const field of fields) {
    for (const part of partsOf(node, field))
      walk(part, ({ type, body }) => {
        if (type === "ColumnRef")
          found.push([body, { write, clause: CLAUSES[field] ?? field, item: undefined, handedOn: handedOn.has(body) }]);
        return true;
      });
  }
  const returning = nodeOf(node.type, node.body, "returningClause");
  for (const item of returning === undefined ? [] : nodesOf(returning.type, returning.body, "exprs"))
    walk(item, ({ type, body }) => {
      if (type === "ColumnRef") found.push([body, { write, clause: "RETURNING", item: item.body, handedOn: false }]);
      return type !== "SubLink" && type !== "SelectStmt";
    });
  return found;
}

/** Whether such a column may be assigned at all has been judged before. */
function handedOnIn({ node, relation, attributes }: MaskedWrite): readonly Body[] {
  const conflict = nodeOf(node.type, node.body, "onConflictClause");
  return (conflict === undefined ? [] : nodesOf(conflict.type, conflict.body, "targetList")).flatMap(({ type, body }) => {
    const value = nodeOf(type, body, "val");
    const column = relation.columns.find(({ name }) => name === textOf(body, "name"));
    return value?.type === "ColumnRef" && column !== undefined && attributes.has(column.number) ? [value.body] : [];
  });
}

type Read =
  | {
      readonly kind: "column";
      readonly write: MaskedWrite;
      readonly column: NonNullable<Returned["column"]>;
      readonly written: Entry["written"];
    }
  | { readonly kind: "star"; readonly write: MaskedWrite }
  /** A whole row, a system column, or a name that can't be told from one. */
  | { readonly kind: "doubt"; readonly write: MaskedWrite };

/** Undefined for a reference that reads nothing masked of a written row. */
function readOf(columnRef: Body, meaning: Meaning | undefined, around: MaskedWrite | undefined, known: Known): Read | undefined {
  const { words, star } = referenceOf(columnRef);
  const entry = meaning !== undefined && "entry" in meaning ? meaning.entry : undefined;
  if (meaning === undefined || meaning.kind === "unknown") {
    const write = words.map((word) => known.byName.get(word)).find((one) => one !== undefined);
    return write === undefined ? undefined : { kind: "doubt", write };
  }
  const write = entry?.written === undefined || entry.rangeVar === undefined ? undefined : known.byTarget.get(entry.rangeVar);
  if (write === undefined) return around === undefined || isCertain(entry, words, star) ? undefined : doubted(words, around, known);
  if (meaning.kind === "system" && write.plain) return undefined;
  if (meaning.kind !== "column") return { kind: meaning.kind === "row" && star ? "star" : "doubt", write };
  const column = write.relation.columns.find(({ name }) => name === words.at(-1));
  const attribute = column === undefined ? undefined : write.attributes.get(column.number);
  if (column === undefined) return { kind: "doubt", write };
  return attribute === undefined ? undefined : { kind: "column", write, column: { column, attribute }, written: entry?.written };
}

/** Names that stand behind an alias that the text gives, and names of a relation's own columns. */
function isCertain(entry: Entry | undefined, words: readonly string[], star: boolean): boolean {
  return words.length + Number(star) > 1 || entry?.rangeVar !== undefined;
}

function doubted([name = ""]: readonly string[], write: MaskedWrite, { names }: Known): Read | undefined {
  return names.get(write)?.has(name) === true ? { kind: "doubt", write } : undefined;
}

/** The writes of a statement by what leads to them, put together once: there may be as many references as writes. */
interface Known {
  readonly byTarget: ReadonlyMap<Body, MaskedWrite>;
  readonly names: ReadonlyMap<MaskedWrite, ReadonlySet<string>>;
  /** One write of which a name might mean something masked. */
  readonly byName: ReadonlyMap<string, MaskedWrite>;
}

function knownBy(writes: readonly MaskedWrite[]): Known {
  const names = new Map(writes.map((write) => [write, namesOf(write)] as const));
  const byName = new Map([...names].flatMap(([write, its]) => [...its].map((name) => [name, write] as const)));
  return { byTarget: targetsOf(writes), names, byName };
}

function targetsOf(writes: readonly MaskedWrite[]): ReadonlyMap<Body, MaskedWrite> {
  return new Map(writes.map((write) => [write.rangeVar, write]));
}

/** The last word of whatever could mean a masked column, the whole or a hidden column of a written row. */
function namesOf({ node, rangeVar, relation, attributes }: MaskedWrite): ReadonlySet<string> {
  const alias = rangeVar["alias"];
  const returning = nodeOf(node.type, node.body, "returningClause");
  const options = returning === undefined ? [] : nodesOf(returning.type, returning.body, "options");
  return new Set([
    ...protectedColumnsOf(relation, attributes).map(({ column }) => column),
    isBody(alias) ? textOf(alias, "aliasname") : relation.name,
    ...["excluded", "old", "new", ...SYSTEM_COLUMNS.keys()],
    ...options.map(({ body }) => textOf(body, "value")),
  ]);
}

/** The item is the star and nothing else. */
function isAlone(item: Body, columnRef: Body): boolean {
  return nodeOf("ResTarget", item, "val")?.body === columnRef;
}

function currentOf(writes: readonly MaskedWrite[]): Located {
  const [write] = writes;
  const [column] = write === undefined ? [] : protectedColumnsOf(write.relation, write.attributes);
  const message = "WHERE CURRENT OF may not be used where the target has masked columns";
  return {
    refusal: { reason: "masked-write", rule: column?.rule ?? null, message, hint: "name the row by its primary key" },
    location: write === undefined ? undefined : locationOf(write.rangeVar),
  };
}

function refusalOf(columnRef: Body, read: Read, place: Place | undefined): Located {
  const { write } = read;
  const { relation, attributes, node } = write;
  const [first] = protectedColumnsOf(relation, attributes);
  const clause = place?.clause ?? "this place";
  const tag = statementTag(node);
  const shown = display(relation);
  const rule = read.kind === "column" ? read.column.attribute.rule : (first?.rule ?? null);
  const said = [...referenceOf(columnRef).words, ...(referenceOf(columnRef).star ? ["*"] : [])].join(".");
  const message =
    read.kind === "column"
      ? `${tag} may not read ${shown}.${read.column.column.name}, which is masked, in ${clause}`
      : `${tag} may not refer to ${said} in ${clause}: it could mean masked values of ${shown}`;
  return { refusal: { reason: "masked-write", rule, message, hint: hintOf(read, clause, relation) }, location: locationOf(columnRef) };
}

function hintOf(read: Read, clause: string, { name, primaryKey, columns }: CatalogueRelation): string {
  if (read.kind === "doubt") return "name columns one by one, each behind its table's alias; whole rows can't be masked here";
  if (clause === "RETURNING" || clause === "a subquery of RETURNING") return "return the column itself, which shows masked";
  const key = columns.filter(({ number }) => primaryKey.includes(number)).map((column) => column.name);
  const by = key.length === 0 ? "columns that are not masked" : `its primary key, ${name}.${key.join(`, ${name}.`)},`;
  return clause === "WHERE" || clause === "ON"
    ? `name the row by ${by} instead`
    : "use constants, parameters and columns that are not masked";
}
