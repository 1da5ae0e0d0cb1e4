/** mysql2 and the mariadb connector for Node: both protocols, commands sent ahead, and what is larger than a packet. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Connection, createConnection } from "mariadb";
import mysql from "mysql2/promise";
import { onEachServer, type Way } from "#test/conformance/mysql/ways.ts";

const MIB = 1024 * 1024;
/** By itself the connector gives up after a second. */
const CONNECT_MS = 60_000;

async function mysql2(way: Way): Promise<mysql.Connection> {
  const { host, port, user, password, database } = await way.login();
  return mysql.createConnection({ host, port, user, password, database, ssl: { ca: way.ca }, multipleStatements: true, dateStrings: true });
}

async function connector(way: Way): Promise<Connection> {
  const { host, port, user, password, database } = await way.login();
  return createConnection({
    host,
    port,
    user,
    password,
    database,
    ssl: { ca: way.ca },
    multipleStatements: true,
    dateStrings: true,
    bigIntAsNumber: false,
    connectTimeout: CONNECT_MS,
  });
}

/** What a program can read off an error. */
function told(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { errno, sqlState, code } = error as Error & { errno?: number; sqlState?: string; code?: string };
  return { errno, sqlState, code };
}

onEachServer("Node", [], (ways) => {
  test("mysql2: text and prepared statements, several results, transactions and errors show the same", async () => {
    await ways().compare(async (way) => {
      const client = await mysql2(way);
      try {
        const shown: unknown[] = [];
        shown.push((await client.query("SELECT * FROM customers ORDER BY id"))[0]);
        shown.push((await client.execute("SELECT * FROM customers WHERE id >= ? ORDER BY id", [2]))[0]);
        shown.push((await client.execute("SELECT ? + ?, ?, ?", [1, 2.5, "ü", null]))[0]);
        shown.push((await client.query("SELECT 1; SELECT 2; CALL two_results(4)"))[0]);
        await client.beginTransaction();
        shown.push((await client.query("DELETE FROM purchases WHERE id > 2"))[0]);
        await client.rollback();
        shown.push((await client.query("SELECT COUNT(*) FROM purchases"))[0]);
        for (const wrong of ["SELECT * FROM nowhere", "SELEC 1", "INSERT INTO customers (id, name) VALUES (1, 'x')"]) {
          shown.push(await client.query(wrong).then(() => "no error", told));
          shown.push(await client.execute(wrong).then(() => "no error", told));
        }
        await client.ping();
        return JSON.parse(JSON.stringify(shown)) as unknown;
      } finally {
        await client.end();
      }
    });
  });

  test("the mariadb connector: what it sends ahead is answered in order, batches and streams too", async () => {
    await ways().compare(async (way) => {
      const client = await connector(way);
      try {
        const ahead = await Promise.all(Array.from({ length: 200 }, (_, n) => client.query(`SELECT ${n} AS n`)));
        const prepared = await Promise.all(Array.from({ length: 20 }, (_, n) => client.execute("SELECT ? * 2 AS n", [n])));
        // Straight, MariaDB takes the rows in one command and gives one answer; through the gateway, in one for each.
        await client.batch("INSERT INTO purchases (customer, amount) VALUES (?, ?)", [
          [1, 1],
          [2, 2],
        ]);
        const batch: unknown = await client.query("SELECT COUNT(*) AS n, SUM(amount) AS amount FROM purchases");
        const rows: unknown[] = [];
        for await (const row of client.queryStream("SELECT id, name FROM customers ORDER BY id")) rows.push(row);
        const failed = await Promise.allSettled([
          client.query("SELECT 1 AS a"),
          client.query("SELECT * FROM nowhere"),
          client.query("SELECT 2 AS b"),
        ]);
        const outcomes = failed.map((one) => (one.status === "fulfilled" ? one.value : told(one.reason)));
        const plain = (_key: string, value: unknown) => (typeof value === "bigint" ? String(value) : value);
        return JSON.parse(JSON.stringify({ ahead, prepared, batch, rows, outcomes }, plain)) as unknown;
      } finally {
        await client.end();
      }
    });
  });

  test("a statement of 17 MiB, a row of 64 MiB and values around the size of a packet pass whole", async () => {
    const client = await mysql2(ways().through);
    try {
      for (const size of [16 * MIB - 100, 16 * MIB - 2, 16 * MIB - 1, 16 * MIB, 17 * MIB]) {
        const [rows] = await client.query(`SELECT LENGTH('${"x".repeat(size)}') AS n`);
        assert.deepEqual(rows, [{ n: size }]);
      }
      for (const size of [16 * MIB - 6, 16 * MIB - 5, 16 * MIB - 4, 16 * MIB, 64 * MIB]) {
        const [rows] = await client.query(`SELECT REPEAT('y', ${size}) AS text, 1 AS behind`);
        const [row] = rows as { text: string; behind: number }[];
        assert.deepEqual([row?.text.length, row?.behind], [size, 1]);
      }
      const [bound] = await client.execute("SELECT LENGTH(?) AS n", ["z".repeat(17 * MIB)]);
      assert.deepEqual(bound, [{ n: 17 * MIB }]);
    } finally {
      await client.end();
    }
  });

  test("thousands of prepared statements and of results in one answer pass", async () => {
    const client = await mysql2(ways().through);
    try {
      for (let n = 0; n < 5_000; n++) await client.execute(`SELECT ${n} AS n, ? AS p`, [n]);
      const [results] = await client.query(Array.from({ length: 1_000 }, (_, n) => `SELECT ${n} AS n`).join(";"));
      assert.equal((results as unknown[]).length, 1_000);
    } finally {
      await client.end();
    }
  });
});
