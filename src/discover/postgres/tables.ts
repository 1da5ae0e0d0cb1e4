/** What is sampled of a PostgreSQL database: tables, partitioned ones as a whole, materialised views; and a cell of each type as text. */
import { type Catalogue, quoteIdentifier, type ResolvedProtection } from "#protocols/postgres/protocol.ts";
import type { CatalogueColumn, CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { JSON_CHARACTERS, type SampleColumn, type SampleTable, STORED_BYTES_MAX, TEXT_CHARACTERS } from "#src/discover/sample.ts";

/** @param schema one alone; every one that users made when null */
export function postgresTables(catalogue: Catalogue, { protection }: ResolvedProtection, schema: string | null): readonly SampleTable[] {
  const byOid = new Map(catalogue.relations.map((relation) => [relation.oid, relation]));
  return catalogue.relations.flatMap((relation): readonly SampleTable[] => {
    if (!isOf(relation, schema) || isPartition(relation, byOid)) return [];
    const covered = protection.columns.get(relation.oid);
    const columns = relation.columns.flatMap((column) => sampled(column, covered?.get(column.number)?.rule ?? null));
    if (columns.length === 0) return [];
    const reference = `${quoteIdentifier(relation.schema)}.${quoteIdentifier(relation.name)}`;
    const { name, estimatedRows = null } = relation;
    return [{ schema: relation.schema, name, reference, columns, estimatedRows, leftAlone: leftAlone(relation) }];
  });
}

function isOf({ schema, kind }: CatalogueRelation, wanted: string | null): boolean {
  if (kind === "sequence" || kind === "other") return false;
  return wanted === null ? schema !== "pg_catalog" && schema !== "information_schema" : schema === wanted;
}

/** Rules for a partitioned table reach its partitions, and a sample of it is one of theirs. */
function isPartition({ parents }: CatalogueRelation, byOid: ReadonlyMap<number, CatalogueRelation>): boolean {
  return parents.some((oid) => byOid.get(oid)?.kind === "partitioned-table");
}

/** To read a view is to run its functions, and to read a foreign table is to ask another server: neither is a look. */
function leftAlone({ kind }: CatalogueRelation): string | null {
  if (kind === "view") return "a view";
  return kind === "foreign-table" ? "a foreign table" : null;
}

function sampled(column: CatalogueColumn, coveredBy: string | null): readonly SampleColumn[] {
  const of = classOf(column);
  if (of === undefined) return [];
  const reference = quoteIdentifier(column.name);
  const whole = column.category === "A" ? `pg_catalog.array_to_json(${reference})` : reference;
  const text = column.category === "I" ? `pg_catalog.host(${reference})` : `CAST(${whole} AS pg_catalog.text)`;
  const characters = of === "json" ? JSON_CHARACTERS : TEXT_CHARACTERS;
  const small = `pg_catalog.pg_column_size(${reference}) OPERATOR(pg_catalog.<=) ${STORED_BYTES_MAX}`;
  return [{ name: column.name, of, coveredBy, reference, cell: `CASE WHEN ${small} THEN pg_catalog.left(${text}, ${characters}) END` }];
}

/** Undefined for what none of the detectors knows: bytes, UUIDs, intervals, enumerations … */
function classOf({ category, baseType }: CatalogueColumn): SampleColumn["of"] | undefined {
  if (category === "S") return "text";
  if (category === "N") return /^(?:bigint|integer|numeric)/.test(baseType) ? "number" : undefined;
  if (category === "D") return /^(?:date|timestamp)/.test(baseType) ? "date" : undefined;
  if (category === "I") return "address";
  if (category === "A") return /^(?:text|character|json|inet|cidr|bigint)/.test(baseType) ? "json" : undefined;
  return baseType === "json" || baseType === "jsonb" ? "json" : undefined;
}
