/**
 * The three ways from a client to the database that are compared: directly, through pgbouncer (session mode, TLS on
 * both legs, the server's certificate verified in full), and through the gateway (the same, and recording on).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { databaseAccount } from "#src/demo/account.ts";
import { makeAuthority } from "#test/support/certificates.ts";
import { startGateway } from "#test/support/gateway.ts";
import type { TestPostgres } from "#test/support/postgres.ts";
import { freePort, removeFolder, scratchFolder } from "#test/support/scratch.ts";

export type PathName = "direct" | "pgbouncer" | "gateway";

export interface Path {
  readonly name: PathName;
  /** The process whose tree is charged; null for the direct way. */
  readonly pid: number | null;
  /** libpq's variables. */
  env(): Promise<NodeJS.ProcessEnv>;
  stop(): Promise<void>;
}

export const DATABASE = "bench";

function variables(host: string, port: number, user: string, password: string, database: string, caFile: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env["PATH"],
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: user,
    PGPASSWORD: password,
    PGDATABASE: database,
    PGSSLMODE: "verify-full",
    PGSSLROOTCERT: caFile,
  };
}

export function directPath({ port, user, password, caFile }: TestPostgres): Path {
  return {
    name: "direct",
    pid: null,
    env: async () => variables("localhost", port, user, password, DATABASE, caFile),
    stop: async () => undefined,
  };
}

export async function gatewayPath(postgres: TestPostgres, workers: number): Promise<Path> {
  const gateway = await startGateway({ postgres, databases: [DATABASE], workers });
  return {
    name: "gateway",
    pid: gateway.pid,
    async env() {
      const { host, port, user, password, database } = await gateway.login();
      return variables(host, port, user, password, database, gateway.caFile);
    },
    stop: async () => void (await gateway.stop()),
  };
}

/** @param reuse whether a server connection serves the next client too, or one client only */
export async function pgbouncerPath(postgres: TestPostgres, reuse: boolean): Promise<Path> {
  const folder = await scratchFolder("pgbouncer", 0o755);
  const port = await freePort();
  const authority = await makeAuthority("pgbouncer's CA");
  const { cert, key } = await authority.server(["localhost", "127.0.0.1"]);
  const account = databaseAccount();
  const file = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    if (account !== undefined) chownSync(path, account.uid, account.gid);
    return path;
  };
  const settings = {
    listen_addr: "127.0.0.1",
    listen_port: port,
    unix_socket_dir: "",
    pool_mode: "session",
    auth_type: "scram-sha-256",
    auth_file: file("users", `"${postgres.user}" "${postgres.password}"\n`),
    client_tls_sslmode: "require",
    client_tls_key_file: file("server.key", key.expose()),
    client_tls_cert_file: file("server.crt", cert),
    server_tls_sslmode: "verify-full",
    server_tls_ca_file: file("database-ca.crt", postgres.ca),
    max_client_conn: 500,
    default_pool_size: 100,
    // 0: closed after its first client.
    server_lifetime: reuse ? 3600 : 0,
    ignore_startup_parameters: "extra_float_digits",
    log_connections: 0,
    log_disconnections: 0,
  };
  const target = `host=127.0.0.1 port=${postgres.port} dbname=${DATABASE} user=${postgres.user} password='${postgres.password}'`;
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`);
  const config = file("pgbouncer.ini", `[databases]\n${DATABASE} = ${target}\n[pgbouncer]\n${lines.join("")}`);
  const become = account === undefined ? [] : [`--reuid=${account.uid}`, `--regid=${account.gid}`, "--clear-groups"];
  const child = spawn("setpriv", ["--pdeathsig", "KILL", ...become, "/usr/sbin/pgbouncer", "-q", config], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  await answering(child, port);
  const caFile = join(folder, "ca.crt");
  writeFileSync(caFile, authority.ca);
  return {
    name: "pgbouncer",
    pid: child.pid ?? null,
    env: async () => variables("localhost", port, postgres.user, postgres.password, DATABASE, caFile),
    async stop() {
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
      await removeFolder(folder);
    },
  };
}

async function answering(child: ChildProcess, port: number): Promise<void> {
  for (let waits = 0; waits < 100; waits += 1) {
    if (child.exitCode !== null) throw new Error(`pgbouncer ended with ${child.exitCode}`);
    const up = await new Promise<boolean>((resolve) => {
      const probe = connect(port, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
      probe.on("close", () => resolve(false)).end();
    });
    if (up) return;
    await pause(50);
  }
  throw new Error("pgbouncer does not answer");
}
