/**
 * Where protection goes by itself from the columns that rules name: to the same column of partitions, children and
 * parents, which hold the same rows, with the mask that it has; to columns generated from it and foreign keys to it,
 * which are copies in other clothes, as `redact`.
 */
import type { Mask } from "#policies/question.ts";
import type { Catalogue, CatalogueColumn, CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { type Lookup, lookupIn } from "./lookup.ts";

/** What a column is masked with before it is known how that is written in SQL. */
export interface Assigned {
  readonly rule: string;
  /** The rule's place among the rules: of two that meet in a column, the one before counts. */
  readonly rank: number;
  readonly mask: Mask;
  /** Writes may give the column a value. */
  readonly assignable: boolean;
}

/** By relation OID, then attribute number. */
export type Assignments = Map<number, Map<number, Assigned>>;

interface Place {
  readonly relation: CatalogueRelation;
  readonly column: CatalogueColumn;
  readonly assigned: Assigned;
}

/** False when the column has a mask already, which it keeps. */
export function assign(assignments: Assignments, { relation, column, assigned }: Place): boolean {
  const columns = assignments.get(relation.oid) ?? new Map<number, Assigned>();
  if (columns.has(column.number)) return false;
  assignments.set(relation.oid, columns.set(column.number, assigned));
  return true;
}

/**
 * Rule by rule, so that the first one has all it reaches before the next begins. A column that a rule names keeps that
 * rule, and nothing spreads through it.
 */
export function spread(catalogue: Catalogue, assignments: Assignments): void {
  const lookup = lookupIn(catalogue);
  const ranks = new Set([...assignments.values()].flatMap((columns) => [...columns.values()].map(({ rank }) => rank)));
  for (const rank of [...ranks].sort((a, b) => a - b)) {
    const reached = placesOf(lookup, assignments).filter(({ assigned }) => assigned.rank === rank);
    // A list is walked in the order in which it grows.
    for (const place of reached) {
      const copied = { ...place.assigned, mask: { kind: "redact" } } as const;
      const keys = (lookup.referring.get(place.relation.oid) ?? []).flatMap(({ relation, reference }) =>
        reference.columns
          .filter(({ refersTo }) => refersTo === place.column.number)
          .flatMap(({ number }) => relation.columns.filter((column) => column.number === number))
          .map((column) => ({ relation, column, assigned: copied })),
      );
      const generated = place.relation.columns
        .filter(({ generatedFrom }) => generatedFrom.includes(place.column.number))
        .map((column) => ({ relation: place.relation, column, assigned: copied }));
      for (const next of [...relatives(lookup, place), ...generated, ...keys]) if (assign(assignments, next)) reached.push(next);
    }
  }
}

function placesOf({ byOid }: Lookup, assignments: Assignments): Place[] {
  return [...assignments].flatMap(([oid, columns]) => {
    const relation = byOid.get(oid);
    const found = relation?.columns.flatMap((column) => {
      const assigned = columns.get(column.number);
      return assigned === undefined ? [] : [{ relation, column, assigned }];
    });
    return found ?? [];
  });
}

/**
 * PostgreSQL keeps name and type of an inherited column the same on all levels (MergeAttributes, tablecmds.c). Should
 * types differ all the same, a mask that does not fit one hides the value there.
 */
function relatives({ byOid, children }: Lookup, { relation, column, assigned }: Place): readonly Place[] {
  const parents = relation.parents.map((oid) => byOid.get(oid)).filter((parent) => parent !== undefined);
  return [...parents, ...(children.get(relation.oid) ?? [])].flatMap((relative) =>
    relative.columns.filter(({ name }) => name === column.name).map((same) => ({ relation: relative, column: same, assigned })),
  );
}
