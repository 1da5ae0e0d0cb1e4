/**
 * What a principal under a mask is told of an error of the server: the number and SQLSTATE, and a sentence of ours. The
 * server's own can quote values: a duplicate entry, a truncated value, a path that EXTRACTVALUE could not read.
 *
 * Source: MySQL manual, "Server Error Message Reference"; MariaDB documentation, "MariaDB Error Codes".
 */
import type { ErrPacket } from "./outcome.ts";

/** Errors whose sentence names at most objects of the schema, or words of the statement: told as they are. */
const NAMES_ONLY: ReadonlySet<number> = new Set([
  1044, // no access to the database
  1046, // no database selected
  1049, // unknown database
  1051, // unknown table (DROP)
  1052, // ambiguous column
  1054, // unknown column
  1055, // not in GROUP BY
  1056, // can't group on
  1060, // duplicate column name
  1066, // not unique table or alias
  1109, // unknown table in a clause
  1111, // invalid use of group function
  1140, // mixing of GROUP columns
  1146, // no such table
  1205, // lock wait timeout
  1213, // deadlock
  1222, // different number of columns
  1241, // operand should contain n columns
  1242, // subquery returns more than one row
  1248, // derived table needs an alias
  1250, // table from a SELECT can't be used in a clause
  1305, // routine does not exist
  1317, // query was interrupted
  1364, // field has no default value
  1370, // no privilege on the routine
  1142, // no privilege on the table
  1143, // no privilege on the column
  3024, // max_execution_time exceeded
]);

const SENTENCES: Readonly<Record<number, string>> = {
  1062: "a row with this key exists already",
  1064: "the server could not parse the statement",
  1048: "a column cannot be null",
  1264: "a value is out of range for its column",
  1265: "data truncated for a column",
  1292: "a value is not of the type that is needed",
  1366: "a value does not fit its column",
  1406: "data too long for a column",
  1451: "a row of another table refers to this one",
  1452: "a foreign key refers to no row",
  1690: "a number is out of range",
  3819: "a check constraint is violated",
  4025: "a constraint failed",
};

export function rebuiltError(error: ErrPacket): ErrPacket {
  if (NAMES_ONLY.has(error.errno)) return error;
  const sentence = SENTENCES[error.errno] ?? `error ${error.errno} of the server`;
  return { ...error, message: `${sentence}; the server's own words are withheld where columns are masked` };
}
