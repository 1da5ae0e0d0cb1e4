/** How the command-line programs of MySQL and MariaDB are called: name, port, authority and password, nothing else. */
import { dirname, join } from "node:path";
import type { Way } from "#test/conformance/mysql/ways.ts";
import { mysql9 } from "#test/support/fetched.ts";

type Client = "mysql" | "mariadb";

/** A command-line program of either make with stock settings, as far as the database that it is to log in to. */
export async function command(
  client: Client,
  program: string,
  way: Way,
  ...args: readonly string[]
): Promise<readonly [string, ...string[]]> {
  const { host, port, user, database } = await way.login();
  const [first, ...rest] = client === "mysql" ? mysql9().command(program) : ([`/usr/bin/${program}`] as const);
  const trust = client === "mysql" ? ["--ssl-mode=VERIFY_IDENTITY"] : ["--ssl-verify-server-cert"];
  const where = [
    "--no-defaults",
    `--host=${host}`,
    `--port=${port}`,
    "--protocol=TCP",
    `--user=${user}`,
    `--ssl-ca=${way.caFile}`,
    ...trust,
  ];
  // Beside the system, the client's own plugins are not where it looks for them.
  const plugins = client === "mysql" ? [`--plugin-dir=${join(dirname(rest.at(-1) ?? ""), "../lib/mysql/plugin")}`] : [];
  return [first, ...rest, ...where, ...plugins, ...args, database];
}

/** With the password, which is no argument. */
export async function environment(way: Way): Promise<NodeJS.ProcessEnv> {
  const { password } = await way.login();
  return { PATH: process.env["PATH"], LC_ALL: "C.UTF-8", TZ: "UTC", MYSQL_PWD: password };
}
