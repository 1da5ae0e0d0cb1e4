/**
 * Finds things in a catalogue by name, as PostgreSQL would with the pinned search path. Built once for each
 * catalogue snapshot and kept with it.
 */
import type {
  Catalogue,
  CatalogueFunction,
  CatalogueOperator,
  CatalogueReference,
  CatalogueRelation,
  CatalogueType,
} from "#protocols/sql/catalogue.ts";

export interface Lookup {
  readonly byOid: ReadonlyMap<number, CatalogueRelation>;
  /** In any schema. */
  readonly named: ReadonlyMap<string, readonly CatalogueRelation[]>;
  /** Direct inheritance children and partitions by parent OID. */
  readonly children: ReadonlyMap<number, readonly CatalogueRelation[]>;
  readonly functionByOid: ReadonlyMap<number, CatalogueFunction>;
  readonly functions: ReadonlyMap<string, readonly CatalogueFunction[]>;
  readonly operators: ReadonlyMap<string, readonly CatalogueOperator[]>;
  readonly types: ReadonlyMap<string, readonly CatalogueType[]>;
  /** Types of the server's own that casts with a user's function lead from or to. */
  readonly serverTypes: readonly CatalogueType[];
  /** Foreign keys by the OID of the relation that they refer to. */
  readonly referring: ReadonlyMap<number, readonly { readonly relation: CatalogueRelation; readonly reference: CatalogueReference }[]>;
  /** Relations that a delete or an update changes along, by the OID of the relation that they refer to. */
  readonly cascading: ReadonlyMap<number, readonly CatalogueRelation[]>;
  /** Undefined when there is none. `schema` null: the first along the search path. */
  relation(schema: string | null, name: string): CatalogueRelation | undefined;
}

const kept = new WeakMap<Catalogue, Lookup>();

export function lookupIn(catalogue: Catalogue): Lookup {
  const found = kept.get(catalogue);
  if (found !== undefined) return found;
  const made = build(catalogue);
  kept.set(catalogue, made);
  return made;
}

function build(catalogue: Catalogue): Lookup {
  const bySchema = new Map<string, Map<string, CatalogueRelation>>();
  for (const relation of catalogue.relations) {
    const names = bySchema.get(relation.schema) ?? new Map<string, CatalogueRelation>();
    bySchema.set(relation.schema, names.set(relation.name, relation));
  }
  const children = new Map<number, CatalogueRelation[]>();
  for (const relation of catalogue.relations) {
    for (const parent of relation.parents) children.set(parent, [...(children.get(parent) ?? []), relation]);
  }
  const cascading = new Map<number, CatalogueRelation[]>();
  for (const relation of catalogue.relations) {
    for (const { relation: other, onDelete, onUpdate } of relation.references)
      if (onDelete !== "refuse" || onUpdate !== "refuse") cascading.set(other, [...(cascading.get(other) ?? []), relation]);
  }
  return {
    byOid: new Map(catalogue.relations.map((one) => [one.oid, one])),
    named: Map.groupBy(catalogue.relations, (one) => one.name),
    children,
    functionByOid: new Map(catalogue.functions.map((one) => [one.oid, one])),
    functions: Map.groupBy(catalogue.functions, (one) => one.name),
    operators: Map.groupBy(catalogue.operators, (one) => one.name),
    types: Map.groupBy(catalogue.types, (one) => one.name),
    serverTypes: catalogue.types.filter(({ schema }) => schema === "pg_catalog" || schema === "information_schema"),
    referring: Map.groupBy(
      catalogue.relations.flatMap((relation) => relation.references.map((reference) => ({ relation, reference }))),
      ({ reference }) => reference.relation,
    ),
    cascading,
    relation(schema, name) {
      if (schema !== null) return bySchema.get(schema)?.get(name);
      for (const step of catalogue.searchPath) {
        const found = bySchema.get(step)?.get(name);
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}
