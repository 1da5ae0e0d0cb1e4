/** Guardrails through a whole gateway, before a real MySQL and a real MariaDB: refused with their reason, and nothing of it reaches the server. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import mysql from "mysql2/promise";
import { recordingOf } from "#test/src/gateway/archive.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { startMysql, type TestMysql } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";

const SEED = [
  "USE app; CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20)); INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three');",
  "USE app; CREATE TABLE events (id INT PRIMARY KEY, user_id INT);",
  `USE app; INSERT INTO events SELECT a.n * 900 + b.n, b.n FROM ${digits("a", 6)} CROSS JOIN ${digits("b", 900)};`,
  "USE app; CREATE VIEW recent AS SELECT * FROM events; ANALYZE TABLE events;",
];

/** So many rows, from 0. */
function digits(name: string, count: number): string {
  return `(WITH RECURSIVE r (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM r WHERE n < ${count - 1}) SELECT n FROM r) AS ${name}`;
}
const TARGETS = ["mysql", "maria"] as const;
const BLANKET = ["update-without-where", "delete-without-where", "truncate", "drop", "alter", "multi-statement"];

const REFUSED: readonly (readonly [sql: string, kind: string])[] = [
  ["DELETE FROM t", "delete-without-where"],
  ["DELETE FROM t WHERE id = 5 || 1", "delete-without-where"],
  ["UPDATE t SET name = 'x' WHERE 1 = 1", "update-without-where"],
  ["/*!50000 DELETE FROM t */", "delete-without-where"],
  ["TRUNCATE t", "truncate"],
  ["DROP TABLE t", "drop"],
  ["ALTER TABLE t DROP COLUMN name", "alter"],
  ["SELECT 1; SELECT 2", "multi-statement"],
  ["CALL wipe()", "CALL"],
];

describe("guardrails on MySQL and MariaDB", { skip: optional("mysql9") }, () => {
  const servers: TestMysql[] = [];
  let gateway: TestGateway;

  before(async () => {
    const [mysql9, mariadb] = await Promise.all([startMysql({ seed: SEED }), startMysql({ flavour: "mariadb10", seed: SEED })]);
    servers.push(mysql9, mariadb);
    gateway = await startGateway({
      mysql: { mysql: mysql9, maria: mariadb },
      agents: { agent: ["data-agents"], owner: ["dba"] },
      configure: (sections) => ({
        ...sections,
        guardrails: {
          rules: [
            { name: "blanket", targets: TARGETS, deny: BLANKET, unless: { groups: ["dba"] } },
            { name: "reads", targets: TARGETS, deny: ["unlimited-select", "cross-join"], bigTable: 3_000, unless: { groups: ["dba"] } },
          ],
        },
      }),
    });
  });
  after(async () => {
    await gateway?.stop();
    await Promise.all(servers.map((server) => server.stop()));
  });

  const connect = async (target: string, agent: string) => {
    const { host, port, user, password } = await gateway.mysqlLogin(target, agent);
    return mysql.createConnection({ host, port, user, password, database: target, ssl: { ca: gateway.ca }, multipleStatements: true });
  };
  const told = async (work: Promise<unknown>): Promise<{ errno: number; message: string }> => {
    const error: unknown = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof Error && "errno" in error && typeof error.errno === "number", "nothing was refused");
    return { errno: error.errno, message: error.message };
  };

  for (const target of TARGETS) {
    test(`${target}: each kind is refused with its rule, in the text protocol and prepared, and a transaction goes on`, async () => {
      const client = await connect(target, "agent");
      try {
        await client.query("START TRANSACTION");
        await client.query("UPDATE t SET name = 'changed' WHERE id = 3");
        for (const [sql, kind] of REFUSED) {
          const { errno, message } = await told(client.query(sql));
          assert.equal(errno, 1290, sql);
          assert.ok(message.includes(kind) && message.includes("reason=statement-guarded rule=blanket"), `${sql}: ${message}`);
        }
        assert.match((await told(client.execute("DELETE FROM t"))).message, /delete-without-where/);
        assert.match((await told(client.query("PREPARE s FROM 'DELETE FROM t'"))).message, /delete-without-where/);
        assert.match((await told(client.query("PREPARE s FROM @text"))).message, /reason=statement-unparsed/);
        assert.deepEqual((await client.query("SELECT COUNT(*) AS n, MAX(name) AS name FROM t WHERE id = 3"))[0], [
          { n: 1, name: "changed" },
        ]);
        await client.query("ROLLBACK");
        const [result] = await client.execute("DELETE FROM t WHERE id = ?", [99]);
        assert.ok("affectedRows" in result && result.affectedRows === 0);
      } finally {
        await client.end();
      }
      assert.equal(server(target).sql("SELECT COUNT(*) FROM app.t").trim().split("\n").at(-1), "3");
    });

    test(`${target}: a read of everything and sources that nothing connects are refused by what the catalogue tells`, async () => {
      const client = await connect(target, "agent");
      try {
        for (const [sql, kind] of [
          ["SELECT * FROM events", "unlimited-select"],
          ["SELECT * FROM app.events AS e WHERE 1 = 1", "unlimited-select"],
          ["SELECT * FROM recent", "unlimited-select"],
          ["SELECT e.id FROM events e JOIN t ON t.id = e.user_id", "unlimited-select"],
          ["SELECT COUNT(*) FROM events, t", "cross-join"],
        ] as const) {
          const { errno, message } = await told(client.query(sql));
          assert.equal(errno, 1290, sql);
          assert.ok(message.startsWith(`${kind}: `) && message.includes("rule=reads"), `${sql}: ${message}`);
        }
        assert.match((await told(client.execute("SELECT * FROM events"))).message, /unlimited-select/);
        for (const sql of [
          "SELECT * FROM events LIMIT 2",
          "SELECT COUNT(*) FROM events",
          "SELECT * FROM events WHERE id = 5",
          "SELECT * FROM t",
        ]) {
          await client.query(sql);
        }
      } finally {
        await client.end();
      }
    });

    test(`${target}: whom a rule spares works as before`, async () => {
      const client = await connect(target, "owner");
      try {
        await client.query("CREATE TABLE gone (a INT); INSERT INTO gone VALUES (1); DELETE FROM gone; TRUNCATE gone; DROP TABLE gone");
      } finally {
        await client.end();
      }
    });
  }

  test("a refusal is on record with its rule", async () => {
    const client = await connect("mysql", "agent");
    await told(client.query("DELETE FROM t WHERE 7 = 7"));
    await client.end();
    const events = await recordingOf(gateway, "DELETE FROM t WHERE 7 = 7");
    const denied = events.find((event) => event.kind === "denied");
    assert.ok(denied?.kind === "denied" && denied.rule === "blanket" && denied.reason === "statement-guarded");
  });

  function server(target: string): TestMysql {
    const found = servers[target === "mysql" ? 0 : 1];
    assert.ok(found);
    return found;
  }
});
