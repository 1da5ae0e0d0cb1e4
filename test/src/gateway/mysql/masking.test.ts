/** Masking rules before a real MySQL and a real MariaDB: a rule must name something, the catalogue follows the schema, and what is not judged does not run. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import mysql from "mysql2/promise";
import { readColumn } from "#protocols/mysql/column.ts";
import { COMMAND } from "#protocols/mysql/constants.ts";
import { isEof, readError } from "#protocols/mysql/outcome.ts";
import { packets } from "#protocols/mysql/packet.ts";
import { CAPABILITIES, packet, rawLogin } from "#test/src/gateway/mysql/raw.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import type { Sections } from "#test/support/gateway-files.ts";
import { startMysql, type TestMysql } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";

const SECRET = "canary-481-22-9071";
const SEED = [
  "USE app;",
  "CREATE TABLE people (id INT PRIMARY KEY, name VARCHAR(20), ssn VARCHAR(30), pin VARCHAR(30) COMMENT 'sallyport:pii', UNIQUE KEY u (ssn));",
  `INSERT INTO people VALUES (1, 'one', '${SECRET}', '${SECRET}');`,
  "CREATE TABLE guarded (id INT, pin VARCHAR(30) DEFAULT '0000' COMMENT 'sallyport:pii');",
  `CREATE TABLE summed (id INT, pin VARCHAR(30) COMMENT 'sallyport:pii') ENGINE = MyISAM CHECKSUM = 1; INSERT INTO summed VALUES (1, '${SECRET}');`,
  "CREATE TABLE open (id INT) ENGINE = MyISAM CHECKSUM = 1; INSERT INTO open VALUES (1);",
  "CREATE TABLE plain (id INT PRIMARY KEY, note VARCHAR(20) DEFAULT 'none'); INSERT INTO plain VALUES (1, 'free');",
];
const TARGETS = ["mysql", "maria"] as const;

function rules(columns: readonly string[]) {
  return TARGETS.map((target) => ({ name: `hide-${target}`, target, columns, tags: ["pii"], with: "redact", unless: { groups: ["dba"] } }));
}

const configured = (columns: readonly string[]) => (sections: Sections) => ({ ...sections, masking: { rules: rules(columns) } });

describe("masking on MySQL and MariaDB", { skip: optional("mysql9") }, () => {
  const servers: TestMysql[] = [];
  let gateway: TestGateway;

  before(async () => {
    servers.push(...(await Promise.all([startMysql({ seed: SEED }), startMysql({ flavour: "mariadb10", seed: SEED })])));
    gateway = await startGateway({
      mysql: { mysql: server("mysql"), maria: server("maria") },
      agents: { agent: ["data-agents"], owner: ["dba"] },
      configure: configured(["app.people.ssn"]),
    });
  });
  after(async () => {
    await gateway?.stop();
    await Promise.all(servers.map((one) => one.stop()));
  });

  const connect = async (target: string, agent: string) => {
    const { host, port, user, password } = await gateway.mysqlLogin(target, agent);
    return mysql.createConnection({ host, port, user, password, database: target, ssl: { ca: gateway.ca } });
  };
  const told = async (work: Promise<unknown>): Promise<string> => {
    const error: unknown = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof Error, "nothing was refused");
    return error.message;
  };

  test("a rule that names nothing keeps the gateway from starting", async () => {
    const starting = startGateway({ mysql: { mysql: server("mysql"), maria: server("maria") }, configure: configured(["app.people.sn"]) });
    await assert.rejects(starting, (error: Error) => {
      assert.match(error.message, /app\.people\.sn names no column of target (mysql|maria)/);
      return true;
    });
  });

  for (const target of TARGETS) {
    test(`${target}: whom the rule spares sees values, and is rewritten nothing`, async () => {
      const client = await connect(target, "owner");
      try {
        assert.deepEqual((await client.query("SELECT ssn, pin FROM people"))[0], [{ ssn: SECRET, pin: SECRET }]);
      } finally {
        await client.end();
      }
    });

    test(`${target}: a principal under the mask is never told a value, by rows or by errors`, async () => {
      const client = await connect(target, "agent");
      try {
        for (const sql of [
          "SELECT ssn FROM people",
          "SELECT pin FROM people",
          "SELECT * FROM people",
          "SELECT city FROM (SELECT ssn AS city FROM people LIMIT 100) s",
          "SELECT EXTRACTVALUE(1, CONCAT('!', ssn)) FROM people",
          `UPDATE people SET id = 2 WHERE ssn = '${SECRET}'`,
          "SHOW BINLOG EVENTS",
        ]) {
          for (const run of [() => client.query(sql), () => client.execute(sql)]) {
            const shown = await run().then(
              ([rows]) => JSON.stringify(rows),
              (error: Error) => error.message,
            );
            assert.ok(!shown.includes(SECRET), `${sql}: ${shown}`);
          }
        }
      } finally {
        await client.end();
      }
    });

    test(`${target}: commands that tell of others are refused`, async () => {
      const socket = await rawLogin(gateway, target);
      try {
        for (const [command, rest] of [
          [COMMAND.statistics, ""],
          [COMMAND.processInfo, ""],
          [COMMAND.debug, ""],
          [COMMAND.changeUser, "root\0"],
          [COMMAND.binlogDump, "\0\0\0\0\0\0\0\0\0\0"],
        ] as const) {
          socket.write(packets(Buffer.concat([Buffer.from([command]), Buffer.from(rest)]), 0));
          const { errno, message } = readError(await packet(socket), CAPABILITIES);
          assert.equal(errno, 1227, `command ${command}`);
          assert.match(message, /reason=command-refused/);
        }
      } finally {
        socket.destroy();
      }
    });

    test(`${target}: columns by a table's name, as clients complete words by, come without defaults where SHOW COLUMNS may tell of them`, async () => {
      const socket = await rawLogin(gateway, target);
      const fields = async (table: string): Promise<string[]> => {
        socket.write(packets(Buffer.from(`${String.fromCharCode(COMMAND.fieldList)}${table}\0`), 0));
        const names: string[] = [];
        for (;;) {
          const payload = await packet(socket);
          if (payload[0] === 0xff) return [readError(payload, CAPABILITIES).message];
          if (isEof(payload)) return names;
          assert.equal(payload.at(-1), 0xfb, `the default of ${readColumn(payload).name} is told`);
          names.push(readColumn(payload).name);
        }
      };
      try {
        assert.deepEqual(await fields("people"), ["id", "name", "ssn", "pin"]);
        assert.deepEqual(await fields("plain"), ["id", "note"]);
        assert.match((await fields("guarded"))[0] ?? "", /reason=masked-catalogue/);
        assert.match((await fields("nothere"))[0] ?? "", /app.nothere.*exist/);
      } finally {
        socket.destroy();
      }
    });

    test(`${target}: the checksum of rows with masked columns is not told, others' is`, async () => {
      const client = await connect(target, "agent");
      try {
        const checksums =
          "SELECT table_name AS t, checksum IS NULL AS hidden FROM information_schema.tables WHERE table_name IN ('summed', 'open')";
        const [all] = await client.query(`${checksums} ORDER BY table_name`);
        assert.deepEqual(all, [
          { t: "open", hidden: 0 },
          { t: "summed", hidden: 1 },
        ]);
        const [none] = await client.query("SELECT * FROM information_schema.tables WHERE checksum IS NOT NULL AND table_name = 'summed'");
        assert.deepEqual(none, []);
      } finally {
        await client.end();
      }
    });

    test(`${target}: a table that was made a moment ago is looked for before it is refused`, async () => {
      const client = await connect(target, "agent");
      try {
        server(target).sql("CREATE TABLE app.fresh (id INT, ssn VARCHAR(30)); INSERT INTO app.fresh VALUES (1, 'x')");
        const message = await client.query("SELECT id FROM fresh").then(
          () => "",
          (error: Error) => error.message,
        );
        assert.doesNotMatch(message, /masked-undefined-table|masked-unresolved/);
        assert.match(await told(client.query("SELECT id FROM nowhere")), /reason=masked|doesn't exist/);
      } finally {
        await client.end();
      }
    });
  }

  function server(target: (typeof TARGETS)[number]): TestMysql {
    const found = servers[TARGETS.indexOf(target)];
    assert.ok(found);
    return found;
  }
});
