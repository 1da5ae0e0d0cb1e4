/**
 * Object-relational mappers, and tools that dump and list, on MySQL and MariaDB: straight, through a gateway without masks, and under masks. What they read
 * of the schema and their ordinary work must be the same, outside masked columns; what is not stands in docs/limits.md.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { command, environment } from "#test/conformance/mysql/command-line.ts";
import type { Way } from "#test/conformance/mysql/ways.ts";
import { type Shown, show } from "#test/conformance/program.ts";
import { type Cases, casesIn, differences } from "#test/masking/tool-cases.ts";
import { nodeOrms, ORMS_FOLDER } from "#test/support/fetched.ts";
import { type Login, startGateway, type TestGateway } from "#test/support/gateway.ts";
import type { Sections } from "#test/support/gateway-files.ts";
import { type MysqlFlavour, PART_OF, startMysql, type TestMysql } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";
import { ROOT, read } from "#test/support/tree.ts";
import { AGENTS, CANARIES, MASKED, RESET, STORE, withMasks } from "./store/seed.ts";

const CLIENTS = join(import.meta.dirname, "clients");
const DATABASE = "app";

interface Tool {
  readonly name: string;
  /** As `TEST_OPTIONAL` names them. */
  readonly parts: readonly string[];
  readonly command: () => readonly [string, ...string[]];
}

const node = (name: string): Tool => ({
  name,
  parts: ["orms"],
  command: () => {
    nodeOrms();
    return [process.execPath, "--no-deprecation", `with_${name}.mjs`];
  },
});
const python = (name: string, ...parts: readonly string[]): Tool => ({
  name,
  parts,
  command: () => ["/usr/bin/python3", "-B", "-W", "ignore", `with_${name}.py`],
});

const TOOLS: readonly Tool[] = [
  node("knex"),
  node("sequelize"),
  node("typeorm"),
  node("drizzle"),
  python("sqlalchemy", "sqlalchemy", "pymysql", "mysqldb"),
  python("django", "django", "mysqldb"),
];

/** Cases that differ under masks, with the words of docs/limits.md that say so. */
const KNOWN: readonly { readonly tool: string; readonly cases: readonly string[]; readonly limit: string }[] = [
  { tool: "knex", cases: ["made"], limit: "tables that mappers make (migrations, `sync`, schema builders) are refused" },
  {
    tool: "django",
    cases: ["description of customers", "description of payments", "description of staff"],
    limit: "the types of masked columns",
  },
];

/** As docs/configuration.md advises: MariaDB's connectors look whether it is one. */
const VERSIONS = { mysql9: "9.7.0", mariadb10: "5.5.5-10.11.0-MariaDB" } as const;

