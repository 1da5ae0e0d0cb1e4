/** Where protected values may lie or go under another name: copies, views, publications, other servers, statistics. */

import { quoteIdentifier, traceColumns } from "#protocols/postgres/protocol.ts";
import type { CatalogueColumn, CatalogueRelation } from "#protocols/sql/catalogue.ts";
import type { Observation } from "#src/doctor/finding.ts";
import { called, type Patient, protectedRelations, reachedBy, userRelations } from "./patient.ts";

/** Extensions by which a statement reaches other servers, files or the system: `*_fdw`, and languages that are not trusted. */
const REACHES_OUT = /^(dblink|adminpack|\w+_fdw|pl\w+u|plsh)$/;

export function copyObservations(patient: Patient): readonly Observation[] {
  return [
    ...derived(patient),
    ...sameColumns(patient),
    ...publications(patient),
    ...statistics(patient),
    ...foreignTables(patient),
    ...extensions(patient),
  ];
}

function derived(patient: Patient): readonly Observation[] {
  const guarded = protectedRelations(patient);
  const owners = new Map(patient.privileges.relations.map(({ oid, owner }) => [oid, owner]));
  return userRelations(patient).flatMap((relation): readonly Observation[] => {
    if (relation.definition === null) return [];
    const reached = reachedBy(patient, relation);
    const source = guarded.find(({ oid, kind }) => reached.has(oid) && kind !== "view");
    if (source === undefined) return [];
    if (relation.kind === "materialized-view") {
      const message = `materialised view ${called(relation)} holds values of ${called(source)} as they were; only the gateway masks them`;
      const remedy = "grant it to nobody whom the masks mean and who connects without the gateway";
      return [{ code: "copy-materialized-view", object: called(relation), message, remedy }];
    }
    const owner = owners.get(relation.oid) ?? "";
    if (owner === patient.privileges.login.name) return [];
    const message = `view ${called(relation)} reads ${called(source)}, which has masked columns, with the rights of ${owner}`;
    return [
      {
        code: "view-over-protected",
        object: called(relation),
        message,
        remedy: "grant it to nobody whom the masks mean and who connects without the gateway",
      },
    ];
  });
}

/** A hint, no more: names are what can be compared. */
function sameColumns(patient: Patient): readonly Observation[] {
  const { columns } = patient.resolved.protection;
  const known = new Map<string, { readonly category: string; readonly of: string }>();
  for (const relation of protectedRelations(patient)) {
    for (const column of relation.columns) {
      if (columns.get(relation.oid)?.has(column.number) === true && !known.has(column.name))
        known.set(column.name, { category: column.category, of: `${called(relation)}.${column.name}` });
    }
  }
  const guarded = new Set(protectedRelations(patient).map(({ oid }) => oid));
  const isCopyOfRows = (relation: CatalogueRelation): boolean =>
    relation.kind === "materialized-view" && [...reachedBy(patient, relation)].some((oid) => guarded.has(oid));
  return userRelations(patient)
    .filter((relation) => /^(table|partitioned-table|materialized-view)$/.test(relation.kind) && !isCopyOfRows(relation))
    .flatMap((relation) =>
      relation.columns.flatMap((column): readonly Observation[] => {
        const like = known.get(column.name);
        if (like === undefined || like.category !== column.category || columns.get(relation.oid)?.has(column.number) === true) return [];
        if (comesFromTables(patient, relation, column)) return [];
        const object = `${called(relation)}.${column.name}`;
        const message = `${object} has the name of ${like.of}, which is masked, and no rule names it`;
        return [{ code: "copy-same-column", object, message, remedy: "if it holds such values, name it in a masking rule" }];
      }),
    );
}

/**
 * Of a materialised view: its definition says which columns of tables it is made of. Those are looked at themselves, by
 * their own names, and a rule for one reaches the view; what comes from elsewhere has nothing but its name.
 */
function comesFromTables(
  { catalogue, resolved, functionsAllowed }: Patient,
  relation: CatalogueRelation,
  { name }: CatalogueColumn,
): boolean {
  if (relation.kind !== "materialized-view" || relation.definition === null) return false;
  const { protection } = resolved;
  const [traced] = traceColumns(relation.definition, catalogue, { catalogue, protection, functionsAllowed }) ?? [];
  const output = traced?.outputs?.[relation.columns.findIndex((column) => column.name === name)];
  if (output === undefined || output.vague || output.origins.length === 0) return false;
  return output.origins.every(({ schema, table }) =>
    catalogue.relations.some((one) => one.schema === schema && one.name === table && /^(table|partitioned-table)$/.test(one.kind)),
  );
}

function publications(patient: Patient): readonly Observation[] {
  const guarded = new Map(protectedRelations(patient).map((relation) => [relation.oid, relation]));
  return patient.privileges.publications.flatMap(({ name, relations }): readonly Observation[] => {
    const hit = relations.map((oid) => guarded.get(oid)).find((relation) => relation !== undefined);
    if (hit === undefined) return [];
    const message = `publication ${name} sends ${called(hit)}, which has masked columns, to its subscribers unmasked`;
    return [{ code: "publication", object: name, message, remedy: "see who subscribes, and what agents may do there" }];
  });
}

function statistics(patient: Patient): readonly Observation[] {
  const readable = new Set(patient.privileges.relations.filter(({ loginReads }) => loginReads).map(({ oid }) => oid));
  const view = patient.catalogue.relations.find(({ name, oid }) => name === "pg_stat_statements" && readable.has(oid));
  if (view === undefined) return [];
  const message = `${called(view)} shows the gateway's login the texts of its own statements, those of all agents`;
  const sql = [`REVOKE SELECT ON ${quoteIdentifier(view.schema)}.${quoteIdentifier(view.name)} FROM PUBLIC;`];
  return [{ code: "statement-statistics", object: called(view), message, remedy: "take SELECT on it from PUBLIC", sql }];
}

function foreignTables(patient: Patient): readonly Observation[] {
  return userRelations(patient)
    .filter(({ kind }) => kind === "foreign-table")
    .map((relation) => {
      const message = `foreign table ${called(relation)} holds rows of another server, which no rule of this one protects`;
      return {
        code: "foreign-table",
        object: called(relation),
        message,
        remedy: "under a mask it is refused; a rule that names its columns opens it",
      };
    });
}

function extensions(patient: Patient): readonly Observation[] {
  return patient.privileges.extensions
    .filter((name) => REACHES_OUT.test(name))
    .map((name) => {
      const message = `extension ${name} reaches other servers, files or the system from inside a statement`;
      return {
        code: "extension-reaches-out",
        object: name,
        message,
        remedy: "drop it if nothing needs it",
        sql: [`DROP EXTENSION ${quoteIdentifier(name)};`],
      };
    });
}
