/**
 * Which relations a statement under a mask may read, and in which of them it meets a mask. The server's own are on
 * a list (`server-relations.ts`).
 */
import type { CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { lookupIn } from "./lookup.ts";
import { type Refusal, rowTypeRefusal } from "./masked-calls.ts";
import { display, type MaskingView, type ProtectedAttributes } from "./protection.ts";
import { relationText } from "./reading.ts";
import { TEMPORARY_SCHEMA } from "./search-path.ts";
import { isOpen, isServers } from "./server-relations.ts";
import { type Body, textOf } from "./tree.ts";

export type RelationVerdict =
  | { readonly kind: "clear"; readonly relation: CatalogueRelation }
  /** The session's own temporary table: what it holds came through the gateway, its columns are not known. */
  | { readonly kind: "temporary"; readonly relation: undefined }
  | { readonly kind: "protected"; readonly relation: CatalogueRelation; readonly attributes: ProtectedAttributes }
  /** Clear as far as it goes: what its definition reads is yet to be judged. */
  | { readonly kind: "view"; readonly relation: CatalogueRelation; readonly attributes: ProtectedAttributes | undefined }
  | { readonly kind: "refused"; readonly refusal: Refusal; readonly relation: CatalogueRelation | undefined };

/** PostgreSQL cuts names to this many bytes; longer ones never name what they seem to. */
const NAME_BYTES_MAX = 63;

export function judgeRelation(view: MaskingView, rangeVar: Body): RelationVerdict {
  const database = textOf(rangeVar, "catalogname");
  const schema = textOf(rangeVar, "schemaname");
  const name = textOf(rangeVar, "relname");
  if (schema === TEMPORARY_SCHEMA && database === "") return { kind: "temporary", relation: undefined };
  const relation =
    (database === "" || database === view.catalogue.database) && Buffer.byteLength(name) <= NAME_BYTES_MAX
      ? lookupIn(view.catalogue).relation(schema === "" ? null : schema, name)
      : undefined;
  if (relation === undefined) return { kind: "refused", refusal: undefinedTable(rangeVar), relation: undefined };
  const refusal = relationRefusal(view, relation, rangeVar["inh"] === true);
  if (refusal !== undefined) return { kind: "refused", refusal, relation };
  const attributes = view.protection.columns.get(relation.oid);
  if (relation.definition !== null) return { kind: "view", relation, attributes };
  return attributes === undefined ? { kind: "clear", relation } : { kind: "protected", relation, attributes };
}

function undefinedTable(rangeVar: Body): Refusal {
  return {
    reason: "masked-undefined-table",
    rule: null,
    message: `relation ${relationText(rangeVar)} is not in the catalogue as the gateway knows it`,
    hint: "check the name and its schema; a relation made just now is known after some seconds",
  };
}

/** @param below whether rows of its children are read too */
function relationRefusal(view: MaskingView, relation: CatalogueRelation, below: boolean): Refusal | undefined {
  const shown = display(relation);
  if (isServers(relation.schema)) {
    return isOpen(relation.schema, relation.name) ? undefined : refusedServerRelation(shown);
  }
  const foreign = below ? foreignIn(view, relation) : isUnnamedForeign(view, relation) ? relation : undefined;
  if (foreign !== undefined) {
    const whose = foreign === relation ? "" : `, whose rows ${shown} shows,`;
    return {
      reason: "masked-unresolved",
      rule: null,
      message: `foreign table ${display(foreign)}${whose} may hold masked columns of another server`,
      hint: "a masking rule that names its columns makes it readable",
    };
  }
  if (relation.kind === "other") return undefinedTable({ relname: shown });
  return rowTypeRefusal(view, relation.schema, relation.name);
}

/** A relation itself, or a partition or child at any depth, that another server fills and no rule names. */
function foreignIn(view: MaskingView, relation: CatalogueRelation): CatalogueRelation | undefined {
  const { children } = lookupIn(view.catalogue);
  const seen = new Set([relation]);
  for (const one of seen) {
    if (isUnnamedForeign(view, one)) return one;
    for (const child of children.get(one.oid) ?? []) seen.add(child);
  }
  return undefined;
}

function isUnnamedForeign({ protection }: MaskingView, { oid, kind }: CatalogueRelation): boolean {
  return kind === "foreign-table" && !protection.columns.has(oid);
}

function refusedServerRelation(shown: string): Refusal {
  return {
    reason: "masked-catalogue",
    rule: null,
    message: `${shown} may not be read where columns are masked: it can hold values of masked columns or credentials`,
    hint: "the schema itself is described by pg_class, pg_attribute, information_schema and their like",
  };
}
