/** Masks as the server evaluates them: right type, NULL kept, nothing shown beyond what they promise, no failure. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type pg from "pg";
import type { Mask } from "#policies/question.ts";
import type { CatalogueColumn } from "#protocols/sql/catalogue.ts";
import { maskExpression } from "#protocols/sql/postgres/mask-expression.ts";
import { readCatalogue } from "#src/catalogue/reader.ts";
import { connectPostgres, startPostgres, type TestPostgres } from "#test/support/postgres.ts";

const TYPES = {
  t: "text",
  v2: "varchar(2)",
  v11: "varchar(11)",
  c16: "char(16)",
  n: "name",
  code: "code",
  ci: "citext",
  i2: "smallint",
  i4: "int",
  i8: "bigint",
  nu: "numeric(10,2)",
  f8: "float8",
  b: "boolean",
  d: "date",
  ts: "timestamp(3)",
  tz: "timestamptz",
  j: "jsonb",
  ba: "bytea",
  u: "uuid",
  ta: "text[]",
  mood: "mood",
  iv: "interval",
} as const;

const REDACT: Mask = { kind: "redact" };
const EMAIL: Mask = { kind: "email" };
const YEAR: Mask = { kind: "year" };
const keepLast = (characters: number): Mask => ({ kind: "keepLast", characters });
const constant = (value: string | number | boolean): Mask => ({ kind: "constant", value });

/** Mask, column, value as the server reads it, what shows. */
const SHOWN: readonly (readonly [Mask, keyof typeof TYPES, string, string | null])[] = [
  [REDACT, "t", "secret", "***"],
  [REDACT, "t", "", "***"],
  [REDACT, "v2", "ab", "**"],
  [REDACT, "v11", "917-44-2051", "***"],
  [REDACT, "c16", "4929", `***${" ".repeat(13)}`],
  [REDACT, "n", "secret", "***"],
  [REDACT, "code", "abc", "***"],
  [REDACT, "ci", "secret", "***"],
  [REDACT, "i4", "5", null],
  [REDACT, "j", "{}", null],
  [REDACT, "ta", "{a}", null],
  [REDACT, "mood", "good", null],
  [REDACT, "iv", "1 day", null],
  [{ kind: "null" }, "t", "secret", null],
  [{ kind: "null" }, "nu", "1.5", null],
  [keepLast(4), "t", "4929123456781234", "************1234"],
  [keepLast(4), "t", "1234", "****"],
  [keepLast(4), "t", "12", "**"],
  [keepLast(4), "t", "", ""],
  [keepLast(4), "t", "añ😀€x", "*ñ😀€x"],
  [keepLast(2), "v11", "917-44-2051", "*********51"],
  [keepLast(4), "c16", "1234", `****${" ".repeat(12)}`],
  [keepLast(64), "t", "short", "*****"],
  [keepLast(1), "ci", "Secret", "*****t"],
  [EMAIL, "t", "marta@example.com", "***@example.com"],
  [EMAIL, "t", '"a@b"@example.com', "***@example.com"],
  [EMAIL, "t", "no address", "***"],
  [EMAIL, "t", "line\nbreak@example.com", "***@example.com"],
  [EMAIL, "t", "@", "***@"],
  [EMAIL, "v11", "a@x.example", "***@x.examp"],
  [EMAIL, "ci", "Marta@Example.com", "***@Example.com"],
  [YEAR, "d", "1983-07-29", "1983-01-01"],
  [YEAR, "d", "infinity", null],
  [YEAR, "d", "-infinity", null],
  [YEAR, "d", "0044-03-15 BC", null],
  [YEAR, "d", "5874897-12-31", null],
  [YEAR, "ts", "1983-07-29 23:59:59.999", "1983-01-01 00:00:00"],
  [YEAR, "tz", "1983-12-31 23:30:00+00", "1983-01-01 00:00:00+00"],
  [YEAR, "tz", "1983-12-31 23:30:00-02", "1984-01-01 00:00:00+00"],
  [YEAR, "tz", "infinity", null],
  [constant("it's \\ hidden"), "t", "secret", "it's \\ hidden"],
  [constant("abcdef"), "v2", "x", "ab"],
  [constant(7), "t", "secret", "7"],
  [constant(-5), "i4", "12", "-5"],
  [constant(1.5), "nu", "12", "1.50"],
  [constant(true), "b", "f", "true"],
  [constant("2000-02-29"), "d", "1983-07-29", "2000-02-29"],
  [constant("2000-01-01"), "tz", "1983-07-29", "2000-01-01 00:00:00+00"],
];

const REFUSED: readonly (readonly [Mask, keyof typeof TYPES])[] = [
  [keepLast(4), "i4"],
  [EMAIL, "j"],
  [YEAR, "t"],
  [YEAR, "iv"],
  [constant("x"), "i4"],
  [constant(1.5), "i4"],
  [constant(40_000), "i2"],
  [constant(2 ** 53), "i8"],
  [constant("2001-02-29"), "d"],
  [constant("yesterday"), "d"],
  [constant("x"), "b"],
  [constant("x"), "u"],
  [constant("a"), "mood"],
];

