/**
 * What a principal under a mask is told of an error of the server: the number and SQLSTATE, and a sentence of ours. The
 * server's own can quote values: a duplicate entry, a truncated value, a path that EXTRACTVALUE could not read.
 *
 * Source: MySQL manual, "Server Error Message Reference"; MariaDB documentation, "MariaDB Error Codes".
 */
import type { ErrPacket } from "./outcome.ts";

/** A name of the schema, or a piece of the statement that is one: quotes in it would end it early. */
const NAME = "[^'`\"]{0,200}";
const quoted = `['\`"]${NAME}['\`"]`;

/**
 * Sentences that name at most objects of the schema, or words of the statement: told as they are, where they are what they
 * should be. SIGNAL can put any text behind any number.
 */
const NAMES_ONLY: Readonly<Record<number, RegExp>> = {
  1044: /^Access denied for user .* to database /,
  1046: /^No database selected$/,
  1048: pattern("Column Q cannot be null"),
  1049: pattern("Unknown database Q"),
  1051: pattern("Unknown table Q"),
  1052: pattern("Column Q in .{1,40} is ambiguous"),
  1054: pattern("Unknown column Q in Q"),
  1055: /in GROUP BY/,
  1056: pattern("Can't group on Q"),
  1060: pattern("Duplicate column name Q"),
  1066: pattern("Not unique table/alias: Q"),
  1109: pattern("Unknown table Q in .{1,40}"),
  1111: /^Invalid use of group function$/,
  1136: /^Column count doesn't match value count at row \d+$/,
  1140: /GROUP/,
  1142: /command denied to user/,
  1143: /command denied to user/,
  1146: pattern("Table Q doesn't exist"),
  1205: /^Lock wait timeout exceeded; try restarting transaction$/,
  1213: /^Deadlock found when trying to get lock; try restarting transaction$/,
  1222: /^The used SELECT statements have a different number of columns$/,
  1235: /^This version of \w+ doesn't yet support /,
  1241: /^Operand should contain \d+ column\(s\)$/,
  1242: /^Subquery returns more than 1 row$/,
  1248: /^Every derived table must have its own alias$/,
  1250: pattern("Table Q from one of the SELECTs cannot be used in .{1,40}"),
  1264: pattern("Out of range value for column Q at row \\d+"),
  1265: pattern("Data truncated for column Q at row \\d+"),
  1295: /^This command is not supported in the prepared statement protocol yet$/,
  1305: /^(FUNCTION|PROCEDURE|SAVEPOINT) [\w$.]{1,200} does not exist$/,
  1317: /^Query execution was interrupted$/,
  1364: pattern("Field Q doesn't have a default value"),
  1370: /command denied to user/,
  1406: pattern("Data too long for column Q at row \\d+"),
  1969: /^Query execution was interrupted \(max_statement_time exceeded\)$/,
  3024: /^Query execution was interrupted, maximum statement execution time exceeded$/,
  3819: pattern("Check constraint Q is violated\\."),
  4025: pattern("CONSTRAINT Q failed for Q\\.Q"),
};

function pattern(sentence: string): RegExp {
  return new RegExp(`^${sentence.replaceAll("Q", quoted)}$`);
}

const SENTENCES: Readonly<Record<number, string>> = {
  1048: "a column cannot be null",
  1062: "a row with this key exists already",
  1064: "the server could not parse the statement",
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
  if (NAMES_ONLY[error.errno]?.test(error.message) === true) return error;
  const sentence = SENTENCES[error.errno] ?? `error ${error.errno} of the server`;
  return { ...error, message: `${sentence}; the server's own words are withheld where columns are masked` };
}
