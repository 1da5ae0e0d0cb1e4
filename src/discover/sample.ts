/**
 * Takes a sample of each column that could hold what is to be protected, over a connection that somebody else made. How a kind
 * of server is asked, and which of its tables are left alone, is its dialect's. What the columns look like is told; the values
 * go no further.
 */
import { Fault } from "#protocols/wire/fault.ts";
import type { ValueClass } from "./detector.ts";
import { type Likeness, likenessOf } from "./likeness.ts";

export interface SampleColumn {
  readonly name: string;
  readonly of: ValueClass | "json";
  /** The rule that masks it already; null when none does. */
  readonly coveredBy: string | null;
  /** Its name in SQL. */
  readonly reference: string;
  /** SQL for a cell as text: cut, and NULL where it is too large to be unpacked. */
  readonly cell: string;
}

export interface SampleTable {
  /** On MySQL its database. */
  readonly schema: string;
  readonly name: string;
  /** Its name in SQL. */
  readonly reference: string;
  /** Those that a detector could know something of; never empty. */
  readonly columns: readonly SampleColumn[];
  /** Null where nobody knows. */
  readonly estimatedRows: number | null;
  /** Why it is not looked at; null where it is. */
  readonly leftAlone: string | null;
}

export type SampledRow = Readonly<Record<string, unknown>>;

/** How a kind of server is asked. */
export interface SampleDialect<Table extends SampleTable> {
  /** @throws Fault `catalogue-unavailable` when the server refuses, anything else when the connection is lost */
  readonly query: (sql: string) => Promise<readonly SampledRow[]>;
  /** What is asked within it may take so long each, and writes nothing. */
  readonly within: <Result>(statementMs: number, work: () => Promise<Result>) => Promise<Result>;
  /**
   * Rows from all over a large table, without a walk through it.
   *
   * @param list what to select
   * @returns some; few or none where it can't be done cheaply
   */
  readonly spread: (table: Table, list: string, rows: number) => Promise<readonly SampledRow[]>;
}

export interface SampleOptions {
  /** Rows of each table. */
  readonly rows: number;
  /** Called before each table, with how many there are. */
  readonly onTable: (table: string, number: number, of: number) => void;
}

export interface SeenColumn {
  readonly table: SampleTable;
  readonly column: SampleColumn;
  /** Null when it looks like nothing that is to be protected. */
  readonly likeness: Likeness | null;
}

/** A table that was left alone, or could not be read. */
export interface Unread {
  readonly table: SampleTable;
  readonly why: string;
}

export interface Seen {
  readonly columns: readonly SeenColumn[];
  readonly unread: readonly Unread[];
}

export const TEXT_CHARACTERS = 1_000;
export const JSON_CHARACTERS = 4_000;
/** Values that are stored larger than this are documents and pictures, and cost the target much to unpack. */
export const STORED_BYTES_MAX = 65_536;

/** Longest time for one query of a sample. */
const STATEMENT_MS = 10_000;
/** Columns in one query: sixteen thousand cells of 4,000 characters at most. */
const COLUMNS_MAX = 16;
/** Of tables that hold this many times the sample, rows are taken from all over; of smaller ones the first do. */
const LARGE = 20;
/** A column that is mostly NULL is looked at again where it is not. */
const SPARSE_CELLS = 20;
const SPARSE_ROWS = 200;
const SPARSE_MS = 2_000;

/** @throws Error when the connection is lost; what the target refuses to show is told as unread */
export async function sample<Table extends SampleTable>(
  dialect: SampleDialect<Table>,
  tables: readonly Table[],
  options: SampleOptions,
): Promise<Seen> {
  const columns: SeenColumn[] = [];
  const unread: Unread[] = [];
  for (const [index, table] of tables.entries()) {
    if (table.leftAlone !== null) {
      unread.push({ table, why: table.leftAlone });
      continue;
    }
    options.onTable(`${table.schema}.${table.name}`, index + 1, tables.length);
    try {
      columns.push(...(await sampleTable(dialect, table, options.rows)));
    } catch (error) {
      // A lost connection is no word on this table.
      if (!(error instanceof Fault) || error.code !== "catalogue-unavailable") throw error;
      unread.push({ table, why: error.message });
    }
  }
  return { columns, unread };
}

async function sampleTable<Table extends SampleTable>(
  dialect: SampleDialect<Table>,
  table: Table,
  rows: number,
): Promise<readonly SeenColumn[]> {
  const seen: SeenColumn[] = [];
  for (let from = 0; from < table.columns.length; from += COLUMNS_MAX) {
    const some = table.columns.slice(from, from + COLUMNS_MAX);
    const cells = await cellsOf(dialect, table, some, rows);
    for (const [place, column] of some.entries()) {
      const likeness = likenessOf({ table: table.name, column: column.name, of: column.of, cells: cells[place] ?? [] });
      seen.push({ table, column, likeness: likeness ?? null });
    }
  }
  return seen;
}

/** The cells of each column that are not NULL. */
async function cellsOf<Table extends SampleTable>(
  dialect: SampleDialect<Table>,
  table: Table,
  columns: readonly SampleColumn[],
  rows: number,
): Promise<readonly (readonly string[])[]> {
  const list = columns.map(({ cell }, place) => `${cell} AS c${place}`).join(", ");
  const [found, more] = await dialect.within(STATEMENT_MS, async () => {
    const some = (table.estimatedRows ?? 0) < LARGE * rows ? [] : await dialect.spread(table, list, rows);
    // The estimate may be far from what is there, and rows may lie where they were not looked for.
    if (some.length >= rows / 2) return [some, true];
    const first = await dialect.query(`SELECT ${list} FROM ${table.reference} LIMIT ${rows}`);
    return [first, first.length === rows];
  });
  const cells: (readonly string[])[] = [];
  for (const [place, column] of columns.entries()) {
    const some = found.flatMap((row) => textIn(row[`c${place}`]));
    const sparse = more && some.length < Math.min(SPARSE_CELLS, rows / 2);
    cells.push(sparse ? await denser(dialect, table, column, some, rows) : some);
  }
  return cells;
}

/** May have to read the whole table, so it is given little time; without an answer the few cells that there are must do. */
async function denser<Table extends SampleTable>(
  dialect: SampleDialect<Table>,
  table: Table,
  { cell, reference }: SampleColumn,
  some: readonly string[],
  rows: number,
): Promise<readonly string[]> {
  const sql = `SELECT ${cell} AS c FROM ${table.reference} WHERE ${reference} IS NOT NULL LIMIT ${Math.min(rows, SPARSE_ROWS)}`;
  try {
    return (await dialect.within(SPARSE_MS, () => dialect.query(sql))).flatMap(({ c }) => textIn(c));
  } catch {
    return some;
  }
}

function textIn(value: unknown): readonly string[] {
  return typeof value === "string" ? [value] : [];
}
