/** Lines of SHOW GRANTS as both servers write them, and what an account may do by them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { holds, readGrants } from "#protocols/sql/mysql/grants.ts";

test("privileges of each scope are read, with the option to pass them on", () => {
  const { grants } = readGrants([
    "GRANT USAGE ON *.* TO `app`@`%`",
    "GRANT SELECT, SHOW VIEW, BINLOG MONITOR ON *.* TO `app`@`%` WITH GRANT OPTION",
    "GRANT ALLOW_NONEXISTENT_DEFINER,APPLICATION_PASSWORD_ADMIN ON *.* TO `root`@`localhost`",
    "GRANT ALL PRIVILEGES ON `a\\_b`.* TO `app`@`%`",
    "GRANT SELECT (`id`, `on`), INSERT ON `app`.`odd ``table` TO `app`@`%`",
    "GRANT EXECUTE ON FUNCTION `app`.`peek` TO `app`@`%`",
    "GRANT PROXY ON ``@`` TO `root`@`localhost` WITH GRANT OPTION",
  ]);
  assert.deepEqual(grants, [
    { privileges: ["USAGE"], scope: { kind: "global" }, grantable: false },
    { privileges: ["SELECT", "SHOW VIEW", "BINLOG MONITOR"], scope: { kind: "global" }, grantable: true },
    { privileges: ["ALLOW_NONEXISTENT_DEFINER", "APPLICATION_PASSWORD_ADMIN"], scope: { kind: "global" }, grantable: false },
    { privileges: ["ALL PRIVILEGES"], scope: { kind: "database", pattern: "a\\_b" }, grantable: false },
    { privileges: ["SELECT", "INSERT"], scope: { kind: "table", database: "app", name: "odd `table" }, grantable: false },
    { privileges: ["EXECUTE"], scope: { kind: "other" }, grantable: false },
    { privileges: ["PROXY"], scope: { kind: "other" }, grantable: true },
  ]);
});

test("roles are named as SQL names them, of both servers", () => {
  assert.deepEqual(readGrants(["GRANT `reader`@`%`,`odd``role`@`localhost` TO `app`@`%`"]).roles, [
    "`reader`@`%`",
    "`odd``role`@`localhost`",
  ]);
  assert.deepEqual(readGrants(["GRANT `reader` TO `app`@`%`", "SET DEFAULT ROLE `reader` FOR `app`@`%`"]).roles, ["`reader`"]);
});

test("nothing of a password's digest is handed on", () => {
  const digest = "*B69027D44F6E5EDC07F1AEAD1477967B16F28227";
  const read = readGrants([`GRANT FILE ON *.* TO \`app\`@\`%\` IDENTIFIED BY PASSWORD '${digest}'`]);
  assert.equal(JSON.stringify(read).includes(digest), false);
  assert.deepEqual(read.grants[0]?.privileges, ["FILE"]);
});

test("names of databases are patterns, but where a backslash is before a sign", () => {
  const on = (pattern: string, database: string) =>
    holds(readGrants([`GRANT SELECT ON \`${pattern}\`.* TO \`app\`@\`%\``]).grants, ["SELECT"], database, "t");
  assert.equal(on("app", "app"), true);
  assert.equal(on("app", "App"), false);
  assert.equal(on("a_p", "app"), true);
  assert.equal(on("a\\_p", "app"), false);
  assert.equal(on("a\\_p", "a_p"), true);
  assert.equal(on("a%", "another"), true);
  assert.equal(on("a\\%", "another"), false);
  assert.equal(on("a.p", "axp"), false);
});

test("a privilege on one table is none on another, nor on the database", () => {
  const { grants } = readGrants(["GRANT SELECT ON `app`.`users` TO `app`@`%`"]);
  assert.equal(holds(grants, ["SELECT"], "app", "users"), true);
  assert.equal(holds(grants, ["INSERT"], "app", "users"), false);
  assert.equal(holds(grants, ["SELECT"], "app", "orders"), false);
  assert.equal(holds(grants, ["SELECT"], "app", null), false);
});

test("lines that are not understood grant nothing", () => {
  assert.deepEqual(readGrants(["", "REVOKE SELECT ON `mysql`.* FROM `app`@`%`", "GRANT 'unclosed"]), { grants: [], roles: [] });
});
