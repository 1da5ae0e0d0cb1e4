/**
 * `npm run bench`: the gateway, recording on, beside pgbouncer and the bare database, interleaved, the order reversed
 * in every round. Each sample is kept in bench/results/; the table goes to stdout. Ratios hold from machine to
 * machine, absolute figures do not.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { BENCH_PARTS, probe, provide } from "#test/support/parts.ts";
import { runSql, startPostgres } from "#test/support/postgres.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";
import { MEASURES, type Measure, type Sample, TABLES } from "./measures.ts";
import { DATABASE, directPath, gatewayPath, type Path, type PathName, pgbouncerPath } from "./paths.ts";
import { type Result, table } from "./report.ts";

const HELP = `npm run bench -- [options], or: npm run bench -- rewrite, for what judging a text costs,
or: npm run bench -- mysql, for MySQL beside MySQL Router (--rounds, --seconds, --workers, --only)
  --rounds N     how often each way is measured (5)
  --seconds N    how long each time (4)
  --workers N    the gateway's worker processes (1)
  --server V     PostgreSQL 15 or 18 (15)
  --only TEXT    measures whose name contains it, or several, comma between them
  --ways LIST    of direct,pgbouncer,gateway (all)
  --list         the measures' names
`;

const say = (line: string) => process.stderr.write(`${line}\n`);

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "4" },
    workers: { type: "string", default: "1" },
    server: { type: "string", default: "15" },
    only: { type: "string", default: "" },
    ways: { type: "string", default: "direct,pgbouncer,gateway" },
    list: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const wanted = MEASURES.filter(({ name }) => flags.only.split(",").some((text) => name.includes(text)));
if (flags.help || flags.list) process.stdout.write(flags.help ? HELP : `${MEASURES.map(({ name }) => name).join("\n")}\n`);
else if (positionals.includes("rewrite")) await import("./rewrite.ts");
else if (positionals.includes("mysql")) await import("./mysql.ts");
else await bench();

async function bench(): Promise<void> {
  provide(BENCH_PARTS, new Set(), say);
  const version = flags.server === "18" ? 18 : 15;
  const settings = { shared_buffers: "256MB", synchronous_commit: "off", max_connections: "300", max_wal_size: "4GB" };
  const postgres = await startPostgres({ version, settings });
  const folder = await scratchFolder("bench");
  const results: Result[] = [];
  try {
    await runSql(postgres, `create database ${DATABASE}`);
    for (const statement of TABLES.split(";\n").filter((text) => text.trim() !== "")) await runSql(postgres, statement, DATABASE);
    await fill(directPath(postgres));
    for (const measure of wanted) {
      const paths = await openPaths(measure, postgres);
      try {
        results.push({ measure: { name: measure.name, unit: measure.unit }, rounds: await measureAll(measure, paths, folder) });
      } finally {
        for (const path of paths) await path.stop();
      }
    }
  } finally {
    await removeFolder(folder);
    await postgres.stop();
  }
  report(results);
}

async function openPaths(measure: Measure, postgres: Parameters<typeof directPath>[0]): Promise<readonly Path[]> {
  const open = {
    direct: async () => directPath(postgres),
    pgbouncer: () => pgbouncerPath(postgres, measure.reuse),
    gateway: () => gatewayPath(postgres, Number(flags.workers)),
  };
  const paths: Path[] = [];
  for (const name of ["direct", "pgbouncer", "gateway"] as const) if (flags.ways.split(",").includes(name)) paths.push(await open[name]());
  return paths;
}

async function measureAll(measure: Measure, paths: readonly Path[], folder: string): Promise<Result["rounds"]> {
  // A first run that does not count: caches fill, code gets compiled.
  for (const path of paths) await measure.run(path, 1, folder);
  const rounds: Partial<Record<PathName, Sample>>[] = [];
  for (let round = 0; round < Number(flags.rounds); round += 1) {
    const samples: Partial<Record<PathName, Sample>> = {};
    for (const path of round % 2 === 0 ? paths : paths.toReversed()) {
      samples[path.name] = await measure.run(path, Number(flags.seconds), folder);
    }
    rounds.push(samples);
    const speeds = Object.entries(samples).map(([name, { amount, seconds }]) => `${name} ${Math.round(amount / seconds)}`);
    say(`${measure.name}, round ${round + 1}: ${speeds.join(", ")}`);
  }
  return rounds;
}

async function fill(direct: Path): Promise<void> {
  const env = await direct.env();
  const { status, stderr } = spawnSync("/usr/lib/postgresql/15/bin/pgbench", ["-i", "-q", "-s", "10"], { env, encoding: "utf8" });
  if (status !== 0) throw new Error(`pgbench could not make its tables: ${stderr}`);
}

function report(results: readonly Result[]): void {
  const about = {
    at: new Date().toISOString(),
    node: process.version,
    machine: `${availableParallelism()} × ${cpus()[0]?.model ?? "unknown"}`,
    parts: Object.fromEntries(BENCH_PARTS.map((part) => [part.name, probe(part) ?? "missing"])),
    flags,
  };
  const folder = join(import.meta.dirname, "results");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${about.at.replaceAll(/[:.]/g, "-")}.json`);
  writeFileSync(file, `${JSON.stringify({ ...about, results }, null, 1)}\n`);
  process.stdout.write(`\n${about.at}, ${about.machine}, Node ${about.node}, ${about.parts["pgbouncer"]}, PostgreSQL ${flags.server}, `);
  process.stdout.write(`${flags.workers} worker(s), ${flags.rounds} rounds of ${flags.seconds} s: median (best)\n\n${table(results)}\n`);
  say(`samples: ${file}`);
}
