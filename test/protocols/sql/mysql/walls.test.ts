/** How a wall's database is told from others, and what a server looks like from behind one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MysqlColumn, MysqlTable } from "#protocols/sql/mysql/catalogue.ts";
import { resolveMysqlProtection } from "#protocols/sql/mysql/protection.ts";
import { planMysqlWall } from "#protocols/sql/mysql/wall.ts";
import { mysqlWallSql } from "#protocols/sql/mysql/wall-sql.ts";
import { seenThroughWalls, wallColumnComment, wallColumnIn, wallComment, wallMarkIn } from "#protocols/sql/mysql/walls.ts";

const column = (name: string, more: Partial<MysqlColumn> = {}): MysqlColumn => ({
  ...{
    name,
    number: 1,
    type: "varchar(11)",
    dataType: "varchar",
    nullable: true,
    charset: "utf8mb4",
    collation: "utf8mb4_bin",
    characters: 11,
  },
  ...{ generation: null, default: null, invisible: false, autoIncrement: false, tags: [] },
  ...more,
});

const table = (database: string, name: string, columns: readonly MysqlColumn[], kind: MysqlTable["kind"] = "table"): MysqlTable => ({
  ...{ database, name, kind, columns, indexes: [], references: [], checks: [], triggers: [], partitionKey: "" },
  view: kind === "view" ? { definition: null, security: "definer", definer: "owner@localhost", checkOption: false } : null,
});

const WALL = { name: "w_app", database: "app", ofLogin: true, masked: [] };

test("marks keep names with back-ticks, dots and the words between them", () => {
  for (const name of ["app", "a`b", "over `x`", "a.b", "é, by `x`"]) {
    const mark = { user: name, host: "%", database: name };
    assert.deepEqual(wallMarkIn("sallyport wall 2", wallComment(mark)), mark);
    const masked = { table: name, column: name, rule: name };
    assert.deepEqual(wallColumnIn(wallColumnComment(masked)), masked);
  }
});

test("a table by another name, and any other comment, marks nothing", () => {
  const comment = wallComment({ user: "u", host: "%", database: "app" });
  assert.equal(wallMarkIn("users", comment), undefined);
  assert.equal(wallMarkIn("sallyport wall", `${comment} and more`), undefined);
  assert.equal(wallMarkIn("sallyport wall", "people who buy"), undefined);
  assert.equal(wallColumnIn("social security number"), undefined);
});

test("what is shown by a view stands by its own name, and the wall's tables are gone", () => {
  const tables = [
    table("app", "orders", [column("id")]),
    table("w_app", "users", [column("ssn")], "view"),
    table("w_app", "sallyport wall", [column("c0")]),
  ];
  const seen = seenThroughWalls(tables, [WALL]);
  assert.deepEqual(
    seen.map(({ database, name, kind, wall }) => [database, name, kind, wall?.database]),
    [
      ["app", "orders", "table", undefined],
      ["app", "users", "table", "w_app"],
    ],
  );
  assert.equal(seenThroughWalls(tables, []), tables);
});

test("what else is seen of a table stays known: its keys, and its columns as far as the view shows them", () => {
  const base = { ...table("app", "users", [column("ssn", { default: "x" }), column("later")]), partitionKey: "`ssn`" };
  const [seen] = seenThroughWalls([base, table("w_app", "users", [column("id"), column("ssn")], "view")], [WALL]);
  assert.equal(seen?.partitionKey, "`ssn`");
  assert.deepEqual(
    seen?.columns.map(({ name, default: value }) => [name, value]),
    [
      ["id", null],
      ["ssn", "x"],
    ],
  );
});

const planned = (tables: readonly MysqlTable[], columns: readonly string[]) => {
  const server = { flavour: "mysql", version: 90_700 } as const;
  const databases = [...new Set(tables.map(({ database }) => database))];
  const catalogue = { version: "1", server, lowerCaseTableNames: 0, sqlMode: "", databases, tables, routines: [], walls: [] } as const;
  const { protection } = resolveMysqlProtection(catalogue, [{ rule: "pii", columns, tags: [], mask: { kind: "redact" } }]);
  const plan = planMysqlWall({ catalogue, protection, functionsAllowed: [] }, { databases, schema: "w" });
  const names = { target: "shop", whom: "everybody", account: "agents", owner: "w_owner", schema: "w" };
  return { plan, sql: mysqlWallSql(plan, "mysql", names) };
};

test("a database of which nothing is granted gets a privilege that reads nothing, on a column that is not masked", () => {
  const users = table("app", "users", [column("ssn"), column("hidden", { invisible: true }), column("id")]);
  assert.match(planned([users], ["app.users.ssn"]).sql, /GRANT REFERENCES \(`id`\) ON `app`\.`users` TO `agents`@`%`;/);
  const orders = table("app", "orders", [column("id")]);
  assert.doesNotMatch(planned([users, orders], ["app.users.ssn"]).sql, /GRANT REFERENCES/);
  assert.doesNotMatch(planned([users], ["app.users.*"]).sql, /GRANT REFERENCES/);
});

test("tables whose rows are not their own, and those of invisible columns alone, are withheld", () => {
  const users = table("app", "users", [column("ssn")]);
  const merged = table("app", "merged", [column("id")], "other");
  const unseen = table("app", "unseen", [column("ssn", { invisible: true })]);
  const { plan, sql } = planned([users, merged, unseen], ["*.*.ssn"]);
  assert.deepEqual(
    plan.withheld.map(({ table: { name } }) => name),
    ["merged", "unseen"],
  );
  assert.doesNotMatch(sql, /ON `app`\.`(merged|unseen)` TO `agents`/);
});

test("many masked columns take several marks", () => {
  const wide = table(
    "app",
    "wide",
    Array.from({ length: 1_001 }, (_, index) => column(`c${index}`)),
  );
  const { sql } = planned([wide], ["app.wide.*"]);
  assert.deepEqual(
    [...sql.matchAll(/CREATE TABLE `w_app`\.`(.*?)`/g)].map(([, name]) => name),
    ["sallyport wall", "sallyport wall 2", "sallyport wall 3"],
  );
});
