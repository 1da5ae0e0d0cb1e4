/**
 * `npm run bench -- mysql`: the gateway, recording on, beside a bare MySQL: statements in turn on one connection and on several,
 * as text and prepared, and a wide result. Interleaved, the order reversed in every round; ratios hold, absolute figures do not.
 */
import { parseArgs } from "node:util";
import mysql from "mysql2/promise";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { startMysql, type TestMysql } from "#test/support/mysql.ts";

const { values: flags } = parseArgs({
  allowPositionals: true,
  strict: false,
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "4" },
    workers: { type: "string", default: "1" },
  },
});
const ROUNDS = Number(flags["rounds"]);
const SECONDS = Number(flags["seconds"]);
const ROWS = 10_000;

interface Measure {
  readonly name: string;
  readonly connections: number;
  readonly run: (client: mysql.Connection, n: number) => Promise<unknown>;
}

const MEASURES: readonly Measure[] = [
  { name: "one row by its key, as text", connections: 1, run: (client, n) => client.query(`SELECT c FROM t WHERE id = ${n % ROWS}`) },
  { name: "one row by its key, prepared", connections: 1, run: (client, n) => client.execute("SELECT c FROM t WHERE id = ?", [n % ROWS]) },
  { name: "the same, 8 connections", connections: 8, run: (client, n) => client.execute("SELECT c FROM t WHERE id = ?", [n % ROWS]) },
  { name: "10,000 rows of 120 bytes", connections: 1, run: (client) => client.query("SELECT * FROM t") },
];

type Open = () => Promise<mysql.Connection>;

const ways = new Map<string, Open>();
const server = await startMysql({ settings: { "sync-binlog": "0" }, seed: seedOf() });
const gateway = await startGateway({ mysql: { [server.database]: server }, workers: Number(flags["workers"]) });
try {
  ways.set("direct", () => direct(server));
  ways.set("gateway", () => through(gateway, server.database));
  await bench();
} finally {
  await gateway.stop();
  await server.stop();
}

async function bench(): Promise<void> {
  for (const measure of MEASURES) {
    const samples = new Map<string, number[]>([...ways.keys()].map((name) => [name, []]));
    for (let round = 0; round < ROUNDS; round++) {
      const order = round % 2 === 0 ? [...ways] : [...ways].reverse();
      for (const [name, open] of order) samples.get(name)?.push(await perSecond(measure, open));
    }
    const [straight = 0, relayed = 0] = [...samples.values()].map(median);
    const ratio = straight === 0 ? "-" : (relayed / straight).toFixed(2);
    process.stdout.write(
      `${measure.name.padEnd(32)} direct ${straight.toFixed(0).padStart(7)}/s  gateway ${relayed.toFixed(0).padStart(7)}/s  ratio ${ratio}\n`,
    );
  }
}

async function perSecond({ connections, run }: Measure, open: Open): Promise<number> {
  const clients = await Promise.all(Array.from({ length: connections }, open));
  for (const client of clients) await run(client, 1);
  const began = performance.now();
  const until = began + SECONDS * 1000;
  const counts = await Promise.all(
    clients.map(async (client) => {
      let count = 0;
      while (performance.now() < until) await run(client, ++count);
      return count;
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  for (const client of clients) await client.end();
  return counts.reduce((sum, count) => sum + count, 0) / seconds;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function direct({ port, user, password, database, ca }: TestMysql): Promise<mysql.Connection> {
  return mysql.createConnection({ host: "localhost", port, user, password, database, ssl: { ca } });
}

async function through({ ca, mysqlLogin }: TestGateway, target: string): Promise<mysql.Connection> {
  const { host, port, user, password, database } = await mysqlLogin(target);
  return mysql.createConnection({ host, port, user, password, database, ssl: { ca } });
}

function seedOf(): readonly string[] {
  const numbers = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) SELECT i, REPEAT('x', 120) FROM n";
  return [
    "USE app; SET SESSION cte_max_recursion_depth = 20000;",
    "CREATE TABLE t (id INT PRIMARY KEY, c VARCHAR(120));",
    `INSERT INTO t ${numbers};`,
  ];
}
