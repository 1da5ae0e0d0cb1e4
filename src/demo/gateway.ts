/**
 * The demo's gateway: the same `serve` that anyone runs, as a child process on a configuration file in the demo's
 * folder. What it logs goes to a file there; its `ready` line says where it listens.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Cleanup } from "#src/demo/cleanup.ts";

export interface GatewayOptions {
  /** The interpreter with its options, and the program that it runs. */
  readonly self: { readonly command: string; readonly options: readonly string[]; readonly program: string };
  readonly folder: string;
  readonly configFile: string;
  /** What of the caller's environment the gateway gets: where temporary files go, and little else. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cleanup: Cleanup;
}

export interface Gateway {
  /** The port of its PostgreSQL listener. */
  readonly port: number;
  /** The port of its MySQL listener, where it has one. */
  readonly mysqlPort: number | undefined;
  readonly logFile: string;
  /** Resolves when it has ended, with its last words. */
  readonly ended: Promise<string>;
}

/** The gateway ended, or said nothing, before it was ready. */
export class GatewayNotReady extends Error {}

const READY_MS = 30_000;
const LAST_LINES = 12;
const PASSED_ON = ["PATH", "TMPDIR", "LANG", "LC_ALL", "TZ", "SALLYPORT_DEBUG"];

/** @throws GatewayNotReady with the gateway's last words */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const logFile = join(options.folder, "gateway.log");
  const { command, options: nodeOptions, program } = options.self;
  const child = spawn(command, [...nodeOptions, program, "serve", "--config", options.configFile], {
    cwd: options.folder,
    detached: true, // a terminal's Ctrl-C is the demo's to answer
    env: Object.fromEntries(PASSED_ON.map((name) => [name, options.env[name]]).filter(([, value]) => value !== undefined)),
    stdio: ["ignore", "pipe", "pipe"],
  });
  options.cleanup.process(child, "SIGTERM");
  const log = createWriteStream(logFile, { mode: 0o600 });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const last: string[] = [];
  const ended = new Promise<string>((resolve) => child.once("close", () => resolve(last.join("\n"))));
  const ready = await readyLine(child, last, ended);
  const port = portOfReadyLine(ready);
  if (port === undefined) throw new Error("broken invariant: the gateway is ready without a port");
  return { port, mysqlPort: portOfReadyLine(ready, "mysql"), logFile, ended };
}

async function readyLine(child: ChildProcess, last: string[], ended: Promise<string>): Promise<string> {
  return await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new GatewayNotReady(`not ready within ${READY_MS} ms\n${last.join("\n")}`)), READY_MS);
    child.once("error", reject);
    void ended.then((words) => reject(new GatewayNotReady(words))).finally(() => clearTimeout(timer));
    const read = (line: string): void => {
      last.push(line);
      if (last.length > LAST_LINES) last.shift();
      if (portOfReadyLine(line) === undefined) return;
      clearTimeout(timer);
      resolve(line);
    };
    for (const stream of [child.stdout, child.stderr]) if (stream !== null) createInterface({ input: stream }).on("line", read);
  });
}

/** A listener's port of `{"event":"ready","addresses":{"postgres":"127.0.0.1:6432"}}`; undefined for any other line. */
export function portOfReadyLine(line: string, listener = "postgres"): number | undefined {
  if (!line.includes('"ready"')) return undefined;
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    // Not one of the gateway's log lines: nothing to learn from it.
    return undefined;
  }
  if (typeof entry !== "object" || entry === null || !("event" in entry) || entry.event !== "ready" || !("addresses" in entry))
    return undefined;
  const { addresses } = entry;
  if (typeof addresses !== "object" || addresses === null) return undefined;
  const address = Object.entries(addresses).find(([name]) => name === listener)?.[1];
  const port = /:(\d+)$/.exec(String(address))?.[1];
  return port === undefined ? undefined : Number(port);
}
