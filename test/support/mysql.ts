/**
 * Real MySQL and MariaDB servers for tests: one call gives a running server with TLS and an authority of its own, on a free
 * port, with its data in a folder that `stop` removes. A server ends with the process that started it, even when that is
 * killed. MySQL 9 and MariaDB 11 come from other suites of Debian's, unpacked beside the system; MariaDB 10 is the system's.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { KeyPair } from "#src/config/config.ts";
import { makeAuthority } from "#test/support/certificates.ts";
import { mariadb11, mysql9 } from "#test/support/fetched.ts";
import { freePort, removeFolder, scratchFolder } from "#test/support/scratch.ts";

export type MysqlFlavour = "mysql9" | "mariadb10" | "mariadb11";

/** What `TEST_OPTIONAL` calls the part that brings each server. */
export const PART_OF = { mysql9: "mysql9", mariadb10: "mariadb", mariadb11: "mariadb11" } as const satisfies Record<MysqlFlavour, string>;

export interface MysqlOptions {
  /** `mysql9` when left out. */
  readonly flavour?: MysqlFlavour;
  /** Options of the server, e.g. `{ "max-allowed-packet": "128M" }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Statements that are run once, as root, before the server is handed over. */
  readonly seed?: readonly string[];
}

/** What a gateway needs to know of a target. */
export interface MysqlServer {
  readonly host: string;
  readonly port: number;
  /** May do everything in `database` and nothing else. */
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** PEM of the server's authority. */
  readonly ca: string;
}

export interface TestMysql extends MysqlServer {
  readonly flavour: MysqlFlavour;
  /** The file that holds `ca`. */
  readonly caFile: string;
  /** A client certificate that the server takes; it asks for none. */
  readonly client: KeyPair;
  /** Runs statements as root, over the server's own socket. @returns what the client printed, tab-separated */
  sql(statements: string): string;
  stop(): Promise<void>;
}

interface Programs {
  readonly server: readonly [string, ...string[]];
  readonly client: readonly [string, ...string[]];
  readonly base: readonly string[];
  /** @param fixed options that count when the data is made, and for good */
  readonly initialise: (fixed: readonly string[]) => void;
}

const DATABASE = "app";
const USER = "app";
const STARTED_MS = 120_000;
const PORT_TRIES = 3;
/** This process waits for the client: what its own sessions have locked would never be free. */
const NOT_FOR_EVER = "--init-command=SET SESSION lock_wait_timeout = 60";

/** @throws Error with the end of the server's log when it does not come up */
export async function startMysql(options: MysqlOptions = {}): Promise<TestMysql> {
  const flavour = options.flavour ?? "mysql9";
  const folder = await scratchFolder(flavour, 0o755);
  try {
    const data = join(folder, "data");
    const programs = PROGRAMS[flavour](data);
    const authority = await makeAuthority("Sallyport test database CA");
    const { cert, key } = await authority.server(["localhost", "127.0.0.1"]);
    for (const [name, text] of [
      ["ca.crt", authority.ca],
      ["server.crt", cert],
      ["server.key", key.expose()],
    ] as const) {
      writeFileSync(join(folder, name), text, { mode: 0o600 });
    }
    programs.initialise(fixedOptions(options.settings ?? {}));
    const socket = join(folder, "s.sock");
    const server = await bringUp(programs, folder, socket, options.settings ?? {});
    const password = `test-${crypto.randomUUID()}`;
    const sql = (statements: string): string => {
      const [client, ...args] = programs.client;
      return execFileSync(
        client,
        [
          ...args,
          "--no-defaults",
          "--protocol=socket",
          `--socket=${socket}`,
          "--user=root",
          "--batch",
          "--default-character-set=utf8mb4",
          NOT_FOR_EVER,
        ],
        {
          input: statements,
          encoding: "utf8",
          maxBuffer: 256 * 1024 * 1024,
        },
      );
    };
    sql(
      [
        `CREATE DATABASE ${DATABASE} CHARACTER SET utf8mb4;`,
        `CREATE USER '${USER}'@'%' IDENTIFIED BY '${password}';`,
        `GRANT ALL ON ${DATABASE}.* TO '${USER}'@'%';`,
        ...(options.seed ?? []),
      ].join("\n"),
    );
    const stop = async (): Promise<void> => {
      await end(server.child);
      await removeFolder(folder);
    };
    const login = { host: "127.0.0.1", port: server.port, user: USER, password, database: DATABASE };
    const client = await authority.client({ commonName: USER });
    return { ...login, flavour, ca: authority.ca, caFile: join(folder, "ca.crt"), client, sql, stop };
  } catch (error) {
    await removeFolder(folder);
    throw error;
  }
}

function mysqlPrograms(data: string): Programs {
  const unpacked = mysql9();
  const server = unpacked.command("mysqld");
  const [, , , program = ""] = server;
  const usr = dirname(dirname(program));
  const base = [
    "--no-defaults",
    `--user=${account()}`,
    `--basedir=${usr}`,
    `--datadir=${data}`,
    `--lc-messages-dir=${join(usr, "share/mysql")}`,
    `--character-sets-dir=${join(usr, "share/mysql/charsets")}`,
    `--plugin-dir=${join(usr, "lib/mysql/plugin")}`,
  ];
  return {
    server,
    client: unpacked.command("mysql"),
    base: [...base, "--mysqlx=OFF", "--innodb-redo-log-capacity=8M", "--sync-binlog=0", "--skip-log-bin"],
    initialise: (fixed) => {
      const [command, ...args] = server;
      execFileSync(command, [...args, ...base, ...fixed, "--initialize-insecure", "--innodb-redo-log-capacity=8M"], { stdio: "pipe" });
    },
  };
}

