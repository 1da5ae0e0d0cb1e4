/** Texts of several statements before a real MySQL and a real MariaDB: each is on record with what came of it, and runs as it would by itself. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import mysql from "mysql2/promise";
import { COMMAND } from "#protocols/mysql/constants.ts";
import { readRecords } from "#src/audit/known.ts";
import type { RecordedEvent } from "#src/recording/events.ts";
import { MysqlAttacker } from "#test/masking/mysql/client.ts";
import { recordingOf } from "#test/src/gateway/archive.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import type { Sections } from "#test/support/gateway-files.ts";
import { startMysql, type TestMysql } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";
import { until } from "#test/support/waiting.ts";

const SEED = [
  "USE app; CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(20)); INSERT INTO t VALUES (1, 'one'), (2, 'two');",
  "DELIMITER //",
  "CREATE PROCEDURE app.two(n INT) BEGIN SELECT n AS first; SELECT n + 1, 'x' AS third; END //",
  "DELIMITER ;",
];
const TARGETS = ["mysql", "maria"] as const;

/** What one event says of its statement, those of a session told in order. */
function told(events: readonly RecordedEvent[]): readonly string[] {
  const names = new Map<number, string>();
  const of = (statement: number | null): string => names.get(statement ?? -1) ?? "?";
  return events.flatMap((event): readonly string[] => {
    switch (event.kind) {
      case "statement":
        names.set(event.seq, typeof event.sql === "string" ? event.sql : "");
        return [`${event.verdict}: ${of(event.seq)}`];
      case "rows":
        return [`${of(event.statement)} -> ${JSON.stringify(event.rows)}`];
      case "result":
        return [`${of(event.statement)} ${event.tag} ${event.rows}`];
      case "denied":
        return [`${of(event.statement)} denied ${event.reason}`];
      case "skipped":
        return [`${of(event.statement)} skipped by ${of(event.because)}`];
      case "error":
        return [`${of(event.statement)} error ${event.fields["errno"]} of the ${event.from}`];
      default:
        return [];
    }
  });
}

