/**
 * What is measured: each measure is one client program that runs for a while against one way to the database and says
 * how much it got done. The programs are PostgreSQL's own and cost little themselves, so that the proxy is what shows.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Cost, costOf } from "#test/support/cost.ts";
import type { Path } from "./paths.ts";

export interface Sample {
  readonly seconds: number;
  /** Transactions, bytes or connections, as the measure counts. */
  readonly amount: number;
  /** CPU time of the proxy's processes meanwhile; null on the direct way. */
  readonly cpuSeconds: number | null;
  /** Of that, what the first process took: the gateway's keeper. */
  readonly ownSeconds: number | null;
  readonly peakBytes: number | null;
  /** Of single transactions, where one client alone was measured. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

export interface Measure {
  readonly name: string;
  readonly unit: "tps" | "MB/s" | "connects/s";
  /** Whether pgbouncer may use a server connection for several clients: a connect is measured with a fresh one each. */
  readonly reuse: boolean;
  run(path: Path, seconds: number, folder: string): Promise<Sample>;
}

const BIN = "/usr/lib/postgresql/15/bin";
const BULK_ROW_BYTES = 1000;
const BULK_ROWS = 4_000;
const TINY_ROWS = 40_000;
const COPY_BYTES = 64 << 20;

/** Tables for all measures. `pgbench_accounts` is made by pgbench itself. */
export const TABLES = `
create table bulk as select n, repeat(md5(n::text), ${Math.floor(BULK_ROW_BYTES / 32)}) as text from generate_series(1, ${BULK_ROWS}) n;
create table tiny as select n from generate_series(1, ${TINY_ROWS}) n;
create unlogged table sink (n integer, text text);
create view bulk_bytes as select sum(11 + 2 + length(n::text) + length(text))::bigint as bytes from bulk;
vacuum analyze bulk;
vacuum analyze tiny;
`;

export const MEASURES: readonly Measure[] = [
  ...["simple", "prepared"].flatMap((mode) =>
    [1, 8, 32].map(
      (clients): Measure => ({
        name: `pgbench ${mode} -S -c ${clients}`,
        unit: "tps",
        reuse: true,
        run: (path, seconds, folder) => pgbench(path, folder, seconds, ["--select-only", `--protocol=${mode}`], clients, clients === 1),
      }),
    ),
  ),
  {
    name: "bulk SELECT of 1 kB rows",
    unit: "MB/s",
    reuse: true,
    run: (path, seconds, folder) => select(path, folder, seconds, "select n, text from bulk", 1020 * BULK_ROWS),
  },
  {
    name: "bulk SELECT of tiny rows",
    unit: "MB/s",
    reuse: true,
    run: (path, seconds, folder) => select(path, folder, seconds, "select n from tiny", 17 * TINY_ROWS),
  },
  { name: "COPY in", unit: "MB/s", reuse: true, run: copyIn },
  {
    name: "connect and query",
    unit: "connects/s",
    reuse: false,
    run: (path, seconds, folder) => pgbench(path, folder, seconds, ["--select-only", "--connect"], 4, false),
  },
];

async function pgbench(
  path: Path,
  folder: string,
  seconds: number,
  options: readonly string[],
  clients: number,
  latencies: boolean,
): Promise<Sample> {
  const prefix = `latency-${path.name}-${crypto.randomUUID()}`;
  // The first second is left out of account: connections are made in it, and caches fill. The last has no line of progress.
  const args = [
    "--no-vacuum",
    `--client=${clients}`,
    `--jobs=${Math.min(clients, 2)}`,
    `--time=${seconds + 2}`,
    "--progress=1",
    ...options,
  ];
  if (latencies) args.push("--log", `--log-prefix=${join(folder, prefix)}`);
  const marks: Mark[] = [];
  const output = await program([join(BIN, "pgbench"), ...args], await path.env(), {
    onLine(line) {
      const [, at, tps] = /^progress: ([\d.]+) s, ([\d.]+) tps/.exec(line) ?? [];
      if (at !== undefined && tps !== undefined)
        marks.push({ at: Number(at), tps: Number(tps), cost: path.pid === null ? null : costOf(path.pid) });
    },
  });
  if (/number of failed transactions: [1-9]/.test(output)) throw new Error(`pgbench through ${path.name} failed:\n${output}`);
  const [p50Ms = null, p99Ms = null] = latencies ? percentiles(folder, prefix) : [];
  return { ...between(marks), p50Ms, p99Ms };
}

