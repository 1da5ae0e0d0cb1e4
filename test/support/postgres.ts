/**
 * Real PostgreSQL servers for tests: one call gives a running server with TLS, SCRAM and its own authority, on a
 * free port, with its data in a folder that `stop` removes. A server ends with the process that started it, even
 * when that is killed. `TEST_PG_URL` (with `TEST_PG_CA`) names a running server to use instead where a test
 * asks for no particular version or setting.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { type Account, databaseAccount } from "#src/demo/account.ts";
import type { Programs } from "#src/demo/programs.ts";
import { makeAuthority } from "#test/support/certificates.ts";
import { type PostgresVersion, postgresPrograms } from "#test/support/postgres-programs.ts";
import { freePort, removeFolder, scratchFolder } from "#test/support/scratch.ts";

/** PEM texts: what the server shows, and the authority that a client should trust. */
export interface ServerCertificate {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface PostgresOptions {
  /** 18 when left out. */
  readonly version?: PostgresVersion;
  /** Lines of postgresql.conf by name, e.g. `{ log_statement: "all" }`. `ssl: "off"` gives a server without TLS. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Lines of pg_hba.conf, tried before the one that lets anyone in over TCP by SCRAM. */
  readonly hba?: readonly string[];
  /** PEM; fresh ones for localhost and 127.0.0.1 when left out. */
  readonly certificate?: ServerCertificate;
  /** PEM of the authority whose client certificates the server accepts (`ssl_ca_file`). */
  readonly clientCa?: string;
}

export interface TestPostgres {
  readonly version: PostgresVersion | null;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** PEM of the server's authority, and the file that holds it. */
  readonly ca: string;
  readonly caFile: string;
  /** Null for a server that was running before. */
  readonly databaseDir: string | null;
  /** What the server wrote to its log so far. */
  log(): string;
  /** Ends the server at once, as a crash would, and removes its data. May be called again. */
  stop(): Promise<void>;
}

const LOG_CHARACTERS_MAX = 4_000_000;

/** @throws Error with the end of the server's log when it does not come up */
export async function startPostgres(options: PostgresOptions = {}): Promise<TestPostgres> {
  const running = process.env["TEST_PG_URL"];
  if (running !== undefined && Object.keys(options).length === 0) return useRunning(running);
  const version = options.version ?? 18;
  const account = databaseAccount();
  const folder = await scratchFolder(`postgres${version}`, 0o755);
  const password = `test-${crypto.randomUUID()}`;
  try {
    const programs = postgresPrograms(version, account, folder);
    const certificate = options.certificate ?? (await freshCertificate());
    const databaseDir = initialise(programs, folder, password, certificate, options, account);
    const server = await bringUp(programs, databaseDir, account);
    const stop = async () => {
      await end(server.child);
      await removeFolder(folder);
    };
    const caFile = join(folder, "ca.crt");
    const login = { host: "127.0.0.1", port: server.port, user: "postgres", password, database: "postgres" };
    return { ...login, version, ca: certificate.ca, caFile, databaseDir, log: server.log, stop };
  } catch (error) {
    await removeFolder(folder);
    throw error;
  }
}

/** A logged-in node-postgres client, its TLS verified; the caller ends it. */
export async function connectPostgres(server: TestPostgres, database = server.database): Promise<pg.Client> {
  const { host, port, user, password, ca } = server;
  const client = new pg.Client({ host, port, user, password, database, ssl: { ca, servername: "localhost" } });
  await client.connect();
  return client;
}

/** Runs one text, which may hold several statements, as the server's superuser. */
export async function runSql(server: TestPostgres, sql: string, database = server.database): Promise<readonly pg.QueryResult[]> {
  const client = await connectPostgres(server, database);
  try {
    const result = await client.query(sql);
    return Array.isArray(result) ? result : [result];
  } finally {
    await client.end();
  }
}

async function freshCertificate(): Promise<ServerCertificate> {
  const authority = await makeAuthority("Sallyport test database CA");
  const { cert, key } = await authority.server(["localhost", "127.0.0.1"]);
  return { ca: authority.ca, cert, key: key.expose() };
}

function initialise(
  programs: Programs,
  folder: string,
  password: string,
  certificate: ServerCertificate,
  options: PostgresOptions,
  account: Account | undefined,
): string {
  const give = (path: string) => {
    if (account !== undefined) chownSync(path, account.uid, account.gid);
  };
  const file = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: name.endsWith(".crt") ? 0o644 : 0o600 });
    give(path);
    return path;
  };
  const databaseDir = join(folder, "data");
  file("ca.crt", certificate.ca);
  const settings: Record<string, string> = {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    fsync: "off",
    // Statistics that are made anew at some time change plans, and with them the order of rows that nobody sorts.
    autovacuum: "off",
    max_connections: "200",
    lc_messages: "C",
    ssl: "on",
    ssl_cert_file: file("server.crt", certificate.cert),
    ssl_key_file: file("server.key", certificate.key),
    ...(options.clientCa === undefined ? {} : { ssl_ca_file: file("client-ca.crt", options.clientCa) }),
    ...options.settings,
  };
  const passwordFile = file("password", `${password}\n`);
  give(folder);
  const flags = ["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"];
  execFileSync(programs.initdb, [`--pgdata=${databaseDir}`, `--pwfile=${passwordFile}`, ...flags], {
    ...account,
    cwd: folder,
    stdio: "pipe",
  });
  const quoted = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`);
  writeFileSync(join(databaseDir, "postgresql.auto.conf"), quoted.join(""));
  const hba = [...(options.hba ?? []), "host all all all scram-sha-256", "host replication all all scram-sha-256"];
  writeFileSync(join(databaseDir, "pg_hba.conf"), `${hba.join("\n")}\n`);
  return databaseDir;
}

interface Server {
  readonly child: ChildProcess;
  readonly port: number;
  readonly log: () => string;
}

async function bringUp(programs: Programs, databaseDir: string, account: Account | undefined): Promise<Server> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const server = await launch(programs, databaseDir, port, account);
    if (server.up) return server;
    if (attempt === 3 || !server.log().includes("Address already in use")) {
      throw new Error(`PostgreSQL did not start:\n${server.log().slice(-2000)}`);
    }
  }
}

/** `setpriv --pdeathsig` has the kernel end the server when this process is gone, however it went. */
async function launch(
  programs: Programs,
  databaseDir: string,
  port: number,
  account: Account | undefined,
): Promise<Server & { readonly up: boolean }> {
  const become = account === undefined ? [] : [`--reuid=${account.uid}`, `--regid=${account.gid}`, "--clear-groups"];
  const command = ["--pdeathsig", "QUIT", ...become, programs.postgres, "-D", databaseDir, "-p", String(port)];
  const child = spawn("setpriv", command, { cwd: databaseDir, stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  const up = await new Promise<boolean>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", () => resolve(false));
    child.stderr.setEncoding("utf8");
    child.stderr.on("data", (text: string) => {
      log = (log + text).slice(-LOG_CHARACTERS_MAX);
      if (text.includes("ready to accept connections") || log.slice(-4096).includes("ready to accept connections")) resolve(true);
    });
  });
  // Neither the server nor its log keeps a finished test file from ending.
  child.unref();
  if ("unref" in child.stderr && typeof child.stderr.unref === "function") child.stderr.unref();
  return { child, port, log: () => log, up };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  const gone = once(child, "exit");
  child.kill("SIGQUIT");
  const force = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await gone;
  clearTimeout(force);
}

/** A database of its own on the server that `TEST_PG_URL` names, dropped by `stop`. */
async function useRunning(url: string): Promise<TestPostgres> {
  const caFile = process.env["TEST_PG_CA"];
  if (caFile === undefined) throw new Error("TEST_PG_URL needs TEST_PG_CA, the file of its authority");
  const { hostname, port, username, password, pathname } = new URL(url);
  const database = `sallyport_${crypto.randomUUID().replaceAll("-", "")}`;
  const maintenance = pathname.slice(1) || "postgres";
  const login = { host: hostname, port: Number(port || 5432), user: decodeURIComponent(username), password: decodeURIComponent(password) };
  const server = { ...login, database, ca: readFileSync(caFile, "utf8"), caFile, version: null, databaseDir: null, log: () => "" };
  const stop = async () => {
    await runSql({ ...server, stop }, `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`, maintenance);
  };
  await runSql({ ...server, stop }, `CREATE DATABASE ${database}`, maintenance);
  return { ...server, stop };
}
