/**
 * The gateway in front of the wall of a MySQL or MariaDB server: the same rules, and the wall's account as its credential.
 * Statements name the same tables and have the same answers, and what should get by the gateway finds the database closed.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { MysqlAttacker, received } from "#test/masking/mysql/client.ts";
import { isFor } from "#test/masking/mysql/hostile.ts";
import type { MysqlAnswer } from "#test/masking/mysql/reading.ts";
import { MYSQL_CANARIES } from "#test/masking/mysql/seed.ts";
import { MYSQL_HOSTILE } from "#test/masking/mysql/statements.ts";
import { ACCOUNT, gatewayAt, MASKED, openWalled, printed, type Walled } from "#test/masking/mysql/walled.ts";
import { searchFor } from "#test/masking/search.ts";
import { runCommand } from "#test/src/cli/terminal.ts";
import type { TestGateway } from "#test/support/gateway.ts";
import { until } from "#test/support/waiting.ts";

const canaryIn = searchFor(MYSQL_CANARIES);

/** Answered alike with and without a wall. */
const SAME = [
  "SELECT * FROM users ORDER BY id",
  "SELECT users.*, users.ssn FROM users ORDER BY id",
  "SELECT app.users.email FROM app.users ORDER BY app.users.id",
  "SELECT u.name, p.card, o.total FROM users u JOIN orders o ON o.user_id = u.id JOIN payments p ON p.order_id = o.id ORDER BY p.id",
  "SELECT RIGHT(card, 2) AS last, COUNT(*) FROM payments GROUP BY 1 ORDER BY 1",
  "SELECT YEAR(born) AS y, YEAR(seen), YEAR(stamped), COUNT(*) FROM users GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
  "SELECT COUNT(*) FROM users WHERE ssn = '917-44-2051'",
  "SELECT id FROM users USE INDEX (by_city) WHERE city = 'Oslo'",
  "SELECT * FROM badges ORDER BY id",
  "SELECT * FROM logins ORDER BY id",
  "SELECT `a``b`, `select`, secret FROM `odd ``table`",
  "SELECT * FROM all_users ORDER BY id",
  "SELECT * FROM renamed ORDER BY number",
  "SELECT * FROM counted ORDER BY city",
  "SELECT * FROM both_ways ORDER BY id, ssn",
  "SELECT * FROM open_orders ORDER BY id",
  "SELECT app.order_total(id) FROM orders ORDER BY id",
  "SELECT * FROM other.people",
  "SELECT * FROM other.users",
  "WITH u AS (SELECT * FROM users) SELECT COUNT(ssn), MAX(bio) FROM u",
  "SELECT id, ROW_NUMBER() OVER (ORDER BY name) FROM users ORDER BY id",
  "TABLE payments ORDER BY id",
];

