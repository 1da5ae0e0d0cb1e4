/**
 * Settings of which servers do not tell what is so: those of a SET that failed half-way, and those of a procedure, told between
 * its results. The next text must be judged by what the server has then.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Connection, createConnection } from "mariadb";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import type { Sections } from "#test/support/gateway-files.ts";
import { type MysqlFlavour, startMysql, type TestMysql } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";

const SEED = [
  "USE app; CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1), (2); SET sql_mode = 'ANSI_QUOTES';",
  "DELIMITER //",
  "CREATE PROCEDURE quotes() BEGIN SET SESSION sql_mode = @@sql_mode; SELECT 1; SELECT 2; END //",
  "DELIMITER ;",
];

/** The agent may write, and not drop. */
function configure(sections: Sections): Sections {
  return { ...sections, access: { rules: [{ who: { groups: ["data-agents"] }, targets: ["shop"], may: ["read", "write"] }] } };
}

/** `hidden` is part of a name to who takes double quotes for strings, and runs where they stand around names; and the other way round. */
const UNDER_ANSI_QUOTES = 'SELECT 1 AS "\\"; DROP TABLE t; SELECT 1 -- "';
const UNDER_NO_MODE = 'SELECT "\\"", 1; DROP TABLE t; SELECT 1 -- "';

for (const flavour of ["mysql9", "mariadb10"] as const) {
  describe(`doubtful settings, ${flavour}`, { skip: optional(flavour === "mysql9" ? "mysql9" : "mariadb") }, () => run(flavour));
}

function run(flavour: MysqlFlavour): void {
  let server: TestMysql;
  let gateway: TestGateway;

  before(async () => {
    server = await startMysql({ flavour, seed: SEED });
    gateway = await startGateway({ mysql: { shop: server }, configure });
  });
  after(async () => {
    await gateway?.stop();
    await server?.stop();
  });

  /** It takes ends of results as OK packets, which tell of settings. */
  const connect = async (): Promise<Connection> => {
    const { host, port, user, password, database } = await gateway.mysqlLogin("shop");
    return createConnection({ host, port, user, password, database, ssl: { ca: gateway.ca }, multipleStatements: true });
  };
  const tables = () => server.sql("SHOW TABLES FROM app").trim().split("\n").slice(1);
  const failed = (asked: Promise<unknown>): Promise<string> =>
    asked.then(
      () => "",
      (error: unknown) => String(error),
    );

  test("a SET that failed half-way has changed what it has changed", async () => {
    for (const set of [
      "SET sql_mode = 'ANSI_QUOTES', autocommit = 1",
      "EXECUTE s",
      "SELECT 1; SET sql_mode = 'ANSI_QUOTES', autocommit = 1; SELECT 2",
    ]) {
      const client = await connect();
      await client.query("SET sql_mode = '', autocommit = 0");
      await client.query("PREPARE s FROM 'SET sql_mode = ''ANSI_QUOTES'', autocommit = 1'");
      await client.query("XA START 'a'");
      assert.match(await failed(client.query(set)), /XAER_RMFAIL/, set);
      assert.match(await failed(client.query(UNDER_ANSI_QUOTES)), /reason=access-not-granted/, set);
      await client.query("XA END 'a'");
      await client.query("XA ROLLBACK 'a'");
      assert.match(await failed(client.query(UNDER_ANSI_QUOTES)), /reason=access-not-granted/, set);
      assert.deepEqual(tables(), ["t"]);
      await client.end();
    }
  });

  test("a SET of one value that failed has changed nothing, and its warnings stay", async () => {
    const client = await connect();
    await failed(client.query("SET sql_mode = 'NONSENSE'"));
    const [first] = await client.query<{ Code: number }[]>("SHOW WARNINGS");
    assert.equal(first?.Code, 1231);
    await client.end();
  });

  test("what a procedure sets for itself ends with it", async () => {
    for (const call of ["CALL quotes()", "CALL quotes(); SELECT 3", "SELECT 3; CALL quotes()"]) {
      const client = await connect();
      await client.query("SET sql_mode = ''");
      await client.query(call);
      assert.match(await failed(client.query(UNDER_NO_MODE)), /reason=access-not-granted/, call);
      assert.deepEqual(tables(), ["t"]);
      await client.end();
    }
    const client = await connect();
    await client.query("SET sql_mode = ''");
    // Judged when its turn has come, by the settings of then: in the quotes of the procedure's own mode it would be a name.
    const results = await client.query<unknown[]>('CALL quotes(); SELECT "a\'b" AS x');
    assert.deepEqual(JSON.parse(JSON.stringify(results.at(-1))), [{ x: "a'b" }]);
    await client.end();
  });
}
