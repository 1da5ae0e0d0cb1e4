/** What stays on record of work under masks on MySQL and MariaDB: values that are compared with masked columns, or given to them, are keyed digests. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createConnection } from "mysql2/promise";
import { searchFor } from "#test/masking/search.ts";
import { recordingOf } from "#test/src/gateway/archive.ts";
import { optional } from "#test/support/optional.ts";
import { MYSQL_CANARIES } from "./seed.ts";
import { MYSQL_TARGETS, type MysqlWorld, openMysqlWorld } from "./world.ts";

const canaryIn = searchFor(MYSQL_CANARIES);

/** Each names a value that only a masked column holds. */
const TEXTS = [
  "SELECT id FROM users WHERE ssn = '917-44-2051'",
  "SELECT id FROM users u WHERE '836-52-7719' = u.ssn OR u.email LIKE 'zoqkmarta%'",
  "SELECT id FROM users WHERE salary > 73519.25 AND pin IN (918273645, 1)",
  "SELECT id, ssn = '917-44-2051' FROM users",
  "UPDATE users SET email = 'zoqkmarta@north.example' WHERE id = 3",
  "SELECT COUNT(*) FROM payments WHERE card LIKE '4929770012%'",
  // A digest has the digits of other literals in it, all but surely.
  "SELECT LEFT(ssn, 6), COUNT(*) FROM users WHERE id NOT IN (0, 2, 3, 4, 5, 7, 8, 9) GROUP BY 1",
];

describe("recordings of work under masks", { skip: optional("mysql9") }, () => {
  let world: MysqlWorld;
  before(async () => {
    world = await openMysqlWorld();
  });
  after(() => world?.stop());

  for (const target of MYSQL_TARGETS) {
    test(`${target}: no literal, parameter or row on record holds a canary`, async () => {
      const { host, port, user, password } = await world.gateway.mysqlLogin(target, "agent");
      const client = await createConnection({ host, port, user, password, database: target, ssl: { ca: world.gateway.ca } });
      await client.query("START TRANSACTION");
      for (const sql of TEXTS) await client.query(sql).catch(() => undefined);
      for (const [sql, values] of [
        ["SELECT id FROM users WHERE ssn = ? AND id < ?", ["917-44-2051", 100]],
        ["UPDATE users SET email = ? WHERE id = ?", ["wyxbjonas@south.example", 3]],
        ["SELECT * FROM users WHERE id = ?", [1]],
      ] as const) {
        await client.execute(sql, [...values]).catch(() => undefined);
      }
      await client.query("SELECT CAST('x' AS SIGNED)");
      await client.query("SHOW WARNINGS");
      await client.query("ROLLBACK");
      const mark = `SELECT 'end of ${target}'`;
      await client.query(mark);
      await client.end();
      const events = await recordingOf(world.gateway, mark);
      const statements = events.flatMap((event) => (event.kind === "statement" ? [event] : []));
      assert.ok(statements.length >= TEXTS.length);
      for (const event of events) assert.equal(canaryIn(Buffer.from(JSON.stringify(event))), undefined, JSON.stringify(event));
      const parameters = statements.find(({ parameters: given }) => given.length === 2)?.parameters;
      assert.match(String(parameters?.[0]), /^hmac-sha256:/);
      const names = events.flatMap((event) => (event.kind === "rows" ? event.columns.map(({ name }) => name) : []));
      assert.match(names.find((name) => name.startsWith("LEFT(")) ?? "", /^LEFT\(ssn, hmac-sha256:[0-9a-f]+\)$/);
      // Rows in the place of the server's count as rows.
      const warned = events.findIndex((event) => event.kind === "statement" && event.sql === "SHOW WARNINGS");
      const result = events.slice(warned).find((event) => event.kind === "result");
      assert.equal(result?.kind === "result" ? result.rows : null, 1);
      // What the target got is told where it is another text.
      const sent = (text: string) => statements.find(({ sql }) => typeof sql === "string" && sql.startsWith(text))?.upstreamSql;
      assert.equal(sent("START TRANSACTION"), null);
      assert.match(String(sent("SELECT COUNT(*) FROM payments")), /FROM \(SELECT/);
    });
  }
});
