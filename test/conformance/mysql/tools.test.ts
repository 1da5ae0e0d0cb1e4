/**
 * The administrators' programs of MySQL and MariaDB, and mycli: what they show is the same straight and through the gateway,
 * or they are told clearly why not.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { command, environment } from "#test/conformance/mysql/command-line.ts";
import { onEachServer, type Way } from "#test/conformance/mysql/ways.ts";
import { type Shown, show } from "#test/conformance/program.ts";
import { optional } from "#test/support/optional.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";

const MAKES = ["mysql", "mariadb"] as const;
type Make = (typeof MAKES)[number];

/** Neither make's programs are named by the other's rule. */
const named = (make: Make, job: string) => (make === "mysql" ? `mysql${job}` : `mariadb-${job}`);

onEachServer("tools", [], (ways) => {
  /** @param args each call's; no database stands behind them by itself */
  async function run(make: Make, job: string, way: Way, ...args: readonly string[]): Promise<Shown> {
    const [first, ...rest] = await command(make, named(make, job), way, ...args);
    return show([first, ...rest.slice(0, -1)], { env: await environment(way) });
  }

  /** Runs each call both ways. @param even makes equal what differs from run to run by nature */
  async function same(make: Make, job: string, calls: readonly (readonly string[])[], even: (text: string) => string): Promise<string> {
    const shown = await ways().compare(async (way) => {
      const all: unknown[] = [];
      for (const args of calls) {
        const { code, stdout, stderr } = await run(make, job, way, ...args);
        all.push([args.join(" "), code, even(stdout), even(stderr)]);
      }
      return all;
    });
    return JSON.stringify(shown);
  }

  for (const make of MAKES) {
    test(`${named(make, "admin")}: status, variables, processes and databases`, async () => {
      const calls = ["ping", "status", "version", "extended-status", "variables", "flush-tables", "create made", "-f drop made"];
      const told = await same(
        make,
        "admin",
        calls.map((call) => call.split(" ")),
        namesOnly,
      );
      assert.match(told, /mysqld is alive/);
      assert.match(told, /Uptime/);
      const processes = await run(make, "admin", ways().through, "-v", "processlist");
      assert.match(processes.stdout, /show full processlist/i);
    });

    test(`${named(make, "admin")}: what is no statement, or needs a right, is refused with its reason`, async () => {
      const debug = await run(make, "admin", ways().through, "debug");
      assert.match(debug.stderr, /COM_DEBUG is refused.*reason=command-refused/);
      // MySQL's own sends SHUTDOWN as a statement, MariaDB's as a command.
      const shutdown = await run(make, "admin", ways().as("reader"), "shutdown");
      assert.match(shutdown.stderr, /reason=(command-refused|access-not-granted|statement-unparsed)/);
      assert.notEqual(shutdown.code, 0);
    });

    test(`${named(make, "show")}: databases, tables, columns, keys, counts`, async () => {
      const calls = [
        [],
        ["app"],
        ["app", "customers"],
        ["--keys", "app", "purchases"],
        ["--count", "app"],
        ["--status", "app"],
        ["app", "%s"],
      ];
      assert.match(await same(make, "show", calls, withoutNumbers), /purchases/);
    });

    test(`${named(make, "check")}: checks, analyses, optimises, repairs`, async () => {
      const calls = [
        ["app"],
        ["--analyze", "app"],
        ["--optimize", "app", "customers"],
        ["--check-upgrade", "app"],
        ["--repair", "app", "purchases"],
      ];
      assert.match(await same(make, "check", calls, (text) => text), /app.customers/);
    });

    test(`${named(make, "slap")}: eight clients at once`, async () => {
      const load = ["--query=SELECT COUNT(*) FROM purchases", "--concurrency=8", "--iterations=3", "--create-schema=app", "--no-drop"];
      assert.match(await same(make, "slap", [load], withoutNumbers), /Benchmark/);
    });
  }

  test("mycli: results, its own commands, errors and transactions", { skip: optional("mycli") }, async () => {
    const home = await scratchFolder("mycli");
    try {
      const shown = await ways().compare(async (way) => {
        const { host, port, user, database } = await way.login();
        const options = ["-h", host, "-P", String(port), "-u", user, "--ssl-ca", way.caFile, "--ssl-verify-server-cert", "-D", database];
        const env = { ...(await environment(way)), HOME: home };
        const all: Shown[] = [];
        for (const text of MYCLI) all.push(await show(["/usr/bin/mycli", ...options, "--table", "-e", text], { env }));
        return all;
      });
      assert.match(shown[0]?.stdout ?? "", /O'Brien/);
    } finally {
      await removeFolder(home);
    }
  });
});

/** The last ends the program with its exit code. */
const MYCLI = [
  "SELECT id, name, born, balance FROM customers ORDER BY id; BEGIN; DELETE FROM purchases WHERE id = 1; ROLLBACK; SELECT COUNT(*) FROM purchases; SHOW CREATE TABLE purchases; SELECT * FROM nowhere",
  "\\dt",
];
const withoutNumbers = (text: string) =>
  text
    .replace(/\d+(\.\d+)?/g, "n")
    .replace(/ +\|/g, " |")
    .replace(/-+\+/g, "-+");

/** Of tables with two columns the names alone; of the rest the text without numbers. */
function namesOnly(text: string): string {
  return text
    .replace(/^\| (\S+) +\|.*$/gm, "$1")
    .replace(/[-+]{20,}/g, "")
    .replace(/^Server version.*$/m, "")
    .replace(/\d+(\.\d+)?/g, "n")
    .replace(/(n (days?|hours?|min|sec) ?)+/g, "n")
    .replace(/Flush tables: n /, "");
}
