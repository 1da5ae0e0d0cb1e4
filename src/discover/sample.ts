/**
 * Takes a sample of each column of a database that could hold what is to be protected: in read-only transactions with a
 * time limit, over a connection that somebody else made. What the columns look like is told; the values go no further.
 */
import { type Catalogue, quoteIdentifier } from "#protocols/postgres/protocol.ts";
import type { CatalogueColumn, CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { RunQuery } from "#src/catalogue/reader.ts";
import type { ValueClass } from "./detector.ts";
import { type Likeness, likenessOf } from "./likeness.ts";

export interface SampleOptions {
  /** Rows of each table. */
  readonly rows: number;
  /** One schema alone; every one that users made when null. */
  readonly schema: string | null;
  /** Called before each table, with how many there are. */
  readonly onTable: (table: string, number: number, of: number) => void;
}

export interface SeenColumn {
  readonly relation: CatalogueRelation;
  readonly column: CatalogueColumn;
  /** Null when it looks like nothing that is to be protected. */
  readonly likeness: Likeness | null;
}

/** A relation that was left alone, or could not be read. */
export interface Unread {
  readonly relation: CatalogueRelation;
  readonly why: string;
}

export interface Seen {
  readonly columns: readonly SeenColumn[];
  readonly unread: readonly Unread[];
}

/** Longest time for one query of a sample. */
const STATEMENT_MS = 10_000;
const LOCK_MS = 2_000;
/** Columns in one query: sixteen thousand cells of 4,000 characters at most. */
const COLUMNS_MAX = 16;
const TEXT_CHARACTERS = 1_000;
const JSON_CHARACTERS = 4_000;
/** Values that are stored larger than this are documents and pictures, and cost the target much to unpack. */
const STORED_BYTES_MAX = 65_536;
/** Of tables that hold this many times the sample, blocks are chosen by chance; of smaller ones the first rows do. */
const LARGE = 20;
/** A column that is mostly NULL is looked at again where it is not. */
const SPARSE_CELLS = 20;
const SPARSE_ROWS = 200;
const SPARSE_MS = 2_000;

/** @throws Error when the connection is lost; what the target refuses to show is told as unread */
export async function sampleCatalogue(query: RunQuery, catalogue: Catalogue, options: SampleOptions): Promise<Seen> {
  const byOid = new Map(catalogue.relations.map((relation) => [relation.oid, relation]));
  const relations = catalogue.relations.filter(
    (relation) =>
      isOf(relation, options.schema) && !isPartition(relation, byOid) && relation.columns.some((column) => classOf(column) !== undefined),
  );
  const columns: SeenColumn[] = [];
  const unread: Unread[] = [];
  for (const [index, relation] of relations.entries()) {
    const why = leftAlone(relation);
    if (why !== undefined) {
      unread.push({ relation, why });
      continue;
    }
    options.onTable(`${relation.schema}.${relation.name}`, index + 1, relations.length);
    try {
      columns.push(...(await sampleRelation(query, relation, options.rows)));
    } catch (error) {
      // A lost connection is no word on this relation.
      if (!(error instanceof Fault) || error.code !== "catalogue-unavailable") throw error;
      unread.push({ relation, why: error.message });
    }
  }
  return { columns, unread };
}

async function sampleRelation(query: RunQuery, relation: CatalogueRelation, rows: number): Promise<readonly SeenColumn[]> {
  const readable = relation.columns.flatMap((column) => {
    const of = classOf(column);
    return of === undefined ? [] : [{ column, of }];
  });
  const seen: SeenColumn[] = [];
  for (let from = 0; from < readable.length; from += COLUMNS_MAX) {
    const some = readable.slice(from, from + COLUMNS_MAX);
    const cells = await cellsOf(
      query,
      relation,
      some.map(({ column }) => column),
      rows,
    );
    for (const [place, { column, of }] of some.entries()) {
      const likeness = likenessOf({ table: relation.name, column: column.name, of, cells: cells[place] ?? [] });
      seen.push({ relation, column, likeness: likeness ?? null });
    }
  }
  return seen;
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
function leftAlone({ kind }: CatalogueRelation): string | undefined {
  if (kind === "view") return "a view";
  return kind === "foreign-table" ? "a foreign table" : undefined;
}

/** Undefined for what none of the detectors knows: bytes, UUIDs, intervals, enumerations … */
export function classOf({ category, baseType }: CatalogueColumn): ValueClass | "json" | undefined {
  if (category === "S") return "text";
  if (category === "N") return /^(?:bigint|integer|numeric)/.test(baseType) ? "number" : undefined;
  if (category === "D") return /^(?:date|timestamp)/.test(baseType) ? "date" : undefined;
  if (category === "I") return "address";
  if (category === "A") return /^(?:text|character|json|inet|cidr|bigint)/.test(baseType) ? "json" : undefined;
  return baseType === "json" || baseType === "jsonb" ? "json" : undefined;
}

/** The cells of each column that are not NULL. */
async function cellsOf(
  query: RunQuery,
  relation: CatalogueRelation,
  columns: readonly CatalogueColumn[],
  rows: number,
): Promise<readonly (readonly string[])[]> {
  const list = columns.map((column, place) => `${cell(column)} AS c${place}`).join(", ");
  const found = await inTransaction(query, STATEMENT_MS, async () => {
    const estimate = relation.estimatedRows ?? 0;
    const some =
      estimate < LARGE * rows ? [] : await query(`SELECT ${list} FROM ${nameOf(relation)} ${blocks(rows / estimate)} LIMIT ${rows}`);
    // What was deleted since the estimate leaves blocks empty.
    return some.length >= rows / 2 ? some : query(`SELECT ${list} FROM ${nameOf(relation)} LIMIT ${rows}`);
  });
  const cells: (readonly string[])[] = [];
  for (const [place, column] of columns.entries()) {
    const some = found.flatMap((row) => textIn(row[`c${place}`]));
    const sparse = some.length < Math.min(SPARSE_CELLS, rows / 2) && found.length === rows;
    cells.push(sparse ? await denser(query, relation, column, some, rows) : some);
  }
  return cells;
}

/** Twice what is wanted, so that it is there in all likelihood. */
function blocks(share: number): string {
  return `TABLESAMPLE SYSTEM (${Math.max(share * 200, 0.0001)})`;
}

/** May have to read the whole table, so it is given little time; without an answer the few cells that there are must do. */
async function denser(
  query: RunQuery,
  relation: CatalogueRelation,
  column: CatalogueColumn,
  some: readonly string[],
  rows: number,
): Promise<readonly string[]> {
  const sql = `SELECT ${cell(column)} AS c FROM ${nameOf(relation)} WHERE ${quoteIdentifier(column.name)} IS NOT NULL LIMIT ${Math.min(rows, SPARSE_ROWS)}`;
  try {
    return (await inTransaction(query, SPARSE_MS, () => query(sql))).flatMap(({ c }) => textIn(c));
  } catch {
    return some;
  }
}

async function inTransaction<Result>(query: RunQuery, statementMs: number, work: () => Promise<Result>): Promise<Result> {
  await query(`BEGIN READ ONLY; SET LOCAL statement_timeout = ${statementMs}; SET LOCAL lock_timeout = ${LOCK_MS}; SET LOCAL search_path = '';
    SET LOCAL DateStyle = 'ISO'; SET LOCAL max_parallel_workers_per_gather = 0`);
  try {
    return await work();
  } finally {
    await query("ROLLBACK");
  }
}

/** A cell as text, cut; NULL where it is too large to be unpacked. */
function cell(column: CatalogueColumn): string {
  const name = quoteIdentifier(column.name);
  const whole = column.category === "A" ? `pg_catalog.array_to_json(${name})` : name;
  const text = column.category === "I" ? `pg_catalog.host(${name})` : `CAST(${whole} AS pg_catalog.text)`;
  const characters = classOf(column) === "json" ? JSON_CHARACTERS : TEXT_CHARACTERS;
  return `CASE WHEN pg_catalog.pg_column_size(${name}) OPERATOR(pg_catalog.<=) ${STORED_BYTES_MAX} THEN pg_catalog.left(${text}, ${characters}) END`;
}

function nameOf({ schema, name }: CatalogueRelation): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

function textIn(value: unknown): readonly string[] {
  return typeof value === "string" ? [value] : [];
}
