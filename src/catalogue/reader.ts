/**
 * Reads the catalogue of a PostgreSQL target, versions 13 to 18, over a connection that somebody else made and that
 * nobody else uses meanwhile. One snapshot of the database answers all queries, so that the parts fit together.
 */
import { z } from "zod";
import type { Catalogue, CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { sameSize } from "./estimates.ts";
import { DIGEST, ESTIMATES, FUNCTIONS, NOTES, OPERATORS, PLACE, RELATIONS, TYPES } from "./queries.ts";
import { columnTags } from "./tags.ts";

/** Runs one statement and gives its rows by column name. */
export type RunQuery = (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

const oid = z.int().min(0);
const column = z.object({
  name: z.string(),
  number: z.int(),
  type: z.string(),
  typeOid: oid,
  category: z.string(),
  notNull: z.boolean(),
  baseType: z.string(),
  generated: z.boolean(),
  generatedFrom: z.array(z.int()),
  default: z.string().nullable(),
});
const index = z.object({
  name: z.string(),
  unique: z.boolean(),
  exclusion: z.boolean(),
  keys: z.array(z.string()),
  predicate: z.string().nullable(),
});
const action = z.enum(["refuse", "cascade", "set"]);
const reference = z.object({
  relation: oid,
  columns: z.array(z.object({ number: z.int(), refersTo: z.int() })),
  onDelete: action,
  onUpdate: action,
});
const relation = z.object({
  oid,
  schema: z.string(),
  name: z.string(),
  kind: z.enum(["table", "view", "materialized-view", "partitioned-table", "foreign-table", "sequence", "other"]),
  columns: z.array(column),
  primaryKey: z.array(z.int()),
  parents: z.array(oid),
  reads: z.array(oid),
  definition: z.string().nullable(),
  securityBarrier: z.boolean(),
  rules: z.array(z.string()),
  triggers: z.array(oid),
  calls: z.array(oid),
  checks: z.array(z.object({ expression: z.string(), validated: z.boolean() })),
  indexes: z.array(index),
  partitionKey: z.string(),
  policies: z.array(z.string()),
  triggerConditions: z.array(z.string()),
  skipsUnchanged: z.boolean(),
  references: z.array(reference),
});
const routine = z.object({
  oid,
  schema: z.string(),
  name: z.string(),
  volatility: z.enum(["immutable", "stable", "volatile"]),
  securityDefiner: z.boolean(),
  language: z.string(),
  extension: z.string().nullable(),
  constructs: z.boolean(),
});
const operator = z.object({ schema: z.string(), name: z.string(), functionOid: oid });
const type = z.object({ schema: z.string(), name: z.string(), calls: z.array(oid) });
const note = z.object({ relation: oid, column: z.int(), comment: z.string().nullable(), label: z.string().nullable() });
const estimates = z.array(z.tuple([oid, z.number()]));
const place = z.object({ serverVersion: z.string(), database: z.string(), searchPath: z.array(z.string()), walls: z.array(z.string()) });

/** @throws whatever `query` throws, and Error when an answer has not the form that is expected */
export async function readCatalogue(query: RunQuery): Promise<Catalogue> {
  await query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  try {
    const version = await catalogueDigest(query);
    const where = await ask(query, PLACE, place);
    // From here on every name outside pg_catalog is written with its schema. The path comes back with COMMIT.
    await query("SET LOCAL search_path = ''");
    const untagged = await ask(query, RELATIONS, z.array(relation));
    const tags = columnTags(await ask(query, NOTES, z.array(note)));
    const functions = await ask(query, FUNCTIONS, z.array(routine));
    const operators = await ask(query, OPERATORS, z.array(operator));
    const types = await ask(query, TYPES, z.array(type));
    const rows = await readEstimates(query);
    await query("COMMIT");
    const relations = untagged.map((one) => ({
      ...one,
      kind: kindOf(one, where.walls),
      estimatedRows: rows.get(one.oid) ?? null,
      columns: one.columns.map((column) => ({ ...column, tags: tags(one.oid, column.number) })),
    }));
    return { version, ...where, relations, functions, operators, types };
  } catch (error) {
    // When the connection itself is gone this fails too, and the first error is the one that tells why.
    await query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

/** What a wall's view shows is settled where it is read, with its owner's rights: it is to be masked as rows are that lie there. */
function kindOf({ kind, schema }: z.infer<typeof relation>, walls: readonly string[]): CatalogueRelation["kind"] {
  return kind === "view" && walls.includes(schema) ? "materialized-view" : kind;
}

/** Rows by relation OID, as the planner takes them; what was never analysed is left out. */
export async function readEstimates(query: RunQuery): Promise<ReadonlyMap<number, number>> {
  return new Map(await ask(query, ESTIMATES, estimates));
}

/** The catalogue with newer estimates; the very same when none of them has changed by a tenth. */
export function withEstimates(catalogue: Catalogue, rows: ReadonlyMap<number, number>): Catalogue {
  if (catalogue.relations.every(({ oid: own, estimatedRows }) => sameSize(estimatedRows, rows.get(own) ?? null))) return catalogue;
  return { ...catalogue, relations: catalogue.relations.map((one) => ({ ...one, estimatedRows: rows.get(one.oid) ?? null })) };
}

/** But for estimates, differs whenever a catalogue read now would differ; some milliseconds, so fit for polling. */
export async function catalogueDigest(query: RunQuery): Promise<string> {
  const [row] = await query(DIGEST);
  const digest = row?.["digest"];
  if (typeof digest !== "string") throw new Error("the catalogue's digest is not a text");
  return digest;
}

/** Every query yields one row with one JSON text, so that no driver's reading of types comes in between. */
async function ask<Shape>(query: RunQuery, sql: string, shape: z.ZodType<Shape>): Promise<Shape> {
  const [row] = await query(sql);
  const answer = row?.["answer"];
  if (typeof answer !== "string") throw new Error("the catalogue's answer is not a text");
  return shape.parse(JSON.parse(answer));
}
