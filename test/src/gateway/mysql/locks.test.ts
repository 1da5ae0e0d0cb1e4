/** Row locks of tables with masked columns: on a real MySQL and a real MariaDB the rows that are locked are those that are locked without a mask. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import mysql from "mysql2/promise";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import type { Sections } from "#test/support/gateway-files.ts";
import { startMysql, type TestMysql } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";

const SEED = [
  "USE app; CREATE TABLE people (id INT PRIMARY KEY, name VARCHAR(20), city VARCHAR(20), ssn VARCHAR(20), KEY (city), KEY (ssn));",
  "INSERT INTO people VALUES (1, 'a', 'Oslo', '911'), (2, 'b', 'Rome', '822'), (3, 'c', 'Oslo', '733'), (4, 'd', 'Bonn', NULL), (5, 'e', 'Kiel', '555');",
  "CREATE TABLE orders (id INT PRIMARY KEY, person INT, KEY (person)); INSERT INTO orders VALUES (10, 1), (11, 2), (12, 3);",
  "CREATE VIEW everybody AS SELECT id, ssn FROM people; ANALYZE TABLE people, orders;",
];
const TARGETS = ["mysql", "maria"] as const;

/** Each locks the same rows of both tables, whatever the clause. */
const SELECTS = [
  "SELECT * FROM people WHERE id = 1",
  "SELECT id, ssn FROM people WHERE city = 'Oslo'",
  "SELECT p.ssn FROM people AS p WHERE p.id > 3",
  "SELECT * FROM people ORDER BY id LIMIT 2",
  "SELECT id FROM people WHERE name = 'c'",
  "SELECT * FROM people p JOIN orders o ON o.person = p.id WHERE o.id = 11",
  "SELECT COUNT(*) FROM people WHERE id IN (2, 4)",
  "SELECT p.id FROM people p LEFT JOIN orders o ON o.person = p.id WHERE p.id = 5",
  "SELECT id FROM app.people WHERE people.id = 2",
];