/** What pgbench had done, and the proxy had cost, when a line of progress came. */
interface Mark {
  readonly at: number;
  readonly tps: number;
  readonly cost: Cost | null;
}

/** From the first line of progress to the last. */
function between(marks: readonly Mark[]): Omit<Sample, "p50Ms" | "p99Ms"> {
  const [first, last] = [marks.at(0), marks.at(-1)];
  if (first === undefined || last === undefined || first === last) throw new Error("pgbench told of no progress");
  const amount = marks.slice(1).reduce((sum, { at, tps }, index) => sum + tps * (at - (marks[index]?.at ?? at)), 0);
  return {
    seconds: last.at - first.at,
    amount,
    cpuSeconds: first.cost === null || last.cost === null ? null : last.cost.cpuSeconds - first.cost.cpuSeconds,
    ownSeconds: first.cost === null || last.cost === null ? null : last.cost.ownSeconds - first.cost.ownSeconds,
    peakBytes: last.cost?.peakBytes ?? null,
  };
}

/** pgbench throws results away as they come: the cheapest reader of many rows that there is. */
async function select(path: Path, folder: string, seconds: number, sql: string, bytes: number): Promise<Sample> {
  const script = join(folder, "select.sql");
  writeFileSync(script, `${sql};\n`);
  const { amount, ...sample } = await pgbench(path, folder, seconds, [`--file=${script}`], 1, false);
  return { ...sample, amount: amount * bytes };
}

async function copyIn(path: Path, seconds: number, folder: string): Promise<Sample> {
  const data = copyFile(folder);
  const env = await path.env();
  const before = path.pid === null ? null : costOf(path.pid);
  const begun = performance.now();
  let amount = 0;
  let spentMs = 0;
  while (performance.now() - begun < seconds * 1000) {
    const input = openSync(data, "r");
    const started = performance.now();
    await program([join(BIN, "psql"), "-Xqc", "copy sink from stdin"], env, { input });
    spentMs += performance.now() - started;
    closeSync(input);
    amount += statSync(data).size;
    await program([join(BIN, "psql"), "-Xqc", "truncate sink"], env);
  }
  const after = path.pid === null ? null : costOf(path.pid);
  const cpuSeconds = before === null || after === null ? null : after.cpuSeconds - before.cpuSeconds;
  const ownSeconds = before === null || after === null ? null : after.ownSeconds - before.ownSeconds;
  return { seconds: spentMs / 1000, amount, cpuSeconds, ownSeconds, peakBytes: after?.peakBytes ?? null, p50Ms: null, p99Ms: null };
}

function copyFile(folder: string): string {
  const path = join(folder, "copy.tsv");
  if (readdirSync(folder).includes("copy.tsv")) return path;
  const line = (n: number) => `${n}\t${"copied text ".repeat(8)}\n`;
  const block = Array.from({ length: 1000 }, (_, n) => line(n)).join("");
  writeFileSync(path, block.repeat(Math.ceil(COPY_BYTES / block.length)));
  return path;
}

interface Streams {
  readonly input?: number;
  readonly onLine?: (line: string) => void;
}

/** @returns all that it printed. @throws Error with it when the exit code is not 0 */
async function program(
  command: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
  { input, onLine = () => undefined }: Streams = {},
): Promise<string> {
  const [file, ...args] = command;
  const child = spawn(file, args, { env, stdio: [input ?? "ignore", "pipe", "pipe"] });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      onLine(line);
    });
  }
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${file} ended with ${code}:\n${lines.join("\n")}`);
  return lines.join("\n");
}

/** pgbench's log: the third field is the transaction's time in microseconds. */
function percentiles(folder: string, prefix: string): readonly [number | null, number | null] {
  const files = readdirSync(folder).filter((name) => name.startsWith(prefix));
  const times = files.flatMap((name) =>
    readFileSync(join(folder, name), "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => Number(line.split(" ")[2]) / 1000),
  );
  times.sort((left, right) => left - right);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? null;
  return [at(0.5), at(0.99)];
}
