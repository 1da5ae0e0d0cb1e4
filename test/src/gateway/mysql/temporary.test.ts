/** Temporary tables and copies of a principal under masks, before a real MySQL and a real MariaDB: what they hold, what their names mean, and when. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import mysql from "mysql2/promise";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { startMysql, type TestMysql } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";

const SECRET = "canary-481-22-9071";
const SEED = [
  "USE app;",
  "CREATE TABLE people (id INT PRIMARY KEY, name VARCHAR(20), ssn VARCHAR(30)); CREATE TABLE plain (id INT PRIMARY KEY, note VARCHAR(30));",
  `INSERT INTO people VALUES (1, 'one', '${SECRET}'), (2, 'two', '${SECRET}'); INSERT INTO plain VALUES (1, 'free');`,
  "GRANT ALL ON *.* TO 'app'@'%';",
];
const TARGETS = ["mysql", "maria"] as const;
const COPY = "CREATE TEMPORARY TABLE mine AS SELECT id, ssn FROM people";
const MASKED = [
  [1, "***"],
  [2, "***"],
];

describe("tables that are made under masks", { skip: optional("mysql9") }, () => {
  const servers: TestMysql[] = [];
  let gateway: TestGateway;

  before(async () => {
    servers.push(...(await Promise.all([startMysql({ seed: SEED }), startMysql({ flavour: "mariadb10", seed: SEED })])));
    gateway = await startGateway({
      mysql: { mysql: server("mysql"), maria: server("maria") },
      agents: { masked: ["masked"], writer: ["writers"] },
      configure: (sections) => ({
        ...sections,
        access: {
          rules: [
            { who: { groups: ["masked"] }, targets: TARGETS, may: ["read", "write", "schema"] },
            { who: { groups: ["writers"] }, targets: TARGETS, may: ["read", "write"] },
          ],
        },
        masking: { rules: TARGETS.map((target) => ({ name: `pii-${target}`, target, columns: ["*.*.ssn"], with: "redact" })) },
      }),
    });
  });
  after(async () => {
    await gateway?.stop();
    await Promise.all(servers.map((one) => one.stop()));
  });

  const connect = async (target: string, agent = "masked") => {
    const { host, port, user, password } = await gateway.mysqlLogin(target, agent);
    const connection = await mysql.createConnection({
      ...{ host, port, user, password, database: target, ssl: { ca: gateway.ca }, rowsAsArray: true, multipleStatements: true },
    });
    /** Rows, or the message of the error. */
    const ask = (sql: string): Promise<unknown> =>
      connection.query(sql).then(
        ([rows]) => (Array.isArray(rows) ? rows : "ok"),
        (error: Error) => error.message,
      );
    return Object.assign(connection, { ask });
  };
  type Session = Awaited<ReturnType<typeof connect>>;
  const withSession = async (target: string, work: (session: Session) => Promise<void>, agent?: string): Promise<void> => {
    const session = await connect(target, agent);
    try {
      await work(session);
    } finally {
      session.destroy();
    }
  };

  for (const target of TARGETS) {
    test(`${target}: a temporary table holds masked values, and is the session's own`, async () => {
      await withSession(target, async ({ ask }) => {
        assert.equal(await ask(COPY), "ok");
        assert.deepEqual(await ask("SELECT * FROM mine"), MASKED);
        assert.deepEqual(await ask("SELECT ssn FROM app.mine m WHERE m.ssn = '***' AND id = 1"), [["***"]]);
        assert.equal(await ask("INSERT INTO mine SELECT id + 10, ssn FROM people"), "ok");
        assert.equal(await ask("UPDATE mine m JOIN people p ON p.id = m.id SET m.ssn = CONCAT(p.ssn, p.name)"), "ok");
        assert.deepEqual(await ask("SELECT ssn FROM mine ORDER BY id"), [["***one"], ["***two"], ["***"], ["***"]]);
        await withSession(target, async (other) => {
          assert.match(String(await other.ask("SELECT * FROM mine")), /reason=masked-undefined-table/);
        });
        assert.equal(await ask("ALTER TABLE mine ADD x INT"), "ok");
        assert.deepEqual(await ask("SELECT ssn, x FROM mine WHERE id = 1"), [["***one", null]]);
        assert.match(String(await ask("ALTER TABLE people ADD x INT")), /reason=masked-statement-kind/);
        assert.equal(await ask("DROP TABLE mine"), "ok");
        assert.match(String(await ask("SELECT * FROM mine")), /reason=masked-undefined-table/);
        assert.match(String(await ask("DROP TABLE people")), /reason=masked-statement-kind/);
        assert.match(String(await ask("DROP TEMPORARY TABLE people")), /Unknown table/);
      });
      assert.match(server(target).sql("SELECT COUNT(*) FROM app.people"), /2/);
    });

    test(`${target}: a name that another table bears is not hidden, and one that comes later does not take a temporary table's place`, async () => {
      await withSession(target, async ({ ask }) => {
        for (const name of ["plain", "PLAIN", "app.people", "`Plain`"]) {
          assert.match(String(await ask(`CREATE TEMPORARY TABLE ${name} (id INT)`)), /is the name of a table/, name);
        }
        assert.equal(await ask("CREATE TEMPORARY TABLE later (id INT, note VARCHAR(30))"), "ok");
        await ask("INSERT INTO later VALUES (1, 'own')");
        server(target).sql(`CREATE TABLE app.later (id INT, note VARCHAR(30)); INSERT INTO app.later VALUES (2, 'theirs')`);
        await ask("SELECT * FROM nowhere");
        assert.deepEqual(await ask("SELECT * FROM later"), [[1, "own"]]);
        assert.equal(await ask("DROP TABLE later"), "ok");
        assert.deepEqual(await ask("SELECT * FROM later"), [[2, "theirs"]]);
        assert.match(String(await ask("DROP TABLE later")), /reason=masked-statement-kind/);
      });
      server(target).sql("DROP TABLE app.later");
    });

    test(`${target}: where a temporary table went, its name means what others made under it, masked`, () =>
      withSession(target, async (session) => {
        const { ask } = session;
        assert.equal(await ask("CREATE TEMPORARY TABLE gone (id INT, ssn VARCHAR(30))"), "ok");
        assert.equal(await ask("PREPARE held FROM 'SELECT id, ssn FROM gone'"), "ok");
        const prepared = await session.prepare("SELECT id, ssn FROM gone");
        assert.equal(await ask("DROP TEMPORARY TABLE gone"), "ok");
        server(target).sql(`CREATE TABLE app.gone (id INT, ssn VARCHAR(30)); INSERT INTO app.gone VALUES (1, '${SECRET}')`);
        for (const answer of [await ask("EXECUTE held"), await prepared.execute([]).catch((error: Error) => error.message)]) {
          assert.match(String(answer), /reason=masked-unresolved/);
        }
        assert.deepEqual(await ask("SELECT * FROM gone"), [[1, "***"]]);
        server(target).sql("DROP TABLE app.gone");
      }));

    test(`${target}: what failed half-way leaves a name that means nothing until it is dropped or made`, () =>
      withSession(target, async ({ ask }) => {
        await ask("CREATE TEMPORARY TABLE a (id INT UNIQUE)");
        assert.match(String(await ask("CREATE TEMPORARY TABLE a (id INT)")), /error 1050|already exists/);
        assert.deepEqual(await ask("SELECT * FROM a"), []);
        assert.match(String(await ask("DROP TEMPORARY TABLE a, nothing")), /Unknown table/);
        assert.match(String(await ask("SELECT * FROM a")), /is not certain.*reason=masked-unresolved/);
        assert.match(String(await ask("INSERT INTO a VALUES (1)")), /reason=masked-unresolved/);
        assert.match(String(await ask("CREATE TABLE a AS SELECT 1 AS id")), /temporary table of the session/);
        assert.equal(await ask("DROP TEMPORARY TABLE IF EXISTS a"), "ok");
        assert.match(
          String(await ask("CREATE TEMPORARY TABLE a (id INT UNIQUE) SELECT 1 AS id UNION ALL SELECT 1")),
          /key exists|Duplicate/,
        );
        assert.match(String(await ask("SELECT * FROM a")), /reason=masked-unresolved/);
        assert.equal(await ask("CREATE TEMPORARY TABLE a (id INT UNIQUE)"), "ok");
        assert.deepEqual(await ask("SELECT * FROM a"), []);
      }));

    test(`${target}: temporary tables outlive a rollback, and no reset`, () =>
      withSession(target, async (session) => {
        const { ask } = session;
        await ask("BEGIN");
        assert.equal(await ask("CREATE TEMPORARY TABLE kept (id INT)"), "ok");
        await ask("ROLLBACK");
        assert.deepEqual(await ask("SELECT * FROM kept"), []);
        assert.equal(await ask("TRUNCATE TABLE kept"), "ok");
        assert.deepEqual(await ask("SELECT * FROM kept"), []);
        assert.equal(await ask("PREPARE makes FROM 'CREATE TEMPORARY TABLE second (id INT)'"), "ok");
        assert.match(String(await ask("SELECT * FROM second")), /reason=masked-undefined-table/);
        assert.equal(await ask("EXECUTE makes"), "ok");
        assert.deepEqual(await ask("SELECT * FROM second"), []);
        await session.execute("CREATE TEMPORARY TABLE third (id INT)");
        assert.deepEqual((await session.execute("SELECT * FROM third"))[0], []);
        await session.reset();
        for (const name of ["kept", "second", "third"]) {
          assert.match(String(await ask(`SELECT * FROM ${name}`)), /reason=masked-undefined-table/, name);
        }
      }));

    test(`${target}: in a text of several statements each sees the temporary tables that those before it have made`, () =>
      withSession(target, async ({ ask }) => {
        const text = `DROP TEMPORARY TABLE IF EXISTS mine; ${COPY}; SELECT * FROM mine; DROP TABLE mine`;
        const shown = JSON.stringify(MASKED);
        assert.ok(JSON.stringify(await ask(text)).includes(shown));
        assert.match(String(await ask("SELECT * FROM mine")), /reason=masked-undefined-table/);
        assert.match(String(await ask(`${COPY}; DROP TABLE mine; SELECT * FROM mine`)), /reason=masked-undefined-table/);
        await ask(COPY);
        assert.match(String(await ask("DROP TEMPORARY TABLE mine, nothing; SELECT 1")), /Unknown table/);
        assert.match(String(await ask("SELECT * FROM mine")), /reason=masked-unresolved/);
      }));

    test(`${target}: a copy for all to see holds masked values, and needs the right to the schema`, async () => {
      await withSession(target, async ({ ask }) => {
        assert.equal(await ask("CREATE TABLE copied (KEY (id)) SELECT id, ssn AS kept FROM people"), "ok");
        assert.deepEqual(await ask("SELECT * FROM copied"), MASKED);
        for (const sql of [
          "CREATE TABLE other (id INT)",
          "CREATE TABLE other LIKE people",
          "CREATE TEMPORARY TABLE other LIKE people",
          "CREATE TEMPORARY TABLE other (id INT REFERENCES people (id))",
          "CREATE TEMPORARY TABLE other (id INT) ENGINE=MERGE UNION=(people)",
          "CREATE TABLE mysql.other AS SELECT 1",
          "CREATE TEMPORARY TABLE other AS SELECT ssn INTO @x FROM people",
        ]) {
          assert.match(String(await ask(sql)), /reason=masked|error/, sql);
        }
      });
      assert.doesNotMatch(server(target).sql("SELECT * FROM app.copied"), new RegExp(SECRET));
      server(target).sql("DROP TABLE app.copied");
      const asWriter = async ({ ask }: Session): Promise<void> => assert.match(String(await ask(COPY)), /reason=access-not-granted/);
      await withSession(target, asWriter, "writer");
    });
  }

  function server(target: (typeof TARGETS)[number]): TestMysql {
    const found = servers[TARGETS.indexOf(target)];
    assert.ok(found);
    return found;
  }
});
