/** `sallyport serve` as a process of a test, which ends with the process that started it; what it logs is collected. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { ROOT } from "#test/support/tree.ts";

const READY_MS = 90_000;
const LOG_LINES_MAX = 100_000;
/** Twice what the gateway itself takes at most. */
const ENDED_MS = 60_000;
/** For what a process that has ended said last, which may still be on its way. */
const LAST_WORDS_MS = 5_000;

export interface Running {
  readonly child: ChildProcess;
  readonly addresses: Readonly<Record<string, string>>;
}

/** @throws Error with what the gateway said when it does not come up within 90 s */
export async function launchGateway(
  folder: string,
  configFile: string,
  env: Readonly<Record<string, string>>,
  log: Record<string, unknown>[],
  program = join(ROOT, "bin/sallyport.js"),
  under: readonly string[] = [],
): Promise<Running> {
  const command = ["--pdeathsig", "TERM", ...under, process.execPath, program, "serve", "--config", configFile];
  const child = spawn("setpriv", command, { cwd: folder, env: { PATH: process.env["PATH"], ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let words = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    words = (words + text).slice(-8000);
  });
  const addresses = await new Promise<Record<string, string>>((resolve, reject) => {
    const fail = (why: string) =>
      reject(
        new Error(
          `the gateway ${why}\n${words}${log
            .slice(-12)
            .map((entry) => JSON.stringify(entry))
            .join("\n")}`,
        ),
      );
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      fail(`was not ready within ${READY_MS} ms`);
    }, READY_MS);
    child.once("error", reject);
    child.once("close", (code) => fail(`ended with ${code} before it was ready`));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const entry = parseLine(line);
      if (log.push(entry) > LOG_LINES_MAX) log.shift();
      if (entry["event"] !== "ready") return;
      clearTimeout(timer);
      resolve(addressesIn(entry));
    });
    child.once("close", () => clearTimeout(timer));
  });
  return { child, addresses };
}

function parseLine(line: string): Record<string, unknown> {
  try {
    const entry: unknown = JSON.parse(line);
    if (typeof entry === "object" && entry !== null) return { ...entry };
  } catch {
    // Kept below as it came: a test that looks for it fails with the text.
  }
  return { text: line };
}

function addressesIn(ready: Record<string, unknown>): Record<string, string> {
  const { addresses } = ready;
  if (typeof addresses !== "object" || addresses === null) throw new Error("the ready line has no addresses");
  return Object.fromEntries(Object.entries(addresses).map(([name, address]) => [name, String(address)]));
}

export function portIn(addresses: Readonly<Record<string, string>>, listener: string): number {
  const port = /:(\d+)$/.exec(addresses[listener] ?? "")?.[1];
  if (port === undefined) throw new Error(`the gateway has no ${listener} listener`);
  return Number(port);
}

/** @returns the exit code, once what it logged has come; SIGKILL follows after a minute */
export async function end(child: ChildProcess, signal: "SIGTERM" | "SIGKILL"): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const gone = once(child, "exit");
  const closed = once(child, "close");
  child.kill(signal);
  const force = setTimeout(() => child.kill("SIGKILL"), ENDED_MS);
  await gone;
  clearTimeout(force);
  // Workers of a keeper that was killed have its output open until they notice.
  if (signal === "SIGTERM") await Promise.race([closed, pause(LAST_WORDS_MS, undefined, { ref: false })]);
  return child.exitCode;
}