function mariadbPrograms(data: string): Programs {
  const base = ["--no-defaults", `--user=${account()}`, `--datadir=${data}`];
  return {
    server: ["/usr/sbin/mariadbd"],
    client: ["/usr/bin/mariadb"],
    base: [...base, `--tmpdir=${dirname(data)}`, "--plugin-load-add=auth_ed25519"],
    initialise: () => {
      mkdirSync(data);
      // A server that starts clears the folder of temporary tables, those of others too.
      const env = { ...process.env, TMPDIR: dirname(data) };
      execFileSync("mariadb-install-db", [...base, "--auth-root-authentication-method=normal", "--skip-test-db"], { stdio: "pipe", env });
    },
  };
}

/** As `mariadb-install-db` does it, which does not find programs that lie elsewhere. */
function mariadb11Programs(data: string): Programs {
  const unpacked = mariadb11();
  const server = unpacked.command("mariadbd");
  const [, , , program = ""] = server;
  const usr = dirname(dirname(program));
  const share = join(usr, "share/mariadb");
  const base = [
    "--no-defaults",
    `--user=${account()}`,
    `--basedir=${usr}`,
    `--datadir=${data}`,
    // As above; what makes the data is a server too.
    `--tmpdir=${dirname(data)}`,
    `--lc-messages-dir=${share}`,
    `--character-sets-dir=${join(share, "charsets")}`,
    `--plugin-dir=${join(usr, "lib/mysql/plugin")}`,
  ];
  return {
    server,
    client: unpacked.command("mariadb"),
    base: [...base, "--plugin-load-add=auth_ed25519"],
    initialise: () => {
      mkdirSync(join(data, "mysql"), { recursive: true });
      const tables = ["mariadb_system_tables", "mariadb_performance_tables", "mariadb_system_tables_data", "maria_add_gis_sp_bootstrap"];
      const scripts = [...tables, "mariadb_sys_schema"].map((name) => readFileSync(join(share, `${name}.sql`), "utf8"));
      const input = ["use mysql;", "set @auth_root_socket=NULL;", ...scripts].join("\n");
      const [command, ...args] = server;
      const options = [...args, ...base, "--bootstrap", "--silent-startup", "--log-warnings=0"];
      execFileSync(command, options, { input, stdio: ["pipe", "pipe", "pipe"] });
    },
  };
}

const PROGRAMS: Readonly<Record<MysqlFlavour, (data: string) => Programs>> = {
  mysql9: mysqlPrograms,
  mariadb10: mariadbPrograms,
  mariadb11: mariadb11Programs,
};

function fixedOptions(settings: Readonly<Record<string, string>>): readonly string[] {
  const folding = settings["lower-case-table-names"];
  return folding === undefined ? [] : [`--lower-case-table-names=${folding}`];
}

function account(): string {
  return execFileSync("id", ["-un"], { encoding: "utf8" }).trim();
}

interface Server {
  readonly child: ChildProcess;
  readonly port: number;
}

async function bringUp(programs: Programs, folder: string, socket: string, settings: Readonly<Record<string, string>>): Promise<Server> {
  for (let attempt = 1; ; attempt += 1) {
    const server = await launch(programs, folder, socket, settings);
    if (server.up) return server;
    if (attempt === PORT_TRIES || !/address already in use/i.test(server.log())) {
      throw new Error(`the database server did not start:\n${server.log().slice(-3000)}`);
    }
  }
}

/** `setpriv --pdeathsig` has the kernel end the server when this process is gone, however it went. */
async function launch(
  programs: Programs,
  folder: string,
  socket: string,
  settings: Readonly<Record<string, string>>,
): Promise<Server & { readonly up: boolean; readonly log: () => string }> {
  const port = await freePort();
  const [command, ...args] = programs.server;
  const file = { ca: "ca.crt", cert: "server.crt", key: "server.key" };
  const tls = Object.entries(file).map(([option, name]) => `--ssl-${option}=${join(folder, name)}`);
  const all = [
    ...args,
    ...programs.base,
    ...tls,
    `--socket=${socket}`,
    `--port=${port}`,
    "--bind-address=127.0.0.1",
    // Files that a server may read and write: none but in its own folder.
    `--secure-file-priv=${folder}`,
    "--innodb-buffer-pool-size=64M",
    "--innodb-flush-log-at-trx-commit=0",
    "--local-infile=ON",
    "--max-allowed-packet=256M",
    ...Object.entries(settings).map(([name, value]) => `--${name}=${value}`),
  ];
  const child = spawn("setpriv", ["--pdeathsig", "KILL", command, ...all], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log = (log + text).slice(-100_000);
  });
  const until = performance.now() + STARTED_MS;
  // Asked where nobody else can answer: it listens at its port before it does there.
  while (!(await answers(socket))) {
    if (child.exitCode !== null || child.signalCode !== null || performance.now() > until) {
      await end(child);
      return { child, port, up: false, log: () => log };
    }
    await pause(50);
  }
  child.unref();
  if ("unref" in child.stderr && typeof child.stderr.unref === "function") child.stderr.unref();
  return { child, port, up: true, log: () => log };
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ path });
    socket.once("data", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}