describe("texts of several statements on MySQL and MariaDB", { skip: optional("mysql9") }, () => {
  const servers: TestMysql[] = [];
  let gateway: TestGateway;

  /** Each server for everything, and again for less. */
  const configure = (sections: Sections): Sections => {
    const { targets, access } = sections as { targets: Record<string, object>; access: { rules: { who: unknown }[] } };
    const who = access.rules[0]?.who;
    const reading = Object.fromEntries(TARGETS.map((target) => [`${target}-read`, targets[target]]));
    const writing = Object.fromEntries(TARGETS.map((target) => [`${target}-write`, targets[target]]));
    const rules = [
      { who, targets: [...TARGETS], may: ["read", "write", "schema", "admin"] },
      { who, targets: Object.keys(reading), may: ["read"] },
      { who, targets: Object.keys(writing), may: ["read", "write"] },
    ];
    return { ...sections, targets: { ...targets, ...reading, ...writing }, access: { rules } };
  };

  before(async () => {
    servers.push(...(await Promise.all([startMysql({ seed: SEED }), startMysql({ flavour: "mariadb10", seed: SEED })])));
    const [mysql9, mariadb] = servers;
    assert.ok(mysql9 && mariadb);
    gateway = await startGateway({ mysql: { mysql: mysql9, maria: mariadb }, configure });
  });
  after(async () => {
    await gateway?.stop();
    await Promise.all(servers.map((server) => server.stop()));
  });

  const driver = async (target: string, multipleStatements = true): Promise<mysql.Connection> => {
    const { host, port, user, password } = await gateway.mysqlLogin(target);
    return mysql.createConnection({ host, port, user, password, database: target, ssl: { ca: gateway.ca }, multipleStatements });
  };
  /** What is on record of a session, once it is closed: found by a statement that no other has. */
  const recorded = async (client: { end(): unknown }, mark: string): Promise<readonly string[]> => {
    await client.end();
    return told(await recordingOf(gateway, mark));
  };

  for (const target of TARGETS) {
    test(`${target}: each statement is on record before any runs, and each result belongs to its own`, async () => {
      const mark = `SELECT '${target} in turn'`;
      for (const enter of [() => driver(target), () => MysqlAttacker.login(gateway, { target })]) {
        const client = await enter();
        await client.query(`SELECT name FROM t WHERE id = 2; CALL two(4) ; UPDATE t SET name = name WHERE id < 3; ${mark}; DO 1`);
        if (client instanceof MysqlAttacker) {
          client.end();
          continue;
        }
        const events = await recorded(client, mark);
        assert.deepEqual(events, [
          "allow: SELECT name FROM t WHERE id = 2",
          "allow: CALL two(4)",
          "allow: UPDATE t SET name = name WHERE id < 3",
          `allow: ${mark}`,
          "allow: DO 1",
          'SELECT name FROM t WHERE id = 2 -> [["two"]]',
          "SELECT name FROM t WHERE id = 2 ROWS 1",
          'CALL two(4) -> [["4"]]',
          "CALL two(4) ROWS 1",
          'CALL two(4) -> [["5","x"]]',
          "CALL two(4) ROWS 1",
          "CALL two(4) OK 0",
          events.find((line) => line.startsWith("UPDATE t SET name = name WHERE id < 3 OK")),
          `${mark} -> [["${target} in turn"]]`,
          `${mark} ROWS 1`,
          "DO 1 OK 0",
        ]);
      }
    });

    test(`${target}: the client is answered as by the server itself`, async () => {
      const server = servers[TARGETS.indexOf(target)];
      assert.ok(server);
      const { host, port, user, password, database, ca } = server;
      const direct = await mysql.createConnection({ host, port, user, password, database, ssl: { ca }, multipleStatements: true });
      const through = await driver(target);
      try {
        for (const sql of [
          "SELECT 1; SELECT 2 AS two, NULL; CALL two(1); SELECT 3",
          "SET @a = 4; SELECT @a; SET @a = @a + 1; SELECT @a;",
          "START TRANSACTION; INSERT INTO t VALUES (77, 'new'); SELECT LAST_INSERT_ID() > 2; SELECT ROW_COUNT(); ROLLBACK; SELECT COUNT(*) FROM t",
          "INSERT INTO t VALUES (1, 'again'); SELECT 1",
          "SELECT 1; SELECT nothing; SELECT 2",
          "SELECT CAST('x' AS SIGNED); SHOW WARNINGS; SHOW COUNT(*) WARNINGS",
          "SELECT 1; -- behind",
          "SELECT 1;;",
          "SELECT 1;; SELECT 2",
          "; SELECT 1",
          "SELECT 'ä;'; SELECT \"b;\"; SELECT `id;` FROM (SELECT 1 AS `id;`) x",
          "USE information_schema; SELECT DATABASE(); USE app; SELECT DATABASE()",
          "PREPARE s FROM 'CALL two(8)'; EXECUTE s; SELECT 9; DEALLOCATE PREPARE s",
          "SET sql_mode = 'ANSI_QUOTES'; SELECT COUNT(*) FROM t; SET sql_mode = DEFAULT",
          "CREATE TEMPORARY TABLE made (a INT); INSERT INTO made VALUES (1), (2); SELECT SUM(a) FROM made; DROP TEMPORARY TABLE made",
        ]) {
          const expected = await answerOf(sql)(direct);
          assert.deepEqual(await answerOf(sql)(through), expected, sql);
        }
      } finally {
        await Promise.all([through.end(), direct.end()]);
      }
    });

    test(`${target}: what stands behind a statement that fails did not run, and is on record as that`, async () => {
      const mark = `SELECT '${target} failing'`;
      const client = await driver(target);
      await assert.rejects(client.query(`${mark}; SELECT nothing; DELETE FROM t; SELECT 5`), /nothing/);
      assert.deepEqual(await answerOf("SELECT COUNT(*) AS n FROM t")(client), [{ n: 2 }]);
      const events = await recorded(client, mark);
      assert.deepEqual(events.slice(4, -3), [
        `${mark} -> [["${target} failing"]]`,
        `${mark} ROWS 1`,
        "SELECT nothing error 1054 of the target",
        "DELETE FROM t skipped by SELECT nothing",
        "SELECT 5 skipped by SELECT nothing",
      ]);
    });

    test(`${target}: one that is refused refuses all before anything runs`, async () => {
      const mark = `SELECT '${target} refused'`;
      const client = await driver(`${target}-read`);
      await assert.rejects(client.query(`SET @x = 1; DELETE FROM t; ${mark}; TRUNCATE t`), /DELETE needs.*reason=access-not-granted/);
      assert.deepEqual(await answerOf("SELECT @x AS x")(client), [{ x: null }]);
      const events = await recorded(client, mark);
      assert.deepEqual(events.slice(0, 8), [
        "allow: SET @x = 1",
        "deny: DELETE FROM t",
        `allow: ${mark}`,
        "deny: TRUNCATE t",
        "SET @x = 1 skipped by DELETE FROM t",
        "DELETE FROM t denied access-not-granted",
        `${mark} skipped by DELETE FROM t`,
        "TRUNCATE t denied access-not-granted",
      ]);
    });

    test(`${target}: a statement that reads otherwise when its turn comes is refused then`, async () => {
      const mark = `SELECT '${target} turned'`;
      const client = await driver(`${target}-write`);
      for (const sql of [
        `SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SELECT '\\'; DELETE FROM t; -- '`,
        `SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SELECT '\\' ; DELETE FROM t -- ' FROM t`,
        `${mark}; SET @a = 1, sql_mode = 'NO_BACKSLASH_ESCAPES'; SELECT '\\' AS a, t.id FROM t -- '`,
      ]) {
        await assert.rejects(client.query(sql), /reason=statement-unparsed/, sql);
        await client.query("SET sql_mode = DEFAULT");
        assert.deepEqual(await answerOf("SELECT COUNT(*) AS n FROM t")(client), [{ n: 2 }], sql);
      }
      assert.deepEqual(await answerOf("SET sql_mode = 'ANSI_QUOTES'; SELECT 'é;' AS a; SET sql_mode = DEFAULT")(client).then(rowsIn), [
        [{ a: "é;" }],
      ]);
      const events = await recorded(client, mark);
      const at = events.findIndex((line) => line.startsWith("allow: SELECT '\\' AS a"));
      assert.ok(at > 0 && events.some((line) => /^SELECT '.*denied statement-unparsed$/.test(line)), events.join("\n"));
    });

    test(`${target}: a connection that has not asked for several statements gets the server's own error`, async () => {
      const client = await driver(target, false);
      await assert.rejects(client.query("SELECT 1; DELETE FROM t"), /You have an error in your SQL syntax/);
      assert.deepEqual(await answerOf("SELECT COUNT(*) AS n FROM t")(client), [{ n: 2 }]);
      await client.end();
    });

    test(`${target}: COM_SET_OPTION switches several statements off and on`, async () => {
      const client = await MysqlAttacker.login(gateway, { target });
      await client.command("plain", COMMAND.setOption, Buffer.from([1, 0]));
      assert.equal((await client.query("SELECT 1; SELECT 2")).error?.errno, 1064);
      await client.command("plain", COMMAND.setOption, Buffer.from([0, 0]));
      assert.deepEqual((await client.query("SELECT 1; SELECT 2")).rows, [["1"], ["2"]]);
      client.end();
    });

    test(`${target}: KILL among others is refused`, async () => {
      const client = await driver(target);
      await assert.rejects(client.query("SELECT 1; KILL QUERY 1"), /reason=command-refused/);
      await client.end();
    });
  }

  test("the session counts statements, rows and refusals singly", async () => {
    const mark = "SELECT 'counted'";
    const client = await driver("mysql-read");
    await client.query(`${mark}; SELECT id FROM t`);
    await client.query("SELECT 1; DELETE FROM t; TRUNCATE t").catch(() => undefined);
    const events = await recorded(client, mark);
    assert.equal(events.filter((line) => /^(allow|deny): /.test(line)).length, 5);
    assert.equal(events.filter((line) => / denied /.test(line)).length, 2);
    // The record of a recording comes a moment after it.
    const counted = () =>
      [...readRecords(join(gateway.folder, "evidence"))].flatMap((entry) =>
        entry.type === "session-sealed" ? [[entry.session.statements, entry.session.rows, entry.session.denied].join()] : [],
      );
    await until(
      () => counted().includes("5,3,2"),
      () => `its counts are on record, besides ${counted().join(" ")}`,
    );
  });
});

/** The gateway has the server tell of more settings, and tells that on. */
const LEFT_OUT: ReadonlySet<string> = new Set(["info", "stateChanges", "serverStatus"]);

function rowsIn(results: unknown): unknown {
  return Array.isArray(results) ? results.filter((one) => Array.isArray(one)) : results;
}

/** Results without what differs from connection to connection, or the error. */
function answerOf(sql: string): (client: mysql.Connection) => Promise<unknown> {
  return async (client) => {
    try {
      const [results] = await client.query(sql);
      return JSON.parse(JSON.stringify(results), (key, value: unknown) => (LEFT_OUT.has(key) ? undefined : value)) as unknown;
    } catch (error) {
      return error instanceof Error ? error.message.replace(/ for the right syntax.*/s, "") : error;
    }
  };
}
