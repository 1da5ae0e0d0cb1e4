/**
 * What recording costs: `node bench/journal.ts [--json]`. CPU microseconds from the operating system's account of this
 * process, the median of several rounds, for statements in an open journal, for sealing small sessions, and for
 * evidence. Run it on a machine that does nothing else.
 */
import { hash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { openEvidence } from "#src/audit/evidence.ts";
import type { SessionSummary } from "#src/audit/records.ts";
import { createSigningKey, loadSigningKey } from "#src/audit/signing.ts";
import { systemClock as clock } from "#src/recording/clock.ts";
import type { EventBody } from "#src/recording/events.ts";
import { type Journal, openJournal, prepareJournals } from "#src/recording/journal.ts";
import { parseRecipients } from "#src/recording/recipients.ts";
import { discard, seal } from "#src/recording/seal.ts";
import { Slabs } from "#src/recording/slabs.ts";

const ROUNDS = 7;
const root = mkdtempSync(join(tmpdir(), "sallyport-bench-journal-"));
const journals = join(root, "journals");
const recordings = join(root, "recordings");
prepareJournals(journals);
mkdirSync(recordings);
const slabs = new Slabs();
let sessions = 0;

interface Cost {
  readonly what: string;
  /** Of user and system time together, in the best round. */
  readonly bestMicros: number;
  readonly userMicros: number;
  readonly systemMicros: number;
  readonly wallMicros: number;
}

/** Runs `work` a few times, each time for `count` operations, and tells the median cost of one. */
async function cost(what: string, count: number, work: (count: number) => unknown): Promise<Cost> {
  await work(Math.ceil(count / 4));
  const samples: Cost[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const [cpu, start] = [process.cpuUsage(), process.hrtime.bigint()];
    await work(count);
    const wall = Number(process.hrtime.bigint() - start) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    samples.push({ what, bestMicros: 0, userMicros: user / count, systemMicros: system / count, wallMicros: wall / count });
  }
  samples.sort((a, b) => a.userMicros + a.systemMicros - b.userMicros - b.systemMicros);
  const [best, median] = [samples[0], samples[Math.floor(ROUNDS / 2)]];
  if (best === undefined || median === undefined) throw new Error("there was no round");
  return { ...median, bestMicros: best.userMicros + best.systemMicros };
}

function open(): Journal {
  sessions += 1;
  const sessionId = `bench-${String(sessions).padStart(8, "0")}`;
  return openJournal({ directory: journals, sessionId, clock, slabs, startedAtMonotonicMs: clock.monotonicMs() });
}

const tables = ["public.pgbench_accounts"];
const sql = "SELECT abalance FROM pgbench_accounts WHERE aid = $1;";

function statement(parameter: string): EventBody {
  return {
    kind: "statement",
    sql,
    upstreamSql: null,
    parameters: [parameter],
    verdict: "allow",
    rule: "access.rules[0]",
    reason: null,
    tables,
  };
}

function rows(of: number, value: string): EventBody {
  return { kind: "rows", statement: of, columns: [{ name: "abalance", masked: false }], rows: [[value]] };
}

function result(of: number): EventBody {
  return { kind: "result", statement: of, tag: "SELECT 1", rows: 1, durationMs: 0.213, beyond: null };
}

const start: EventBody = {
  kind: "session-start",
  session: "bench",
  principal: { issuer: "https://idp.example", name: "agent-7", groups: ["data-agents"], actor: null },
  target: "orders",
  protocol: "postgres",
  remote: "127.0.0.1:40001",
  label: "app",
  application: "pgbench",
  database: "orders",
  gateway: "sallyport",
};

/** A statement that is alone: on record before it goes out, its answer with the next one. */
function lone(journal: Journal, count: number): void {
  for (let index = 0; index < count; index++) {
    const seq = journal.append(statement(String(index)));
    journal.flush();
    journal.append(rows(seq, String(index)));
    journal.append(result(seq));
  }
}

function statementsOnly(journal: Journal, count: number, perFlush: number): void {
  for (let index = 0; index < count; index++) {
    journal.append(statement(String(index)));
    if (index % perFlush === perFlush - 1) journal.flush();
  }
}

function small(): Journal {
  const journal = open();
  journal.append(start);
  journal.flush();
  lone(journal, 1);
  journal.append({ kind: "session-end", status: "closed", reason: null });
  journal.close();
  return journal;
}

async function sealing(recipients: ReturnType<typeof parseRecipients>, count: number): Promise<void> {
  const made = Array.from({ length: count }, small);
  for (const { paths } of made) {
    await seal({ journal: paths, recipients, recordings, clock, ending: { status: "recovered", reason: null } });
    discard(paths);
  }
}

async function inJournal(what: string, count: number, work: (journal: Journal, count: number) => void): Promise<Cost> {
  const journal = open();
  const measured = await cost(what, count, (times) => work(journal, times));
  journal.close();
  discard(journal.paths);
  return measured;
}

const summary: SessionSummary = {
  id: "bench-00000001",
  startedAt: "2026-01-01T00:00:00.000Z",
  endedAt: null,
  principal: { issuer: "https://idp.example", name: "agent-7", groups: ["data-agents"], actor: null },
  target: "orders",
  protocol: "postgres",
  remote: "127.0.0.1:40001",
  label: "app",
  statements: 0,
  rows: 0,
  maskedCells: 0,
  denied: 0,
  bytes: 0,
  status: "open",
};

async function run(): Promise<readonly Cost[]> {
  const recipient = await identityToRecipient(await generateX25519Identity());
  const age = parseRecipients([recipient]);
  const key = loadSigningKey(createSigningKey().privateKeyPem);
  const log = await openEvidence({ directory: join(root, "evidence"), stateFile: join(root, "checkpoint"), key, clock });
  const opened = { type: "session-opened", session: summary } as const;
  const yardstick = Buffer.alloc(350, "x");
  const costs = [
    // A machine's business shows here first: 0.55 on a quiet one of those that the figures in docs/performance.md come from.
    await cost("yardstick: SHA-256 of 350 bytes", 200_000, (count) => {
      for (let index = 0; index < count; index++) hash("sha256", yardstick, "hex");
    }),
    await inJournal("append, 100 a flush", 100_000, (journal, count) => statementsOnly(journal, count, 100)),
    await inJournal("append and flush", 50_000, (journal, count) => statementsOnly(journal, count, 1)),
    await inJournal("append and flush, 10 pipelined", 50_000, (journal, count) => statementsOnly(journal, count, 10)),
    await inJournal("statement, flush, rows, result", 50_000, lone),
    await cost("session of one statement: journal only", 200, (count) => {
      for (let index = 0; index < count; index++) discard(small().paths);
    }),
    await cost("the same and sealing, unencrypted", 200, (count) => sealing(parseRecipients("none"), count)),
    await cost("the same and sealing to one recipient", 200, (count) => sealing(age, count)),
    await cost("evidence record alone", 200, async (count) => {
      for (let index = 0; index < count; index++) await log.append(opened);
    }),
    await cost("evidence record, 50 at once", 2000, async (count) => {
      for (let index = 0; index < count; index += 50) await Promise.all(Array.from({ length: 50 }, () => log.append(opened)));
    }),
  ];
  await log.close();
  return costs;
}

try {
  const costs = await run();
  if (process.argv.includes("--json")) process.stdout.write(`${JSON.stringify(costs)}\n`);
  else {
    process.stdout.write(
      `${"µs an operation".padEnd(42)} ${"CPU".padStart(8)} ${"best".padStart(8)} ${"user".padStart(8)} ${"system".padStart(8)} ${"wall".padStart(8)}\n`,
    );
    for (const { what, bestMicros, userMicros, systemMicros, wallMicros } of costs) {
      const columns = [userMicros + systemMicros, bestMicros, userMicros, systemMicros, wallMicros].map((value) =>
        value.toFixed(2).padStart(8),
      );
      process.stdout.write(`${what.padEnd(42)} ${columns.join(" ")}\n`);
    }
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}
