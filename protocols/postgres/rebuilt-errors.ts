/**
 * Errors and notices of statements whose text could carry protected values, rebuilt: the SQLSTATE stays, the sentence is
 * the condition's own, and of the details only the names of objects are kept. Positions of rewritten statements are
 * mapped back to the client's text.
 *
 * Source of the conditions: PostgreSQL documentation, appendix "PostgreSQL Error Codes".
 */
import type { Judgement } from "#protocols/wire/judgement.ts";
import { Writer } from "#protocols/wire/writer.ts";
import { message } from "./encode.ts";

const CONDITIONS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    "00000": "notice",
    "01000": "warning",
    "02000": "no data",
    "0A000": "feature not supported",
    "21000": "cardinality violation",
    "22001": "string data right truncation",
    "22003": "numeric value out of range",
    "22004": "null value not allowed",
    "22007": "invalid datetime format",
    "22008": "datetime field overflow",
    "22011": "substring error",
    "22012": "division by zero",
    "22021": "character not in repertoire",
    "22023": "invalid parameter value",
    "2201B": "invalid regular expression",
    "2201E": "invalid argument for logarithm",
    "2201F": "invalid argument for power function",
    "22025": "invalid escape sequence",
    "22030": "duplicate JSON object key value",
    "22032": "invalid JSON text",
    "2202E": "array subscript error",
    "22P02": "invalid text representation",
    "22P03": "invalid binary representation",
    "22P04": "bad COPY file format",
    "23000": "integrity constraint violation",
    "23001": "restrict violation",
    "23502": "not-null violation",
    "23503": "foreign key violation",
    "23505": "unique violation",
    "23514": "check violation",
    "23P01": "exclusion violation",
    "25001": "active SQL transaction",
    "25006": "read-only SQL transaction",
    "25P02": "current transaction is aborted, commands ignored until end of transaction block",
    "26000": "prepared statement does not exist",
    "27000": "triggered data change violation",
    "34000": "cursor does not exist",
    "40001": "could not serialize access",
    "40P01": "deadlock detected",
    "428C9": "generated always",
    "42501": "insufficient privilege",
    "42601": "syntax error",
    "42702": "ambiguous column",
    "42703": "undefined column",
    "42725": "ambiguous function",
    "42803": "grouping error",
    "42804": "datatype mismatch",
    "42846": "cannot coerce",
    "42883": "undefined function",
    "42P01": "undefined table",
    "42P02": "undefined parameter",
    "42P08": "ambiguous parameter",
    "42P10": "invalid column reference",
    "42P18": "indeterminate datatype",
    "44000": "with check option violation",
    "53100": "disk full",
    "53200": "out of memory",
    "53300": "too many connections",
    "54000": "program limit exceeded",
    "54001": "statement too complex",
    "55P03": "lock not available",
    "57014": "canceling statement due to user request",
    "57P01": "terminating connection due to administrator command",
    "57P03": "cannot connect now",
    P0001: "exception raised",
    XX000: "internal error",
  }),
);

/**
 * Classes of errors that parsing, analysis and the server itself raise: their sentences quote the client's text and names.
 * Errors of other classes come from values, or from code in the database that may have read anything.
 */
const CLASSES_OF_TEXT: ReadonlySet<string> = new Set(["03", "08", "0A", "25", "26", "34", "3D", "3F", "40", "42", "53", "54", "55", "57"]);

/** Whether a message under a mask is rebuilt though the statement that it answers reads nothing protected. */
export function isOfValues(sqlState: string | undefined): boolean {
  return sqlState === undefined || !CLASSES_OF_TEXT.has(sqlState.slice(0, 2));
}

const SQL_STATE = /^[0-9A-Z]{5}$/;

/** Names of schema, table, column, data type and constraint: from the catalogue, not from rows. */
const NAME_FIELDS = ["s", "t", "c", "d", "n"];

/**
 * The message with its position mapped back, or undefined when it may pass as it is.
 *
 * @param tag ErrorResponse or NoticeResponse
 */
export function rebuilt(
  tag: number,
  fields: ReadonlyMap<string, string>,
  judgement: Judgement | null,
  rebuild: boolean,
): Buffer | undefined {
  const position = judgement?.upstreamSql == null ? undefined : mapped(fields.get("P"), judgement);
  const missing = judgement === null ? undefined : missingTable(fields, judgement);
  if (missing !== undefined) return written(tag, undefinedTable(fields, missing, position));
  if (!rebuild && position === undefined) return undefined;
  if (!rebuild) return written(tag, replaced(fields, position ?? null));
  const given = fields.get("C") ?? "";
  const sqlState = SQL_STATE.test(given) ? given : "XX000";
  const result = new Map<string, string>();
  for (const type of ["S", "V"]) copy(fields, result, type);
  result.set("C", sqlState);
  result.set("M", CONDITIONS.get(sqlState) ?? `error of class ${sqlState.slice(0, 2)}`);
  result.set("D", "reason=text-withheld");
  if (position === undefined) copy(fields, result, "P");
  else if (position !== null) result.set("P", position);
  // RAISE ... USING fills these fields with whatever a function put there.
  if (fields.get("R") !== "exec_stmt_raise") for (const type of NAME_FIELDS) copy(fields, result, type);
  return written(tag, result);
}

/**
 * The name that the client wrote of a table which there is not: it was taken for a temporary one, and the server says that of
 * `pg_temp.name`, or of the schema where the session has none yet.
 */
function missingTable(fields: ReadonlyMap<string, string>, { guessed }: Judgement): string | undefined {
  const code = fields.get("C");
  if (guessed.length === 0 || (code !== "42P01" && code !== "3F000")) return undefined;
  const named = guessed.find((name) => fields.get("M")?.includes(`"pg_temp.${name}"`) === true);
  return named ?? (code === "3F000" && guessed.length === 1 ? guessed[0] : undefined);
}

/** In the server's words, of the client's own text: nothing in it need be withheld. */
function undefinedTable(
  fields: ReadonlyMap<string, string>,
  name: string,
  position: string | null | undefined,
): ReadonlyMap<string, string> {
  const result = new Map<string, string>();
  for (const type of ["S", "V"]) copy(fields, result, type);
  result.set("C", "42P01").set("M", `relation "${name}" does not exist`);
  if (typeof position === "string") result.set("P", position);
  return result;
}

/** Undefined: the message names no position. Null: it names one that has no place in the client's text. */
function mapped(position: string | undefined, judgement: Judgement): string | null | undefined {
  if (position === undefined) return undefined;
  const mapped = /^[1-9][0-9]{0,9}$/.test(position) ? judgement.mapPosition(Number(position)) : null;
  return mapped === null ? null : String(mapped);
}

function replaced(fields: ReadonlyMap<string, string>, position: string | null): ReadonlyMap<string, string> {
  const result = new Map(fields);
  if (position === null) result.delete("P");
  else result.set("P", position);
  return result;
}

function copy(from: ReadonlyMap<string, string>, to: Map<string, string>, type: string): void {
  const value = from.get(type);
  if (value !== undefined) to.set(type, value);
}

function written(tag: number, fields: ReadonlyMap<string, string>): Buffer {
  const writer = new Writer();
  for (const [type, value] of fields) writer.uint8(type.charCodeAt(0)).cstring(value);
  return message(tag, writer.uint8(0).done());
}
