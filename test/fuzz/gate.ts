/**
 * The gate's fuzzer by hand: `node test/fuzz/gate.ts --seed 7 --minutes 60`. The same seed makes the same statements; with
 * `--hashed` some columns are hashed instead of masked, with `--mysql mysql9` (or `mariadb10`) it is that server's. Says
 * every ten seconds how far it is, prints each finding at once, and ends with 1 when there was one.
 */
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import type { Counts, Finding } from "./gate-fuzzer.ts";
import { openGate } from "./gate-opened.ts";
import { openMysqlGate } from "./mysql-opened.ts";

const SAID_EVERY_MS = 10_000;
const TIDIED_EVERY = 3_000;
const HANGS_AFTER_MS = 20_000;
const TEXT_BYTES = 1 << 16;

const say = (line: string) => process.stdout.write(`${line}\n`);
const share = (part: number, whole: number) => `${((100 * part) / Math.max(whole, 1)).toFixed(1)} %`;

export function progress(counts: Counts, findings: number): string {
  const { tries, texts, passed, masked, ran, ranMasked, unsteady, slow, alarms, leftOut } = counts;
  return [
    `${tries} tries, ${texts} texts`,
    `let through ${share(passed, texts)} (rewritten ${share(masked, texts)})`,
    `ran without error ${share(ran, texts)}; ${ranMasked} tries with a rewritten text`,
    `unsteady ${unsteady}, slow ${slow}, false alarms ${alarms}, left out ${leftOut}, findings ${findings}`,
  ].join("; ");
}

function show({ kind, try: at, texts, upstream, what }: Finding, seed: number): void {
  say(`FINDING ${kind} by seed ${seed}, try ${at}: ${what}`);
  for (const text of texts) say(`  text  ${JSON.stringify(text)}`);
  for (const text of upstream) say(`  sent  ${JSON.stringify(text)}`);
}

/** A text whose judgement never ends keeps this thread; another one says which it is, and ends the process. */
function watch(): (sql: string) => void {
  const shared = new SharedArrayBuffer(8 + TEXT_BYTES);
  new Worker(new URL(import.meta.url), { workerData: shared }).unref();
  const [state, bytes] = [new Int32Array(shared, 0, 2), new Uint8Array(shared, 8)];
  return (sql) => {
    const { written } = new TextEncoder().encodeInto(sql, bytes);
    Atomics.store(state, 1, written);
    Atomics.add(state, 0, 1);
  };
}

function guard(shared: SharedArrayBuffer): void {
  const [state, bytes] = [new Int32Array(shared, 0, 2), new Uint8Array(shared, 8)];
  let seen = -1;
  setInterval(() => {
    const [now, length] = [Atomics.load(state, 0), Atomics.load(state, 1)];
    if (now === seen && length > 0) {
      process.stderr.write(`FINDING hang: ${JSON.stringify(Buffer.from(bytes.slice(0, length)).toString())}\n`);
      process.kill(process.pid, "SIGKILL");
    }
    seen = now;
  }, HANGS_AFTER_MS);
}

interface Opened {
  readonly fuzzer: { readonly counts: Counts; next(): Promise<readonly Finding[]> };
  tidy(): Promise<void>;
  stop(): Promise<void>;
}

async function opened(seed: number, hashed: boolean): Promise<Opened> {
  const gate = await openGate(seed);
  return { fuzzer: gate.fuzzer(seed, { before: watch(), hashed }), tidy: gate.tidy, stop: gate.stop };
}

async function openedMysql(flavour: "mysql9" | "mariadb10" | "mariadb11", seed: number): Promise<Opened> {
  const gate = await openMysqlGate(flavour, seed);
  return { fuzzer: gate.fuzzer(seed, { before: watch() }), tidy: async () => undefined, stop: gate.stop };
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: "1" },
      minutes: { type: "string", default: "1" },
      hashed: { type: "boolean", default: false },
      mysql: { type: "string" },
    },
  });
  const { hashed, mysql } = values;
  const [seed, minutes] = [Number(values.seed), Number(values.minutes)];
  const known = mysql === undefined || (!hashed && (mysql === "mysql9" || mysql === "mariadb10" || mysql === "mariadb11"));
  if (!Number.isSafeInteger(seed) || !(minutes > 0) || !known)
    throw new Error("usage: gate.ts --seed N --minutes M [--hashed | --mysql mysql9|mariadb10|mariadb11]");
  const gate = mysql === undefined ? await opened(seed, hashed) : await openedMysql(mysql, seed);
  let found = 0;
  try {
    const { fuzzer } = gate;
    const until = performance.now() + minutes * 60_000;
    for (let said = performance.now(); performance.now() < until; ) {
      for (const finding of await fuzzer.next()) {
        found += 1;
        show(finding, seed);
      }
      if (fuzzer.counts.tries % TIDIED_EVERY === 0) await gate.tidy();
      if (performance.now() - said < SAID_EVERY_MS) continue;
      said = performance.now();
      say(progress(fuzzer.counts, found));
    }
    say(`seed ${seed}, ${minutes} minutes: ${progress(fuzzer.counts, found)}`);
  } finally {
    await gate.stop();
  }
  process.exitCode = found === 0 ? 0 : 1;
}

if (!isMainThread && parentPort !== null) guard(workerData);
else await run();
