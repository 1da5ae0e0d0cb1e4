/** What becomes of texts under a mask, without a server: names by the server's rules of case, settings, places, digests, lineage. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import fc from "fast-check";
import { loadGrammar } from "#protocols/sql/mysql/grammar.ts";
import { type MaskedText, maskedText } from "#protocols/sql/mysql/masked-text.ts";
import { resolveMysqlProtection } from "#protocols/sql/mysql/protection.ts";
import { readSqlMode } from "#protocols/sql/mysql/sql-mode.ts";
import { catalogueOf, table, view } from "#test/protocols/sql/mysql/small-catalogue.ts";

const CATALOGUE = catalogueOf([
  table("app", "users", ["id", "name", "ssn"]),
  table("app", "orders", ["id", "user_id", "note"]),
  table("other", "users", ["id", "name"]),
  view("seen", "select `app`.`users`.`id` AS `id`,`app`.`users`.`ssn` AS `s` from `app`.`users`", ["id", "s"]),
  view("hidden", null, ["id"]),
  view("strange", "select `id` from `app`.`users` for system_time all", ["id"]),
]);

interface Settings {
  readonly mode?: string;
  readonly database?: string | null;
  readonly foreign?: boolean;
  readonly fold?: 0 | 1 | 2;
}

function masked(sql: string, { mode = "", database = "app", foreign = false, fold = 0 }: Settings = {}): MaskedText {
  const catalogue = { ...CATALOGUE, lowerCaseTableNames: fold };
  const rule = { rule: "pii", columns: ["app.users.ssn"], tags: [], mask: { kind: "redact" } } as const;
  const { protection } = resolveMysqlProtection(catalogue, [rule]);
  return maskedText(sql, { catalogue, protection, functionsAllowed: [] }, { sqlMode: readSqlMode(mode), foreign, database });
}

function text(sql: string, settings: Settings = {}): string {
  const found = masked(sql, settings);
  assert.equal(found.kind, "rewritten", found.kind === "refused" ? found.obstacle.message : "");
  return found.kind === "rewritten" ? found.text.replaceAll(/\s+/g, " ").trim() : "";
}

function reason(sql: string, settings: Settings = {}): string {
  const found = masked(sql, settings);
  return found.kind === "refused" ? found.obstacle.reason : `passes as ${found.text}`;
}

const USERS = "(SELECT `id`, `name`, IF(`ssn` IS NULL, `ssn`, CONCAT(LEFT(`ssn`, 0), '***')) AS `ssn` FROM `app`.`users`)";

describe("names in rules", () => {
  const protectedBy = (entry: string, fold: 0 | 1 | 2): readonly string[] => {
    const catalogue = {
      ...CATALOGUE,
      lowerCaseTableNames: fold,
      tables: [table("app", "Staff", ["id", "SSN"]), table("app", "users", ["id", "ssn"])],
    };
    const { protection } = resolveMysqlProtection(catalogue, [{ rule: "pii", columns: [entry], tags: [], mask: { kind: "redact" } }]);
    return [...protection.columns].flatMap(([{ name }, columns]) => [...columns.keys()].map((one) => `${name}.${one}`));
  };

  test("mean columns in any letters, as the server does", () => {
    assert.deepEqual(protectedBy("*.*.ssn", 0), ["Staff.SSN", "users.ssn"]);
    assert.deepEqual(protectedBy("*.*.S*N", 0), ["Staff.SSN", "users.ssn"]);
    assert.deepEqual(protectedBy("app.Staff.Ssn", 0), ["Staff.SSN"]);
  });

  test("mean databases and tables in any letters where the server folds them, and only there", () => {
    assert.deepEqual(protectedBy("APP.staff.ssn", 0), []);
    assert.deepEqual(protectedBy("app.USERS.ssn", 0), []);
    for (const fold of [1, 2] as const) {
      assert.deepEqual(protectedBy("APP.staff.ssn", fold), ["Staff.SSN"]);
      assert.deepEqual(protectedBy("App.U*.*", fold), ["users.id", "users.ssn"]);
    }
  });
});

describe("user variables", () => {
  before(loadGrammar);

  test("are set from queries that read masked values", () => {
    assert.equal(text("SET @a = (SELECT ssn FROM users), @b := 5"), `SET @a = (SELECT ssn FROM ${USERS} AS \`users\` ), @b := 5`);
    const found = masked("SET @a = (SELECT MAX(ssn) FROM users WHERE ssn > 'x')");
    assert.ok(found.kind === "rewritten" && found.rebuildErrors && found.sensitive.ranges.length === 1);
    assert.deepEqual(
      found.columns.map(({ column }) => column),
      ["ssn"],
    );
    assert.equal(text("SET @a = (SELECT COUNT(*) FROM orders)"), "SET @a = (SELECT COUNT(*) FROM `app`.`orders` )");
  });

  test("are set by themselves, and by nothing but SET", () => {
    for (const sql of [
      "SET @a = 1, sql_select_limit = (SELECT id FROM users)",
      "SET sql_select_limit = (SELECT 1 FROM orders), @a = 1",
      "SET @a = 1, @@autocommit = (SELECT 1 FROM orders)",
      "SET @a = (SELECT @b := 5)",
      "SET @a = (SELECT ssn INTO @b FROM users)",
      "SELECT ssn INTO @a FROM users",
      "DO @a := (SELECT ssn FROM users)",
    ])
      assert.match(reason(sql), /^masked-(statement-kind|unparsed)$/, sql);
    assert.equal(reason("SET @a = (SELECT id FROM users FOR UPDATE)"), "masked-unsupported");
    assert.equal(reason("SET @a = f((SELECT ssn FROM users))"), "masked-function");
    assert.equal(reason("SET @a = (SELECT id FROM nowhere)"), "masked-undefined-table");
  });
});

describe("aliases by the name of a masked column", () => {
  before(loadGrammar);

  const renamed = (sql: string): string => {
    const found = masked(sql);
    assert.equal(found.kind, "rewritten", sql);
    return found.kind === "rewritten" ? found.renamed.map((names) => names.join()).join("|") : "";
  };

  test("are told of columns that derive from none of that name", () => {
    for (const [sql, expected] of [
      ["SELECT DISTINCT name AS ssn FROM users", "ssn"],
      ["SELECT id, name AS SSN FROM users", "ssn|ssn"],
      ["SELECT x.* FROM (SELECT DISTINCT id, name AS ssn FROM users) x", "ssn|ssn"],
      ["WITH c AS (SELECT name AS ssn, COUNT(*) FROM users GROUP BY name) SELECT b.ssn FROM c a JOIN c b", "ssn"],
      ["WITH c (ssn) AS (SELECT DISTINCT name FROM users) SELECT ssn FROM c", "ssn"],
      ["SELECT x.ssn FROM (SELECT DISTINCT name FROM users) x (ssn)", "ssn"],
      ["SELECT o.id, x.ssn FROM orders o, LATERAL (SELECT name AS ssn FROM users u WHERE u.id = o.user_id) x", "ssn|ssn"],
      ["SELECT DISTINCT UPPER(name) AS ssn, 1 AS n FROM users", "ssn|ssn"],
      ["SELECT name AS ssn, users.ssn AS n FROM users", "ssn|"],
    ] as const)
      assert.equal(renamed(sql), expected, sql);
  });

  test("are not where the column may be one of that name, or it can't be told what it is", () => {
    for (const sql of [
      "SELECT ssn FROM users",
      "SELECT name FROM users",
      "SELECT DISTINCT ssn AS ssn FROM users",
      "SELECT CONCAT(name, ssn) AS ssn FROM users",
      "SELECT x.ssn FROM (SELECT name AS ssn FROM (SELECT ssn AS name FROM users) y) x",
      "SELECT x.ssn FROM (SELECT name AS ssn FROM users UNION SELECT ssn FROM users) x",
      "SELECT (SELECT ssn FROM users LIMIT 1) AS ssn FROM orders",
      "SELECT IF(id IN (SELECT id FROM users WHERE ssn = '***'), name, id) AS ssn FROM users",
      "WITH RECURSIVE c (a, b, ssn) AS (SELECT 1, ssn, name FROM users UNION ALL SELECT a + 1, ssn, b FROM c WHERE a < 3) SELECT ssn FROM c",
      "SELECT DISTINCT s AS ssn FROM seen",
      "SELECT DISTINCT nowhere AS ssn FROM users",
      "EXPLAIN SELECT DISTINCT note AS ssn FROM orders",
    ])
      assert.equal(renamed(sql).replaceAll("|", ""), "", sql);
  });
});

describe("texts under a mask on MySQL", () => {
  before(loadGrammar);

  test("a protected table gives way to a query, others are named in full", () => {
    assert.equal(text("SELECT ssn FROM users"), `SELECT ssn FROM ${USERS} AS \`users\``);
    assert.equal(text("select u.ssn from app.users u, orders"), `select u.ssn from ${USERS} AS \`u\` , \`app\`.\`orders\``);
    assert.equal(text("SELECT app.users.ssn FROM users"), `SELECT users.ssn FROM ${USERS} AS \`users\``);
    assert.equal(text("SELECT * FROM users", { database: "other" }), "SELECT * FROM `other`.`users`");
  });

  test("names of tables fold where the server folds them", () => {
    assert.equal(reason("SELECT * FROM USERS"), "masked-undefined-table");
    assert.equal(text("SELECT * FROM USERS", { fold: 1 }), `SELECT * FROM ${USERS} AS \`USERS\``);
    assert.equal(text("SELECT App.Users.ssn FROM App.Users", { fold: 2 }), `SELECT Users.ssn FROM ${USERS} AS \`Users\``);
  });

  test("a common table hides a table where the server sees it, and not elsewhere", () => {
    assert.match(
      text("WITH users AS (SELECT 1 AS ssn) SELECT * FROM users"),
      /^WITH `users 1` AS \(SELECT 1 AS ssn\) SELECT \* FROM `users 1` AS `users`$/,
    );
    assert.match(
      text("WITH users AS (SELECT * FROM users) SELECT * FROM users"),
      /^WITH `users 1` AS \(SELECT \* FROM \(SELECT .*`app`\.`users`\) AS `users` \) SELECT/,
    );
    assert.match(text("SELECT (WITH users AS (SELECT 1) SELECT 2), ssn FROM users"), /`app`\.`users`\) AS `users`$/);
    assert.match(text("WITH Users AS (SELECT 1) SELECT * FROM users"), /`app`\.`users`\) AS `users`$/);
  });

  test("views are read through, or refused", () => {
    assert.match(
      text("SELECT s FROM seen"),
      /^SELECT s FROM \(WITH `app.seen rows`|^SELECT s FROM \(select .*'\*\*\*'\)\) AS `ssn` FROM `app`\.`users`\) AS `users` ?\) AS `seen`$/,
    );
    assert.equal(reason("SELECT * FROM hidden"), "masked-view");
    assert.equal(reason("SELECT * FROM strange"), "masked-view");
  });

  test("quotes are read by sql_mode, and spelled for it", () => {
    assert.equal(text('SELECT "a\\"" FROM orders'), "SELECT 'a\"' FROM `app`.`orders`");
    assert.equal(text('SELECT "note" FROM orders', { mode: "ANSI_QUOTES" }), "SELECT `note` FROM `app`.`orders`");
    assert.equal(text("SELECT 'a\\' FROM orders", { mode: "NO_BACKSLASH_ESCAPES" }), "SELECT 'a\\' FROM `app`.`orders`");
    assert.equal(text("SELECT 'a\\\\' FROM orders"), "SELECT 'a\\\\' FROM `app`.`orders`");
    assert.match(text('SELECT "ssn" FROM "users"', { mode: "ANSI_QUOTES" }), /`app`\.`users`\) AS `users`$/);
  });

  test("comments that the server surely executes are text, and are gone from what is sent", () => {
    assert.equal(text("SELECT /*!40001 SQL_NO_CACHE */ id FROM orders"), text("SELECT SQL_NO_CACHE id FROM orders"));
    assert.equal(text("SELECT id /*!50000 , ssn */ FROM users"), text("SELECT id , ssn FROM users"));
    assert.equal(text("/*!80000 SET SESSION information_schema_stats_expiry=0 */"), text("SET SESSION information_schema_stats_expiry=0"));
    assert.equal(text("SELECT id FROM users /*! WHERE ssn = 'x' */"), text("SELECT id FROM users WHERE ssn = 'x'"));
    assert.equal(text("SHOW /*!50002 FULL*/ TABLES"), text("SHOW FULL TABLES"));
    assert.doesNotMatch(text("SELECT 1 /*!50000 + 1 */, '/*!' FROM users"), /\/\*![^']/);
    assert.equal(text("SELECT /*!50000 4 - */ 3 /*!50000 + 1 */ FROM users").split(" FROM")[0], "SELECT 4 - 3 + 1 AS `4 - 3 + 1`");
    assert.equal(text("SET SESSION character_set_results = 'binary'"), "SET SESSION character_set_results = 'binary'");
    for (const other of [
      "character_set_client = 'binary'",
      "character_set_connection = binary",
      "NAMES binary",
      "character_set_results = 'null'",
      "character_set_results = latin1",
    ])
      assert.equal(reason(`SET ${other}`), "masked-setting", other);
    assert.equal(reason("SELECT 1 /*!50000 ; DROP TABLE users */"), "masked-statement-kind");
    assert.equal(reason("SELECT 1 /*!50000 INTO OUTFILE 'x' */ FROM users"), "masked-statement-kind");
  });

  test("refusals have a reason, a place and a way on", () => {
    const found = masked("SELECT 1,\n SLEEP(5)");
    assert.equal(found.kind, "refused");
    if (found.kind !== "refused") return;
    assert.deepEqual(
      { reason: found.obstacle.reason, position: found.obstacle.position, hint: found.obstacle.hint },
      { reason: "masked-function", position: 12, hint: "use functions that only compute from their arguments" },
    );
    assert.equal(reason("SELECT 1; SELECT 2"), "masked-statement-kind");
    assert.equal(reason("SELECT * FROM users", { database: null }), "masked-undefined-table");
    assert.equal(reason("SELECT 'é' FROM orders", { foreign: true }), "masked-setting");
    assert.equal(reason("SELECT '\ufffd' FROM orders"), "masked-unparsed");
    assert.equal(reason("SELECT /*+ x */ 1"), "masked-unparsed");
    for (const mark of ["!99999", "!90701", "!100100", "!0050000", "!080000", "M!", "M!50000", "!999999", "+"])
      assert.equal(reason(`SELECT 1 /*${mark} + 1 */`), "masked-unparsed", mark);
    assert.equal(reason("SELECT 1 /*!50000 + 1 /*!50000 + 1 */ */"), "masked-unparsed");
    assert.equal(reason("SELECT 1 /*!50000 + 1"), "masked-unparsed");
    assert.equal(reason("SELECT * FROM mysql.user"), "masked-catalogue");
    assert.equal(reason("DROP TABLE users"), "masked-statement-kind");
    assert.equal(reason(`SELECT ${"(".repeat(500)}1${")".repeat(500)}`), "masked-unsupported");
  });

  test("sql_mode is joined of itself and of modes that change no reading, each between commas", () => {
    const modes = (value: string): string => masked(`SET sql_mode = ${value}`).kind;
    for (const value of [
      "CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES')",
      "concat( @@session.sql_mode , ',NO_ZERO_DATE,' , 'traditional' )",
      "CONCAT('NO_ZERO_DATE,', @@local.sql_mode)",
      "CONCAT(@@sql_mode)",
    ])
      assert.equal(modes(value), "rewritten", value);
    for (const value of [
      "CONCAT(@@sql_mode, ',ANSI_QUOTES')",
      "CONCAT(@@sql_mode, 'STRICT_TRANS_TABLES')",
      "CONCAT(@@sql_mode, ',ANSI', '_QUOTES')",
      "CONCAT('NO_BACKSLASH', '_ESCAPES')",
      "CONCAT('NO_ZERO_DATE', @@sql_mode)",
      "CONCAT(@@sql_mode, @@sql_mode)",
      "CONCAT(@@global.sql_mode, ',STRICT_TRANS_TABLES')",
      "CONCAT(@@character_set_client, ',STRICT_TRANS_TABLES')",
      "CONCAT(@@sql_mode, @x)",
      "CONCAT(@@sql_mode, CHAR(65))",
      "CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES' COLLATE utf8mb4_bin)",
      "CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES') + 4",
      "app.concat(@@sql_mode)",
      "CONCAT()",
      "CONCAT(@@sql_mode,)",
    ])
      assert.equal(modes(value), "refused", value);
  });

  test("literals are kept from the record where a masked column is spoken of", () => {
    const digests = (sql: string): readonly string[] => {
      const { sensitive } = masked(sql);
      return sensitive.ranges.map(({ start, end }) => sql.slice(start, end));
    };
    assert.deepEqual(digests("SELECT id FROM users WHERE ssn = 'a' AND name = \"b\" LIMIT 5"), ["'a'", '"b"', "5"]);
    assert.deepEqual(digests("SELECT id FROM users WHERE name = 'b'"), []);
    assert.deepEqual(digests("SELECT id FROM seen WHERE s = 'b'"), ["'b'"]);
    assert.deepEqual(digests("SELECT * FROM users UNION SELECT 1, 2, 'b'"), ["1", "2", "'b'"]);
    assert.deepEqual(digests("UPDATE users SET name = 'x' WHERE ssn = 'y'"), ["'x'", "'y'"]);
    assert.deepEqual(digests("SELECT id FROM users WHERE ssn = 'unclosed"), ["SELECT id FROM users WHERE ssn = 'unclosed"]);
    assert.deepEqual(masked("SELECT ? FROM users WHERE ssn = ?").sensitive.parameters, [1, 2]);
    const found = masked("SELECT id FROM users WHERE ssn = 'it''s'");
    assert.equal(found.kind, "rewritten");
    if (found.kind === "rewritten")
      assert.deepEqual(
        found.sensitiveUpstream.map(({ start, end }) => found.text.slice(start, end)),
        ["'it''s'"],
      );
  });

  test("output columns are told as masked by what they come from", () => {
    const outputs = (sql: string): readonly boolean[] => {
      const found = masked(sql);
      return found.kind === "rewritten" ? found.outputMasked : [];
    };
    assert.deepEqual(outputs("SELECT id, ssn, CONCAT(name, ssn), (SELECT MAX(ssn) FROM users) FROM users"), [false, true, true, true]);
    assert.deepEqual(outputs("SELECT * FROM users u JOIN orders o ON o.user_id = u.id"), [false, false, true, false, false, false]);
    assert.deepEqual(outputs("WITH c (a, b) AS (SELECT id, ssn FROM users) SELECT b, a FROM c"), [true, false]);
    assert.deepEqual(outputs("SELECT x.k FROM (SELECT ssn AS k FROM users UNION SELECT note FROM orders) x"), [true]);
    assert.deepEqual(outputs("SELECT note FROM orders UNION SELECT ssn FROM users"), [true]);
    assert.deepEqual(outputs("SELECT s FROM seen"), [true]);
    assert.deepEqual(outputs("WITH RECURSIVE c (a, b) AS (SELECT id, ssn FROM users UNION ALL SELECT b, a FROM c) SELECT a, b FROM c"), [
      true,
      true,
    ]);
    // Columns that both sides of a join share come once, and before the others.
    assert.deepEqual(outputs("SELECT * FROM orders o JOIN users u USING (id)"), [false, false, false, false, true]);
    assert.deepEqual(outputs("SELECT * FROM orders o JOIN users u USING (nothing)"), []);
    assert.deepEqual(outputs("SELECT u.* FROM users u JOIN orders o USING (id)"), [false, false, true]);
  });

  test("whatever is written, a protected table that is read stands in our own query alone", () => {
    const word = fc.constantFrom(
      ..."SELECT FROM users orders seen ssn id name * , ( ) . WITH AS JOIN ON USING UNION WHERE = 'a' 1 ? IN EXISTS TABLE u".split(" "),
    );
    const subquery = USERS.slice(1, -1);
    fc.assert(
      fc.property(fc.array(word, { maxLength: 25 }), (words) => {
        const found = masked(["SELECT", ...words].join(" "));
        if (found.kind === "refused") assert.ok(found.obstacle.message !== "" && found.obstacle.hint !== "");
        else assert.doesNotMatch(found.text.replaceAll(subquery, ""), /`app`\.`users`(?!\.)/);
      }),
      { numRuns: 2000 },
    );
  });
});
