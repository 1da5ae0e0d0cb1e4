/**
 * sysbench's read-write load, prepared and as text: with one thread and the same seed, tables hold the same afterwards straight
 * and through the gateway, with the same numbers of statements; many threads end without an error.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { onEachServer, type Way } from "#test/conformance/mysql/ways.ts";
import { type Shown, show } from "#test/conformance/program.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";

const TABLES = 2;
const ROWS = 2_000;
const EVENTS = 150;
const CHECKSUMS = "CHECKSUM TABLE app.sbtest1, app.sbtest2; SELECT COUNT(*), SUM(k) FROM app.sbtest1";

onEachServer("sysbench", ["sysbench"], (ways) => {
  let folder = "";
  before(async () => {
    folder = await scratchFolder("sysbench");
    // It wants a certificate of its own, by fixed names.
    const { cert, key } = ways().server.client;
    file("client-cert.pem", cert);
    file("client-key.pem", key.expose());
  });
  after(() => removeFolder(folder));

  const file = (name: string, text: string) => writeFileSync(join(folder, name), text, { mode: 0o600 });

  async function sysbench(way: Way, command: "prepare" | "run", ...options: readonly string[]): Promise<Shown> {
    const { port, database, ...own } = await way.login();
    // A token is longer than its options may be; an agent's secret is not.
    const { user, password } = way.name === "direct" ? own : ways().gateway.pair();
    file("cacert.pem", way.ca);
    // The password is no argument.
    const login = { host: "127.0.0.1", port, user, password, db: database, ssl: "on" };
    file(
      "options",
      Object.entries(login)
        .map(([name, value]) => `mysql-${name}=${value}\n`)
        .join(""),
    );
    const sizes = [`--tables=${TABLES}`, `--table-size=${ROWS}`, "--rand-seed=7"];
    const all = ["--config-file=options", "--db-driver=mysql", "--report-interval=0", ...sizes, ...options] as const;
    return show(["sysbench", ...all, "oltp_read_write", command], { env: { PATH: process.env["PATH"], LC_ALL: "C.UTF-8" }, cwd: folder });
  }

  /** The tables are made through the gateway once and kept: sysbench fills them by chance, whatever its seed. */
  async function kept(): Promise<void> {
    const { through, server } = ways();
    const made = await sysbench(through, "prepare");
    assert.equal(made.code, 0, made.stdout + made.stderr);
    server.sql(`CREATE DATABASE kept; ${copies("app", "kept")}`);
  }

  for (const [name, mode] of [
    ["prepared", "auto"],
    ["as text", "disable"],
  ] as const) {
    test(`${name}: the same load leaves the same tables`, async () => {
      const { server, compare } = ways();
      if (!server.sql("SHOW DATABASES").includes("kept")) await kept();
      const shown = await compare(async (way) => {
        server.sql(copies("kept", "app"));
        const ran = await sysbench(way, "run", `--events=${EVENTS}`, "--time=0", "--threads=1", `--db-ps-mode=${mode}`);
        assert.equal(ran.code, 0, ran.stdout + ran.stderr);
        return { numbers: numbersOf(ran.stdout), tables: server.sql(CHECKSUMS) };
      });
      assert.deepEqual([shown.numbers["transactions"], shown.numbers["ignored errors"]], [EVENTS, 0]);
    });

    test(`${name}: eight threads end without an error, and no row is lost`, async () => {
      const { through, server } = ways();
      const ran = await sysbench(through, "run", "--events=400", "--time=0", "--threads=8", `--db-ps-mode=${mode}`);
      assert.equal(ran.code, 0, ran.stdout + ran.stderr);
      assert.equal(numbersOf(ran.stdout)["transactions"], 400);
      assert.match(server.sql("SELECT COUNT(*) FROM app.sbtest2"), new RegExp(`^${ROWS}$`, "m"));
    });
  }
});

function copies(from: string, to: string): string {
  const tables = Array.from({ length: TABLES }, (_, n) => `sbtest${n + 1}`);
  return tables
    .map((table) => `CREATE TABLE ${to}.${table} LIKE ${from}.${table}; INSERT INTO ${to}.${table} SELECT * FROM ${from}.${table};`)
    .join("\n");
}

/** What the report counts, without times. */
function numbersOf(report: string): Readonly<Record<string, number>> {
  const names = ["read", "write", "other", "total", "transactions", "ignored errors", "reconnects"];
  return Object.fromEntries(names.map((name) => [name, Number(new RegExp(`^\\s*${name}:\\s+(\\d+)`, "m").exec(report)?.[1])]));
}
