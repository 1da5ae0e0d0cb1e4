/** Caps and timeouts before a real MySQL and a real MariaDB: a result ends in one error, and the session goes on as if nothing had been. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { COMMAND } from "#protocols/mysql/constants.ts";
import { MysqlAttacker, type MysqlWay } from "#test/masking/mysql/client.ts";
import { endOf, recordingOf } from "#test/src/gateway/archive.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import type { Sections } from "#test/support/gateway-files.ts";
import { startMysql, type TestMysql } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";

const ROWS = 40;
const SEED = [
  "USE app; CREATE TABLE t (id INT PRIMARY KEY, pad VARCHAR(200));",
  "INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT i, REPEAT('x', 150) FROM n;",
];
const TARGETS = ["mysql", "maria"] as const;
const WAYS: readonly MysqlWay[] = ["text", "prepared", "cursor"];
const LONG = "SELECT COUNT(*) FROM t a JOIN t b JOIN t c JOIN t d WHERE a.pad <> b.pad OR c.id = d.id + a.id";

const LIMITS: Readonly<Record<string, object>> = {
  "": { rowsPerStatement: ROWS },
  "-slow": { statementTimeout: "400ms" },
  "-steady": { statementTimeout: "5s" },
  "-rows": { rowsPerSession: 30 },
  "-bytes": { bytesPerSession: 20_000 },
  "-statements": { statementsPerSession: 3 },
};

describe("caps on MySQL and MariaDB", { skip: optional("mysql9") }, () => {
  const servers: TestMysql[] = [];
  let gateway: TestGateway;

  /** Each server under several limits. */
  const configure = (sections: Sections): Sections => {
    const { targets, access } = sections as { targets: Record<string, object>; access: { rules: { who: unknown }[] } };
    const made = TARGETS.flatMap((target) =>
      Object.entries(LIMITS).map(([suffix, limits]) => [`${target}${suffix}`, { ...targets[target], limits }] as const),
    );
    const names = made.map(([name]) => name);
    const rule = { who: access.rules[0]?.who, targets: names, may: ["read", "write", "schema", "admin"] };
    return { ...sections, targets: Object.fromEntries(made), access: { rules: [rule] } };
  };

  before(async () => {
    servers.push(...(await Promise.all([startMysql({ seed: SEED }), startMysql({ flavour: "mariadb10", seed: SEED })])));
    const [mysql, mariadb] = servers;
    assert.ok(mysql && mariadb);
    gateway = await startGateway({ mysql: { mysql, maria: mariadb }, configure });
  });
  after(async () => {
    await gateway?.stop();
    await Promise.all(servers.map((server) => server.stop()));
  });

  const enter = (target: string): Promise<MysqlAttacker> => MysqlAttacker.login(gateway, { target });

  for (const target of TARGETS) {
    test(`${target}: a result beyond the cap ends in one error behind the rows that may pass, whichever way it is asked for`, async () => {
      const client = await enter(target);
      try {
        for (let round = 0; round < 5; round++) {
          for (const way of WAYS) {
            const { rows, error } = await client.ask("SELECT * FROM t ORDER BY id", way);
            assert.equal(rows.length, ROWS, way);
            assert.equal(error?.errno, 1226);
            assert.match(error.message, /more than 40 rows.*\[reason=row-limit outcome=(cancelled|completed)\]/);
            assert.deepEqual((await client.ask(`SELECT ${round} + 1`, way)).rows, [[String(round + 1)]], "what comes next is not hit");
          }
        }
        assert.equal((await client.query(`SELECT * FROM t LIMIT ${ROWS}`)).rows.length, ROWS);
        assert.equal((await client.query(`SELECT * FROM t LIMIT ${ROWS}`)).error, null);
      } finally {
        client.end();
      }
    });

    test(`${target}: a transaction goes on, and each result of a text counts by itself`, async () => {
      const client = await enter(target);
      try {
        await client.query("START TRANSACTION");
        await client.query("UPDATE t SET pad = 'z' WHERE id = 2");
        assert.equal((await client.query("SELECT * FROM t")).error?.errno, 1226);
        assert.deepEqual((await client.query("SELECT pad FROM t WHERE id = 2")).rows, [["z"]]);
        await client.query("ROLLBACK");
        const two = await client.query(`SELECT id FROM t LIMIT 30; SELECT id FROM t LIMIT 30`);
        assert.deepEqual([two.rows.length, two.error], [60, null]);
      } finally {
        client.end();
      }
    });

    test(`${target}: what stands behind a result beyond the cap in its text is not done`, async () => {
      const client = await enter(target);
      try {
        const { rows, error } = await client.query("SELECT id FROM t LIMIT 41; UPDATE t SET pad = 'w' WHERE id = 3");
        assert.equal(rows.length, ROWS);
        assert.match(error?.message ?? "", /reason=row-limit/);
        assert.notDeepEqual((await client.query("SELECT pad FROM t WHERE id = 3")).rows, [["w"]]);
      } finally {
        client.end();
      }
    });

    test(`${target}: each statement of a text has its own time, and what stands behind one that takes too long is not done`, async () => {
      const steady = await enter(`${target}-steady`);
      // One by one far from the limit, all together beyond it.
      const three = await steady.query("SELECT SLEEP(1.8); SELECT SLEEP(1.8); SELECT SLEEP(1.8)");
      assert.deepEqual([three.rows, three.error], [[["0"], ["0"], ["0"]], null]);
      steady.end();
      const client = await enter(`${target}-slow`);
      try {
        const { rows, error } = await client.query(`SELECT 1; ${LONG}; UPDATE t SET pad = 'late' WHERE id = 4`);
        assert.deepEqual([rows, error?.errno], [[["1"]], 3024]);
        assert.notDeepEqual((await client.query("SELECT pad FROM t WHERE id = 4")).rows, [["late"]]);
      } finally {
        client.end();
      }
    });

    test(`${target}: a statement that takes too long is ended with its reason, and the session goes on`, async () => {
      const client = await enter(`${target}-slow`);
      try {
        for (const way of ["text", "prepared"] as const) {
          const { error } = await client.ask(LONG, way);
          assert.equal(error?.errno, 3024, way);
          assert.match(error.message, /\[reason=statement-timeout\]/);
          for (let next = 0; next < 5; next++) assert.deepEqual((await client.query("SELECT 1")).rows, [["1"]]);
        }
      } finally {
        client.end();
      }
    });

    test(`${target}: a session that has used up its rows, bytes or statements ends with the reason`, async () => {
      for (const [suffix, sql] of [
        ["-rows", "SELECT id FROM t LIMIT 20"],
        ["-bytes", "SELECT * FROM t LIMIT 60"],
        ["-statements", "SELECT 1"],
      ] as const) {
        const client = await enter(`${target}${suffix}`);
        let said = "";
        for (let tries = 0; tries < 6 && !client.closed; tries++) {
          const answer = await client.command("text", COMMAND.query, sql);
          said = answer.error?.message ?? said;
        }
        assert.match(client.everything.toString("latin1"), /reason=session-budget/, `${suffix} ${said}`);
        client.end();
      }
    });
  }

  test("a result that was ended is on record with its rows and the gateway's own error", async () => {
    const sql = "SELECT id, 'on record' FROM t";
    const client = await enter("mysql");
    await client.query(sql);
    await client.command("plain", COMMAND.quit).catch(() => undefined);
    client.end();
    const events = await recordingOf(gateway, sql);
    const error = events.find((event) => event.kind === "error");
    assert.ok(error?.kind === "error" && error.from === "gateway" && /row-limit/.test(error.fields["M"] ?? ""));
    assert.match(endOf(events), /closed|client-lost/);
  });
});
