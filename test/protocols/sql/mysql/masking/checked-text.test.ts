/** The two checks behind every rewriting, each given what a fault of ours would give it: they refuse what no text here can lead to. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { checkReading, checkText } from "#protocols/sql/mysql/checked-text.ts";
import { loadGrammar } from "#protocols/sql/mysql/grammar.ts";
import { lex, type Token } from "#protocols/sql/mysql/lexer.ts";
import type { MaskedQuery } from "#protocols/sql/mysql/masked-query.ts";
import { resolveTable, type TableContext } from "#protocols/sql/mysql/masked-tables.ts";
import { resolveMysqlProtection } from "#protocols/sql/mysql/protection.ts";
import { readQuery } from "#protocols/sql/mysql/read-query.ts";
import { type Found, Reader } from "#protocols/sql/mysql/reading.ts";
import { DEFAULT_SQL_MODE } from "#protocols/sql/mysql/sql-mode.ts";
import { NO_TEMPORARY } from "#protocols/sql/mysql/temporary.ts";
import { catalogueOf, table } from "#test/protocols/sql/mysql/small-catalogue.ts";

function tokensOf(sql: string): readonly Token[] {
  const lexed = lex(sql, { sqlMode: DEFAULT_SQL_MODE, executes: null });
  assert.ok(lexed.kind === "tokens", sql);
  return lexed.tokens;
}

function foundIn(tokens: readonly Token[]): Found {
  const reader = new Reader(tokens, (name) => name, readQuery);
  readQuery(reader);
  return reader.found;
}

const unsound = { reason: "masked-unsupported" };

describe("a statement is refused", () => {
  before(loadGrammar);

  test("where the grammar library finds tables or functions that our readers did not", () => {
    const tokens = tokensOf("SELECT ABS(a) FROM t, u");
    checkReading(tokens, foundIn(tokens));
    const found = foundIn(tokens);
    assert.throws(() => checkReading(tokens, { ...found, tables: found.tables.slice(1) }), unsound);
    assert.throws(() => checkReading(tokens, { ...found, calls: [] }), unsound);
    assert.throws(() => checkReading(tokensOf("SELECT ABS(a) FROM t, u, v"), found), unsound);
  });

  test("where a protected table stands outside of what the gateway put there, or fewer were put there than taken away", () => {
    const catalogue = catalogueOf([table("app", "users", ["id", "ssn"])]);
    const { protection } = resolveMysqlProtection(catalogue, [
      { rule: "pii", columns: ["app.users.ssn"], tags: [], mask: { kind: "null" } },
    ]);
    const context: TableContext = {
      view: { catalogue, protection, functionsAllowed: [] },
      ...{ database: "app", temporary: NO_TEMPORARY, readView: () => ({ kind: "plain", tables: [] }), text: () => "" },
    };
    const resolved = foundIn(tokensOf("SELECT 1 FROM users")).tables.map((mention) => resolveTable(mention, context, false));
    const check = (text: string, ours: string, replaced: MaskedQuery["resolved"] = resolved): void => {
      const start = text.indexOf(ours);
      const inserted = ours === "" ? [] : [{ start, end: start + ours.length }];
      const spelled = { text, inserted, starts: new Int32Array(), ends: new Int32Array() };
      const settings = { sqlMode: DEFAULT_SQL_MODE, foreign: false, database: "app" };
      checkText(spelled, { resolved: replaced, edits: [], columns: [] }, context, settings, (tokens) => {
        const found = foundIn(tokens);
        return { found, sources: found.tables };
      });
    };
    const ours = "(SELECT id FROM app.users) AS users";
    check(`SELECT id FROM ${ours}`, ours);
    assert.throws(() => check(`SELECT id FROM ${ours}, app.users AS other`, ours), unsound);
    assert.throws(() => check(`SELECT id FROM app.users AS other, ${ours}`, ours), unsound);
    assert.throws(() => check(`SELECT id FROM ${ours}`, ours, []), unsound);
    assert.throws(() => check("SELECT 1", ""), unsound);
  });
});
