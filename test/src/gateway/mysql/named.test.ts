/** PREPARE, EXECUTE and DEALLOCATE in texts before a real MySQL and a real MariaDB: under masks, under guardrails, and with few rights. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import mysql from "mysql2/promise";
import { recordingOf } from "#test/src/gateway/archive.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { startMysql, type TestMysql } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";

const SECRET = "canary-481-22-9071";
const SEED = [
  "USE app;",
  "CREATE TABLE people (id INT PRIMARY KEY, name VARCHAR(20), ssn VARCHAR(30)); CREATE TABLE plain (id INT PRIMARY KEY, note VARCHAR(30));",
  `INSERT INTO people VALUES (1, 'one', '${SECRET}'), (2, 'two', '${SECRET}'); INSERT INTO plain VALUES (1, 'free');`,
  "CREATE PROCEDURE prepares() PREPARE s FROM 'DELETE FROM plain';",
  "CREATE DATABASE elsewhere; USE elsewhere; CREATE TABLE people (id INT, ssn VARCHAR(30)); GRANT ALL ON *.* TO 'app'@'%';",
];
const TARGETS = ["mysql", "maria"] as const;
const ALL = ["read", "write", "schema", "admin"];

describe("statements prepared by texts", { skip: optional("mysql9") }, () => {
  const servers: TestMysql[] = [];
  let gateway: TestGateway;

  before(async () => {
    servers.push(...(await Promise.all([startMysql({ seed: SEED }), startMysql({ flavour: "mariadb10", seed: SEED })])));
    gateway = await startGateway({
      mysql: { mysql: server("mysql"), maria: server("maria") },
      agents: { masked: ["masked"], reader: ["readers"], writer: ["writers"], owner: ["dba"] },
      configure: (sections) => ({
        ...sections,
        access: {
          rules: [
            { who: { groups: ["masked", "dba"] }, targets: TARGETS, may: ALL },
            { who: { groups: ["readers"] }, targets: TARGETS, may: ["read"] },
            { who: { groups: ["writers"] }, targets: TARGETS, may: ["read", "write"] },
          ],
        },
        masking: {
          rules: TARGETS.map((target) => {
            const unless = { groups: ["dba", "readers", "writers"] };
            return { name: `pii-${target}`, target, columns: ["*.people.ssn"], with: "redact", unless };
          }),
        },
      }),
    });
  });
  after(async () => {
    await gateway?.stop();
    await Promise.all(servers.map((one) => one.stop()));
  });

  const connect = async (target: string, agent: string) => {
    const { host, port, user, password } = await gateway.mysqlLogin(target, agent);
    const options = { host, port, user, password, database: target, ssl: { ca: gateway.ca }, rowsAsArray: true, multipleStatements: true };
    const connection = await mysql.createConnection(options);
    /** Rows, or the message of the error. */
    const ask = (sql: string): Promise<unknown> =>
      connection.query(sql).then(
        ([rows]) => (Array.isArray(rows) ? rows : "ok"),
        (error: Error) => error.message,
      );
    return Object.assign(connection, { ask });
  };
  type Session = Awaited<ReturnType<typeof connect>>;
  const withSession = async (target: string, agent: string, work: (session: Session) => Promise<void>): Promise<void> => {
    const session = await connect(target, agent);
    try {
      await work(session);
    } finally {
      session.destroy();
    }
  };

  for (const target of TARGETS) {
    test(`${target}: under a mask what is prepared is written anew, and runs under its name`, () =>
      withSession(target, "masked", async ({ ask }) => {
        assert.equal(await ask("PREPARE s FROM 'SELECT id, ssn FROM people WHERE id = ?'"), "ok");
        assert.equal(await ask("SET @i = 2"), "ok");
        assert.deepEqual(await ask("EXECUTE S USING @i"), [[2, "***"]]);
        assert.deepEqual(await ask("execute `s` using @i"), [[2, "***"]]);
        assert.equal(await ask("PREPARE s FROM 'INSERT INTO plain SELECT id + 1, ssn FROM people WHERE id = ?'"), "ok");
        assert.equal(await ask("EXECUTE s USING @i"), "ok");
        assert.deepEqual(await ask("SELECT note FROM plain WHERE id = 3"), [["***"]]);
        assert.equal(await ask("PREPARE s FROM 'DELETE FROM plain WHERE id = 3'"), "ok");
        assert.equal(await ask("EXECUTE s"), "ok");
        assert.equal(await ask("PREPARE s FROM \"SELECT 'it''s', \"\"x\"\", '\\\\\\\\', COUNT(*) FROM people WHERE ssn = '***'\""), "ok");
        assert.deepEqual(await ask("EXECUTE s"), [["it's", "x", "\\", 2]]);
        assert.equal(await ask("DEALLOCATE PREPARE s"), "ok");
        assert.match(String(await ask("EXECUTE s")), /^Unknown prepared statement handler \(s\) given to EXECUTE$/);
      }));

    test(`${target}: under a mask a name means nothing once PREPARE of it failed, or the connection was reset`, () =>
      withSession(target, "masked", async (session) => {
        const { ask } = session;
        await ask("PREPARE s FROM 'SELECT 1'");
        assert.match(String(await ask("PREPARE S FROM 'SELECT nothing FROM people'")), /Unknown column/);
        assert.match(String(await ask("EXECUTE s")), /Unknown prepared statement/);
        await ask("PREPARE s FROM 'SELECT 1'");
        // What is refused here never reached the server, where the name stays.
        assert.match(String(await ask("PREPARE s FROM 'SELECT ssn INTO @x FROM people'")), /reason=masked/);
        assert.deepEqual(await ask("EXECUTE s"), [[1]]);
        await session.reset();
        assert.match(String(await ask("EXECUTE s")), /Unknown prepared statement/);
      }));

    test(`${target}: under a mask nothing runs that was not judged`, () =>
      withSession(target, "masked", async (session) => {
        const { ask } = session;
        await ask("SET @q = 'SELECT ssn FROM people'");
        for (const sql of [
          "PREPARE s FROM @q",
          "PREPARE s FROM 'CALL prepares()'",
          "PREPARE s FROM 'PREPARE r FROM @q'",
          "PREPARE s FROM 'SELECT /*+ MAX_EXECUTION_TIME(9) */ ssn FROM people'",
          "PREPARE s FROM 'SELECT 1; SELECT ssn FROM people'",
          "PREPARE s FROM CONCAT('SELECT ssn ', 'FROM people')",
          "EXECUTE IMMEDIATE @q",
          "EXECUTE IMMEDIATE CONCAT('SELECT ssn ', 'FROM people')",
          "CALL prepares()",
        ]) {
          assert.match(String(await ask(sql)), /reason=masked/, sql);
          assert.match(String(await ask("EXECUTE s")), /Unknown prepared statement/, sql);
        }
        await assert.rejects(session.execute("PREPARE s FROM 'SELECT 1'"), /not supported in the prepared statement protocol/);
        await assert.rejects(session.execute("EXECUTE s"), /not supported in the prepared statement protocol/);
      }));

    test(`${target}: under a mask names in it mean what they meant when it was prepared, or it has to be prepared again`, () =>
      withSession(target, "masked", async ({ ask }) => {
        await ask("PREPARE s FROM 'SELECT name FROM people'");
        await ask("USE elsewhere");
        assert.deepEqual(await ask("EXECUTE s"), [["one"], ["two"]]);
        await ask("USE app");
        server(target).sql(`CREATE TABLE app.swap (id INT, note VARCHAR(30)); INSERT INTO app.swap VALUES (1, 'x')`);
        assert.equal(await ask("PREPARE s FROM 'SELECT * FROM swap'"), "ok");
        assert.deepEqual(await ask("EXECUTE s"), [[1, "x"]]);
        server(target).sql("DROP TABLE app.swap; CREATE VIEW app.swap AS SELECT id, ssn FROM app.people");
        // What names nothing makes the gateway look at the schema anew.
        await ask("SELECT * FROM nowhere");
        assert.match(String(await ask("EXECUTE s")), /reason=masked-unresolved/);
        assert.equal(await ask("PREPARE s FROM 'SELECT * FROM swap'"), "ok");
        assert.deepEqual(await ask("EXECUTE s"), [
          [1, "***"],
          [2, "***"],
        ]);
        server(target).sql("DROP VIEW app.swap");
      }));

    test(`${target}: under no mask a name needs what it runs`, async () => {
      await withSession(target, "reader", async ({ ask }) => {
        assert.equal(await ask("PREPARE s FROM 'SELECT ssn FROM people WHERE id = ?'"), "ok");
        await ask("SET @i = 1");
        assert.deepEqual(await ask("EXECUTE s USING @i"), [[SECRET]]);
        assert.match(String(await ask("PREPARE s FROM 'DELETE FROM plain'")), /reason=access-not-granted/);
        assert.deepEqual(await ask("EXECUTE s USING @i"), [[SECRET]]);
        assert.match(String(await ask("PREPARE s FROM @q")), /reason=statement-unparsed/);
        assert.match(String(await ask("EXECUTE other")), /reason=statement-unparsed/);
        assert.equal(JSON.stringify(await ask("PREPARE a FROM 'SELECT 1'; EXECUTE a")).includes("[[1]]"), true);
        for (const sql of [
          "PREPARE a FROM 'SELECT 1'; DEALLOCATE PREPARE a; EXECUTE a",
          "PREPARE a FROM 'SELECT 1'; PREPARE a FROM 'DELETE FROM plain'; EXECUTE a",
          "EXECUTE later; PREPARE later FROM 'SELECT 1'",
        ]) {
          assert.match(String(await ask(sql)), /reason=/, sql);
        }
      });
      await withSession(target, "writer", async ({ ask }) => {
        await ask("PREPARE s FROM 'SELECT 1'");
        assert.equal(await ask("CALL prepares()"), "ok");
        assert.match(String(await ask("EXECUTE s")), /reason=statement-unparsed/);
        assert.match(String(await ask("PREPARE s FROM 'SELECT 1'; CALL prepares(); EXECUTE s")), /reason=statement-unparsed/);
        assert.equal(await ask("PREPARE c FROM 'CALL prepares()'"), "ok");
        await ask("PREPARE s FROM 'SELECT 1'");
        assert.equal(await ask("EXECUTE c"), "ok");
        assert.match(String(await ask("EXECUTE s")), /reason=statement-unparsed/);
      });
      await withSession(target, "owner", async ({ ask }) => {
        await ask("SET @q = 'SELECT 5'");
        assert.equal(await ask("PREPARE s FROM @q"), "ok");
        assert.deepEqual(await ask("EXECUTE s"), [[5]]);
      });
    });
  }

  test("maria: EXECUTE IMMEDIATE runs what stands in one string", async () => {
    await withSession("maria", "masked", async ({ ask }) => {
      assert.deepEqual(await ask("EXECUTE IMMEDIATE 'SELECT ssn FROM people WHERE id = 1'"), [["***"]]);
      await ask("SET @i = 1");
      assert.deepEqual(await ask("EXECUTE IMMEDIATE 'SELECT id, ssn FROM people WHERE id = ?' USING @i"), [[1, "***"]]);
    });
    await withSession("maria", "reader", async ({ ask }) => {
      assert.deepEqual(await ask("EXECUTE IMMEDIATE 'SELECT 7'"), [[7]]);
      assert.match(String(await ask("EXECUTE IMMEDIATE 'DELETE FROM plain'")), /reason=access-not-granted/);
    });
  });

  test("the record shows what EXECUTE ran on, and no literal that met a masked column", async () => {
    await withSession("mysql", "masked", async ({ ask }) => {
      await ask(`PREPARE recorded FROM 'SELECT id, ssn = ''${SECRET}'', ''marker'' FROM people'`);
      assert.deepEqual(await ask("EXECUTE recorded"), [
        [1, 0, "marker"],
        [2, 0, "marker"],
      ]);
    });
    const events = await recordingOf(gateway, "EXECUTE recorded");
    assert.ok(!JSON.stringify(events).includes(SECRET));
    const run = events.find((event) => event.kind === "statement" && JSON.stringify(event.sql).includes("EXECUTE recorded"));
    assert.ok(run?.kind === "statement");
    assert.deepEqual([run.tables, run.verdict, run.rule], [["people"], "mask", "pii-mysql"]);
  });

  function server(target: (typeof TARGETS)[number]): TestMysql {
    const found = servers[TARGETS.indexOf(target)];
    assert.ok(found);
    return found;
  }
});
