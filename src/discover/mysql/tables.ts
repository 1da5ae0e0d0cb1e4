/** What is sampled of a MySQL or MariaDB server: tables that keep their own rows, of every database that the login sees; and a cell of each type as text. */
import {
  type MysqlCatalogue,
  type MysqlColumn,
  type MysqlServer,
  type MysqlTable,
  quoteMysqlName,
  type ResolvedMysqlProtection,
  SERVER_DATABASES,
} from "#protocols/mysql/protocol.ts";
import { JSON_CHARACTERS, type SampleColumn, type SampleTable, STORED_BYTES_MAX, TEXT_CHARACTERS } from "#src/discover/sample.ts";

export interface MysqlSampleTable extends SampleTable {
  /** By which rows from all over the table are found; null where there is none that would do. */
  readonly key: SampleKey | null;
}

/** An index that has its rows in the order of this column. */
export interface SampleKey {
  readonly index: string;
  readonly column: string;
  /** A whole number: there is a middle between two. */
  readonly whole: boolean;
}

const TEXTS = /^(?:char|varchar|tinytext|text|mediumtext|longtext)$/;
const NUMBERS = /^(?:int|bigint|decimal)$/;
const DATES = /^(?:date|datetime|timestamp)$/;
const ADDRESSES = /^inet[46]$/;
const WHOLE = /^(?:tinyint|smallint|mediumint|int|bigint)$/;
/** Ordered, and never indexed by a part of the value alone, as texts may be: such an index is in no order to go by. */
const ORDERED = /^(?:date|datetime|timestamp|decimal)$/;

/** @param database one alone; every one that is not the server's own when null */
export function mysqlTables(
  catalogue: MysqlCatalogue,
  { protection }: ResolvedMysqlProtection,
  database: string | null,
): readonly MysqlSampleTable[] {
  return catalogue.tables.flatMap((table): readonly MysqlSampleTable[] => {
    if (SERVER_DATABASES.has(table.database.toLowerCase()) || (database !== null && table.database !== database)) return [];
    const covered = protection.columns.get(table);
    const columns = table.columns.flatMap((column) => sampled(catalogue.server, table, column, covered?.get(column.name)?.rule ?? null));
    if (columns.length === 0) return [];
    const reference = `${quoteMysqlName(table.database)}.${quoteMysqlName(table.name)}`;
    const { name, estimatedRows = null } = table;
    return [{ schema: table.database, name, reference, columns, estimatedRows, leftAlone: leftAlone(table), key: keyOf(table) }];
  });
}

/** To read a view is to run its functions, and engines of another kind ask other servers, or read files. */
function leftAlone({ kind }: MysqlTable): string | null {
  if (kind === "view") return "a view";
  return kind === "other" ? "not a plain table" : null;
}

function sampled(server: MysqlServer, table: MysqlTable, column: MysqlColumn, coveredBy: string | null): readonly SampleColumn[] {
  const of = classOf(table, column);
  if (of === undefined) return [];
  const reference = quoteMysqlName(column.name);
  // JSON of MySQL is stored in a form of its own, which would have to be written out to be measured.
  const bytes = column.dataType === "json" && server.flavour === "mysql" ? "JSON_STORAGE_SIZE" : "LENGTH";
  const text = TEXTS.test(column.dataType) ? reference : `CAST(${reference} AS CHAR)`;
  const characters = of === "json" ? JSON_CHARACTERS : TEXT_CHARACTERS;
  const cell = `CASE WHEN ${bytes}(${reference}) <= ${STORED_BYTES_MAX} THEN LEFT(${text}, ${characters}) END`;
  return [{ name: column.name, of, coveredBy, reference, cell }];
}

/** Undefined for what none of the detectors knows: bytes, enumerations, sets, bits, times, shapes, UUIDs … */
function classOf({ checks }: MysqlTable, { name, dataType }: MysqlColumn): SampleColumn["of"] | undefined {
  // MariaDB's JSON is a text that is checked.
  if (TEXTS.test(dataType)) return checks.includes(`json_valid(${quoteMysqlName(name)})`) ? "json" : "text";
  if (NUMBERS.test(dataType)) return "number";
  if (DATES.test(dataType)) return "date";
  if (ADDRESSES.test(dataType)) return "address";
  return dataType === "json" ? "json" : undefined;
}

/** Of the primary key, else of another one that is unique. */
function keyOf({ indexes, columns }: MysqlTable): SampleKey | null {
  const found = indexes.flatMap(({ name, unique, visible, keys: [first] }): readonly SampleKey[] => {
    const column = columns.find((one) => one.name === first?.column);
    if (!unique || !visible || column === undefined) return [];
    const whole = WHOLE.test(column.dataType);
    return whole || ORDERED.test(column.dataType) ? [{ index: name, column: column.name, whole }] : [];
  });
  const whole = found.filter((key) => key.whole);
  return found.find(({ index }) => index === "PRIMARY") ?? whole[0] ?? found[0] ?? null;
}