describe("row locks of tables with masked columns", { skip: optional("mysql9") }, () => {
  const servers: TestMysql[] = [];
  let gateway: TestGateway;

  const configure = (sections: Sections): Sections => ({
    ...sections,
    masking: {
      rules: TARGETS.map((target) => ({
        ...{ name: `pii-${target}`, target, columns: ["app.people.ssn"], with: "redact", unless: { groups: ["dba"] } },
      })),
    },
  });

  before(async () => {
    servers.push(...(await Promise.all([startMysql({ seed: SEED }), startMysql({ flavour: "mariadb10", seed: SEED })])));
    const [mysql9, mariadb] = servers;
    assert.ok(mysql9 && mariadb);
    gateway = await startGateway({ mysql: { mysql: mysql9, maria: mariadb }, configure });
  });
  after(async () => {
    await gateway?.stop();
    await Promise.all(servers.map((server) => server.stop()));
  });

  for (const target of TARGETS) {
    const straight = async (): Promise<mysql.Connection> => {
      const server = servers[TARGETS.indexOf(target)];
      assert.ok(server);
      const { host, port, user, password, database, ca } = server;
      return mysql.createConnection({ host, port, user, password, database, ssl: { ca } });
    };
    const masked = async (): Promise<mysql.Connection> => {
      const { host, port, user, password } = await gateway.mysqlLogin(target);
      return mysql.createConnection({ host, port, user, password, database: target, ssl: { ca: gateway.ca } });
    };
    /** Rows that another connection finds locked, while the statement's transaction is open. */
    const lockedBy = async (client: mysql.Connection, other: mysql.Connection, sql: string): Promise<string> => {
      await client.query("START TRANSACTION");
      await client.query(sql);
      const found: string[] = [];
      for (const [table, ids] of [
        ["people", [1, 2, 3, 4, 5]],
        ["orders", [10, 11, 12]],
      ] as const) {
        for (const id of ids) {
          const [rows] = await other.query<mysql.RowDataPacket[]>(`SELECT id FROM ${table} WHERE id = ${id} FOR UPDATE SKIP LOCKED`);
          await other.query("ROLLBACK");
          if (rows.length === 0) found.push(String(id));
        }
      }
      await client.query("ROLLBACK");
      return found.join();
    };

    test(`${target}: a lock reaches the same rows as without a mask`, async () => {
      const [client, direct, other] = await Promise.all([masked(), straight(), straight()]);
      try {
        await other.query("SET autocommit = 0");
        for (const level of ["REPEATABLE READ", "READ COMMITTED"]) {
          for (const one of [client, direct]) await one.query(`SET SESSION TRANSACTION ISOLATION LEVEL ${level}`);
          const clauses = ["FOR UPDATE", "LOCK IN SHARE MODE", "FOR UPDATE NOWAIT", "FOR UPDATE SKIP LOCKED"];
          for (const clause of target === "mysql" ? [...clauses, "FOR SHARE"] : [...clauses, "FOR UPDATE WAIT 5"]) {
            for (const select of level === "REPEATABLE READ" || clause === "FOR UPDATE" ? SELECTS : []) {
              const sql = `${select} ${clause}`;
              const expected = await lockedBy(direct, other, sql);
              assert.equal(await lockedBy(client, other, sql), expected, `${level}: ${sql}`);
              // MariaDB locks nothing to count by a shared lock.
              if (!sql.includes("COUNT")) assert.notEqual(expected, "", sql);
            }
          }
          assert.equal(await lockedBy(client, other, "SELECT * FROM people WHERE id = 1"), "", "without a clause nothing is locked");
        }
      } finally {
        for (const one of [client, direct, other]) await one.end();
      }
    });

    test(`${target}: which rows are locked tells nothing of masked values`, async () => {
      const [client, other] = await Promise.all([masked(), straight()]);
      try {
        await other.query("SET autocommit = 0");
        await client.query("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
        const locked = (condition: string): Promise<string> =>
          lockedBy(client, other, `SELECT id, ssn FROM people WHERE ${condition} FOR UPDATE`);
        assert.equal(await locked("ssn = '911'"), await locked("ssn = '912'"));
        assert.equal(await locked("ssn > '8'"), await locked("ssn > '7'"));
        assert.equal(await locked("ssn LIKE '9%' OR id = 2"), await locked("ssn LIKE '0%' OR id = 2"));
        assert.equal(await locked("ssn = '***' AND city = 'Oslo'"), "1,3");
        assert.equal(await locked("id > 0 ORDER BY ssn LIMIT 1"), await locked("id > 0 ORDER BY CONCAT(ssn, '') LIMIT 1"));
        const [rows] = await client.query("SELECT id, ssn FROM people WHERE id = 1 FOR UPDATE");
        assert.deepEqual(rows, [{ id: 1, ssn: "***" }]);
        await client.query("ROLLBACK");
      } finally {
        await client.end();
        await other.end();
      }
    });

    test(`${target}: other forms are refused`, async () => {
      const client = await masked();
      try {
        for (const sql of [
          "SELECT id FROM people FORCE INDEX (ssn) WHERE id > 0 LIMIT 1 FOR UPDATE",
          "SELECT id FROM people WHERE id IN (SELECT person FROM orders) FOR UPDATE",
          "SELECT id FROM orders WHERE person IN (SELECT id FROM people WHERE ssn LIKE '9%' FOR UPDATE)",
          "SELECT id FROM people UNION SELECT id FROM orders FOR UPDATE",
          "SELECT x.id FROM (SELECT id FROM people FOR UPDATE) x",
          "WITH p AS (SELECT id FROM people) SELECT id FROM p FOR UPDATE",
          "SELECT id FROM everybody FOR UPDATE",
          "(SELECT id FROM people) FOR UPDATE",
          "INSERT INTO orders SELECT id + 100, id FROM people FOR UPDATE",
          ...(target === "mysql"
            ? ["SELECT people.id FROM people FOR UPDATE OF people", "SELECT p.id FROM people p FOR SHARE OF p FOR UPDATE"]
            : []),
        ]) {
          await assert.rejects(client.query(sql), /reason=masked-un/, sql);
        }
        const [rows] = await client.query("SELECT id FROM orders WHERE id = 10 FOR UPDATE");
        assert.deepEqual(rows, [{ id: 10 }]);
      } finally {
        await client.end();
      }
    });
  }
});
