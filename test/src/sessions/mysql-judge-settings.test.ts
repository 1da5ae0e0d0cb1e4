/** One judge, one text, and sessions that read it otherwise: what was judged for one of them is not taken for another. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { policyDocumentSchema } from "#policies/document.ts";
import type { ActiveMask, Principal } from "#policies/question.ts";
import {
  DEFAULT_SQL_MODE,
  loadMysqlGrammar,
  type MysqlMaskingView,
  NO_TEMPORARY,
  readSqlMode,
  resolveMysqlProtection,
  type Settings,
} from "#protocols/mysql/protocol.ts";
import { MysqlJudgements } from "#src/sessions/mysql-judge.ts";
import { catalogueOf, table } from "#test/protocols/sql/mysql/small-catalogue.ts";

const SETTINGS: Settings = { database: "app", sqlMode: DEFAULT_SQL_MODE, charset: "utf8mb4" };
const RULE = { name: "pii", target: "shop", columns: ["app.*.ssn"], with: "redact" };
const READER: Principal = { issuer: "https://idp", name: "x", groups: ["agents"], actor: null };
const OWNER: Principal = { ...READER, groups: ["dba"] };

function viewOf(mask: ActiveMask["mask"]): MysqlMaskingView {
  const catalogue = catalogueOf([
    table("app", "users", ["id", "ssn"]),
    table("other", "users", ["id", "ssn"]),
    table("app", "sizes", ["größe", "ssn"]),
  ]);
  const { protection } = resolveMysqlProtection(catalogue, [{ rule: "pii", columns: RULE.columns, tags: [], mask }]);
  return { catalogue, protection, functionsAllowed: [] };
}

function judge(principal: Principal, mask: ActiveMask["mask"] | null = null) {
  const document = policyDocumentSchema.parse({
    access: {
      rules: [
        { name: "readers", who: { groups: ["agents"] }, targets: ["shop"], may: ["read"] },
        { name: "owners", who: { groups: ["dba"] }, targets: ["shop"], may: ["read", "write", "schema", "admin"] },
      ],
    },
    ...(mask === null ? {} : { masking: { rules: [RULE] } }),
  });
  const view = mask === null ? null : viewOf(mask);
  const scope = { document, principal, target: "shop", view, guarded: false, sizeOf: null, rejudge: null, digest: () => "<digest>" };
  return new MysqlJudgements().judge(scope);
}

describe("the same text", () => {
  before(loadMysqlGrammar);

  test("is judged anew where the session's sql_mode cuts it otherwise", () => {
    const ask = judge(READER);
    const sql = "SELECT '\\'; DELETE FROM t; -- '";
    assert.equal(ask(sql, SETTINGS).verdict, "allow");
    assert.equal(ask(sql, { ...SETTINGS, sqlMode: readSqlMode("NO_BACKSLASH_ESCAPES") }).verdict, "deny");
    assert.equal(ask(sql, SETTINGS).verdict, "allow");
  });

  test("is judged anew in another character set", () => {
    const ask = judge(READER);
    assert.equal(ask("SELECT é FROM t", SETTINGS).verdict, "allow");
    assert.equal(ask("SELECT é FROM t", { ...SETTINGS, charset: "latin1" }).verdict, "deny");
  });

  test("means other tables in another database", () => {
    const ask = judge(READER, { kind: "redact" });
    const sql = "SELECT ssn FROM users";
    assert.equal(ask(sql, { ...SETTINGS, database: "other" }).verdict, "allow");
    assert.equal(ask(sql, SETTINGS).verdict, "mask");
    assert.equal(ask(sql, { ...SETTINGS, database: null }).verdict, "deny");
  });

  test("means a temporary table only while the session has it", () => {
    const ask = judge(OWNER, { kind: "redact" });
    const made = ask("CREATE TEMPORARY TABLE copies AS SELECT id FROM users", SETTINGS).temporary;
    const temporary = NO_TEMPORARY.begin(made).done(made);
    assert.equal(ask("SELECT * FROM copies", { ...SETTINGS, temporary }).verdict, "allow");
    assert.equal(ask("SELECT * FROM copies", SETTINGS).denial?.reason, "masked-undefined-table");
  });
});

test("of a text of several, a statement behind USE means tables of the database that it names", async () => {
  await loadMysqlGrammar();
  const { several } = judge(READER, { kind: "redact" })("SELECT ssn FROM users; USE other; SELECT ssn FROM users", SETTINGS);
  assert.deepEqual(
    several.map(({ judgement, settings }) => [judgement.verdict, settings.database]),
    [
      ["mask", "app"],
      ["allow", "app"],
      ["allow", "other"],
    ],
  );
});

test("what runs out of sight may prepare statements by name", async () => {
  await loadMysqlGrammar();
  const ask = judge(OWNER);
  for (const [sql, may] of [
    ["CALL anything()", true],
    ["no statement at all", true],
    ["SELECT 1", false],
  ] as const) {
    assert.equal(ask(sql, SETTINGS).mayPrepare, may, sql);
  }
});

describe("judgements of MySQL texts under a mask", () => {
  before(loadMysqlGrammar);

  test("let nothing beyond ASCII upstream where the session's set is another than UTF-8, not even of the gateway's own", () => {
    const ask = judge(READER, { kind: "redact" });
    assert.equal(ask("SELECT ssn FROM sizes", SETTINGS).verdict, "mask");
    assert.equal(ask("SELECT ssn FROM sizes", { ...SETTINGS, charset: "latin1" }).denial?.reason, "masked-unsupported");
    assert.equal(ask("SELECT id FROM other.users", { ...SETTINGS, charset: "latin1" }).verdict, "allow");
  });

  test("keep literals that meet masked columns from the names of columns on record", () => {
    const { recordedName } = judge(READER, { kind: "redact" })("SELECT ssn = 'guess' FROM users", SETTINGS);
    assert.equal(recordedName?.("ssn = 'guess'"), "ssn = <digest>");
  });
});

test("the file of LOAD DATA LOCAL is certain where every server reads the same name", async () => {
  await loadMysqlGrammar();
  const ask = judge(OWNER);
  assert.deepEqual(ask("LOAD DATA LOCAL INFILE 'y' INTO TABLE t", SETTINGS).localFile, { name: "y" });
  const twoNames = "LOAD DATA LOCAL INFILE /*!99999 'x' INTO TABLE t -- */ 'y' INTO TABLE t";
  assert.deepEqual(ask(twoNames, SETTINGS).localFile, { name: null });
});
