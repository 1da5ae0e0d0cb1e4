/** What a session under a mask may set, and what it may not be read from; without a server. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { loadGrammar } from "#protocols/sql/mysql/grammar.ts";
import { type MaskedText, maskedText } from "#protocols/sql/mysql/masked-text.ts";
import { resolveMysqlProtection } from "#protocols/sql/mysql/protection.ts";
import { DEFAULT_SQL_MODE } from "#protocols/sql/mysql/sql-mode.ts";
import { catalogueOf, table } from "#test/protocols/sql/mysql/small-catalogue.ts";

function masked(sql: string, sqlModeOfServer = ""): MaskedText {
  const catalogue = { ...catalogueOf([table("app", "users", ["id", "ssn"]), table("app", "orders", ["id"])]), sqlMode: sqlModeOfServer };
  const rule = { rule: "pii", columns: ["app.users.ssn"], tags: [], mask: { kind: "redact" } } as const;
  const { protection } = resolveMysqlProtection(catalogue, [rule]);
  const settings = { sqlMode: DEFAULT_SQL_MODE, foreign: false, database: "app" };
  return maskedText(sql, { catalogue, protection, functionsAllowed: [] }, settings);
}

function reasonOf(found: MaskedText): string {
  return found.kind === "refused" ? found.obstacle.reason : "passes";
}

describe("settings under a mask", () => {
  before(loadGrammar);

  test("are the session's own and of a list", () => {
    for (const [sql, reason] of [
      ["SET autocommit = 0", "passes"],
      ["SET SESSION time_zone = '+00:00', @@session.sql_safe_updates = 1", "passes"],
      ["SET GLOBAL autocommit = 0", "masked-setting"],
      ["SET @@global.autocommit = 0", "masked-setting"],
      ["SET PERSIST autocommit = 0", "masked-setting"],
      ["SET @@persist.autocommit = 0", "masked-setting"],
      ["SET PERSIST_ONLY autocommit = 0", "masked-setting"],
      ["SET autocommit = 0, GLOBAL max_join_size = 1", "masked-setting"],
      ["SET session_track_system_variables = ''", "masked-setting"],
      ["SET session_track_schema = OFF", "masked-setting"],
      ["SET general_log = 1", "masked-setting"],
      ["SET optimizer_trace = 'enabled=on'", "masked-setting"],
      ["SET profiling = 1", "masked-setting"],
    ] as const) {
      assert.equal(reasonOf(masked(sql)), reason, sql);
    }
  });

  test("keep texts in UTF-8 and readable", () => {
    for (const sql of [
      "SET NAMES gbk",
      "SET NAMES utf8mb4 COLLATE latin1_bin",
      "SET CHARACTER SET sjis",
      "SET CHARSET big5",
      "SET character_set_client = gbk",
      "SET character_set_connection = 'latin1'",
      "SET collation_connection = gbk_chinese_ci",
      "SET sql_mode = 'ANSI_QUOTES'",
      "SET sql_mode = 'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES'",
      "SET SESSION sql_mode = 'PIPES_AS_CONCAT'",
      "SET sql_mode = 4",
      "SET sql_mode = @x",
    ]) {
      assert.equal(reasonOf(masked(sql)), "masked-setting", sql);
    }
    for (const sql of ["SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SET sql_mode = 'STRICT_ALL_TABLES'", "SET sql_mode = DEFAULT"]) {
      assert.equal(reasonOf(masked(sql)), "passes", sql);
    }
  });

  test("take no values from tables, as user variables do, and none of functions that tell or do more than compute", () => {
    for (const target of ["@a", "max_join_size"]) {
      assert.equal(reasonOf(masked(`SET ${target} = 1 + ABS(2)`)), "passes");
      const ofTables = target === "@a" ? "passes" : "masked-statement-kind";
      assert.equal(reasonOf(masked(`SET ${target} = (SELECT id FROM orders)`)), ofTables);
      assert.equal(reasonOf(masked(`SET ${target} = (SELECT MAX(ssn) FROM users)`)), ofTables);
      for (const call of ["LOAD_FILE('x')", "SLEEP(5)", "IS_USED_LOCK('a')", "app.user_ssn(1)"]) {
        assert.equal(reasonOf(masked(`SET ${target} = ${call}`)), "masked-function", call);
      }
    }
  });
});

test("locks are taken by constants where no table is read, and by nothing else", async () => {
  await loadGrammar();
  for (const [sql, reason] of [
    ["SELECT GET_LOCK('a', 1), RELEASE_LOCK(?), IS_FREE_LOCK('a') + 1, RELEASE_ALL_LOCKS()", "passes"],
    ["DO GET_LOCK('a', -1)", "passes"],
    ["SET @a = GET_LOCK('a', 1)", "passes"],
    ["SET max_join_size = GET_LOCK('a', 1)", "masked-function"],
    ["SELECT GET_LOCK('a' 'b', 1)", "masked-function"],
    ["SELECT GET_LOCK('a', - - 1)", "masked-function"],
    ["SELECT GET_LOCK('a', -'1')", "masked-function"],
    ["SELECT GET_LOCK('a',)", "masked-unparsed"],
    ["SELECT GET_LOCK('a', 1) FROM orders", "masked-function"],
    ["SELECT (SELECT id FROM orders LIMIT 1), GET_LOCK('a', 1)", "masked-function"],
    ["SELECT GET_LOCK(CONCAT('a'), 1)", "masked-function"],
    ["SELECT GET_LOCK(DATABASE(), 1)", "masked-function"],
    ["SELECT GET_LOCK(@a, 1)", "masked-function"],
    ["SELECT IS_USED_LOCK('a')", "masked-function"],
    ["INSERT INTO orders VALUES (GET_LOCK('a', 1))", "masked-function"],
  ] as const) {
    assert.equal(reasonOf(masked(sql)), reason, sql);
  }
});

test("where the server reads another dialect nothing passes under a mask", async () => {
  await loadGrammar();
  for (const mode of ["ORACLE", "PIPES_AS_CONCAT,MSSQL", "DB2", "MAXDB", "POSTGRESQL"]) {
    assert.equal(reasonOf(masked("SELECT 1", mode)), "masked-setting", mode);
  }
});

test("a plan is shown of tables without masked columns alone", async () => {
  await loadGrammar();
  for (const explain of ["EXPLAIN", "DESCRIBE", "EXPLAIN FORMAT=JSON"]) {
    assert.equal(reasonOf(masked(`${explain} SELECT id FROM orders`)), "passes");
    assert.equal(reasonOf(masked(`${explain} SELECT id FROM users`)), "masked-statement-kind");
    assert.equal(reasonOf(masked(`${explain} DELETE FROM orders`)), "passes");
    assert.equal(reasonOf(masked(`${explain} UPDATE orders SET id = (SELECT 1 FROM users)`)), "masked-statement-kind");
  }
});

test("a text that is refused keeps its literals from the record where it speaks of masked columns", async () => {
  await loadGrammar();
  const kept = (sql: string) => masked(sql).sensitive.ranges.map(({ start, end }) => sql.slice(start, end));
  assert.deepEqual(kept("SELECT SLEEP(5) FROM users WHERE ssn = 'a'"), ["5", "'a'"]);
  assert.deepEqual(kept("SELECT SLEEP(5) FROM orders WHERE id = 'a'"), []);
});