for (const flavour of ["mysql9", "mariadb10"] as const) {
  describe(`mappers, ${flavour}`, { skip: optional(PART_OF[flavour]) }, () => {
    let server: TestMysql;
    let gateway: TestGateway;

    before(async () => {
      server = await startMysql({ flavour, settings: { "default-time-zone": "+00:00" } });
      server.sql(`USE ${DATABASE}; ${STORE}`);
      gateway = await startGateway({ mysql: { [DATABASE]: server }, agents: AGENTS, configure: configure(flavour) });
    });
    after(async () => {
      await gateway?.stop();
      await server?.stop();
    });

    const direct = (): Way => {
      const { port, user, password, ca, caFile } = server;
      return { name: "direct", ca, caFile, login: async () => ({ host: "localhost", port, user, password, database: DATABASE }) };
    };
    const through = (): Way => ({
      name: "gateway",
      ca: gateway.ca,
      caFile: gateway.caFile,
      login: () => gateway.mysqlLogin(DATABASE, "agent"),
    });

    async function run({ command, name }: Tool, login: Login, caFile: string): Promise<readonly [Cases, Shown]> {
      server.sql(`USE ${DATABASE}; ${RESET}`);
      const { host, port, user, password, database } = login;
      const way = { DB_HOST: host, DB_PORT: String(port), DB_USER: user, DB_PASSWORD: password, DB_NAME: database, DB_CA: caFile };
      const own = { MASKED: MASKED.join(" "), ORMS: ORMS_FOLDER, NODE_PATH: join(ROOT, "node_modules"), PYTHONHASHSEED: "0" };
      const env = { PATH: process.env["PATH"], LC_ALL: "C.UTF-8", TZ: "UTC", ...way, ...own };
      const shown = await show(command(), { env, cwd: CLIENTS });
      const cases = casesIn({ ...shown, stderr: "" });
      assert.ok(cases.has("end"), `${name} did not come to its end: ${shown.stderr.slice(-2000)}`);
      return [cases, shown];
    }

    for (const tool of TOOLS) {
      test(`${tool.name} shows the same without masks and under them, but for what is known`, {
        skip: optional(...tool.parts),
      }, async (t) => {
        const [expected, straight] = await run(tool, await direct().login(), server.caFile);
        if (flavour === "mysql9") {
          const [unmasked] = await run(tool, await gateway.mysqlLogin(DATABASE, "boss"), gateway.caFile);
          assert.deepEqual(differences(expected, unmasked), new Map());
        }
        const [masked, shown] = await run(tool, await through().login(), gateway.caFile);
        const found = differences(expected, masked);
        const known = KNOWN.filter((one) => one.tool === tool.name).flatMap(({ cases }) => cases);
        t.diagnostic(`${flavour}: ${expected.size - found.size} of ${expected.size} cases of ${tool.name} are the same under masks`);
        assert.deepEqual(
          [...found].filter(([name]) => !known.includes(name)),
          [],
          "differs, and is not known to",
        );
        assert.deepEqual(
          known.filter((name) => !found.has(name)),
          [],
          "is the same now: take it off the list",
        );
        assert.match(straight.stderr, CANARIES);
        assert.doesNotMatch(shown.stdout + shown.stderr, CANARIES);
      });
    }

    // MySQL's own says to every server what MariaDB takes for a comment: under a mask that is read by MySQL alone.
    for (const make of flavour === "mysql9" ? (["mysql", "mariadb"] as const) : (["mariadb"] as const)) {
      const dump = make === "mysql" ? "mysqldump" : "mariadb-dump";
      test(`${dump} dumps schema and rows, masked where columns are masked`, {
        skip: make === "mysql" && flavour !== "mysql9",
      }, async () => {
        const own = make === "mysql" ? ["--column-statistics=0", "--set-gtid-purged=OFF"] : [];
        const options = ["--single-transaction", "--no-tablespaces", "--skip-dump-date", "--skip-extended-insert", ...own];
        const dumped = async (way: Way): Promise<Shown> =>
          show(await command(make, dump, way, ...options), { env: await environment(way) });
        const [straight, masked] = [await dumped(direct()), await dumped(through())];
        assert.match(straight.stdout, CANARIES);
        assert.doesNotMatch(masked.stdout + masked.stderr, CANARIES);
        const [theirs, ours] = [straight.stdout.split("\n"), masked.stdout.split("\n")];
        const changed = theirs.filter((line, index) => line !== ours[index]);
        assert.equal(ours.length, theirs.length, masked.stderr);
        assert.ok(changed.length > 300);
        const other = changed.filter(
          (line) => !/^INSERT INTO `(customers|staff|payments)`/.test(line) && !line.startsWith("-- Server version"),
        );
        assert.deepEqual(other, []);
        if (make === "mariadb") assert.deepEqual([masked.code, masked.stderr], [0, ""]);
        // MySQL's own also asks for policies of the server's, is refused, says so and goes on.
        else assert.match(masked.stderr, /^mysqldump: Error: 'performance_schema\.column_masking_policy.*reason=masked-catalogue/);
      });
    }

    test("mariadb-show and mariadb-admin read what describes the schema and the server", async () => {
      for (const [job, ...args] of [
        ["show", "app"],
        ["show", "app", "customers"],
        ["show", "--keys", "app", "orders"],
        ["admin", "extended-status"],
        ["admin", "variables"],
        ["admin", "ping"],
      ] as const) {
        const [first, ...rest] = await command("mariadb", `mariadb-${job}`, through(), ...args);
        const { code, stderr } = await show([first, ...rest.slice(0, -1)], { env: await environment(through()) });
        assert.deepEqual([code, stderr], [0, ""], args.join(" "));
      }
    });
  });
}

test("each known difference stands in docs/limits.md", () => {
  const limits = read("docs/limits.md").replace(/\s+/g, " ");
  assert.deepEqual(
    KNOWN.filter(({ limit }) => !limits.includes(limit)),
    [],
  );
});

const configure =
  (flavour: keyof typeof VERSIONS & MysqlFlavour) =>
  (sections: Sections): Sections => {
    const listen = { ...(sections["listen"] as object), mysql: { address: "127.0.0.1:0", version: VERSIONS[flavour] } };
    return withMasks(DATABASE)({ ...sections, listen });
  };
