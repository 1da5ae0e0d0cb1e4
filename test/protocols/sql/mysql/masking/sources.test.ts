/** What takes the place of a table with masked columns, and which tables may not be read at all; without a server. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { ActiveMask } from "#policies/question.ts";
import type { MysqlIndex, MysqlTable } from "#protocols/sql/mysql/catalogue.ts";
import { loadGrammar } from "#protocols/sql/mysql/grammar.ts";
import { type MaskedText, maskedText } from "#protocols/sql/mysql/masked-text.ts";
import { resolveMysqlProtection } from "#protocols/sql/mysql/protection.ts";
import { DEFAULT_SQL_MODE } from "#protocols/sql/mysql/sql-mode.ts";
import { NO_TEMPORARY, type TemporaryTables } from "#protocols/sql/mysql/temporary.ts";
import { catalogueOf, table, view } from "#test/protocols/sql/mysql/small-catalogue.ts";

const MASK: ActiveMask = { rule: "pii", columns: ["app.*.ssn"], tags: [], mask: { kind: "null" } };

function masked(sql: string, tables: readonly MysqlTable[], temporary: TemporaryTables = NO_TEMPORARY): MaskedText {
  const catalogue = catalogueOf(tables);
  const { protection } = resolveMysqlProtection(catalogue, [MASK]);
  const settings = { sqlMode: DEFAULT_SQL_MODE, foreign: false, database: "app", temporary };
  return maskedText(sql, { catalogue, protection, functionsAllowed: [] }, settings);
}

function said(...asked: Parameters<typeof masked>): string {
  const found = masked(...asked);
  return found.kind === "refused" ? `${found.obstacle.reason}: ${found.obstacle.message}` : found.text.replaceAll(/\s+/g, " ").trim();
}

const COLUMNS = ["id", "city", "ssn"];

describe("in a masked table's place", () => {
  before(loadGrammar);

  test("rows do not come in the order of an index that tells of masked columns, nor can a hint ask for it", () => {
    const index = (name: string, columns: readonly string[], more: Partial<MysqlIndex> = {}): MysqlIndex => {
      return { name, unique: false, visible: true, keys: columns.map((column) => ({ column, expression: null })), ...more };
    };
    const indexes = [
      index("PRIMARY", ["ssn"]),
      index("by_ssn", ["ssn"]),
      index("by_both", ["city", "ssn"]),
      index("by_city", ["city"]),
      index("made", [], { keys: [{ column: null, expression: "lower(`SSN`)" }] }),
      index("unseen", ["ssn"], { visible: false }),
    ];
    assert.match(
      said("SELECT ssn FROM users", [table("app", "users", COLUMNS, { indexes })]),
      / FROM `app`\.`users` IGNORE INDEX \(`by_ssn`, `by_both`, `made`\)\)/,
    );
  });

  test("stands the lock that the statement asks for", () => {
    const users = [table("app", "users", COLUMNS)];
    assert.match(said("SELECT id FROM users FOR UPDATE", users), /`app`\.`users` FOR UPDATE\) AS `users` FOR UPDATE$/);
    assert.doesNotMatch(said("SELECT id FROM users", users), /FOR UPDATE/);
  });

  test("no partition is read by itself that tells of masked columns", () => {
    const users = (partitionKey: string) => [table("app", "users", COLUMNS, { partitionKey })];
    assert.match(
      said("SELECT id FROM users PARTITION (p0)", users("year(`ssn`)")),
      /^masked-unsupported: a partition of app\.users tells of ssn/,
    );
    assert.match(said("SELECT id FROM users PARTITION (p0)", users("`id`")), /FROM `app`\.`users` PARTITION/);
  });
});

describe("tables that may not be read under a mask", () => {
  before(loadGrammar);

  test("are those whose rows are not their own, or whose columns nobody could read", () => {
    assert.match(
      said("SELECT * FROM merged", [table("app", "merged", ["id"], { kind: "other" })]),
      /^masked-unresolved: app\.merged is no table/,
    );
    assert.match(said("INSERT INTO merged (id) VALUES (1)", [table("app", "merged", ["id"], { kind: "other" })]), /^masked-unresolved: /);
  });

  test("are temporary ones of which it is not certain that they are there", () => {
    const users = [table("app", "users", COLUMNS)];
    const made = masked("CREATE TEMPORARY TABLE copies AS SELECT id FROM users", users);
    assert.ok(made.kind === "rewritten" && made.temporary !== null);
    const under = NO_TEMPORARY.begin(made.temporary);
    assert.match(
      said("SELECT * FROM copies", users, under),
      /^masked-unresolved: whether temporary table app\.copies is there is not certain/,
    );
    assert.equal(said("SELECT * FROM copies", users, under.done(made.temporary)), "SELECT * FROM `app`.`copies`");
  });

  test("are the server's own, but for parts that tell nothing of values", () => {
    const columns = table("information_schema", "columns", ["TABLE_NAME", "COLUMN_DEFAULT"]);
    const tables = (value: string | null) => [columns, table("app", "users", COLUMNS, {}, { ssn: { default: value } })];
    assert.match(said("SELECT * FROM mysql.user", tables(null)), /^masked-catalogue: /);
    assert.match(said("SELECT * FROM information_schema.innodb_metrics", tables(null)), /^masked-catalogue: /);
    const sql = "SELECT * FROM information_schema.columns";
    assert.match(
      said(sql, tables("'secret'")),
      /IF\(NOT \(TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME\) IN \(\('app', 'users', 'ssn'\)\), `COLUMN_DEFAULT`, NULL\) AS `COLUMN_DEFAULT`/,
    );
    assert.equal(said(sql, tables(null)), "SELECT * FROM `information_schema`.`columns`");
  });
});

describe("a view that is written to", () => {
  before(loadGrammar);

  const tables = [
    table("app", "users", COLUMNS),
    table("app", "orders", ["id", "note"]),
    view("cities", "select `app`.`users`.`id` AS `id`,`app`.`users`.`city` AS `city` from `app`.`users`", ["id", "city"]),
    view("notes", "select `app`.`orders`.`id` AS `id`,`app`.`orders`.`note` AS `note` from `app`.`orders`", ["id", "note"]),
  ];

  test("is refused where masked columns lie below it, though it shows none", () => {
    for (const sql of ["UPDATE cities SET city = 'x'", "DELETE FROM cities", "INSERT INTO cities VALUES (1, 'x')"]) {
      assert.match(said(sql, tables), /^masked-write: app\.cities is a view that leads to masked columns/, sql);
    }
    assert.equal(said("UPDATE notes SET note = 'x'", tables), "UPDATE `app`.`notes` SET note = 'x'");
  });
});

test("a name beyond ASCII may be that of a masked column, which servers take for the same with other letters", async () => {
  await loadGrammar();
  const tables = [table("app", "users", ["id", "größe", "ssn"])];
  const catalogue = catalogueOf(tables);
  const { protection } = resolveMysqlProtection(catalogue, [{ ...MASK, columns: ["app.users.größe"] }]);
  const settings = { sqlMode: DEFAULT_SQL_MODE, foreign: false, database: "app" };
  for (const name of ["größe", "GRÖSSE", "grosse", "große"]) {
    const found = maskedText(`UPDATE users SET id = 1 WHERE ${name} = 'x'`, { catalogue, protection, functionsAllowed: [] }, settings);
    assert.equal(found.kind === "refused" ? found.obstacle.reason : found.text, "masked-write", name);
  }
});
