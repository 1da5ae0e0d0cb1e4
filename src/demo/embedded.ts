/**
 * A PostgreSQL server of the demo's own: the one that npm brought, on a free port of the loopback address, TLS and
 * SCRAM only, its data in a temporary folder. Durability is off: the data lives as long as the demo.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { Secret } from "#protocols/wire/secret.ts";
import type { Account } from "#src/demo/account.ts";
import type { Cleanup } from "#src/demo/cleanup.ts";
import type { Programs } from "#src/demo/programs.ts";

export interface EmbeddedOptions {
  readonly programs: Programs;
  readonly account: Account | undefined;
  /** A folder that `account` can enter; the server's data and key go below it. */
  readonly folder: string;
  /** PEM, for `localhost`. */
  readonly certificate: string;
  readonly key: Secret<string>;
  readonly cleanup: Cleanup;
}

export interface EmbeddedPostgres {
  readonly host: "127.0.0.1";
  readonly port: number;
  readonly superuser: { readonly name: "postgres"; readonly password: Secret<string> };
  /** Resolves when the server has ended, whoever ended it. */
  readonly ended: Promise<void>;
}

const START_MS = 30_000;
const START_TRIES = 5;
const LOG_CHARACTERS_MAX = 8000;

/** @throws Error with the end of the server's log when it does not come up */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const data = join(options.folder, "database");
  const password = new Secret(randomBytes(18).toString("base64url"));
  await createDatabase(options, data, password);
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    try {
      const { ended } = await startServer(options, data, port);
      return { host: "127.0.0.1", port, superuser: { name: "postgres", password }, ended };
    } catch (error) {
      // Somebody else may take the port between our look and the server's bind.
      if (attempt === START_TRIES || !String(error).includes("could not bind")) throw error;
    }
  }
}

async function createDatabase(options: EmbeddedOptions, data: string, password: Secret<string>): Promise<void> {
  const passwordFile = join(options.folder, "superuser");
  mkdirSync(data, { mode: 0o700 });
  ownedFile(options.account, passwordFile, password.expose());
  give(options.account, data);
  const flags = ["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"];
  const child = spawn(options.programs.initdb, [`--pgdata=${data}`, `--pwfile=${passwordFile}`, ...flags], spawnOptions(options));
  options.cleanup.process(child, "SIGTERM");
  const log = keepLog(child);
  const code = await new Promise<number | null>((resolve, reject) => child.once("error", reject).once("close", resolve));
  rmSync(passwordFile, { force: true });
  if (code !== 0) throw new Error(`PostgreSQL could not make its data folder: ${log()}`);
  ownedFile(options.account, join(data, "server.crt"), options.certificate);
  ownedFile(options.account, join(data, "server.key"), options.key.expose());
  ownedFile(options.account, join(data, "pg_hba.conf"), "hostssl all all 127.0.0.1/32 scram-sha-256\n");
}

async function startServer(options: EmbeddedOptions, data: string, port: number): Promise<{ readonly ended: Promise<void> }> {
  const settings = {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    ssl: "on",
    ssl_cert_file: "server.crt",
    ssl_key_file: "server.key",
    fsync: "off",
    full_page_writes: "off",
    synchronous_commit: "off",
    shared_buffers: "32MB",
    max_connections: "60",
    lc_messages: "C",
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const child = spawn(options.programs.postgres, ["-D", data, "-p", String(port), ...flags], spawnOptions(options));
  options.cleanup.process(child, "SIGINT"); // fast shutdown: sessions end, data is written out
  const log = keepLog(child);
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`PostgreSQL did not start within ${START_MS} ms: ${log()}`)), START_MS);
    child.once("error", reject);
    void ended.then(() => reject(new Error(`PostgreSQL did not start: ${log()}`)));
    child.stderr?.on("data", () => {
      if (!log().includes("database system is ready to accept connections")) return;
      clearTimeout(timer);
      resolve();
    });
    void ended.finally(() => clearTimeout(timer));
  });
  return { ended };
}

/** Its own process group, so that a terminal's Ctrl-C reaches the demo only, and nothing of the caller's environment. */
function spawnOptions(options: EmbeddedOptions) {
  const as = options.account === undefined ? {} : { uid: options.account.uid, gid: options.account.gid };
  return {
    ...as,
    cwd: options.folder,
    detached: true,
    env: { LC_ALL: "C", TZ: "UTC" },
    stdio: ["ignore", "pipe", "pipe"] as ["ignore", "pipe", "pipe"],
  };
}

function keepLog(child: ChildProcess): () => string {
  let log = "";
  const keep = (chunk: Buffer): void => {
    log = (log + chunk.toString("utf8")).slice(-LOG_CHARACTERS_MAX);
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  return () => log.trim();
}

function ownedFile(account: Account | undefined, path: string, content: string): void {
  writeFileSync(path, content, { mode: 0o600 });
  give(account, path);
}

function give(account: Account | undefined, path: string): void {
  if (account !== undefined) chownSync(path, account.uid, account.gid);
}

/** A port that was free a moment ago on the loopback address. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port is free on 127.0.0.1");
  return address.port;
}