describe("mask expressions", () => {
  let server: TestPostgres;
  let client: pg.Client;
  let columns: ReadonlyMap<string, CatalogueColumn>;

  before(async () => {
    server = await startPostgres();
    client = await connectPostgres(server);
    const list = Object.entries(TYPES).map(([name, type]) => `"${name}" ${type}`);
    await client.query(`CREATE EXTENSION citext; CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE DOMAIN code AS varchar(5) CHECK (value ~ '^[a-z]+$');
      CREATE TABLE cells (${list.join(", ")}); SET timezone = 'UTC'`);
    const catalogue = await readCatalogue(async (sql) => (await client.query(sql)).rows);
    columns = new Map(catalogue.relations.find(({ name }) => name === "cells")?.columns.map((column) => [column.name, column]));
  });
  after(async () => {
    await client.end();
    await server.stop();
  });

  const expressionOf = (mask: Mask, name: string, reference?: string): string => {
    const column = columns.get(name);
    assert.ok(column);
    const made = maskExpression(mask, column, reference);
    assert.ok(made.kind === "expression", made.kind === "problem" ? made.message : "");
    return made.sql;
  };

  const evaluate = async (mask: Mask, name: keyof typeof TYPES, value: string | null) => {
    const base = TYPES[name] === "code" ? "varchar(5)" : TYPES[name];
    const sql = `SELECT (${expressionOf(mask, name)})::text AS shown, pg_typeof(${expressionOf(mask, name)})::text AS type
      FROM (SELECT $1::text::${base} AS "${name}") c`;
    const { rows } = await client.query({ text: sql, values: [value] });
    return { ...rows[0], base };
  };

  for (const [mask, name, value, shown] of SHOWN) {
    test(`${JSON.stringify(mask)} of ${TYPES[name]} ${JSON.stringify(value)} shows ${JSON.stringify(shown)}`, async () => {
      const found = await evaluate(mask, name, value);
      // text hides the padding of char(n); the type itself pads again on the wire.
      assert.equal(found.shown, shown === null ? null : name === "c16" ? shown.trimEnd() : shown);
      const { rows } = await client.query(`SELECT $1::regtype::text AS type`, [found.base.replace(/\(.*\)/, "")]);
      assert.equal(found.type, rows[0].type);
    });

    test(`${JSON.stringify(mask)} of ${TYPES[name]} NULL is NULL`, async () => {
      assert.equal((await evaluate(mask, name, null)).shown, null);
    });
  }

  test("over a qualified reference a mask shows what it shows over the column's name, whatever else has that name", async () => {
    for (const [mask, name, value, shown] of SHOWN) {
      const base = TYPES[name] === "code" ? "varchar(5)" : TYPES[name];
      const sql = `SELECT (${expressionOf(mask, name, `c."${name}"`)})::text AS shown
        FROM (SELECT $1::text::${base} AS "${name}") c, (SELECT NULL::${base} AS "${name}") other`;
      const { rows } = await client.query({ text: sql, values: [value] });
      assert.equal(rows[0].shown, shown === null ? null : name === "c16" ? shown.trimEnd() : shown, `${JSON.stringify(mask)} ${name}`);
    }
  });

  for (const [mask, name] of REFUSED) {
    test(`${JSON.stringify(mask)} does not fit ${TYPES[name]} and is a problem that names the column`, () => {
      const column = columns.get(name);
      assert.ok(column);
      const made = maskExpression(mask, column);
      assert.ok(made.kind === "problem");
      assert.match(made.message, new RegExp(` ${name} is `));
    });
  }

  test("the result has the column's own length and precision", async () => {
    for (const [mask, name] of [
      [REDACT, "v11"],
      [keepLast(4), "c16"],
      [YEAR, "ts"],
      [{ kind: "null" }, "nu"],
    ] as const) {
      const { fields } = await client.query(`SELECT ${expressionOf(mask, name)} AS x, "${name}" AS y FROM cells`);
      assert.deepEqual(
        fields[0] && [fields[0].dataTypeID, fields[0].dataTypeModifier],
        fields[1] && [fields[1].dataTypeID, fields[1].dataTypeModifier],
      );
    }
  });

  test("no setting of the session moves the year of a timestamp with time zone", async () => {
    const shown = new Set<string>();
    for (const zone of ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "<x>167", "<x>-167"]) {
      await client.query(`SET timezone = '${zone}'`);
      const { rows } = await client.query(
        `SELECT extract(epoch FROM ${expressionOf(YEAR, "tz")})::text AS x FROM (SELECT '1984-01-01 00:30:00+00'::timestamptz AS tz) c`,
      );
      shown.add(rows[0].x);
    }
    await client.query("SET timezone = 'UTC'");
    assert.equal(shown.size, 1);
  });
});
