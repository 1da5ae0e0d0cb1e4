/** Texts of several statements under masks, before a real MySQL and a real MariaDB: ordinary ones work as straight, and each statement is masked by itself. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { searchFor } from "#test/masking/search.ts";
import { recordingOf } from "#test/src/gateway/archive.ts";
import { optional } from "#test/support/optional.ts";
import { MysqlAttacker } from "./client.ts";
import { MYSQL_CANARIES } from "./seed.ts";
import { MYSQL_TARGETS, type MysqlWorld, openMysqlWorld } from "./world.ts";

const canaryIn = searchFor(MYSQL_CANARIES);

/** They show no masked column. */
const ORDINARY = [
  "SELECT id, name FROM users ORDER BY id; SELECT COUNT(*) FROM orders; SELECT 'a;b' AS `c;d`",
  "SET @from = 2; SELECT id FROM orders WHERE id > @from ORDER BY id; SET @from = @from + 4; SELECT id FROM orders WHERE id > @from ORDER BY id",
  "START TRANSACTION; UPDATE orders SET status = 'seen' WHERE id = 3; SELECT status FROM orders WHERE id = 3; ROLLBACK; SELECT status FROM orders WHERE id = 3",
  "BEGIN; INSERT INTO counters (n, label) VALUES (41, 'more'); SELECT LAST_INSERT_ID() > 2, ROW_COUNT(); DELETE FROM counters WHERE n = 41; COMMIT",
  "USE app; USE shop; SELECT DATABASE(), (SELECT COUNT(*) FROM users)",
  "SET NAMES utf8mb4; SELECT 'ä;', name FROM users WHERE id = 1;",
  "SET sql_mode = 'STRICT_TRANS_TABLES'; SELECT CAST('x' AS SIGNED); SHOW COUNT(*) WARNINGS; SET sql_mode = DEFAULT",
  "SHOW TABLES LIKE 'ord%'; DESCRIBE inbox; SELECT o.id, u.name FROM orders o JOIN users u ON u.id = o.user_id ORDER BY o.id LIMIT 3",
  "PREPARE p FROM 'SELECT name FROM users WHERE id = ?'; SET @i = 2; EXECUTE p USING @i; DEALLOCATE PREPARE p",
  "SELECT 1; SELECT nothing FROM orders; SELECT 2",
  "SELECT 1;;",
];

describe("several statements in one text under masks", { skip: optional("mysql9") }, () => {
  let world: MysqlWorld;
  before(async () => {
    world = await openMysqlWorld();
  });
  after(() => world?.stop());

  for (const target of MYSQL_TARGETS) {
    const withSession = async (work: (client: MysqlAttacker) => Promise<void>): Promise<void> => {
      const client = await MysqlAttacker.login(world.gateway, { target });
      try {
        await client.query("USE shop");
        await work(client);
      } finally {
        client.end();
      }
    };

    test(`${target}: ordinary texts are answered as straight`, () =>
      withSession(async (client) => {
        const direct = await MysqlAttacker.straight(world.servers[target], "shop");
        try {
          for (const sql of ORDINARY) {
            const expected = await direct.query(sql);
            const { rows, affected, error, bytes } = await client.query(sql);
            assert.deepEqual([rows, affected, error?.errno], [expected.rows, expected.affected, expected.error?.errno], sql);
            assert.equal(canaryIn(bytes), undefined, sql);
          }
        } finally {
          direct.end();
        }
      }));

    test(`${target}: masked columns show masked in each statement, and are on record as masked`, async () => {
      const mark = `SELECT '${target} on record'`;
      await withSession(async (client) => {
        const { rows, error } = await client.query(
          `${mark}; SELECT ssn, name FROM users WHERE id = 1; SELECT COUNT(*) FROM users WHERE ssn = '***'`,
        );
        assert.deepEqual([rows, error], [[[`${target} on record`], ["***", "Marta"], ["2"]], null]);
      });
      const events = await recordingOf(world.gateway, mark);
      const verdicts = events.flatMap((event) => (event.kind === "statement" && event.tables.includes("users") ? [event.verdict] : []));
      assert.deepEqual(verdicts, ["mask", "mask"]);
      const shown = events.flatMap((event) =>
        event.kind === "rows" ? event.columns.filter(({ masked }) => masked).map(({ name }) => name) : [],
      );
      assert.deepEqual(shown, ["ssn"]);
    });

    test(`${target}: nothing of a text runs where one of its statements is refused, or means something else by then`, () =>
      withSession(async (client) => {
        for (const sql of [
          "SET @ran = 1; SELECT ssn INTO @v FROM users",
          "SET @ran = 1; CREATE TABLE t9 AS SELECT ssn FROM users; SELECT * FROM t9",
          "SET @ran = 1; SELECT SLEEP(1)",
          "SET @ran = 1; USE mysql; SELECT * FROM user",
          "SET @ran = 1; EXECUTE nobody",
          "SET @ran = 1; /*!50000 SELECT ssn FROM users */",
        ]) {
          assert.match((await client.query(sql)).error?.message ?? "", /reason=/, sql);
          assert.deepEqual((await client.query("SELECT @ran")).rows, [[null]], sql);
        }
        const failing = await client.query("USE nowhere; SELECT ssn FROM shop.users");
        assert.ok(failing.error !== null && failing.rows.length === 0);
      }));

    test(`${target}: several statements are not prepared at once`, () =>
      withSession(async (client) => {
        const { error } = await client.prepare("SELECT 1; SELECT ssn FROM users");
        assert.match(error?.message ?? "", /reason=masked-statement-kind/);
        await client.command("plain", 0x1b, Buffer.from([1, 0]));
        assert.match(
          (await client.query("SELECT 1; SELECT ssn FROM users")).error?.message ?? "",
          /CLIENT_MULTI_STATEMENTS.*reason=masked-statement-kind/,
        );
      }));
  }
});