for (const flavour of ["mysql9", "mariadb10"] as const) {
  const kind = flavour === "mysql9" ? "mysql" : "mariadb";
  describe(`a gateway in front of the wall of ${flavour}`, () => {
    let made: Walled;
    let walled: TestGateway;
    const clients: MysqlAttacker[] = [];

    const connect = async (gateway: TestGateway, agent = "agent"): Promise<MysqlAttacker> => {
      const client = await MysqlAttacker.login(gateway, { target: "here", agent });
      clients.push(client);
      return client;
    };
    const told = ({ columns, rows, error }: MysqlAnswer) => ({ columns: columns.map(({ name }) => name), rows, error });
    const errorOf = async (client: MysqlAttacker, sql: string): Promise<string> => (await client.query(sql)).error?.message ?? "";
    const rowsOf = async (client: MysqlAttacker, sql: string) => (await client.query(sql)).rows;

    before(async () => {
      made = await openWalled(flavour);
      walled = await gatewayAt(made.login);
    });
    after(async () => {
      for (const client of clients) client.end();
      await walled?.stop();
      await made?.stop();
    });

    test("statements name the same tables, and are answered as without a wall", async () => {
      const [one, other] = [await connect(made.gateway), await connect(walled)];
      for (const way of ["text", "prepared"] as const) {
        for (const sql of SAME) assert.deepEqual(told(await other.ask(sql, way)), told(await one.ask(sql, way)), sql);
      }
      assert.equal(await errorOf(one, SAME[0] ?? ""), "");
    });

    test("the gateway's rules hold there: each names something", () => {
      assert.deepEqual(
        walled.log().filter(({ event }) => event === "masking-rule"),
        [],
      );
    });

    test("the tables themselves are closed by the database, whatever the gateway lets pass", async () => {
      const owner = await connect(walled, "owner");
      for (const table of ["users", "payments", "all_users", "badges"])
        assert.match(await errorOf(owner, `SELECT * FROM app.${table}`), /denied/);
      assert.deepEqual(await rowsOf(owner, `SELECT ssn FROM ${MASKED.app}.users WHERE id = 1`), [["***"]]);
      const agent = await connect(walled);
      assert.match(await errorOf(agent, "UPDATE users SET name = 'x' WHERE id = 1"), /denied/);
      assert.match(await errorOf(agent, "DELETE FROM orders"), /denied/);
    });

    test("the wall's views may be named themselves, under the same masks", async () => {
      const agent = await connect(walled);
      assert.deepEqual(await rowsOf(agent, `SELECT ssn, email FROM ${MASKED.app}.users WHERE id = 1`), [["***", "***@north.example"]]);
    });

    test("nothing hostile shows a value here either", async () => {
      const shown: string[] = [];
      let agent = await connect(walled);
      const groups = Object.entries(MYSQL_HOSTILE.app).filter(([name]) => isFor(name, kind));
      const list = groups.flatMap(([, hostile]) => hostile).filter((_, index) => index % 3 === 0);
      for (const hostile of list) {
        for (const sql of [hostile].flat()) {
          const found = canaryIn(received([await agent.query(sql)]));
          if (found !== undefined) shown.push(`${sql}: ${found}`);
        }
        if (typeof hostile !== "string" || agent.closed) agent = await connect(walled);
      }
      assert.deepEqual(shown, []);
    });

    test("explain says by what the statement reads the table", async () => {
      const sql = "SELECT ssn FROM users";
      const { out } = await runCommand(["explain", "--target", "here", "--config", walled.configFile, "--json", sql]);
      assert.match(out, /`sallyport_agents_masked_app`\.`users`/);
      assert.match(out, /"verdict": ?"mask"/);
    });

    test("what is granted besides reading goes to the table, by the rules for writes", async () => {
      made.server.sql(`GRANT INSERT, TRIGGER ON app.badges TO '${ACCOUNT}'@'%'; GRANT UPDATE (label) ON app.badges TO '${ACCOUNT}'@'%'`);
      const agent = await connect(walled);
      let error = "";
      const isTaken = async () => {
        error = await errorOf(agent, "INSERT INTO badges (id, label) VALUES (77, 'new')");
        return error === "";
      };
      await until(isTaken, () => `the grant is seen; so far: ${error}`);
      assert.deepEqual(await rowsOf(agent, "SELECT id, ssn_ref, label FROM badges WHERE id = 77"), [["77", null, "new"]]);
      assert.match(await errorOf(agent, "INSERT INTO badges (id, ssn_ref) VALUES (78, '836-52-7719')"), /masked-write/);
      assert.match(await errorOf(agent, "UPDATE badges SET label = ssn_ref"), /masked-write/);
      made.server.sql(`DELETE FROM app.badges WHERE id = 77; REVOKE ALL PRIVILEGES ON app.badges FROM '${ACCOUNT}'@'%'`);
    });

    test("another wall can't be made from behind this one, which shows too little", async () => {
      const { code, err } = await runCommand(["wall", "--target", "here", "--config", walled.configFile]);
      assert.equal(code, 2);
      assert.match(err, /is behind a wall, and sees only what that shows/);
      assert.equal(await printed(made.gateway), made.sql);
    });

    test("a view that is older than a rule shows no more than the rule lets", async () => {
      await walled.reconfigure((sections) => {
        const { rules, ...rest } = Object(sections["masking"]);
        const newer = { name: "names", target: "here", columns: ["app.users.name"], with: { keepLast: 1 } };
        return { ...sections, masking: { ...rest, rules: [...rules, newer] } };
      });
      const agent = await connect(walled);
      assert.deepEqual(await rowsOf(agent, "SELECT name, email FROM users WHERE id = 1"), [["****a", "***@north.example"]]);
    });
  });
}
