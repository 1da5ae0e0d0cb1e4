/**
 * The wall on real MySQL and MariaDB servers: its SQL is run, more than once, and then everything that once talked around a mask is
 * tried without a gateway, logged in as its account.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { MysqlAttacker, received } from "#test/masking/mysql/client.ts";
import { type Hostile, isFor, isLasting } from "#test/masking/mysql/hostile.ts";
import { MYSQL_CANARIES } from "#test/masking/mysql/seed.ts";
import { SHOP_ORACLES } from "#test/masking/mysql/shop/oracles.ts";
import { MYSQL_HOSTILE } from "#test/masking/mysql/statements.ts";
import { ACCOUNT, MASKED, MASKING, OWNER, openWalled, printed, type Walled } from "#test/masking/mysql/walled.ts";
import { searchFor } from "#test/masking/search.ts";
import { runCommand } from "#test/src/cli/terminal.ts";

const canaryIn = searchFor(MYSQL_CANARIES);

/** A syntax error quotes what was sent, which is no news. */
const QUOTED = /near '.*' at line \d+/s;

for (const flavour of ["mysql9", "mariadb10"] as const) {
  const kind = flavour === "mysql9" ? "mysql" : "mariadb";
  describe(`the wall on ${flavour}`, () => {
    let walled: Walled;
    let agent: MysqlAttacker;

    const enter = (database: string) => MysqlAttacker.straight(walled.login, database);
    const rows = async (sql: string, client = agent) => {
      const { rows: found, error } = await client.query(sql);
      assert.equal(error, null, sql);
      return found;
    };
    const failing = (sql: string, message: RegExp) =>
      assert.throws(
        () => walled.server.sql(sql),
        (error: unknown) => message.test(String(Object(error).stderr)),
      );
    /** What showed a canary, each list of texts sent in a session of its own. */
    const leaks = async (list: readonly Hostile[], database: string): Promise<readonly string[]> => {
      const shown: string[] = [];
      let client = await enter(database);
      for (const hostile of list) {
        const answers = [];
        for (const sql of [hostile].flat()) {
          const answer = await client.query(sql);
          if (answer.error === null || !QUOTED.test(answer.error.message)) answers.push(answer);
        }
        const canary = canaryIn(received(answers));
        if (canary !== undefined) shown.push(`${database}: ${JSON.stringify(hostile)}: ${canary}`);
        if (!isLasting(hostile) && !client.closed) continue;
        client.end();
        client = await enter(database);
      }
      client.end();
      return shown;
    };

    before(async () => {
      walled = await openWalled(flavour);
      agent = await enter(MASKED.shop);
    });
    after(async () => {
      agent?.end();
      await walled?.stop();
    });

    test("it may be run again, and then grants what it granted before", async () => {
      const grants = () =>
        [`'${ACCOUNT}'@'%'`, `'${OWNER}'@'localhost'`].map((name) => walled.server.sql(`SHOW GRANTS FOR ${name}`)).join("");
      const before = grants();
      const view = `${MASKED.shop}.stale`;
      walled.server.sql(`CREATE VIEW ${view} AS SELECT ssn FROM shop.users; GRANT SELECT ON ${MASKED.shop}.* TO '${ACCOUNT}'@'%'`);
      assert.notEqual(grants(), before);
      walled.server.sql(walled.sql);
      assert.equal(grants(), before);
      assert.equal(walled.server.sql(`SHOW TABLES FROM ${MASKED.shop} LIKE 'stale'`), "");
      assert.deepEqual(await rows("SELECT ssn FROM users WHERE id = 1"), [["***"]]);
    });

    test("holds no secret, and says the same in JSON", async () => {
      assert.doesNotMatch(walled.sql, new RegExp(walled.server.password));
      const { objects } = await runCommand(["wall", "--target", "here", "--config", walled.gateway.configFile, "--json"]);
      const [made] = objects();
      assert.equal(made?.["sql"], walled.sql);
      assert.equal(made?.["account"], ACCOUNT);
      assert.deepEqual(
        Object(made)["databases"].map(Object.values).sort(),
        Object.entries(MASKED)
          .map(([shows, name]) => [name, shows])
          .sort(),
      );
      const withheld = { relation: "shop.called_view", why: "user_ssn() may not be called under a mask" };
      assert.ok(JSON.stringify(made?.["withheld"]).includes(JSON.stringify(withheld)));
    });

    test("the account is locked until it gets a password, and the owner of the views always is", () => {
      const locked = (user: string) => /ACCOUNT LOCK/i.test(walled.server.sql(`SHOW CREATE USER ${user}`));
      assert.equal(locked(`'${OWNER}'@'localhost'`), true);
      assert.equal(locked(`'${ACCOUNT}'@'%'`), false);
      assert.match(walled.sql, /CREATE USER IF NOT EXISTS `sallyport_agents`@`%` REQUIRE SSL ACCOUNT LOCK;/);
    });

    test("masked views show masked values, under the same names and in the same order", async () => {
      const { columns } = await agent.query("SELECT * FROM users");
      assert.deepEqual(
        columns.map(({ name }) => name),
        "id name city email ssn code pin salary born seen details photo bio mood flags tail low".split(" "),
      );
      const [marta] = await rows("SELECT id, name, city, email, ssn, pin, salary, mood, tail FROM users WHERE id = 1");
      assert.deepEqual(marta, ["1", "Marta", "Oslo", "***", "***", null, null, null, "***"]);
      assert.deepEqual(await rows("SELECT COUNT(*), COUNT(ssn) FROM users"), [["3", "2"]]);
      assert.deepEqual(await rows("SELECT `S S N` FROM `User ``Data```"), [["***"]]);
    });

    test("each kind of mask shows in the views what it shows in the gateway", async () => {
      const client = await enter(MASKED.app);
      const shown = await rows("SELECT email, ssn, code, pin, salary, born, seen, bio, tail FROM users WHERE id = 1", client);
      const year = ["1984-01-01", "2021-01-01 00:00:00"];
      assert.deepEqual(shown, [["***@north.example", "***", "*******VWK", "7", null, ...year, "no 'bio' \\ é", "***"]]);
      assert.deepEqual(await rows("SELECT card FROM payments WHERE id = 1", client), [["*************678"]]);
      assert.deepEqual(await rows(`SELECT ssn FROM ${MASKED.other}.people`, client), [["***"]]);
      assert.deepEqual(await rows("SELECT name FROM other.users", client), [["Other"]]);
      assert.deepEqual(await rows("SELECT app.order_total(1)", client), [["10.50"]]);
      client.end();
    });

    test("views over masked columns are made anew over masks, others are granted as they are", async () => {
      assert.deepEqual(await rows("SELECT harmless FROM view_of_view WHERE id = 1"), [["***"]]);
      assert.deepEqual(await rows("SELECT top FROM grouped_view WHERE city = 'Oslo'"), [["***"]]);
      assert.deepEqual(await rows("SELECT COUNT(*) FROM filtered_view"), [["0"]]);
      assert.equal((await rows("SELECT * FROM shop.open_orders")).length, 3);
      assert.equal((await rows("SELECT * FROM shop.orders")).length, 8);
    });

    test("the account may nothing else", async () => {
      for (const sql of [
        "SELECT * FROM shop.users",
        "SELECT COUNT(*) FROM shop.users",
        "SELECT id FROM shop.users",
        "SELECT ssn FROM shop.users_view",
        "SELECT * FROM shop.called_view",
        "SELECT shop.user_ssn(1)",
        "CALL shop.show_ssn()",
        "SHOW CREATE TABLE shop.users",
        "SHOW CREATE VIEW users",
        "EXPLAIN SELECT * FROM users WHERE ssn LIKE '9%'",
        "INSERT INTO shop.inbox VALUES (1, 'x')",
        "UPDATE shop.users SET name = 'x'",
        "UPDATE users SET name = 'x'",
        "DELETE FROM users",
        "CREATE TABLE t (id int)",
        "CREATE TEMPORARY TABLE t (id int)",
        "CREATE VIEW v AS SELECT 1",
        "DROP VIEW users",
        "SELECT 1 INTO OUTFILE '/tmp/x'",
        "SELECT * FROM mysql.user",
        "SET GLOBAL general_log = 1",
        "GRANT SELECT ON shop.users TO CURRENT_USER()",
        `SET PASSWORD FOR '${OWNER}'@'localhost' = 'x'`,
      ]) {
        const { error } = await agent.query(sql);
        assert.match(error?.message ?? "", /denied|lacking privileges|not allowed/i, sql);
      }
    });

    for (const [group, list] of Object.entries(MYSQL_HOSTILE.shop).filter(([name]) => isFor(name, kind))) {
      test(`${group}: nothing shows a value, whichever database is the current one`, async () => {
        assert.deepEqual([...(await leaks(list, MASKED.shop)), ...(await leaks(list, "shop"))], []);
      });
    }

    test("nothing shows a value of the other databases", async () => {
      const groups = Object.entries(MYSQL_HOSTILE.app).filter(([name]) => isFor(name, kind));
      // A server that asks for a file gets no answer from this client, and sleeps seven seconds a row where every pin shows as 7.
      const list = groups.flatMap(([, hostile]) => hostile).filter((hostile) => !/LOCAL INFILE|SLEEP\(pin/i.test(String(hostile)));
      assert.ok(list.length > 250);
      assert.deepEqual(await leaks(list, MASKED.app), []);
    });

    test("questions about values have flat answers", async () => {
      const told: string[] = [];
      // Some leave a transaction open, and what it has read locked.
      const client = await enter(MASKED.shop);
      // Digits sound as stars do, and names do not: that tells of the mask, and of no value.
      for (const pair of SHOP_ORACLES.filter((one) => !/SOUNDS LIKE/.test(String(one)))) {
        const shown: string[] = [];
        for (const sql of pair) {
          const { rows: found, error } = await client.query(sql);
          shown.push(JSON.stringify([found, error?.message.replace(QUOTED, "")]));
        }
        if (shown[0] !== shown[1]) told.push(`${pair[0]} ${shown.join(" / ")}`);
      }
      client.end();
      assert.deepEqual(told, []);
    });

    test("the same search finds values where the tables themselves are read", async () => {
      const direct = await MysqlAttacker.straight(walled.server, "shop");
      assert.notEqual(canaryIn(received([await direct.query("SELECT ssn FROM users")])), undefined);
      direct.end();
    });

    test("takes everything back where anything would stay open", async () => {
      const { server, sql } = walled;
      server.sql(`CREATE ROLE passing; GRANT SELECT ON shop.* TO passing; GRANT passing TO '${ACCOUNT}'@'%'`);
      failing(sql, /may hold no roles: revoke passing/);
      server.sql("DROP ROLE passing; CREATE USER ''@'%'; GRANT SELECT ON shop.users TO ''@'%'");
      failing(sql, /the wall would be open, and all is taken back: SELECT on shop\.users/);
      const client = await enter("information_schema");
      assert.match((await client.query(`SELECT * FROM ${MASKED.shop}.users`)).error?.message ?? "", /denied/);
      client.end();
      server.sql("REVOKE SELECT ON shop.users FROM ''@'%'; DROP USER ''@'%'");
      if (kind === "mariadb") {
        server.sql("GRANT SELECT ON `sh%`.* TO PUBLIC");
        failing(sql, /all is taken back: SELECT on sh% for everybody/);
        server.sql("REVOKE SELECT ON `sh%`.* FROM PUBLIC");
      }
      server.sql(sql);
      assert.deepEqual(await rows(`SELECT ssn FROM ${MASKED.shop}.users WHERE id = 1`), [["***"]]);
    });

    test("a database that is there already, and is no wall, is left alone", async () => {
      const { server, gateway, sql } = walled;
      server.sql("CREATE DATABASE taken_app; CREATE TABLE taken_app.users (id int)");
      const { code, err } = await runCommand(["wall", "--target", "here", "--config", gateway.configFile, "--schema", "taken"]);
      assert.equal(code, 2);
      assert.match(err, /database taken_app is there already, and is no wall/);
      failing(sql.replaceAll(MASKED.app, "taken_app"), /database taken_app is there already, and is not of this wall/);
      assert.equal(server.sql("SHOW TABLES FROM taken_app"), "Tables_in_taken_app\nusers\n");
      server.sql("DROP DATABASE taken_app");
      server.sql(sql);
    });

    test("one database alone may be asked for", async () => {
      const sql = await printed(walled.gateway, "--database", "other", "--role", "others");
      assert.match(sql, /CREATE DATABASE IF NOT EXISTS `others_masked_other`/);
      assert.doesNotMatch(sql, /others_masked_(app|shop)/);
      walled.server.sql(sql);
    });

    test("names with quotes, back-ticks and comments stay names", async () => {
      const { server, gateway } = walled;
      const odd = "x'``\"; DROP TABLE orders; --$$";
      server.sql(`CREATE TABLE app.\`${odd}\` (id int, ssn varchar(11)); INSERT INTO app.\`${odd}\` VALUES (1, '917-44-2051')`);
      await gateway.reconfigure((sections) => ({
        ...sections,
        masking: {
          ...MASKING,
          rules: [...Object(MASKING["rules"]), { name: "odd", target: "here", columns: ["app.x*.id"], with: "null" }],
        },
      }));
      server.sql(await printed(gateway, "--role", "r'`$$ x", "--schema", "w`'"));
      assert.match(server.sql(`SELECT ssn FROM \`w\`\`'_app\`.\`${odd}\``), /\*\*\*/);
      assert.match(server.sql("SELECT COUNT(*) FROM app.orders"), /4/);
    });
  });
}
