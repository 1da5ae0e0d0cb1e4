/** COPY of relations with masked columns by name: the query that it becomes, and what has no such query. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { analyse } from "#protocols/sql/postgres/analyse.ts";
import { loadGrammar } from "#protocols/sql/postgres/grammar.ts";
import type { MaskingView } from "#protocols/sql/postgres/protection.ts";
import { smallView } from "./small-view.ts";

before(loadGrammar);

const SSN = `CAST(CASE WHEN "ssn" IS NULL THEN NULL ELSE '***' END AS text) AS "ssn"`;
const SALARY = `CAST(NULL AS numeric) AS "salary"`;
const rewritten = (sql: string) => analyse(sql, smallView()).rewritten?.sql;

describe("COPY of a masked relation", () => {
  const cases: readonly (readonly [string, string])[] = [
    [
      "COPY users TO STDOUT",
      `COPY (SELECT "id", "name", "ssn", "salary" FROM (SELECT "id", "name", ${SSN}, ${SALARY} FROM ONLY "public"."users") AS copied) TO STDOUT`,
    ],
    [
      'copy /* all */ public . users ( ssn , "id" ) -- so\n to stdout with (format csv, force_quote (id))',
      `copy /* all */ (SELECT "ssn", "id" FROM (SELECT "id", ${SSN} FROM ONLY "public"."users") AS copied) -- so\n to stdout with (format csv, force_quote (id))`,
    ],
    [
      "COPY users (copied, users) TO STDOUT",
      'COPY (SELECT "copied", "users" FROM (SELECT  FROM ONLY "public"."users") AS copied_) TO STDOUT',
    ],
    [
      'COPY users (ssn) TO STDOUT; COPY "größe" TO STDOUT',
      `COPY (SELECT "ssn" FROM (SELECT ${SSN} FROM ONLY "public"."users") AS copied) TO STDOUT; ` +
        `COPY (SELECT "id", "geheim" FROM (SELECT "id", ${SSN.replaceAll("ssn", "geheim")} FROM ONLY "public"."größe") AS copied) TO STDOUT`,
    ],
  ];
  for (const [sql, expected] of cases) {
    test(`is COPY of a query: ${sql}`, () => assert.equal(rewritten(sql), expected));
  }

  test("leaves generated columns out, as COPY does", () => {
    const view = smallView();
    const relations = view.catalogue.relations.map((relation) => ({
      ...relation,
      columns: relation.columns.map((column) => ({ ...column, generated: column.name === "name" })),
    }));
    const { rewritten } = analyse("COPY users TO STDOUT", { ...view, catalogue: { ...view.catalogue, relations } });
    assert.match(rewritten?.sql ?? "", /^COPY \(SELECT "id", "ssn", "salary" FROM/);
  });

  test("of data from the client gives generated columns no values, whatever they are computed from", () => {
    const view = smallView();
    const relations = view.catalogue.relations.map((relation) => ({
      ...relation,
      columns: relation.columns.map((column) => {
        const computed = { ...column, generated: true, generatedFrom: column.name === "ssn" ? [] : [1] };
        return /^(ssn|salary)$/.test(column.name) ? computed : column;
      }),
    }));
    const masking = (sql: string, catalogue: MaskingView["catalogue"]) => {
      const { facts } = analyse(sql, { ...view, catalogue });
      const found = facts.kind === "parsed" ? facts.statements[0]?.masking : undefined;
      return found?.kind === "obstacle" ? found.obstacle.reason : null;
    };
    assert.equal(masking("COPY users FROM STDIN", { ...view.catalogue, relations }), null);
    assert.equal(masking("COPY users FROM STDIN", view.catalogue), "masked-write");
    assert.equal(masking("COPY users (id, ssn) FROM STDIN", { ...view.catalogue, relations }), "masked-write");
  });

  test("can't be said of what the server would refuse, or of texts that only look alike", () => {
    for (const sql of [
      "COPY users (id, id) TO STDOUT",
      "COPY BINARY users TO STDOUT",
      "COPY users TO STDOUT USING DELIMITERS '|'",
      'COPY U&"\\0075sers" TO STDOUT',
    ])
      assert.equal(rewritten(sql), undefined, sql);
  });
});
