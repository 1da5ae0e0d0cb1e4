/** Which defaults of masked columns the catalogue shows no more, on a catalogue written by hand. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { Catalogue, CatalogueColumn } from "#protocols/sql/catalogue.ts";
import { analyse } from "#protocols/sql/postgres/analyse.ts";
import { loadGrammar } from "#protocols/sql/postgres/grammar.ts";
import { type MaskingView, resolveProtection } from "#protocols/sql/postgres/protection.ts";
import { smallView } from "./small-view.ts";

before(loadGrammar);

const { catalogue } = smallView();
const [users] = catalogue.relations;
const [sample] = users?.columns ?? [];

/** `users` with one column more, masked, whose default this is; and the server's relations that show defaults. */
function viewWith(expression: string | null, change: Partial<CatalogueColumn> = {}): MaskingView {
  assert.ok(users !== undefined && sample !== undefined);
  const made = (name: string, number: number, type = "text"): CatalogueColumn => ({ ...sample, name, number, type, baseType: type });
  const own = { ...users, columns: [...users.columns, { ...made("late", 9), default: expression, ...change }] };
  const attrdef = { ...users, oid: 2604, schema: "pg_catalog", name: "pg_attrdef" };
  const columns = { ...users, oid: 13000, schema: "information_schema", name: "columns" };
  const relations = [
    own,
    { ...attrdef, columns: [made("adrelid", 2, "oid"), made("adnum", 3, "smallint"), made("adbin", 4, "pg_node_tree")] },
    { ...columns, columns: ["table_schema", "table_name", "column_name", "column_default"].map((name, index) => made(name, index + 1)) },
  ];
  const all: Catalogue = { ...catalogue, relations };
  const { protection } = resolveProtection(all, [{ rule: "pii", columns: ["public.users.late"], tags: [], mask: { kind: "redact" } }]);
  return { catalogue: all, protection, functionsAllowed: [] };
}

const sent = (sql: string, view: MaskingView): string => analyse(sql, view).rewritten?.sql ?? sql;
const isHidden = (expression: string | null, change?: Partial<CatalogueColumn>) =>
  sent("SELECT adbin FROM pg_attrdef", viewWith(expression, change)).includes("WHERE NOT");

describe("the default of a masked column", () => {
  test("is hidden where it holds a constant", () => {
    for (const expression of [
      "'x'::text",
      "5",
      "'-1'::integer",
      "1.5",
      "lower('ABC'::text)",
      "('a'::text || now())",
      "'{a}'::text[]",
      "B'1'",
    ])
      assert.equal(isHidden(expression), true, expression);
  });

  test("stays where it holds none, or one that says nothing", () => {
    const open = [
      "now()",
      "CURRENT_DATE",
      "nextval('public.seq'::regclass)",
      "gen_random_uuid()",
      "NULL::text",
      "true",
      "0",
      "''::text",
      "'{}'::jsonb",
    ];
    for (const expression of [null, ...open]) assert.equal(isHidden(expression), false, String(expression));
  });

  test("is hidden where it can't be read, and is none where the column is generated", () => {
    assert.equal(isHidden("(("), true);
    assert.equal(isHidden("'x'::text", { generated: true }), false);
  });

  test("goes out of the catalogue as if there were none, and out of information_schema as NULL", () => {
    const view = viewWith("'x'::text");
    assert.equal(
      sent("SELECT adbin FROM pg_attrdef", view),
      'SELECT adbin FROM (SELECT CAST(CASE WHEN ("adrelid" OPERATOR(pg_catalog.=) 1 AND "adnum" OPERATOR(pg_catalog.=) 9) THEN NULL ELSE "adbin" END AS pg_node_tree) AS "adbin" FROM "pg_catalog"."pg_attrdef" WHERE NOT (("adrelid" OPERATOR(pg_catalog.=) 1 AND "adnum" OPERATOR(pg_catalog.=) 9))) AS "pg_attrdef"',
    );
    assert.match(
      sent("SELECT column_default FROM information_schema.columns", view),
      /CASE WHEN \("table_schema" OPERATOR\(pg_catalog\.=\) 'public' AND "table_name" OPERATOR\(pg_catalog\.=\) 'users' AND "column_name" OPERATOR\(pg_catalog\.=\) 'late'\) THEN NULL/,
    );
    assert.equal(sent("SELECT table_name FROM information_schema.columns", view), "SELECT table_name FROM information_schema.columns");
  });
});
