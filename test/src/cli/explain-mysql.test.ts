/** What explain and check say of MySQL and MariaDB targets is what the gateway then does. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { MYSQL_TARGETS, type MysqlWorld, openMysqlWorld } from "#test/masking/mysql/world.ts";
import { runCommand } from "#test/src/cli/terminal.ts";
import { optional } from "#test/support/optional.ts";

const AGENT = ["--as", "agent", "--group", "data-agents"];
const OWNER = ["--as", "owner", "--group", "dba"];

describe("explain on MySQL and MariaDB", { skip: optional("mysql9") }, () => {
  let world: MysqlWorld;
  before(async () => {
    world = await openMysqlWorld((sections) => ({
      ...sections,
      guardrails: { rules: [{ name: "blanket", targets: MYSQL_TARGETS, deny: ["delete-without-where"] }] },
    }));
  });
  after(() => world?.stop());

  const run = (target: string, sql: string, ...options: readonly string[]) =>
    runCommand(["explain", "--target", target, "--config", world.gateway.configFile, ...options, sql]);
  const told = async (target: string, sql: string, ...options: readonly string[]) => {
    const { code, objects, err } = await run(target, sql, "--json", ...options);
    assert.equal(code, 0, err);
    const [object] = objects();
    assert.ok(object);
    return object;
  };

  for (const target of MYSQL_TARGETS) {
    test(`${target}: what is masked, by which rule, and the text that is sent instead`, async () => {
      const object = await told(target, "SELECT id, ssn FROM users WHERE id = 1", ...AGENT);
      assert.equal(object["verdict"], "mask");
      assert.equal(object["underMask"], true);
      assert.match(String(object["upstreamSql"]), /SELECT .*FROM/);
      const [put] = object["inserted"] as readonly { start: number; end: number }[];
      assert.match(String(object["upstreamSql"]).slice(put?.start, put?.end), /^\(SELECT `id`, .*FROM `app`\.`users`.*\) AS `users`$/);
      // The gateway's own spelling, which is the client's here.
      assert.equal((await told(target, "SHOW TABLES", ...AGENT))["upstreamSql"], null);
      assert.doesNotMatch(String(object["upstreamSql"]), /^SELECT id, ssn FROM users/);
      const [statement] = object["statements"] as readonly Record<string, unknown>[];
      assert.ok(statement);
      const users = { schema: "app", table: "users" };
      const ssn = { ...users, column: "ssn", mask: { rule: `${target}-masking.rules.6`, kind: "redact" } };
      assert.deepEqual(statement["columns"], [
        { name: "id", origins: [{ ...users, column: "id", mask: null }], direct: true, masked: false, vague: false },
        { name: "ssn", origins: [ssn], direct: true, masked: true, vague: false },
      ]);
      assert.deepEqual(statement["masked"], [ssn]);
    });

    test(`${target}: whom the rules spare gets the text as it is; refusals come with reason and hint`, async () => {
      const spared = await told(target, "SELECT id, ssn FROM users", ...OWNER);
      assert.deepEqual([spared["verdict"], spared["upstreamSql"], spared["underMask"]], ["allow", null, false]);
      const [statement] = spared["statements"] as readonly {
        columns: readonly { name: string; origins: readonly { mask: unknown }[] }[];
      }[];
      assert.deepEqual(
        statement?.columns.map(({ name, origins }) => [name, origins.map(({ mask }) => mask)]),
        [
          ["id", [null]],
          ["ssn", [null]],
        ],
      );
      const guarded = await told(target, "DELETE FROM orders", ...OWNER);
      assert.deepEqual([guarded["verdict"], guarded["reason"], guarded["rule"]], ["deny", "statement-guarded", "blanket"]);
      const refused = await told(target, "SELECT ssn INTO @a FROM users LIMIT 1", ...AGENT);
      assert.equal(refused["verdict"], "deny");
      assert.match(String(refused["reason"]), /^masked-/);
      assert.notEqual(refused["hint"], "");
    });

    test(`${target}: each statement of a text by itself, and all that is sent`, async () => {
      const object = await told(target, "USE shop; SELECT ssn FROM users; SELECT SLEEP(1)", ...AGENT);
      assert.deepEqual([object["verdict"], object["reason"]], ["deny", "masked-function"]);
      const verdicts = (text: typeof object) =>
        (text["statements"] as readonly Record<string, unknown>[]).map(({ tag, verdict }) => [tag, verdict]);
      assert.deepEqual(verdicts(object), [
        ["USE", "allow"],
        ["SELECT", "mask"],
        ["SELECT", "deny"],
      ]);
      const passing = await told(target, "USE shop; SELECT ssn FROM users", ...AGENT);
      assert.equal(passing["verdict"], "mask");
      assert.match(String(passing["upstreamSql"]), /^USE shop;\n.*`shop`\.`users`/);
    });

    test(`${target}: for people, with the text that the target would get`, async () => {
      const { code, out } = await run(target, "SELECT email, UPPER(ssn), 1 + id AS next FROM users");
      assert.equal(code, 0);
      assert.match(out, /email +app\.users\.email +email \(rule /);
      assert.match(out, /UPPER\(ssn\) +computed from app\.users\.ssn +of masked: redact/);
      assert.match(out, /next +computed from app\.users\.id +as it is/);
      assert.match(out, /^ {4} {2}SELECT `id`,$/m);
      for (const sql of ["SET @a = 1", "PREPARE s FROM 'SELECT ssn FROM users'"])
        assert.doesNotMatch((await run(target, sql)).out, /columns can't be told/, sql);
      assert.match(out, /mask {2}rule /);
      assert.match(out, /Sent to the target/);
      assert.match(out, new RegExp(`every right assumed, on ${target}/app`));
      assert.equal((await run(target, "SELECT ssn INTO @a FROM users", "--check")).code, 1);
    });
  }

  test("check --targets holds the rules against the servers", async () => {
    const { code, out } = await runCommand(["check", "--targets", "--config", world.gateway.configFile]);
    assert.equal(code, 0, out);
    assert.match(out, /ok/);
  });
});
