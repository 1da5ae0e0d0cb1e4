/** The tools that are run both ways, each as a program of its own, with what it needs of the system. */
import { join } from "node:path";
import type { Way } from "#test/conformance/postgres/ways.ts";
import { type Shown, show } from "#test/conformance/program.ts";
import { nodeOrms, ORMS_FOLDER, postgresql18Client } from "#test/support/fetched.ts";
import { DEBIAN_PROGRAMS, type PostgresVersion } from "#test/support/postgres-programs.ts";
import { psqlScript } from "./psql-commands.ts";
import { MASKED } from "./shop.ts";

export interface Tool {
  readonly name: string;
  /** As `TEST_OPTIONAL` names them. */
  readonly parts: readonly string[];
  /** Left out where it would only ask the other version the same again. */
  readonly versions: readonly PostgresVersion[];
  /** Its output has cases behind lines of two at-signs. */
  run(way: Way): Promise<Shown>;
}

const BOTH: readonly PostgresVersion[] = [15, 18];
const NEWEST: readonly PostgresVersion[] = [18];

const CLIENTS = join(import.meta.dirname, "clients");

async function program(way: Way, command: readonly [string, ...string[]], input = ""): Promise<Shown> {
  const env = { ...(await way.env()), MASKED: MASKED.join(" "), ORMS: ORMS_FOLDER, PYTHONHASHSEED: "0" };
  return show(command, { env, input, cwd: CLIENTS });
}

/** An older client does not know a newer server's catalogue. */
function client(version: PostgresVersion, name: "psql" | "pg_dump"): readonly [string, ...string[]] {
  return version === 15 ? [join(DEBIAN_PROGRAMS, name)] : postgresql18Client().command(name);
}

const python = (name: string, part: string, versions: readonly PostgresVersion[]): Tool => ({
  name,
  parts: [part],
  versions,
  run: (way) => program(way, ["/usr/bin/python3", "-B", "-W", "ignore", `with_${name}.py`]),
});

const node = (name: string, versions: readonly PostgresVersion[]): Tool => ({
  name,
  parts: ["orms"],
  versions,
  run: (way) => {
    nodeOrms();
    return program(way, [process.execPath, "--no-deprecation", `with_${name}.mjs`]);
  },
});

const DUMPS: readonly (readonly string[])[] = [
  ["--schema=open"],
  ["--schema=open", "--schema-only"],
  ["--schema=open", "--data-only", "--inserts"],
  ["--schema=open", "--clean", "--if-exists", "--no-owner", "--no-privileges"],
  ["--table=open.shelves", "--table=public.products", "--table=public.orders"],
  ["--schema=public", "--exclude-table-data=public.*", "--schema-only"],
  // The archive's table of contents holds the time of day: it is read back as a script.
  ["--schema=open", "--format=custom"],
];

async function dumped(way: Way, version: PostgresVersion, args: readonly string[]): Promise<Shown> {
  const [first, ...rest] = client(version, "pg_dump");
  if (!args.includes("--format=custom")) return program(way, [first, ...rest, ...args]);
  const restore = client(version, "pg_dump").map((word) => word.replace(/pg_dump$/, "pg_restore"));
  return program(way, [
    "bash",
    "-o",
    "pipefail",
    "-c",
    `"$@" | ${restore.join(" ")} -f - | grep -v '^-- Dumped'`,
    "-",
    first,
    ...rest,
    ...args,
  ]);
}

/** @param own the version of the client, which may be newer than the server */
const psql = (name: string, own: PostgresVersion, servers: readonly PostgresVersion[]): Tool => ({
  name,
  parts: ["psql", "psql18"],
  versions: servers,
  run: (way) => program(way, [...client(own, "psql"), "--no-psqlrc"], `${psqlScript()}\\echo '@@ end'\n`),
});

const pgDump = (name: string, own: PostgresVersion, servers: readonly PostgresVersion[], dumps = DUMPS): Tool => ({
  name,
  parts: ["pg_dump", "psql18"],
  versions: servers,
  async run(way) {
    let [stdout, stderr] = ["", ""];
    for (const args of dumps) {
      const shown = await dumped(way, own, args);
      stdout += `@@ ${args.join(" ")}\n${shown.stdout}exit code ${shown.code}\n`;
      stderr += `@@ ${args.join(" ")}\n${shown.stderr}`;
    }
    return { code: 0, stdout: `${stdout}@@ end\n`, stderr };
  },
});

/** A transaction of pgbench, over masked columns and others. */
const BENCH = `\\set who random(1, 200)
SELECT id, name, email, ssn FROM customers WHERE id = :who;
BEGIN;
UPDATE tasks SET points = points WHERE id = :who;
SELECT count(*) FROM orders WHERE customer = :who;
END;
`;

export const TOOLS: readonly Tool[] = [
  psql("psql", 15, [15]),
  psql("psql", 18, [18]),
  psql("psql 18", 18, [15]),
  pgDump("pg_dump", 15, [15]),
  pgDump("pg_dump", 18, [18]),
  pgDump("pg_dump 18", 18, [15], DUMPS.slice(0, 1)),
  {
    name: "JDBC",
    parts: ["java", "jdbc"],
    versions: BOTH,
    run: (way) =>
      program(way, ["java", "-Duser.timezone=UTC", "-Dfile.encoding=UTF-8", "-cp", "/usr/share/java/postgresql.jar", "Metadata.java"]),
  },
  {
    name: "pgbench",
    parts: ["pgbench"],
    versions: BOTH,
    async run(way) {
      let stdout = "";
      for (const mode of ["simple", "extended", "prepared"]) {
        const options = ["-n", `--protocol=${mode}`, "-c2", "-t50", "--random-seed=7", "-f", "-"];
        const shown = await program(way, [join(DEBIAN_PROGRAMS, "pgbench"), ...options], BENCH);
        const told = shown.stdout.split("\n").filter((line) => /^number of (transactions actually|failed)|^query mode/.test(line));
        stdout += `@@ ${mode}\n${told.join("\n")}\nexit code ${shown.code}\n`;
      }
      return { code: 0, stdout: `${stdout}@@ end\n`, stderr: "" };
    },
  },
  python("sqlalchemy", "sqlalchemy", BOTH),
  python("django", "django", BOTH),
  python("asyncpg", "asyncpg", BOTH),
  python("psycopg", "psycopg", NEWEST),
  python("pgcli", "pgcli", NEWEST),
  python("pyodbc", "odbc", NEWEST),
  { name: "DBI", parts: ["dbi"], versions: NEWEST, run: (way) => program(way, ["perl", "with_dbi.pl"]) },
  { name: "ruby-pg", parts: ["ruby"], versions: NEWEST, run: (way) => program(way, ["ruby", "with_ruby.rb"]) },
  { name: "php", parts: ["php"], versions: NEWEST, run: (way) => program(way, ["php", "with_php.php"]) },
  node("typeorm", BOTH),
  node("knex", NEWEST),
  node("sequelize", NEWEST),
  node("drizzle", NEWEST),
  node("node", NEWEST),
];
