/** Judgements of MySQL texts: what a server may read in two ways, and what must not stand in the record. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { policyDocumentSchema } from "#policies/document.ts";
import type { Principal } from "#policies/question.ts";
import { DEFAULT_SQL_MODE, loadMysqlGrammar, type Settings } from "#protocols/mysql/protocol.ts";
import { MysqlJudgements } from "#src/sessions/mysql-judge.ts";

const document = policyDocumentSchema.parse({
  access: {
    rules: [
      { name: "readers", who: { groups: ["agents"] }, targets: ["shop"], may: ["read"] },
      { name: "owners", who: { groups: ["dba"] }, targets: ["shop"], may: ["read", "write", "schema", "admin"] },
    ],
  },
});
const SETTINGS: Settings = { database: "shop", sqlMode: DEFAULT_SQL_MODE, charset: "utf8mb4" };

function judged(sql: string, group = "agents", settings = SETTINGS) {
  const principal: Principal = { issuer: "https://idp", name: "x", groups: [group], actor: null };
  return new MysqlJudgements().judge({
    document,
    principal,
    target: "shop",
    view: null,
    guarded: false,
    sizeOf: null,
    rejudge: null,
    digest: () => "<digest>",
  })(sql, settings);
}

describe("judgements of MySQL texts", () => {
  before(loadMysqlGrammar);

  test("a text with comments that not every server executes is allowed where each reading is", () => {
    for (const sql of [
      "SELECT 1 /*!99999 AS ' */ INTO OUTFILE \"/x\" -- ' */",
      "SELECT ' /*!80000 x */ '; /*!80000 SELECT ' */ DELETE FROM t -- ' */",
      "SELECT 1 /*M! AS ' */ INTO OUTFILE \"/x\" -- ' */",
      "SELECT 1 /*!99999 INTO @x */",
      "SELECT 1 /*!123456 + 1 */",
    ]) {
      assert.equal(judged(sql).verdict, "deny", sql);
    }
    for (const sql of ["SELECT 1 /*!99999 + 1 */", "/*!40101 SET NAMES utf8mb4 */", "/*!80000 SET @a = 1 */", "SELECT '/*!123456 x */'"]) {
      assert.equal(judged(sql).verdict, "allow", sql);
    }
  });

  test("a version of six digits is read as MariaDB, as MySQL since 8.1 and as MySQL before it would", () => {
    for (const sql of [
      "/*!100100 SET @a = 1 */",
      "/*!100616 SET @OLD_NOTE_VERBOSITY=@@NOTE_VERBOSITY, NOTE_VERBOSITY=0 */",
      "/*M!100616 SET @OLD_NOTE_VERBOSITY=@@NOTE_VERBOSITY, NOTE_VERBOSITY=0 */",
      "/*!999999\\- enable the sandbox mode */ SELECT 1",
      "/*M!999999\\- enable the sandbox mode */ SELECT 1",
      "SELECT /*!100100 a, */ b FROM t",
    ]) {
      assert.equal(judged(sql).verdict, "allow", sql);
    }
    for (const sql of [
      "/*!100100 DELETE FROM t */",
      "SELECT /*!100100 1 ; DELETE FROM t */",
      "SELECT 1 /*!100100, ' */ ; DELETE FROM t -- ' */",
      // By five digits a number stands there, and what is behind it is a statement.
      "SELECT 1 /*!10010010 */ INTO OUTFILE '/x'",
      "SELECT 1 /*!080000 + 1 */ /*!80000 ; DELETE FROM t */",
      "SELECT 1 /*!50100, 2 */ /*!050100 + ' */ INTO @x -- ' */",
    ]) {
      assert.equal(judged(sql).verdict, "deny", sql);
    }
  });

  test("a KILL with such a comment is nobody's own", () => {
    assert.equal(judged("KILL /*!99999 QUERY */ 7").verdict, "deny");
    assert.deepEqual(judged("KILL QUERY 7").instead, { kind: "kill", id: 7, connection: false });
  });

  test("white space of another character set hides no key word", () => {
    assert.equal(judged("SELECT a\u00a0INTO\u00a0OUTFILE '/x'", "agents", { ...SETTINGS, charset: "latin1" }).verdict, "deny");
  });

  test("passwords are digests in the record, understood or not", () => {
    for (const sql of [
      "CREATE USER x IDENTIFIED BY 'sesame'",
      'ALTER USER x IDENTIFIED BY "sesame" REPLACE "sesame"',
      "SET PASSWORD = 'se''same'",
      "SET PASSWORD = PASSWORD('it\\'s sesame')",
      "CREATE USER x IDENTIFIED BY 'sesame",
      "CHANGE MASTER TO MASTER_PASSWORD='sesame'",
      "CREATE USER x IDENTIFIED WITH mysql_native_password AS 0x5e5a3e",
    ]) {
      const { recordedSql } = judged(sql, "dba");
      assert.match(JSON.stringify(recordedSql), /<digest>/, sql);
      assert.doesNotMatch(JSON.stringify(recordedSql), /same|5e5a3e/, sql);
    }
    assert.equal(judged("SELECT 'sesame'", "dba").recordedSql, "SELECT 'sesame'");
  });

  test("texts that differ in constants alone are judged once, and each is recorded as it was sent", () => {
    const principal: Principal = { issuer: "https://idp", name: "x", groups: ["agents"], actor: null };
    const scope = { document, principal, target: "shop", view: null, sizeOf: null, rejudge: null, digest: () => "<digest>" };
    const judgements = new MysqlJudgements();
    const [free, guarded] = [false, true].map((one) => judgements.judge({ ...scope, guarded: one }));
    const ask = (judge: typeof free, id: number, settings = SETTINGS) => judge?.(`SELECT a FROM t WHERE id = ${id}`, settings);
    assert.equal(ask(free, 2)?.tables, ask(free, 1)?.tables, "the very same list: it was not read off the text again");
    assert.equal(ask(free, 3)?.recordedSql, "SELECT a FROM t WHERE id = 3");
    assert.notEqual(ask(guarded, 2)?.tables, ask(guarded, 1)?.tables, "a guardrail may look at them");
    const latin = { ...SETTINGS, charset: "latin1" };
    assert.notEqual(ask(free, 5, latin)?.tables, ask(free, 4, latin)?.tables, "in other character sets nothing is taken for the same");
    assert.equal(free?.("DELETE FROM t WHERE id = 1", SETTINGS).verdict, "deny");
    assert.equal(free?.("DELETE FROM t WHERE id = 2", SETTINGS).recordedSql, "DELETE FROM t WHERE id = 2");
  });
});
