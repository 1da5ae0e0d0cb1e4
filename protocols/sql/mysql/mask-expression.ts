/**
 * Masks as SQL expressions over one column, for MySQL and MariaDB alike. Each keeps the column's type, length and collation,
 * keeps NULL, holds no secret, cannot fail on any value and depends on no setting of the session, so that nothing about a value
 * can be learnt from an error or from turning a setting.
 *
 * The type is kept by `IF(c IS NULL, c, …)`: its first branch yields nothing but NULL, and yet takes part when the server joins
 * the types of both. `LEFT(c, 0)` lends the column's collation to a constant.
 */
import type { Mask } from "#policies/question.ts";
import type { MysqlColumn } from "./catalogue.ts";
import { quoteName, quoteString } from "./quoting.ts";

export type MaskExpression = { readonly kind: "expression"; readonly sql: string } | { readonly kind: "problem"; readonly message: string };

const REDACTED = "***";
const TEXTS: ReadonlySet<string> = new Set(["char", "varchar", "tinytext", "text", "mediumtext", "longtext"]);
const DATES: ReadonlySet<string> = new Set(["date", "datetime", "timestamp"]);
/** Bits of a whole number, its sign left out. */
const WHOLE: Readonly<Record<string, number>> = { tinyint: 7, smallint: 15, mediumint: 23, int: 31, bigint: 53 };

/**
 * @param name SQL that names the column, where its name alone would not do
 * @returns a problem when the mask has no meaning for the column's type
 */
export function maskExpression(mask: Mask, column: MysqlColumn, name = quoteName(column.name)): MaskExpression {
  const text = TEXTS.has(column.dataType);
  switch (mask.kind) {
    case "null":
      return expression(nothing(name));
    case "redact":
      return expression(text ? keepingNull(name, constantText(REDACTED, name, column)) : nothing(name));
    case "constant":
      return constant(mask.value, name, column);
    case "keepLast":
      return text ? expression(keepLast(mask.characters, name, column)) : problem("keepLast needs a text column", column);
    case "email":
      return text ? expression(email(name, column)) : problem("email needs a text column", column);
    case "hash":
      return problem("hash is for PostgreSQL targets", column);
    case "year":
      return DATES.has(column.dataType) ? expression(year(name, column)) : problem("year needs a date or timestamp column", column);
  }
}

function expression(sql: string): MaskExpression {
  return { kind: "expression", sql };
}

function problem(message: string, column: MysqlColumn): MaskExpression {
  return { kind: "problem", message: `${message}, and ${column.name} is ${column.type}` };
}

/** Never the column's value, and yet of its type. */
function nothing(name: string): string {
  return `IF(FALSE, ${name}, NULL)`;
}

function keepingNull(name: string, value: string): string {
  return `IF(${name} IS NULL, ${name}, ${value})`;
}

/** Cut to the column's length: a column of two characters shows two stars. */
function within(value: string, { characters }: MysqlColumn): string {
  return characters === null ? value : `LEFT(${value}, ${characters})`;
}

function constantText(value: string, name: string, { characters }: MysqlColumn): string {
  const shown = characters === null ? value : [...value].slice(0, characters).join("");
  return `CONCAT(LEFT(${name}, 0), ${quoteString(shown)})`;
}

function constant(value: string | number | boolean, name: string, column: MysqlColumn): MaskExpression {
  const { dataType, charset, type } = column;
  if (TEXTS.has(dataType)) {
    const text = String(value);
    if (!/^[\0-\x7f]*$/.test(text) && charset?.startsWith("utf8") !== true) return problem("the constant does not fit the column", column);
    return expression(keepingNull(name, constantText(text, name, column)));
  }
  const number = typeof value === "boolean" && type.startsWith("tinyint") ? Number(value) : value;
  if (typeof number === "number" && isWithin(number, column)) return expression(keepingNull(name, plainNumber(number)));
  if (DATES.has(dataType) && typeof value === "string" && isDay(value)) return expression(keepingNull(name, `CAST('${value}' AS DATE)`));
  return problem("the constant does not fit the column", column);
}

function plainNumber(value: number): string {
  return value < 0 ? `(${value})` : String(value);
}

function isWithin(value: number, { dataType, type }: MysqlColumn): boolean {
  const bits = WHOLE[dataType];
  if (bits === undefined) return /^(float|double|decimal)$/.test(dataType) && Number.isFinite(value) && Math.abs(value) < 1e15;
  return Number.isInteger(value) && value < 2 ** bits && value >= (type.includes("unsigned") ? 0 : -(2 ** bits));
}

/** 31 February is no day, and a constant that is none would show NULL or fail by sql_mode. */
function isDay(value: string): boolean {
  const found = /^(\d{4})-(\d{2})-(\d{2})$/.exec(value);
  if (found === null) return false;
  const [year = 0, month = 0, day = 0] = found.slice(1).map(Number);
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
  return year > 0 && day > 0 && day <= days;
}

/** As long as the value; one that is no longer than what would be kept shows nothing at all. */
function keepLast(count: number, name: string, column: MysqlColumn): string {
  const length = `CHAR_LENGTH(${name})`;
  const shown = `LPAD(RIGHT(${name}, ${count}), ${length}, '*')`;
  const hidden = `LPAD(LEFT(${name}, 0), ${length}, '*')`;
  return keepingNull(name, within(`IF(${length} > ${count}, ${shown}, ${hidden})`, column));
}

/**
 * What follows the last `@`, so that grouping by domain stays right. A value without one shows nothing: SUBSTRING_INDEX leaves it
 * whole. That is looked at by its length, since LOCATE finds what the column's collation takes for the same (`＠` for `@`).
 */
function email(name: string, column: MysqlColumn): string {
  const domain = `SUBSTRING_INDEX(${name}, '@', -1)`;
  const isCut = `CHAR_LENGTH(${domain}) < CHAR_LENGTH(${name})`;
  return keepingNull(name, within(`IF(${isCut}, CONCAT('***@', ${domain}), ${constantText(REDACTED, name, column)})`, column));
}

/**
 * 1 January of the year. A TIMESTAMP is cut in UTC: were it cut in the session's zone, turning that would find out days near
 * the turn of a year. A date without a year shows as NULL.
 */
function year(name: string, { dataType }: MysqlColumn): string {
  const found =
    dataType === "timestamp" ? `YEAR(CAST('1970-01-01' AS DATETIME) + INTERVAL FLOOR(UNIX_TIMESTAMP(${name})) SECOND)` : `YEAR(${name})`;
  return keepingNull(name, `IF(YEAR(${name}) > 0, CAST(CONCAT(LPAD(${found}, 4, '0'), '-01-01') AS DATE), NULL)`);
}
