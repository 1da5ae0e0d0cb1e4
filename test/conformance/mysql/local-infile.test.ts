/** LOAD DATA LOCAL as real clients do it: the same straight and through the gateway where a target allows it, refused where not. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { copyFileSync, createReadStream, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createConnection } from "mariadb";
import mysql from "mysql2/promise";
import { command, environment } from "#test/conformance/mysql/command-line.ts";
import { onEachServer, type Way } from "#test/conformance/mysql/ways.ts";
import { clientsOf, MARIADB_JARS, show } from "#test/conformance/program.ts";
import { recordingOf } from "#test/src/gateway/archive.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import type { Sections } from "#test/support/gateway-files.ts";
import { builtGo } from "#test/support/go.ts";
import { optional } from "#test/support/optional.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";

const CLIENTS = clientsOf("mysql");
const ROWS = 60_000;
/** By itself the connector gives up after a second. */
const CONNECT_MS = 60_000;
const folder = await scratchFolder("local-infile");
const file = join(folder, "rows of a file.tsv");
const content = Array.from({ length: ROWS }, (_, n) => `${n}\twörd ${n % 97}\n`).join("");
writeFileSync(file, content);
after(() => removeFolder(folder));

function configure(sections: Sections): Sections {
  const targets = Object.entries(sections["targets"] ?? {}).map(([name, target]) => [name, { ...target, localInfile: "allow" }]);
  return { ...sections, targets: Object.fromEntries(targets) };
}

/** Drivers of other languages, with their own switch. */
const PROGRAMS: Readonly<Record<string, { readonly parts: readonly string[]; readonly program: () => readonly [string, ...string[]] }>> = {
  PyMySQL: { parts: ["pymysql"], program: () => ["/usr/bin/python3", "-B", join(CLIENTS, "local_infile.py"), "pymysql", file] },
  mysqlclient: { parts: ["mysqldb"], program: () => ["/usr/bin/python3", "-B", join(CLIENTS, "local_infile.py"), "mysqldb", file] },
  "Connector/J": {
    parts: ["java", "mariadb-java"],
    program: () => ["java", "-Dfile.encoding=UTF-8", "-cp", MARIADB_JARS, join(CLIENTS, "LoadFile.java"), file],
  },
  "go-sql-driver/mysql": { parts: ["go-mysql"], program: () => [builtGo(join(CLIENTS, "with_go.go"))] },
};

const CREATE = "CREATE TABLE loaded (id INT PRIMARY KEY, word VARCHAR(60)) CHARACTER SET utf8mb4";
const LOAD = `LOAD DATA LOCAL INFILE '${file}' INTO TABLE loaded CHARACTER SET utf8mb4`;
const HELD = "SELECT COUNT(*), SUM(id), SUM(CRC32(word)) FROM app.loaded";

onEachServer("LOAD DATA LOCAL", [], (ways) => {
  let gateway: TestGateway;
  let files: Way;
  before(async () => {
    const { server } = ways();
    gateway = await startGateway({ mysql: { [server.database]: server }, configure });
    files = { name: "gateway", ca: gateway.ca, caFile: gateway.caFile, login: () => gateway.mysqlLogin(server.database) };
  });
  after(() => gateway?.stop());

  /** @param load makes the table and loads it */
  async function same(load: (way: Way) => Promise<unknown>): Promise<void> {
    const { server, compareWith } = ways();
    await compareWith(files, async (way) => [await load(way), server.sql(HELD)]);
    assert.match(server.sql(HELD), new RegExp(`^${ROWS}\\t`, "m"));
  }

  for (const client of ["mysql", "mariadb"] as const) {
    test(`${client}: loads with --local-infile, tells of a file that is not there, and goes on`, async () => {
      const input = `${CREATE};\n${LOAD};\nLOAD DATA LOCAL INFILE '/nowhere/at/all' INTO TABLE loaded;\n${LOAD};\nSELECT COUNT(*) FROM loaded;\n`;
      await same(async (way) =>
        show(await command(client, client, way, "--force", "-vv", "--local-infile=1"), { env: await environment(way), input }).then(
          ({ code, stderr, stdout }) => ({
            code,
            stderr,
            stdout: stdout.replace(/\((\d+ min )?\d+\.\d+ sec\)/g, ""),
          }),
        ),
      );
    });

    test(`${client}: is refused where the target does not allow it, and goes on`, async () => {
      const { through } = ways();
      const input = `${LOAD};\nSELECT 'after' AS word;\n`;
      const shown = await show(await command(client, client, through, "--force", "--local-infile=1"), {
        env: await environment(through),
        input,
      });
      assert.match(shown.stderr, /ERROR 1227.*reason=command-refused/);
      assert.match(shown.stdout, /after/);
    });
  }

  test("mysql2: loads by infileStreamFactory; the record has size and digest", async () => {
    await same(async (way) => {
      const { host, port, user, password, database } = await way.login();
      const client = await mysql.createConnection({ host, port, user, password, database, ssl: { ca: way.ca } });
      await client.query(CREATE);
      const [loaded] = await client.query({ sql: LOAD, infileStreamFactory: () => createReadStream(file) });
      const { affectedRows, info } = loaded as mysql.ResultSetHeader;
      await client.end();
      return { affectedRows, info };
    });
    const copied = (await recordingOf(gateway, LOAD)).find((event) => event.kind === "copy");
    assert.ok(copied?.kind === "copy");
    assert.equal(copied.bytes, Buffer.byteLength(content));
    assert.equal(copied.beyond?.sha256, createHash("sha256").update(content).digest("hex"));
  });

  test("the mariadb connector: loads by permitLocalInfile", async () => {
    await same(async (way) => {
      const { host, port, user, password, database } = await way.login();
      const trust = { ssl: { ca: way.ca }, connectTimeout: CONNECT_MS };
      const client = await createConnection({ host, port, user, password, database, ...trust, permitLocalInfile: true });
      await client.query(CREATE);
      const loaded: { affectedRows: number } = await client.query(LOAD);
      await client.end();
      return loaded.affectedRows;
    });
  });

  for (const [make, job] of [
    ["mysql", "mysqlimport"],
    ["mariadb", "mariadb-import"],
  ] as const) {
    test(`${job}: loads the table that the file is named after`, async () => {
      const named = join(folder, "loaded.tsv");
      copyFileSync(file, named);
      await same(async (way) => {
        await show(await command(make, make, way, "--execute", CREATE), { env: await environment(way) });
        const shown = await show([...(await command(make, job, way, "--local", "--default-character-set=utf8mb4")), named], {
          env: await environment(way),
        });
        assert.equal(shown.code, 0, shown.stderr);
        return shown;
      });
    });
  }

  for (const [name, { parts, program }] of Object.entries(PROGRAMS)) {
    test(`${name}: loads, and tells of what goes wrong`, { skip: optional(...parts) }, async () => {
      await same(async (way) => {
        const { host, port, user, password, database } = await way.login();
        const login = { DB_HOST: host, DB_PORT: String(port), DB_USER: user, DB_PASSWORD: password, DB_NAME: database, DB_CA: way.caFile };
        const env = { PATH: process.env["PATH"], LC_ALL: "C.UTF-8", DB_FILE: file, ...login };
        const shown = await show(program(), { env });
        assert.match(shown.stdout, /^end:/m, shown.stderr);
        return shown;
      });
    });
  }
});
