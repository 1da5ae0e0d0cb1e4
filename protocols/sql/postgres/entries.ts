/**
 * What the entries of a masking rule mean on a catalogue: a name of columns, `*` standing for any characters within one
 * part, or a tag that columns bear.
 */
import type { Catalogue, CatalogueColumn, CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { type Entry, glob } from "#protocols/sql/entries.ts";

export interface MeantColumn {
  readonly relation: CatalogueRelation;
  readonly column: CatalogueColumn;
}

export function meantBy({ part, written }: Entry, catalogue: Catalogue): readonly MeantColumn[] {
  return part === "tags" ? bearing(catalogue, written) : matching(catalogue, written);
}

/** Columns that an owner of theirs tagged. */
function bearing(catalogue: Catalogue, tag: string): readonly MeantColumn[] {
  return catalogue.relations
    .filter(({ kind }) => kind !== "sequence")
    .flatMap((relation) => relation.columns.filter(({ tags }) => tags.includes(tag)).map((column) => ({ relation, column })));
}

function matching(catalogue: Catalogue, pattern: string): readonly MeantColumn[] {
  const [schema = "", table = "", name = ""] = pattern.split(".");
  const inSchema = glob(schema);
  const inTable = glob(table);
  const isColumn = glob(name);
  return catalogue.relations
    .filter(
      (relation) => inSchema(relation.schema) && inTable(relation.name) && !isServers(relation, schema) && relation.kind !== "sequence",
    )
    .flatMap((relation) => relation.columns.filter((column) => isColumn(column.name)).map((column) => ({ relation, column })));
}

/** `*.*.name` is not meant to reach into the server's own tables. */
function isServers({ schema }: CatalogueRelation, pattern: string): boolean {
  return pattern.includes("*") && (schema === "pg_catalog" || schema === "information_schema");
}
