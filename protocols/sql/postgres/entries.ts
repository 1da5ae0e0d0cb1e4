/**
 * What the entries of a masking rule mean on a catalogue: a name of columns, `*` standing for any characters within one
 * part, or a tag that columns bear.
 */
import type { ActiveMask } from "#policies/question.ts";
import type { Catalogue, CatalogueColumn, CatalogueRelation } from "#protocols/sql/catalogue.ts";

export interface Entry {
  readonly part: "columns" | "tags";
  /** Its place in that part of the rule. */
  readonly index: number;
  readonly written: string;
}

export interface MeantColumn {
  readonly relation: CatalogueRelation;
  readonly column: CatalogueColumn;
}

/** In the order in which they count. */
export function entriesOf({ columns, tags }: Pick<ActiveMask, "columns" | "tags">): readonly Entry[] {
  return [
    ...columns.map((written, index): Entry => ({ part: "columns", index, written })),
    ...tags.map((written, index): Entry => ({ part: "tags", index, written })),
  ];
}

export function meantBy({ part, written }: Entry, catalogue: Catalogue): readonly MeantColumn[] {
  return part === "tags" ? bearing(catalogue, written) : matching(catalogue, written);
}

/** A sentence for an entry that means no column. */
export function meansNothing({ part, written }: Entry, where: string): string {
  return part === "tags" ? `no column of ${where} bears the tag ${written}` : `${written} names no column of ${where}`;
}

/** Whether it names one column, and not whatever there is that fits. */
export function isExact({ part, written }: Entry): boolean {
  return part === "columns" && !written.includes("*");
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

function glob(pattern: string): (name: string) => boolean {
  if (!pattern.includes("*")) return (name) => name === pattern;
  const parts = pattern.split("*").map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  const expression = new RegExp(`^${parts.join(".*")}$`, "su");
  return (name) => expression.test(name);
}
