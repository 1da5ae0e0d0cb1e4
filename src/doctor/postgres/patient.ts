/** What the checks look at: one database of a target, as it was read, and what the rules protect in it. */
import { type ResolvedProtection, WALL_MARK } from "#protocols/postgres/protocol.ts";
import type { Catalogue, CatalogueRelation } from "#protocols/sql/catalogue.ts";
import type { Privileges } from "#src/catalogue/privileges.ts";

export interface Patient {
  readonly catalogue: Catalogue;
  readonly privileges: Privileges;
  /** Of a principal under every mask. */
  readonly resolved: ResolvedProtection;
  /** `masking.functions.allow`. */
  readonly functionsAllowed: readonly string[];
}

/** Relations with masked columns, the server's own and those of walls left out. */
export function protectedRelations(patient: Patient): readonly CatalogueRelation[] {
  const { columns } = patient.resolved.protection;
  return userRelations(patient).filter(({ oid }) => columns.has(oid));
}

/** Outside the server's own schemas and outside walls. */
export function userRelations({ catalogue, privileges }: Patient): readonly CatalogueRelation[] {
  const walls = new Set(wallSchemas(privileges).map(({ name }) => name));
  return catalogue.relations.filter(
    ({ schema, kind }) => schema !== "pg_catalog" && schema !== "information_schema" && kind !== "sequence" && !walls.has(schema),
  );
}

export function wallSchemas({ schemas }: Privileges): Privileges["schemas"] {
  return schemas.filter(({ comment }) => comment?.startsWith(WALL_MARK) === true);
}

/** OIDs of the relations that a view or materialised view reads, by views below it too. */
export function reachedBy({ catalogue }: Patient, relation: CatalogueRelation): ReadonlySet<number> {
  const byOid = new Map(catalogue.relations.map((one) => [one.oid, one]));
  const reached = new Set<number>(relation.reads);
  // A set is walked in the order in which it grows.
  for (const oid of reached) for (const next of byOid.get(oid)?.reads ?? []) reached.add(next);
  return reached;
}

export function called({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return `${schema}.${name}`;
}
