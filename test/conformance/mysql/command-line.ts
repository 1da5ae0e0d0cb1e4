/** How the command-line programs of MySQL and MariaDB are called: name, port, authority and password, nothing else. */
import { dirname, join } from "node:path";
import type { Way } from "#test/conformance/mysql/ways.ts";
import { mariadb11, mysql9 } from "#test/support/fetched.ts";

/** MySQL 9, MariaDB 10.11, MariaDB 11.8. */
export type Client = "mysql" | "mariadb" | "mariadb11";

const UNPACKED = { mysql: mysql9, mariadb11 };
const PLUGINS = { mysql: "../lib/mysql/plugin", mariadb11: "../lib/x86_64-linux-gnu/libmariadb3/plugin" };
const TRUST = { mysql: ["--ssl-mode=VERIFY_IDENTITY"], mariadb: ["--ssl-verify-server-cert"], mariadb11: [] };

/** A command-line program of either make with stock settings, as far as the database that it is to log in to. */
export async function command(
  client: Client,
  program: string,
  way: Way,
  ...args: readonly string[]
): Promise<readonly [string, ...string[]]> {
  const { host, port, user, database } = await way.login();
  const [first, ...rest] = client === "mariadb" ? ([`/usr/bin/${program}`] as const) : UNPACKED[client]().command(program);
  const where = [
    "--no-defaults",
    `--host=${host}`,
    `--port=${port}`,
    "--protocol=TCP",
    `--user=${user}`,
    `--ssl-ca=${way.caFile}`,
    ...TRUST[client],
  ];
  // Beside the system, the client's own plugins are not where it looks for them.
  const plugins = client === "mariadb" ? [] : [`--plugin-dir=${join(dirname(rest.at(-1) ?? ""), PLUGINS[client])}`];
  return [first, ...rest, ...where, ...plugins, ...args, database];
}

/** With the password, which is no argument. */
export async function environment(way: Way): Promise<NodeJS.ProcessEnv> {
  const { password } = await way.login();
  return { PATH: process.env["PATH"], LC_ALL: "C.UTF-8", TZ: "UTC", MYSQL_PWD: password };
}
