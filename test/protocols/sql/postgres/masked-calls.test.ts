/** Code that runs without a name in the text, where no server is needed to tell. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { analyse } from "#protocols/sql/postgres/analyse.ts";
import { loadGrammar } from "#protocols/sql/postgres/grammar.ts";
import type { MaskingView } from "#protocols/sql/postgres/protection.ts";
import { smallView } from "./small-view.ts";

before(loadGrammar);

const base = smallView();
const text = {
  oid: 99,
  schema: "public",
  name: "as_text",
  volatility: "stable",
  securityDefiner: false,
  extension: null,
  constructs: false,
} as const;

function withCast(language: string, functionsAllowed: readonly string[] = []): MaskingView {
  const catalogue = {
    ...base.catalogue,
    functions: [{ ...text, language }],
    types: [{ schema: "pg_catalog", name: "int4", calls: [99] }],
  };
  return { ...base, catalogue, functionsAllowed };
}

function reasonOf(sql: string, view: MaskingView): string | undefined {
  const { facts } = analyse(sql, view);
  const masking = facts.kind === "parsed" ? facts.statements[0]?.masking : undefined;
  return masking?.kind === "obstacle" ? masking.obstacle.reason : masking?.kind;
}

describe("a cast between types of the server's own that calls a function of a user's", () => {
  test("stops every query, since it may run anywhere; what runs no query goes on", () => {
    for (const sql of ["SELECT 1", "SELECT id FROM orders", "UPDATE orders SET total = 1", "VALUES (1)", "COPY orders FROM STDIN"])
      assert.equal(reasonOf(sql, withCast("sql")), "masked-function", sql);
    for (const sql of ["BEGIN", "SHOW all", "SET application_name = 'x'"]) assert.equal(reasonOf(sql, withCast("sql")), "clear", sql);
  });

  test("is no matter when the function is listed, or written in C", () => {
    assert.equal(reasonOf("SELECT 1", withCast("sql", ["public.as_text"])), "clear");
    assert.equal(reasonOf("SELECT 1", withCast("c")), "clear");
  });
});
