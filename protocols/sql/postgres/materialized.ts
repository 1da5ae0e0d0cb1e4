/**
 * Materialised views hold rows of their own, which no rewriting reaches: what of them derives from protected columns is
 * protected by the rule of these. A column that is a protected one, handed on as it is, keeps that one's mask; all else
 * that derives from one shows as `redact`. Where the rows themselves tell of one, every column shows NULL.
 */
import type { Catalogue, CatalogueColumn, CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { definitionOf } from "./definitions.ts";
import { tellsByRows } from "./handed-on.ts";
import { type Lineage, lineageOf, type TracedOutput } from "./lineage.ts";
import { type Lookup, lookupIn } from "./lookup.ts";
import { ANYTHING, type BaseColumn, baseOrigin, flattened, NOTHING } from "./origins.ts";
import type { Relations } from "./scope.ts";
import { isServers } from "./server-relations.ts";
import { type Assigned, type Assignments, assign } from "./spread.ts";
import { textOf } from "./tree.ts";

/** What goes into a view, materialised or not; null when nothing protected does. */
type Derived = {
  /** Undefined where it can't be told; all columns then count as derived. */
  readonly outputs: readonly TracedOutput[] | undefined;
  /** Which rows there are, how often and in which order, tells of protected columns. */
  readonly telling: boolean;
  /** By what the columns are protected that may have gone in: never empty. */
  readonly sources: readonly Assigned[];
} | null;

/** One pass over a catalogue's definitions, those first that others build on. */
interface Pass {
  readonly lookup: Lookup;
  readonly assignments: Assignments;
  readonly derived: Map<number, Derived>;
  readonly settled: Set<number>;
  /** Those of `settled` that are still being followed: who meets one has gone in a circle. */
  readonly open: Set<number>;
}

/** Adds what follows for every materialised view of the catalogue. Columns that a rule names keep that rule. */
export function assignMaterialized(catalogue: Catalogue, assignments: Assignments): void {
  const pass: Pass = { lookup: lookupIn(catalogue), assignments, derived: new Map(), settled: new Set(), open: new Set() };
  for (const relation of catalogue.relations) if (relation.kind === "materialized-view") settle(pass, relation);
}

function settle(pass: Pass, relation: CatalogueRelation): void {
  if (pass.settled.has(relation.oid)) return;
  pass.settled.add(relation.oid);
  pass.open.add(relation.oid);
  const derived = derivedOf(pass, relation);
  pass.open.delete(relation.oid);
  if (derived === null) return;
  for (const [index, column] of relation.columns.entries()) {
    const assigned = assignedTo(pass, column, derived.outputs?.[index], derived);
    if (assigned !== undefined) assign(pass.assignments, { relation, column, assigned });
  }
}

function assignedTo(
  { lookup, assignments }: Pass,
  column: CatalogueColumn,
  output: TracedOutput | undefined,
  { telling, sources }: NonNullable<Derived>,
): Assigned | undefined {
  if (!telling && output?.masked === false) return undefined;
  const origin = output?.origin ?? ANYTHING;
  const own = flattened(origin).columns.flatMap((one) => assignments.get(one.relation)?.get(one.column) ?? []);
  const source = first(own) ?? first(sources);
  const { base } = origin;
  const original = base === null ? undefined : lookup.byOid.get(base.relation)?.columns.find(({ number }) => number === base.column);
  const copied = !telling && output?.direct === true && original?.type === column.type;
  if (source === undefined || copied) return source;
  // Rows lie in an order that tells too; where all of them look the same, there is none to be seen.
  return { ...source, mask: telling ? { kind: "null" } : { kind: "redact" } };
}

function first(assigned: readonly Assigned[]): Assigned | undefined {
  return assigned.toSorted((a, b) => a.rank - b.rank)[0];
}

function derivedOf(pass: Pass, relation: CatalogueRelation): Derived {
  const known = pass.derived.get(relation.oid);
  if (known !== undefined) return known;
  const sources = sourcesOf(pass, relation);
  const anything = sources.length === 0 ? null : { outputs: undefined, telling: true, sources };
  // Should a definition lead back to itself, nothing of it can be told.
  pass.derived.set(relation.oid, anything);
  const derived = anything === null ? null : followed(pass, relation, anything);
  pass.derived.set(relation.oid, derived);
  return derived;
}

function followed(pass: Pass, relation: CatalogueRelation, anything: NonNullable<Derived>): Derived {
  const definition = definitionOf(relation);
  const below: NonNullable<Derived>[] = [];
  const lineage = definition === undefined ? undefined : lineageOf(definition.statement, relationsOf(pass, below));
  if (definition === undefined || lineage?.outputs?.length !== relation.columns.length) return anything;
  const read = protectedIn(pass, lineage);
  const names = new Set(read.map(({ name }) => name));
  const isMasked = ({ relation: oid, column }: BaseColumn) => pass.assignments.get(oid)?.has(column) === true;
  const ordered = read.length > 0 && relation.reads.some((oid) => isTelling(pass, oid));
  const telling = ordered || below.some((one) => one.telling) || tellsByRows(definition.statement, lineage, names, isMasked);
  if (read.length === 0 && !telling) return null;
  const sources = [...read.map(({ assigned }) => assigned), ...below.flatMap((one) => (one.telling ? one.sources : []))];
  return { outputs: lineage.outputs, telling, sources: sources.length > 0 ? sources : anything.sources };
}

/** Whether rows are read that lie in a telling order: a copy of them lies in the same. */
function isTelling({ lookup, derived }: Pass, oid: number): boolean {
  return lookup.byOid.get(oid)?.kind === "materialized-view" && derived.get(oid)?.telling === true;
}

/** @param below gets what the views are derived from that are read */
function relationsOf(pass: Pass, below: NonNullable<Derived>[]): Relations {
  const { lookup, assignments } = pass;
  return {
    find: (rangeVar) => lookup.relation(textOf(rangeVar, "schemaname"), textOf(rangeVar, "relname")),
    maskedColumns(oid) {
      const columns = assignments.get(oid);
      return columns === undefined ? undefined : new Set(columns.keys());
    },
    overloads: (name) => lookup.functions.has(name),
    defined(relation) {
      if (relation.definition === null || (relation.kind !== "view" && !pass.open.has(relation.oid))) return undefined;
      const derived = derivedOf(pass, relation);
      if (derived === null) return undefined;
      below.push(derived);
      const outputs = relation.columns.map(({ name, number, type }, index) => {
        // A rule that names a column of the view itself lies on top.
        if (assignments.get(relation.oid)?.has(number) === true)
          return { name, type, origin: baseOrigin(relation.oid, number), direct: true };
        const { origin, direct } = derived.outputs?.[index] ?? { origin: ANYTHING, direct: false };
        return { name, type, origin, direct };
      });
      return { outputs, reads: NOTHING };
    },
  };
}

function protectedIn(
  { lookup, assignments }: Pass,
  { reads, rows }: Lineage,
): readonly { readonly name: string; readonly assigned: Assigned }[] {
  return [...reads, ...rows].flatMap(([oid, numbers]) =>
    [...numbers].flatMap((number) => {
      const assigned = assignments.get(oid)?.get(number);
      const column = lookup.byOid.get(oid)?.columns.find((one) => one.number === number);
      return assigned === undefined || column === undefined ? [] : [{ name: column.name, assigned }];
    }),
  );
}

/** Of all relations that it is made from, through views; the server's own are not among what the catalogue says it reads. */
function sourcesOf(pass: Pass, relation: CatalogueRelation): readonly Assigned[] {
  const { lookup, assignments } = pass;
  const servers = [...assignments.keys()].flatMap((oid) => lookup.byOid.get(oid) ?? []).filter(({ schema }) => isServers(schema));
  const seen = new Set([relation]);
  // A set is walked in the order in which it grows.
  for (const one of seen) {
    const copied = one !== relation && one.kind === "materialized-view";
    if (copied) settle(pass, one);
    if (one.definition !== null && (!copied || pass.open.has(one.oid))) {
      for (const oid of one.reads) seen.add(lookup.byOid.get(oid) ?? one);
      for (const server of servers) if (one.definition.includes(server.name)) seen.add(server);
    }
  }
  seen.delete(relation);
  return [...seen].flatMap(({ oid }) => [...(assignments.get(oid)?.values() ?? [])]);
}
