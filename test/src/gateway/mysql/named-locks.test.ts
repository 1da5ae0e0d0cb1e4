/**
 * Locks that applications name (GET_LOCK and its kin), under a mask, on a real MySQL and a real MariaDB: migrations take turns by them.
 * They work by constants and parameters, and no row decides whether one is taken.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import mysql from "mysql2/promise";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import type { Sections } from "#test/support/gateway-files.ts";
import { startMysql, type TestMysql } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";

const SEED = [
  "USE app; CREATE TABLE people (id INT PRIMARY KEY, ssn VARCHAR(20)); INSERT INTO people VALUES (1, '911'), (2, '822');",
  "CREATE VIEW taken AS SELECT id, GET_LOCK(ssn, 0) AS l FROM people;",
  "CREATE FUNCTION taking() RETURNS INT RETURN (SELECT GET_LOCK(ssn, 0) FROM people WHERE id = 1);",
  "CREATE TABLE log (id INT); CREATE TRIGGER logging BEFORE INSERT ON log FOR EACH ROW SET NEW.id = GET_LOCK((SELECT ssn FROM people LIMIT 1), 0);",
];
const TARGETS = ["mysql", "maria"] as const;

/** None of them may take a lock, or tell of one: by a value, for a row, or of another session's. */
const REFUSED = [
  "SELECT GET_LOCK(ssn, 0) FROM people",
  "SELECT GET_LOCK('k', 0) FROM people WHERE ssn LIKE '9%'",
  "SELECT 1 FROM people WHERE ssn LIKE '9%' AND GET_LOCK('k', 0)",
  "SELECT 1 FROM people ORDER BY IS_FREE_LOCK('k')",
  "SELECT GET_LOCK((SELECT ssn FROM people LIMIT 1), 0)",
  "SELECT GET_LOCK(CONCAT('k', (SELECT ssn FROM people LIMIT 1)), 0)",
  "SELECT GET_LOCK('k', (SELECT COUNT(*) FROM people WHERE ssn LIKE '9%'))",
  "SELECT IF((SELECT ssn FROM people WHERE id = 1) LIKE '9%', GET_LOCK('k', 0), 0)",
  "SELECT GET_LOCK('k', 0) UNION SELECT id FROM people",
  "SELECT GET_LOCK('k', 0) WHERE EXISTS (SELECT 1 FROM people WHERE ssn LIKE '9%')",
  "WITH c AS (SELECT ssn FROM people) SELECT GET_LOCK('k', 0) FROM c",
  "SELECT GET_LOCK(@v, 0)",
  "SELECT GET_LOCK('a' 'b', 0)",
  "SELECT GET_LOCK(CONCAT('k'), 0)",
  "SELECT GET_LOCK('k', 1 + 1)",
  "SELECT IS_USED_LOCK('k')",
  "SELECT app.GET_LOCK('k', 0)",
  "INSERT INTO people (id) VALUES (GET_LOCK('k', 0))",
  "INSERT INTO log VALUES (1)",
  "UPDATE people SET id = 3 WHERE id = 1 AND GET_LOCK('k', 0)",
  "DELETE FROM people WHERE GET_LOCK('k', 0) = 2",
  "SET @l = GET_LOCK(@v, 0)",
  "SET sql_select_limit = GET_LOCK('k', 0)",
  "SHOW TABLES WHERE GET_LOCK('k', 0)",
  "DO GET_LOCK((SELECT ssn FROM people LIMIT 1), 0)",
  "SELECT * FROM taken",
  "SELECT taking()",
];

describe("locks by name under a mask", { skip: optional("mysql9", "mariadb") }, () => {
  const servers: TestMysql[] = [];
  const clients: mysql.Connection[] = [];
  let gateway: TestGateway;

  const configure = (sections: Sections): Sections => ({
    ...sections,
    masking: { rules: TARGETS.map((target) => ({ name: `pii-${target}`, target, columns: ["app.people.ssn"], with: "redact" })) },
  });

  before(async () => {
    const settings = { "log-bin-trust-function-creators": "ON" };
    servers.push(
      ...(await Promise.all([startMysql({ seed: SEED, settings }), startMysql({ flavour: "mariadb10", seed: SEED, settings })])),
    );
    const [mysql9, mariadb] = servers;
    assert.ok(mysql9 && mariadb);
    gateway = await startGateway({ mysql: { mysql: mysql9, maria: mariadb }, configure });
  });
  after(async () => {
    for (const client of clients) client.destroy();
    await gateway?.stop();
    await Promise.all(servers.map((server) => server.stop()));
  });

  for (const target of TARGETS) {
    const connect = async (): Promise<mysql.Connection> => {
      const { host, port, user, password } = await gateway.mysqlLogin(target);
      const client = await mysql.createConnection({
        host,
        port,
        user,
        password,
        database: target,
        ssl: { ca: gateway.ca },
        rowsAsArray: true,
      });
      clients.push(client);
      return client;
    };
    /** The one value that comes. */
    const value = async (client: mysql.Connection, sql: string, ...values: string[]): Promise<unknown> => {
      const [rows] = values.length === 0 ? await client.query(sql) : await client.execute(sql, values);
      return (rows as unknown[][])[0]?.[0];
    };

    test(`${target}: one session has a lock at a time, and gives it back by RELEASE_LOCK or when it ends`, async () => {
      const [one, other] = [await connect(), await connect()];
      assert.equal(await value(one, "SELECT GET_LOCK('migrate', 10)"), 1);
      assert.equal(await value(other, "SELECT GET_LOCK('migrate', 0) = 0 AS waits"), 1);
      assert.equal(await value(other, "SELECT IS_FREE_LOCK('migrate')"), 0);
      assert.equal(await value(one, "SELECT RELEASE_LOCK('migrate')"), 1);
      assert.equal(await value(other, "SELECT COALESCE(GET_LOCK(?, ?), 0) AS l", "migrate", "1"), 1);
      await one.query("DO GET_LOCK('second', -1)");
      assert.equal(await value(other, "SELECT GET_LOCK('13', 0.5), GET_LOCK('second', 0)"), 1);
      assert.equal(await value(other, "SELECT IS_FREE_LOCK('13')"), 0);
      // MariaDB may take one twice for a statement, and counts it so.
      assert.ok(Number(await value(other, "SELECT RELEASE_ALL_LOCKS()")) >= 2);
      const freed = value(other, "SELECT GET_LOCK('second', 20)");
      one.destroy();
      assert.equal(await freed, 1);
    });

    test(`${target}: no lock is taken by a value or for a row`, async () => {
      const client = await connect();
      for (const sql of REFUSED) {
        await assert.rejects(
          client.query(sql),
          /reason=(masked-(function|view|statement-kind|write|unparsed|unsupported)|statement-unparsed)/,
          sql,
        );
      }
      await client.query("PREPARE p FROM 'SELECT GET_LOCK(?, 0)'");
      await client.query("SET @v = (SELECT ssn FROM people WHERE id = 1)");
      await client.query("EXECUTE p USING @v");
      const free = "SELECT IS_FREE_LOCK('k'), IS_FREE_LOCK('911'), IS_FREE_LOCK('k911')";
      assert.deepEqual((await client.query(free))[0], [[1, 1, 1]]);
      assert.equal(await value(client, "SELECT IS_FREE_LOCK('***')"), 0);
    });
  }
});
