/**
 * `npm run bench -- mysql`: the gateway, recording on, beside MySQL Router and a bare MySQL: statements in turn on one connection and
 * on several, as text and prepared, wide rows and tiny ones. Interleaved, the order reversed in every round; CPU is the operating
 * system's account of the proxy's processes. Ratios hold, absolute figures do not.
 */
import { parseArgs } from "node:util";
import type mysql from "mysql2/promise";
import { costOf } from "#test/support/cost.ts";
import { startGateway } from "#test/support/gateway.ts";
import { startMysql } from "#test/support/mysql.ts";
import { directPath, gatewayPath, type MysqlPath, routerPath } from "./mysql-paths.ts";
import { median } from "./report.ts";

const { values: flags } = parseArgs({
  allowPositionals: true,
  strict: false,
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "4" },
    workers: { type: "string", default: "1" },
    only: { type: "string", default: "" },
  },
});
const ROUNDS = Number(flags["rounds"]);
const SECONDS = Number(flags["seconds"]);
const ROWS = 10_000;
const TINY_ROWS = 40_000;

interface Measure {
  readonly name: string;
  readonly connections: number;
  /** Bytes of rows that one run brings; 0: runs are counted. */
  readonly bytes: number;
  readonly run: (client: mysql.Connection, n: number) => Promise<unknown>;
}

const MEASURES: readonly Measure[] = [
  {
    name: "one row by its key, as text",
    connections: 1,
    bytes: 0,
    run: (client, n) => client.query(`SELECT c FROM t WHERE id = ${n % ROWS}`),
  },
  {
    name: "one row by its key, prepared",
    connections: 1,
    bytes: 0,
    run: (client, n) => client.execute("SELECT c FROM t WHERE id = ?", [n % ROWS]),
  },
  {
    name: "as text, 8 connections",
    connections: 8,
    bytes: 0,
    run: (client, n) => client.query(`SELECT c FROM t WHERE id = ${n % ROWS}`),
  },
  {
    name: "prepared, 8 connections",
    connections: 8,
    bytes: 0,
    run: (client, n) => client.execute("SELECT c FROM t WHERE id = ?", [n % ROWS]),
  },
  // Packet headers (4 bytes a row) and length bytes are counted, as they are carried.
  { name: "4,000 rows of 960 bytes", connections: 1, bytes: 4_000 * 967, run: (client) => client.query("SELECT c FROM wide") },
  { name: "40,000 tiny rows", connections: 1, bytes: TINY_ROWS * 10, run: (client) => client.query("SELECT n FROM tiny") },
];

interface Sample {
  readonly perSecond: number;
  /** CPU of the proxy for one run, all its processes together; null on the direct way. */
  readonly cpuSeconds: number | null;
  /** Of the first process alone: the gateway's keeper. */
  readonly ownSeconds: number | null;
}

const server = await startMysql({ settings: { "sync-binlog": "0" }, seed: seedOf() });
const ways: MysqlPath[] = [directPath(server)];
try {
  ways.push(await routerPath(server));
  const gateway = await startGateway({ mysql: { [server.database]: server }, workers: Number(flags["workers"]) });
  ways.push(gatewayPath(gateway, server.database));
  await bench();
} finally {
  for (const way of ways) await way.stop();
  await server.stop();
}

async function bench(): Promise<void> {
  process.stdout.write(
    "| measure | direct | router | gateway | speed vs router | CPU vs router | router's CPU | gateway's CPU (keeper) |\n",
  );
  process.stdout.write("| --- | --- | --- | --- | --- | --- | --- | --- |\n");
  for (const measure of MEASURES.filter(({ name }) => name.includes(String(flags["only"])))) {
    for (const way of ways) await sample(measure, way, 1);
    const rounds: ReadonlyMap<MysqlPath["name"], Sample>[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const samples = new Map<MysqlPath["name"], Sample>();
      for (const way of round % 2 === 0 ? ways : ways.toReversed()) samples.set(way.name, await sample(measure, way, SECONDS));
      rounds.push(samples);
    }
    process.stdout.write(`| ${line(measure, rounds).join(" | ")} |\n`);
  }
}

function line({ name, bytes }: Measure, rounds: readonly ReadonlyMap<MysqlPath["name"], Sample>[]): readonly string[] {
  const middle = (of: (samples: ReadonlyMap<MysqlPath["name"], Sample>) => number | null | undefined): number =>
    median(rounds.flatMap((samples) => of(samples) ?? [])) ?? Number.NaN;
  const speed = (way: MysqlPath["name"]): string => {
    const found = middle((samples) => samples.get(way)?.perSecond);
    return bytes === 0 ? `${found.toFixed(0)}/s` : `${((found * bytes) / 1e6).toFixed(0)} MB/s`;
  };
  const cpu = (seconds: number): string =>
    bytes === 0 ? `${(seconds * 1e6).toFixed(0)} µs` : `${((seconds / bytes) * 1e9).toFixed(1)} s/GB`;
  const against = (of: (sample: Sample) => number | null): string =>
    middle((samples) => {
      const [ours, theirs] = [samples.get("gateway"), samples.get("router")].map((one) => (one === undefined ? null : of(one)));
      return ours == null || theirs == null || theirs === 0 ? null : ours / theirs;
    }).toFixed(2);
  const own = cpu(middle((samples) => samples.get("gateway")?.ownSeconds));
  return [
    name,
    ...(["direct", "router", "gateway"] as const).map(speed),
    against(({ perSecond }) => perSecond),
    against(({ cpuSeconds }) => cpuSeconds),
    cpu(middle((samples) => samples.get("router")?.cpuSeconds)),
    `${cpu(middle((samples) => samples.get("gateway")?.cpuSeconds))} (${own})`,
  ];
}

async function sample({ connections, run }: Measure, { open, pid }: MysqlPath, seconds: number): Promise<Sample> {
  const clients = await Promise.all(Array.from({ length: connections }, open));
  for (const client of clients) await run(client, 1);
  const before = pid === null ? null : costOf(pid);
  const began = performance.now();
  const until = began + seconds * 1000;
  const counts = await Promise.all(
    clients.map(async (client) => {
      let count = 0;
      while (performance.now() < until) await run(client, ++count);
      return count;
    }),
  );
  const spent = (performance.now() - began) / 1000;
  const after = pid === null ? null : costOf(pid);
  for (const client of clients) await client.end();
  const runs = counts.reduce((sum, count) => sum + count, 0);
  const each = (of: "cpuSeconds" | "ownSeconds") => (before === null || after === null ? null : (after[of] - before[of]) / runs);
  return { perSecond: runs / spent, cpuSeconds: each("cpuSeconds"), ownSeconds: each("ownSeconds") };
}

function seedOf(): readonly string[] {
  const numbers = (count: number) => `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${count - 1})`;
  return [
    "USE app; SET SESSION cte_max_recursion_depth = 50000;",
    "CREATE TABLE t (id INT PRIMARY KEY, c VARCHAR(120)); CREATE TABLE wide (id INT PRIMARY KEY, c TEXT); CREATE TABLE tiny (n INT PRIMARY KEY);",
    `INSERT INTO t ${numbers(ROWS)} SELECT i, REPEAT('x', 120) FROM n;`,
    `INSERT INTO wide ${numbers(4_000)} SELECT i, REPEAT(SHA2(i, 256), 15) FROM n;`,
    `INSERT INTO tiny ${numbers(TINY_ROWS)} SELECT i FROM n;`,
  ];
}
