/** Judgements that are kept: by the exact text, and by its template where constants decide nothing. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { loadGrammar } from "#protocols/postgres/protocol.ts";
import { Judgements, type Scope } from "#src/sessions/judge.ts";
import { AGENT, DOCUMENT } from "#test/protocols/sql/postgres/corpus/seed.ts";

const SCOPE: Scope = {
  document: DOCUMENT,
  principal: { ...AGENT, name: "owner" },
  target: "shop",
  view: null,
  catalogue: null,
  guarded: false,
  rejudge: null,
  digest: (literal) => `digest of ${literal}`,
};

before(loadGrammar);

describe("texts that differ in constants alone", () => {
  test("are judged once, and each is recorded as it was sent", () => {
    const judge = new Judgements().judge(SCOPE);
    const [first, second] = [judge("SELECT a FROM t WHERE id = 1"), judge("SELECT a FROM t WHERE id = 22")];
    assert.equal(first.recordedSql, "SELECT a FROM t WHERE id = 1");
    assert.equal(second.recordedSql, "SELECT a FROM t WHERE id = 22");
    assert.equal(second.tables, first.tables, "the very same list: it was not read off the text again");
  });

  test("are judged each by itself where a setting is made of one", () => {
    const judge = new Judgements().judge(SCOPE);
    const [role, other] = ["role", "work_mem"].map((name) => judge(`SELECT set_config('${name}', 'x', false)`));
    assert.notEqual(role?.changesCatalogue, other?.changesCatalogue);
  });

  test("are judged each by itself under a guardrail", () => {
    const judge = new Judgements().judge({ ...SCOPE, guarded: true });
    assert.notEqual(judge("SELECT a FROM t LIMIT 1").tables, judge("SELECT a FROM t LIMIT 2").tables);
  });

  test("are refused under a guardrail where the next text would be read otherwise", () => {
    const guarded = new Judgements().judge({ ...SCOPE, guarded: true });
    for (const sql of [
      "SET standard_conforming_strings = off",
      "SELECT 1; SET LOCAL \"standard_conforming_strings\" TO 'off'",
      "SET NAMES 'SJIS'",
      "SELECT set_config('standard_conforming_strings', 'off', false)",
      "SELECT set_config('standard_' || 'conforming_strings', 'off', false)",
      "UPDATE pg_settings SET setting = 'off' WHERE name = 'standard_conforming_strings'",
      'SET U&"standard_conforming\\005fstrings" = off',
    ]) {
      assert.deepEqual([guarded(sql).verdict, guarded(sql).denial?.reason], ["deny", "statement-unparsed"], sql);
    }
    for (const sql of [
      "SET standard_conforming_strings = on",
      "SET NAMES 'UTF8'",
      "SELECT set_config('work_mem', '1MB', false)",
      "SELECT names FROM t",
    ]) {
      assert.equal(guarded(sql).verdict, "allow", sql);
    }
  });

  test("share nothing with another principal", () => {
    const judgements = new Judgements();
    const [owner, nobody] = [SCOPE, { ...SCOPE, document: { ...DOCUMENT, access: { rules: [] } } }].map((scope) => judgements.judge(scope));
    assert.equal(owner?.("SELECT a FROM t WHERE id = 1").verdict, "allow");
    assert.equal(nobody?.("SELECT a FROM t WHERE id = 2").verdict, "deny");
  });

  test("are cut short in the record each by itself", () => {
    const judge = new Judgements().judge(SCOPE);
    judge("SELECT a FROM t WHERE b = 'x'");
    const long = judge(`SELECT a FROM t WHERE b = '${"y".repeat(4000)}'`);
    assert.equal(typeof long.recordedSql === "string" ? long.recordedSql.length : 0, 4028);
  });
});
