/**
 * The demo's second target: the shop's users and payments in the MySQL or MariaDB that the machine has, on a free port of the
 * loopback address, over TLS, its data in the demo's folder. Seeded by the server itself, as it starts.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { Secret } from "#protocols/wire/secret.ts";
import type { Account } from "#src/demo/account.ts";
import type { Cleanup } from "#src/demo/cleanup.ts";
import { freePort } from "#src/demo/embedded.ts";
import type { MysqlPrograms } from "#src/demo/mysql-programs.ts";
import { makeShop, type Row } from "#src/demo/shop.ts";

export interface MysqlOptions {
  readonly programs: MysqlPrograms;
  readonly account: Account | undefined;
  /** A folder that `account` can enter. */
  readonly folder: string;
  /** PEM, for `localhost`. */
  readonly certificate: string;
  readonly key: Secret<string>;
  readonly cleanup: Cleanup;
}

export interface DemoMysql {
  readonly port: number;
  /** What the gateway logs in with; agents never see it. */
  readonly user: "store_gateway";
  readonly password: Secret<string>;
}

const START_MS = 40_000;
const LOG_CHARACTERS_MAX = 4000;
const USER = "store_gateway";
/** A line of an init file has 20,000 bytes at most. */
const ROWS_A_LINE = 50;

/** @throws Error with the end of what the server said when it does not come up */
export async function startMysql(options: MysqlOptions): Promise<DemoMysql> {
  const folder = join(options.folder, "mysql");
  mkdirSync(folder, { mode: 0o700 });
  const password = new Secret(randomBytes(18).toString("base64url"));
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    give(options.account, path);
    return path;
  };
  give(options.account, folder);
  const data = join(folder, "data");
  await initialise(options, folder, data);
  const seed = file("seed.sql", seedOf(password));
  const port = await freePort();
  const flags = [
    "--no-defaults",
    `--datadir=${data}`,
    `--socket=${join(folder, "s.sock")}`,
    `--pid-file=${join(folder, "pid")}`,
    `--port=${port}`,
    "--bind-address=127.0.0.1",
    `--ssl-cert=${file("server.crt", options.certificate)}`,
    `--ssl-key=${file("server.key", options.key.expose())}`,
    `--init-file=${seed}`,
    "--innodb-buffer-pool-size=32M",
    "--innodb-flush-log-at-trx-commit=0",
    ...(options.programs.make === "mysql" ? ["--mysqlx=OFF", "--skip-log-bin"] : []),
  ];
  const child = spawn(options.programs.server, flags, spawnOptions(options, folder));
  options.cleanup.process(child, "SIGTERM");
  await listening(child, port);
  rmSync(seed, { force: true });
  return { port, user: USER, password };
}

async function initialise(options: MysqlOptions, folder: string, data: string): Promise<void> {
  const { make, server, install } = options.programs;
  const own = ["--no-defaults", `--datadir=${data}`];
  const mariadb = ["--auth-root-authentication-method=socket", "--skip-test-db"];
  const child =
    make === "mariadb" && install !== null
      ? spawn(install, [...own, ...mariadb], spawnOptions(options, folder))
      : spawn(server, [...own, "--initialize-insecure"], spawnOptions(options, folder));
  options.cleanup.process(child, "SIGTERM");
  const log = keepLog(child);
  const code = await new Promise<number | null>((resolve, reject) => child.once("error", reject).once("close", resolve));
  if (code !== 0) throw new Error(`it could not make its data folder: ${log()}`);
}

/** The init file has run when the server listens. */
async function listening(child: ChildProcess, port: number): Promise<void> {
  const log = keepLog(child);
  let over = false;
  child.once("error", () => {
    over = true;
  });
  child.once("close", () => {
    over = true;
  });
  const until = Date.now() + START_MS;
  while (!(await answers(port))) {
    if (over || Date.now() > until) throw new Error(`it did not start: ${log()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A server greets whoever connects. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: "127.0.0.1", port });
    socket.once("data", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
  });
}

function seedOf(password: Secret<string>): string {
  const { users, payments } = makeShop();
  const rows = (table: string, columns: readonly string[], all: readonly Row[]): readonly string[] => {
    const values = all.map((row) => `(${columns.map((name) => literal(row[name] ?? null)).join(", ")})`);
    const parts = Array.from({ length: Math.ceil(values.length / ROWS_A_LINE) }, (_, part) =>
      values.slice(part * ROWS_A_LINE, (part + 1) * ROWS_A_LINE),
    );
    return parts.map((part) => `INSERT INTO store.${table} (${columns.join(", ")}) VALUES ${part.join(", ")};`);
  };
  // One statement a line: servers take an init file so.
  return [
    "CREATE DATABASE store CHARACTER SET utf8mb4;",
    "CREATE TABLE store.users (id INT PRIMARY KEY, name VARCHAR(80) NOT NULL, email VARCHAR(120) NOT NULL, ssn CHAR(11) NOT NULL, city VARCHAR(40) NOT NULL);",
    "CREATE TABLE store.payments (id INT PRIMARY KEY, order_id INT NOT NULL, card VARCHAR(20) NOT NULL, amount DECIMAL(10,2) NOT NULL);",
    "SET NAMES utf8mb4;",
    ...rows("users", ["id", "name", "email", "ssn", "city"], users),
    ...rows("payments", ["id", "order_id", "card", "amount"], payments),
    `CREATE USER '${USER}'@'%' IDENTIFIED BY '${password.expose()}' REQUIRE SSL;`,
    `GRANT SELECT, INSERT, UPDATE, DELETE ON store.* TO '${USER}'@'%';`,
    "",
  ].join("\n");
}

function literal(value: string | number | null): string {
  if (value === null) return "NULL";
  return typeof value === "number" ? String(value) : `'${value.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}

/**
 * As the demo's PostgreSQL: a process group of its own, and nothing of the caller's environment but where programs are. Temporary
 * files lie in its own folder: a MariaDB that starts removes those of every other one that shares the folder, which crashes it.
 */
function spawnOptions({ account }: MysqlOptions, cwd: string) {
  const as = account === undefined ? {} : { uid: account.uid, gid: account.gid };
  const env = { LC_ALL: "C", TZ: "UTC", PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", TMPDIR: cwd };
  return { ...as, cwd, detached: true, env, stdio: ["ignore", "pipe", "pipe"] as ["ignore", "pipe", "pipe"] };
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

function give(account: Account | undefined, path: string): void {
  if (account !== undefined) chownSync(path, account.uid, account.gid);
}
