/**
 * Defaults of masked columns can be values of theirs: `ALTER TABLE … ADD COLUMN … DEFAULT 'x'` gives 'x' to every row that
 * is there. A default that holds a constant is hidden wherever the catalogue shows it, as if the column had none; a clock,
 * a sequence, and constants that say nothing (an empty text or document, 0, a boolean) stay, so that schemas read as before.
 */
import type { Catalogue, CatalogueColumn, CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { lookupIn } from "./lookup.ts";
import { quoteIdentifier, quoteLiteral } from "./quoting.ts";
import { nameOfCall } from "./reading.ts";
import { isBody, type Place, textOf, walk } from "./tree.ts";
import { soleStatement } from "./written-relations.ts";

/** A column of the server's own through which defaults are seen. */
export interface DefaultColumn {
  readonly relation: CatalogueRelation;
  readonly column: CatalogueColumn;
  /** The SQL expression that shows it without what is hidden. */
  readonly expression: string;
  /** SQL condition of the rows that are shown at all; null for every row. */
  readonly rows: string | null;
}

type Named = readonly [relation: CatalogueRelation, column: CatalogueColumn];

/** Empty when nothing is to be hidden: then the catalogue is read as it is. @param masked attribute numbers by relation OID */
export function defaultColumns(catalogue: Catalogue, masked: ReadonlyMap<number, ReadonlyMap<number, unknown>>): readonly DefaultColumn[] {
  const hidden = [...masked].flatMap(([oid, columns]) => {
    const relation = lookupIn(catalogue).byOid.get(oid);
    const own = relation?.columns.filter(({ number }) => columns.has(number)) ?? [];
    return relation === undefined ? [] : own.filter(tellsValue).map((column): Named => [relation, column]);
  });
  if (hidden.length === 0) return [];
  const byNumber = hidden.map(([{ oid }, { number }]) => both(["adrelid", `${oid}`], ["adnum", `${number}`]));
  const byName = hidden.map(([{ schema, name }, column]) =>
    both(["table_schema", quoteLiteral(schema)], ["table_name", quoteLiteral(name)], ["column_name", quoteLiteral(column.name)]),
  );
  return [
    // Without its row, a column is one that has no default: a dump then leaves the word out too.
    ...shown(catalogue, ["pg_catalog", "pg_attrdef", "adbin"], byNumber, `NOT (${byNumber.join(" OR ")})`),
    ...shown(catalogue, ["information_schema", "columns", "column_default"], byName, null),
  ];
}

function shown(
  catalogue: Catalogue,
  [schema, table, name]: readonly [string, string, string],
  hidden: readonly string[],
  rows: string | null,
): readonly DefaultColumn[] {
  const relation = lookupIn(catalogue).relation(schema, table);
  const column = relation?.columns.find((one) => one.name === name);
  if (relation === undefined || column === undefined) return [];
  const expression = `CAST(CASE WHEN ${hidden.join(" OR ")} THEN NULL ELSE ${quoteIdentifier(name)} END AS ${column.type})`;
  return [{ relation, column, expression, rows }];
}

function both(...pairs: readonly (readonly [column: string, value: string])[]): string {
  return `(${pairs.map(([column, value]) => `${quoteIdentifier(column)} OPERATOR(pg_catalog.=) ${value}`).join(" AND ")})`;
}

/** What can't be read counts as telling. */
function tellsValue({ generated, default: expression }: CatalogueColumn): boolean {
  if (generated || expression === null) return false;
  const statement = soleStatement(`SELECT ${expression}`);
  if (statement === undefined) return true;
  let tells = false;
  walk(statement, (place) => {
    tells ||= isTelling(place);
    return !(place.type === "FuncCall" && nameOfCall(place.body).name === "nextval");
  });
  return tells;
}

const SAY_NOTHING: ReadonlySet<string> = new Set(["", "{}", "[]", "0"]);

function isTelling({ type, body }: Place): boolean {
  if (type !== "A_Const" || body["isnull"] === true || body["boolval"] !== undefined) return false;
  const values = ["sval", "fval", "bsval"].flatMap((field) => {
    const value = body[field];
    return isBody(value) ? [textOf(value, field)] : [];
  });
  // A whole number that is 0 has no digits in the tree.
  const whole = body["ival"];
  return values.some((value) => !SAY_NOTHING.has(value)) || (isBody(whole) && whole["ival"] !== undefined);
}
