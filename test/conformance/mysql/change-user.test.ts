/**
 * COM_CHANGE_USER, and what pools do in its place: the gateway refuses it, since a session belongs to one principal. Each driver
 * gets an error with the reason in it, and its session goes on as it was; pools that reset connections work.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { type Connection, createConnection, createPool } from "mariadb";
import mysql from "mysql2/promise";
import { onEachServer, type Way } from "#test/conformance/mysql/ways.ts";
import { clientsOf, show } from "#test/conformance/program.ts";

const REFUSED = /COM_CHANGE_USER is refused.*reason=command-refused/s;

onEachServer("COM_CHANGE_USER", ["mysqldb"], (ways) => {
  const options = async ({ ca, login }: Way) => {
    // By itself the mariadb connector gives up after a second, its pool after ten.
    const { host, port, user, password, database } = await login();
    return { host, port, user, password, database, ssl: { ca }, connectTimeout: 60_000 };
  };

  test("mysql2: is told, and goes on with its temporary tables, variables and transaction", async () => {
    const client = await mysql.createConnection(await options(ways().through));
    try {
      await client.query("CREATE TEMPORARY TABLE mine (a INT)");
      await client.beginTransaction();
      await client.query("INSERT INTO mine VALUES (1)");
      await assert.rejects(client.changeUser({ user: "other", password: "x" }), REFUSED);
      assert.deepEqual((await client.query("SELECT COUNT(*) AS n FROM mine"))[0], [{ n: 1 }]);
      await client.commit();
    } finally {
      client.destroy();
    }
  });

  test("the mariadb connector: is told, and goes on or says that its connection is over", async () => {
    const client: Connection = await createConnection(await options(ways().through));
    try {
      await client.query("SET @mine = 7");
      // With MySQL it does not even ask.
      await assert.rejects(
        client.changeUser({ user: "other", password: "x" }),
        ways().flavour === "mysql9" ? /not available for MySQL/ : REFUSED,
      );
      if (client.isValid()) assert.deepEqual(await client.query("SELECT @mine AS mine"), [{ mine: 7n }]);
    } finally {
      client.destroy();
    }
  });

  test("the mariadb connector's pool: what a connection keeps when it goes back is the same, and texts are read by it", async () => {
    const shown = await ways().compare(async (way) => {
      const pool = createPool({ ...(await options(way)), connectionLimit: 1, resetAfterUse: true, acquireTimeout: 60_000 });
      const behind: unknown[] = [];
      try {
        for (let round = 0; round < 3; round++) {
          const client = await pool.getConnection();
          behind.push(String(await client.query({ sql: "SELECT @left, @@sql_mode LIKE '%ANSI_QUOTES%'", rowsAsArray: true })));
          await client.query("SET @left = 1, SESSION sql_mode = 'ANSI_QUOTES'");
          behind.push(String(await client.query({ sql: 'SELECT "id" FROM (SELECT 1 AS id) AS t', rowsAsArray: true })));
          await client.release();
        }
        return behind;
      } finally {
        await pool.end();
      }
    });
    // MariaDB's are reset; the connector leaves MySQL's as they are.
    assert.equal(shown[2], ways().flavour === "mysql9" ? "1,1" : ",0");
  });

  test("mysqlclient: is told, and its next statement runs", async () => {
    const { host, port, user, password, database } = await ways().through.login();
    const env = {
      DB_HOST: host,
      DB_PORT: String(port),
      DB_USER: user,
      DB_PASSWORD: password,
      DB_NAME: database,
      DB_CA: ways().through.caFile,
    };
    const program = ["/usr/bin/python3", "-B", join(clientsOf("mysql"), "change_user.py")] as const;
    const { stdout, stderr, code } = await show([...program], { env: { PATH: process.env["PATH"], LC_ALL: "C.UTF-8", ...env } });
    assert.equal(code, 0, stderr);
    assert.match(stdout, REFUSED);
    assert.match(stdout, /^behind: /m);
  });
});
