/**
 * Masks as SQL expressions over one column. Each keeps the column's type as it is on the wire, keeps NULL, holds
 * no secret, cannot fail on any value and depends on no setting of the session, so that nothing about a value can be
 * learnt from an error or from turning a setting.
 */
import type { Mask } from "#policies/question.ts";
import type { CatalogueColumn } from "#protocols/sql/catalogue.ts";
import { quoteIdentifier, quoteLiteral } from "./quoting.ts";

export type MaskExpression = { readonly kind: "expression"; readonly sql: string } | { readonly kind: "problem"; readonly message: string };

const REDACTED = "***";
const DATES = new Set(["date", "timestamp without time zone", "timestamp with time zone"]);

/**
 * @param name SQL that names the column, where its name alone would not do
 * @returns a problem when the mask has no meaning for the column's type
 */
export function maskExpression(mask: Mask, column: CatalogueColumn, name = quoteIdentifier(column.name)): MaskExpression {
  const text = column.category === "S";
  switch (mask.kind) {
    case "null":
      return nothing(name, column);
    case "redact":
      return text ? keepingNull(name, quoteLiteral(REDACTED), column) : nothing(name, column);
    case "constant":
      return constant(mask.value, name, column);
    case "keepLast":
      return text ? keepLast(mask.characters, name, column) : problem("keepLast needs a text column", column);
    case "email":
      return text ? email(name, column) : problem("email needs a text column", column);
    case "hash":
      // What is hashed on its way out is shown as it stands; all else of it is nothing.
      return text ? nothing(name, column) : problem("hash needs a text column", column);
    case "year":
      return DATES.has(bareType(column)) ? year(name, column) : problem("year needs a date or timestamp column", column);
  }
}

function problem(message: string, column: CatalogueColumn): MaskExpression {
  return { kind: "problem", message: `${message}, and ${column.name} is ${column.type}` };
}

/** Never evaluated, yet typed: also for pseudo-types such as `anyarray`, to which nothing can be cast. */
function nothing(name: string, column: CatalogueColumn): MaskExpression {
  const sql = column.baseType.startsWith("any") ? `CASE WHEN false THEN ${name} END` : `CAST(NULL AS ${column.baseType})`;
  return { kind: "expression", sql };
}

/**
 * An explicit cast to `varchar(n)` or `char(n)` cuts what is too long without an error. It stands outside, since a
 * CASE does not keep the length that its branches agree on.
 */
function keepingNull(name: string, value: string, column: CatalogueColumn): MaskExpression {
  return { kind: "expression", sql: `CAST(CASE WHEN ${name} IS NULL THEN NULL ELSE ${value} END AS ${column.baseType})` };
}

function constant(value: string | number | boolean, name: string, column: CatalogueColumn): MaskExpression {
  const fits: Readonly<Record<string, boolean>> = {
    S: true,
    N: typeof value === "number" && withinNumber(value, bareType(column)),
    B: typeof value === "boolean",
    D: typeof value === "string" && /^\d{4}-\d{2}-\d{2}$/.test(value) && DATES.has(bareType(column)) && isDay(value),
  };
  if (fits[column.category] !== true) return problem("the constant does not fit the column", column);
  return keepingNull(name, quoteLiteral(String(value)), column);
}

function withinNumber(value: number, type: string): boolean {
  const bits = { smallint: 15, integer: 31, bigint: 53 }[type];
  if (bits === undefined) return /^(real|double precision|numeric)$/.test(type) && Number.isFinite(value) && Math.abs(value) < 1e30;
  return Number.isInteger(value) && value >= -(2 ** bits) && value < 2 ** bits;
}

/** 31 February is no day, and a constant that is none would make every query fail. */
function isDay(value: string): boolean {
  const [year = 0, month = 0, day = 0] = value.split("-").map(Number);
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
  return year > 0 && day > 0 && day <= days;
}

/** As long as the value; one that is no longer than what would be kept shows nothing at all. */
function keepLast(count: number, name: string, column: CatalogueColumn): MaskExpression {
  const value = `CAST(${name} AS pg_catalog.text)`;
  const length = `pg_catalog.char_length(${value})`;
  const shown = `pg_catalog.lpad(pg_catalog.right(${value}, ${count}), ${length}, '*')`;
  const masked = `CASE WHEN ${length} OPERATOR(pg_catalog.>) ${count} THEN ${shown} ELSE pg_catalog.repeat('*', ${length}) END`;
  return { kind: "expression", sql: `CAST(${masked} AS ${column.baseType})` };
}

/** What follows the last `@`, so that grouping by domain stays right. A value without one shows nothing. */
function email(name: string, column: CatalogueColumn): MaskExpression {
  const value = `CAST(${name} AS pg_catalog.text)`;
  const reversed = `pg_catalog.reverse(${value})`;
  const domain = `pg_catalog.reverse(pg_catalog.split_part(${reversed}, '@', 1))`;
  const masked = `CASE WHEN pg_catalog.strpos(${value}, '@') OPERATOR(pg_catalog.>) 0 THEN '***@' OPERATOR(pg_catalog.||) ${domain} ELSE '${REDACTED}' END`;
  return keepingNull(name, masked, column);
}

/**
 * 1 January of the year. Timestamps with time zone are cut in UTC: were they cut in the session's zone, turning that
 * would find out days near the turn of a year. What has no year (infinity, or one beyond four digits) shows as NULL.
 */
function year(name: string, column: CatalogueColumn): MaskExpression {
  const zoned = bareType(column) === "timestamp with time zone";
  const value = zoned ? `pg_catalog.timezone('UTC', ${name})` : name;
  const within = `${value} OPERATOR(pg_catalog.>=) CAST('0001-01-01' AS pg_catalog.date) AND ${value} OPERATOR(pg_catalog.<) CAST('10000-01-01' AS pg_catalog.date)`;
  const first = `pg_catalog.make_date(CAST(pg_catalog.date_part('year', ${value}) AS pg_catalog.int4), 1, 1)`;
  const typed = zoned ? `pg_catalog.timezone('UTC', CAST(${first} AS pg_catalog.timestamp))` : first;
  const masked = `CASE WHEN pg_catalog.isfinite(${name}) AND ${within} THEN ${typed} END`;
  return { kind: "expression", sql: `CAST(${masked} AS ${column.baseType})` };
}

/** Without a length or precision: `timestamp(3) without time zone` → `timestamp without time zone`. */
function bareType(column: CatalogueColumn): string {
  return column.baseType.replace(/\([^)]*\)/, "");
}
