/**
 * The three ways from a client to a MySQL server that are compared: directly, through MySQL Router (TLS on both legs, the server's
 * certificate verified in full), and through the gateway (the same, and recording on).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import mysql from "mysql2/promise";
import { databaseAccount } from "#src/demo/account.ts";
import { makeAuthority } from "#test/support/certificates.ts";
import { mysqlRouter } from "#test/support/fetched.ts";
import type { TestGateway } from "#test/support/gateway.ts";
import type { TestMysql } from "#test/support/mysql.ts";
import { freePort, removeFolder, scratchFolder } from "#test/support/scratch.ts";

export interface MysqlPath {
  readonly name: "direct" | "router" | "gateway";
  /** The process whose tree is charged; null for the direct way. */
  readonly pid: number | null;
  open(): Promise<mysql.Connection>;
  stop(): Promise<void>;
}

export function directPath({ port, user, password, database, ca }: TestMysql): MysqlPath {
  return {
    name: "direct",
    pid: null,
    open: () => mysql.createConnection({ host: "localhost", port, user, password, database, ssl: { ca } }),
    stop: async () => undefined,
  };
}

export function gatewayPath(gateway: TestGateway, target: string): MysqlPath {
  return {
    name: "gateway",
    pid: gateway.pid,
    async open() {
      const { host, port, user, password, database } = await gateway.mysqlLogin(target);
      return mysql.createConnection({ host, port, user, password, database, ssl: { ca: gateway.ca } });
    },
    stop: async () => void (await gateway.stop()),
  };
}

/** MySQL Router without a cluster: one fixed destination, and a connection to it for each client. */
export async function routerPath(server: TestMysql): Promise<MysqlPath> {
  const [loader, flag = "", libraries = "", program = ""] = mysqlRouter().command("mysqlrouter");
  const installed = join(dirname(dirname(program)), "lib");
  const plugins = join(installed, "mysqlrouter/plugin");
  // Its plugins find their own libraries by where they would be installed.
  const command = [loader, flag, `${libraries}:${join(installed, "mysql-router")}`, program];
  const folder = await scratchFolder("mysql-router", 0o755);
  const account = databaseAccount();
  const port = await freePort();
  const authority = await makeAuthority("MySQL Router's CA");
  const { cert, key } = await authority.server(["localhost", "127.0.0.1"]);
  const owned = (path: string): string => {
    if (account !== undefined) chownSync(path, account.uid, account.gid);
    return path;
  };
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return owned(join(folder, name));
  };
  const state = join(folder, "state");
  mkdirSync(state);
  owned(state);
  const sections = {
    DEFAULT: { plugin_folder: plugins, logging_folder: state, runtime_folder: state, data_folder: state },
    logger: { level: "ERROR" },
    "routing:bench": {
      bind_address: "127.0.0.1",
      bind_port: port,
      // By its name, since that is what its certificate is held against.
      destinations: `localhost:${server.port}`,
      routing_strategy: "first-available",
      protocol: "classic",
      client_ssl_mode: "REQUIRED",
      client_ssl_cert: file("router.crt", cert),
      client_ssl_key: file("router.key", key.expose()),
      server_ssl_mode: "REQUIRED",
      server_ssl_verify: "VERIFY_IDENTITY",
      server_ssl_ca: file("server-ca.crt", server.ca),
      connection_sharing: 0,
    },
  };
  const lines = Object.entries(sections).map(
    ([name, settings]) =>
      `[${name}]\n${Object.entries(settings)
        .map(([setting, value]) => `${setting}=${value}\n`)
        .join("")}`,
  );
  const config = file("router.conf", lines.join("\n"));
  const become = account === undefined ? [] : [`--reuid=${account.uid}`, `--regid=${account.gid}`, "--clear-groups"];
  const child = spawn("setpriv", ["--pdeathsig", "KILL", ...become, ...command, "--config", config], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  await answering(child, port);
  const { user, password, database } = server;
  return {
    name: "router",
    pid: child.pid ?? null,
    open: () => mysql.createConnection({ host: "localhost", port, user, password, database, ssl: { ca: authority.ca } }),
    async stop() {
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
      await removeFolder(folder);
    },
  };
}

async function answering(child: ChildProcess, port: number): Promise<void> {
  for (let waits = 0; waits < 200; waits += 1) {
    if (child.exitCode !== null) throw new Error(`MySQL Router ended with ${child.exitCode}`);
    const up = await new Promise<boolean>((resolve) => {
      const probe = connect(port, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
      probe.on("close", () => resolve(false)).end();
    });
    if (up) return;
    await pause(50);
  }
  throw new Error("MySQL Router does not answer");
}
