/**
 * Which relations with masked columns a statement may write to, and with what: tables, values for masked columns only
 * where the rule says so, no conflict that is looked for by a masked column, and nothing whose failure would tell of a
 * stored value. What the statement's expressions may refer to is for `written-references.ts`.
 */
import type { CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { type Change, changesOf, targetsOf } from "./changes.ts";
import { lookupIn } from "./lookup.ts";
import type { Located, Refusal } from "./masked-calls.ts";
import { judgeRelation } from "./masked-relations.ts";
import { display, type MaskingView, type ProtectedAttribute, type ProtectedAttributes, protectedColumnsOf } from "./protection.ts";
import { type SideChannel, sideChannelOf } from "./side-channels.ts";
import { statementTag } from "./tags.ts";
import { type Body, locationOf, nodeOf, nodesOf, type TreeNode, textOf } from "./tree.ts";
import { writtenRelation } from "./written-relations.ts";

export function targetRefusal(view: MaskingView, statement: TreeNode): Located | undefined {
  for (const { body } of targetsOf(statement)) {
    const { relation } = judgeRelation(view, body);
    const refused = relation === undefined ? undefined : judgeTarget(view, statement, relation, body);
    if (refused !== undefined) return refused;
  }
  return undefined;
}

function judgeTarget(view: MaskingView, statement: TreeNode, relation: CatalogueRelation, target: Body): Located | undefined {
  const location = locationOf(target);
  if (relation.definition !== null || relation.kind === "materialized-view") {
    const refused = viewRefusal(view, statement, relation);
    return refused === undefined ? undefined : { refusal: refused, location };
  }
  const attributes = view.protection.columns.get(relation.oid);
  if (attributes !== undefined && relation.kind !== "table" && relation.kind !== "partitioned-table")
    return { refusal: kindRefusal(statement, relation, attributes), location };
  const masks = attributes === undefined ? undefined : namedMasks(relation, attributes);
  const conflict = masks && conflictRefusal(view, statement, relation, masks);
  if (conflict !== undefined) return conflict;
  for (const change of changesOf(statement, relation)) {
    const assigned = masks && assignedRefusal(relation, change, masks);
    if (assigned !== undefined) return assigned;
    const channel = sideChannelOf(view, relation, change);
    if (channel !== undefined) {
      const at = channel.assigned === null ? undefined : change.values.get(channel.assigned);
      return { refusal: channelRefusal(view, relation, change, channel), location: at ?? location };
    }
  }
  return undefined;
}

type Masks = ReadonlyMap<string, ProtectedAttribute>;

function namedMasks({ columns }: CatalogueRelation, attributes: ProtectedAttributes): Masks {
  return new Map(
    columns.flatMap(({ name, number }) => {
      const attribute = attributes.get(number);
      return attribute === undefined ? [] : [[name, attribute] as const];
    }),
  );
}

/** Through a view one writes to what it reads, by names that are not followed: in doubt to every column of it. */
function viewRefusal(view: MaskingView, statement: TreeNode, relation: CatalogueRelation): Refusal | undefined {
  const { byOid } = lookupIn(view.catalogue);
  const below = new Set([relation]);
  for (const one of below)
    for (const oid of one.reads) {
      const read = byOid.get(oid);
      if (read !== undefined) below.add(read);
    }
  const said = `${statementTag(statement)} may not write to view ${display(relation)}`;
  for (const one of below) {
    const attributes = view.protection.columns.get(one.oid);
    if (attributes !== undefined) {
      const [column] = protectedColumnsOf(one, attributes);
      const why = one === relation ? `its column ${column?.column} is masked` : `it leads to ${display(one)}, which has masked columns`;
      return refusal(column?.rule, `${said}: ${why}`, "write to the table itself");
    }
    const every = new Map(one.columns.map(({ name }) => [name, undefined] as const));
    const channel = changesOf(statement, one).some((change) => sideChannelOf(view, one, { ...change, values: every }) !== undefined);
    if (channel) return refusal(undefined, `${said}: it could tell of masked columns`, `write to ${display(one)} itself`);
  }
  return undefined;
}

function kindRefusal(statement: TreeNode, relation: CatalogueRelation, attributes: ProtectedAttributes): Refusal {
  const [column] = protectedColumnsOf(relation, attributes);
  const message = `${statementTag(statement)} may not write to ${display(relation)}, whose column ${column?.column} is masked: it is no table`;
  return refusal(column?.rule, message, "write to it as a principal under no mask");
}

function assignedRefusal(relation: CatalogueRelation, { kind, values, parts }: Change, masks: Masks): Located | undefined {
  for (const [name, location] of values) {
    const mask = masks.get(name);
    if (mask === undefined) continue;
    const shown = `${display(relation)}.${name}`;
    if (parts.has(name)) {
      const message = `a part of ${shown}, which is masked, may not be assigned: the rest of it is read`;
      return { refusal: refusal(mask.rule, message, "assign the whole column"), location };
    }
    if (mask.assignable) continue;
    const message = `${shown} may not be given a value, as it is masked`;
    const instead = kind === "insert" ? "leave the column out of a column list, or say DEFAULT" : "leave the column out";
    return { refusal: refusal(mask.rule, message, `${instead}; \`assign: values\` in rule ${mask.rule} permits it`), location };
  }
  return undefined;
}

/** ON CONFLICT looks rows up by the columns of an index: by masked ones it would tell whose row has the value. */
function conflictRefusal(view: MaskingView, { type, body }: TreeNode, relation: CatalogueRelation, masks: Masks): Located | undefined {
  const conflict = nodeOf(type, body, "onConflictClause");
  const infer = conflict === undefined ? undefined : nodeOf(conflict.type, conflict.body, "infer");
  if (infer === undefined) return undefined;
  const location = locationOf(infer.body);
  const constraint = textOf(infer.body, "conname");
  const named = nodesOf(infer.type, infer.body, "indexElems").map((element) => textOf(element.body, "name"));
  const index = writtenRelation(view.catalogue, relation).indexes.find(({ name }) => name === constraint);
  if (constraint !== "" && index === undefined) {
    const message = `constraint ${constraint} of ${display(relation)} is not in the catalogue as the gateway knows it`;
    return { refusal: { reason: "masked-unresolved", rule: null, message, hint: "name the columns of the conflict instead" }, location };
  }
  const found = [...named, ...(index?.all ?? [])].find((name) => masks.has(name));
  if (found === undefined) return undefined;
  const message = `ON CONFLICT may not look for ${display(relation)}.${found}, which is masked`;
  const hint = "name the columns of the primary key, or leave the conflict's columns out";
  return { refusal: refusal(masks.get(found)?.rule, message, hint), location };
}

const VERBS = { insert: "insert into", update: "update", delete: "delete from" } as const;

function channelRefusal(view: MaskingView, target: CatalogueRelation, { kind }: Change, channel: SideChannel): Refusal {
  const { relation, column, assigned, by } = channel;
  const attributes = view.protection.columns.get(relation.oid);
  const attribute = attributes?.get(relation.columns.find(({ name }) => name === column)?.number ?? 0);
  const along = relation === target ? "" : `, which is written along with ${display(target)}`;
  const masked = column === null ? "masked columns" : `masked column ${display(relation)}.${column}`;
  const message =
    assigned === null
      ? `whether one may ${VERBS[kind]} ${display(target)} would tell of ${masked}${along}: ${by} takes part`
      : `whether ${display(relation)}.${assigned} may be assigned would tell of ${masked}${along}: ${by} joins the two`;
  const hint =
    assigned === null ? "write to it as a principal under no mask" : `leave ${assigned} out, or write as a principal under no mask`;
  return refusal(attribute?.rule, message, hint);
}

function refusal(rule: string | undefined, message: string, hint: string): Refusal {
  return { reason: "masked-write", rule: rule ?? null, message, hint };
}
