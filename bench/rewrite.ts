/**
 * `npm run bench -- rewrite`: what it costs a worker to judge a text, new or repeated, for a principal under masks and
 * for one under none. CPU microseconds from the operating system's account of this process, garbage collection and
 * compilation included, with the interpreter started as a worker's is; the median of several rounds, and the best.
 */
import { spawnSync } from "node:child_process";
import { availableParallelism, cpus } from "node:os";
import { masksFor } from "#policies/decide.ts";
import { allowedFunctions } from "#policies/document.ts";
import type { Principal } from "#policies/question.ts";
import type { MaskingView } from "#protocols/postgres/protocol.ts";
import { loadGrammar, resolveProtection } from "#protocols/postgres/protocol.ts";
import { readCatalogue } from "#src/catalogue/reader.ts";
import { WORKER_FLAGS } from "#src/gateway/worker-flags.ts";
import { Judgements } from "#src/sessions/judge.ts";
import { AGENT, DOCUMENT, SEED } from "#test/protocols/sql/postgres/corpus/seed.ts";
import { connectPostgres, startPostgres } from "#test/support/postgres.ts";
import { median } from "./report.ts";

const ROUNDS = 7;
const WIDE = `CREATE TABLE wide (${Array.from({ length: 1_600 }, (_, index) => `c${index} text`).join(", ")})`;

interface Case {
  readonly name: string;
  /** A different text each time, or the same where it is to be found in the cache. */
  readonly text: (index: number) => string;
  /** How many make a round. */
  readonly count: number;
}

const list = (count: number, one: (index: number) => string): string => Array.from({ length: count }, (_, index) => one(index)).join(", ");

const CASES: readonly Case[] = [
  { name: "new: one table, by its key", count: 500, text: (n) => `SELECT id, name, ssn FROM users WHERE id = ${n}` },
  {
    name: "new: two tables, a condition, an order",
    count: 500,
    text: (n) =>
      `SELECT u.name, u.email, o.total FROM users u JOIN orders o ON o.user_id = u.id WHERE o.status = 'x${n}' ORDER BY o.total DESC LIMIT 10`,
  },
  {
    name: "new: no masked table in it",
    count: 500,
    text: (n) => `SELECT id, total FROM orders WHERE status = 'x${n}' ORDER BY id LIMIT 10`,
  },
  { name: "new: a comparison with a masked column", count: 500, text: (n) => `SELECT id FROM users WHERE ssn = '${n}'` },
  { name: "repeated", count: 100_000, text: () => "SELECT id, name, ssn FROM users WHERE id = $1" },
  { name: "a list of 10,000", count: 2, text: (n) => `SELECT id FROM users WHERE id IN (${n}, ${list(10_000, String)})` },
  {
    name: "1 MB in 30,000 conditions",
    count: 1,
    text: (n) => `SELECT id FROM users WHERE name = '${n}'${" OR name = 'somebody that is not there'".repeat(28_000)}`,
  },
  { name: "1 MB in one string", count: 2, text: (n) => `SELECT id, '${n}${"x".repeat(1_000_000)}' FROM users` },
  { name: "a star of 1,600 columns, one masked", count: 20, text: (n) => `SELECT * FROM wide WHERE c1 = '${n}'` },
];

/** The same masks for everybody, and one who is under none. */
const FREE: Principal = { ...AGENT, name: "owner" };

async function maskedView(): Promise<MaskingView> {
  const server = await startPostgres();
  try {
    const client = await connectPostgres(server);
    await client.query(SEED);
    await client.query(WIDE);
    const catalogue = await readCatalogue(async (sql) => (await client.query(sql)).rows);
    await client.end();
    const masks = [
      ...masksFor(DOCUMENT, AGENT, "shop"),
      { rule: "wide", columns: ["public.wide.c7"], tags: [], mask: { kind: "redact" } as const },
    ];
    return { catalogue, protection: resolveProtection(catalogue, masks).protection, functionsAllowed: allowedFunctions(DOCUMENT) };
  } finally {
    await server.stop();
  }
}

function micros(judge: (sql: string) => unknown, texts: readonly string[]): number {
  const before = process.cpuUsage();
  for (const text of texts) judge(text);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / texts.length;
}

function measure(judge: (sql: string) => unknown, { text, count }: Case): readonly number[] {
  const texts = (round: number) => Array.from({ length: count }, (_, index) => text(round * count + index));
  micros(judge, texts(ROUNDS));
  return Array.from({ length: ROUNDS }, (_, round) => micros(judge, texts(round)));
}

function shown(values: readonly number[]): string {
  const spelled = (value: number) => (value >= 10_000 ? `${(value / 1000).toFixed(0)} ms` : `${value.toFixed(value < 10 ? 1 : 0)} µs`);
  return `${spelled(median(values) ?? 0)} (${spelled(Math.min(...values))})`;
}

async function bench(): Promise<void> {
  await loadGrammar();
  const view = await maskedView();
  const digest = () => "digest";
  const judgeFor = (principal: Principal, its: MaskingView | null) =>
    new Judgements().judge({
      document: DOCUMENT,
      principal,
      target: "shop",
      view: its,
      catalogue: view.catalogue,
      guarded: false,
      rejudge: null,
      digest,
    });
  const rows = CASES.map((one) => {
    const [masked, free] = [judgeFor(AGENT, view), judgeFor(FREE, null)].map((judge) => shown(measure(judge, one)));
    return [one.name, masked, free];
  });
  const head = ["text", "under masks", "under none"];
  const table = [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
  const machine = `${availableParallelism()} × ${cpus()[0]?.model ?? "unknown"}`;
  process.stdout.write(
    `\n${table}\n\n${new Date().toISOString()}, ${machine}, Node ${process.version}, CPU a text: median (best) of ${ROUNDS} rounds\n`,
  );
}

if (WORKER_FLAGS.every((flag) => process.execArgv.includes(flag))) {
  await bench();
} else {
  const { status } = spawnSync(process.execPath, [...WORKER_FLAGS, import.meta.filename], { stdio: "inherit" });
  process.exitCode = status ?? 1;
}
