/** Writes under a mask on real servers: honest ones do what they do without it, copies hold masked values, the rest is refused. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { APP_BENIGN_WRITES } from "#test/masking/mysql/app/benign-writes.ts";
import { MYSQL_CANARIES } from "#test/masking/mysql/seed.ts";
import { searchFor } from "#test/masking/search.ts";
import type { MysqlFlavour } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";
import { type Scene, startScene } from "./scene.ts";

const canaryIn = searchFor(MYSQL_CANARIES);
const TABLES = ["users", "orders", "payments", "badges", "logins", "inbox", "counters", "guarded", "other.users"];

const COPIES = [
  "INSERT INTO inbox SELECT id + 10, ssn FROM users",
  "INSERT INTO inbox (id, note) VALUES (50, (SELECT ssn FROM users WHERE id = 1))",
  "INSERT INTO inbox (id, note) SELECT number + 20, secret_of FROM renamed",
  "REPLACE INTO inbox SELECT id, CONCAT(email, ssn) FROM users",
  "UPDATE inbox SET note = (SELECT GROUP_CONCAT(ssn, card) FROM users, payments)",
  "UPDATE inbox i JOIN users u ON u.id = i.id SET i.note = CONCAT(u.ssn, u.hidden, u.pin)",
  "UPDATE inbox, users SET inbox.note = users.ssn WHERE users.id = inbox.id",
  "INSERT INTO inbox VALUES (1, 'x') ON DUPLICATE KEY UPDATE note = (SELECT ssn FROM users WHERE id = 1)",
  "UPDATE orders o JOIN users u ON o.user_id = u.id SET o.note = u.ssn",
];

/** With the reason of each. */
const REFUSED: readonly (readonly [sql: string, reason: string])[] = [
  ["UPDATE users SET city = ssn", "masked-write"],
  ["UPDATE users SET city = 'x' WHERE ssn = 'y'", "masked-write"],
  ["UPDATE users SET city = 'x' WHERE u\u017fers.\u017fsn = 'y'", "masked-write"],
  ["UPDATE users SET city = 'x' WHERE id IN (SELECT o.id FROM orders o WHERE o.note = ssn)", "masked-write"],
  ["UPDATE users SET city = 'x' WHERE EXISTS (SELECT 1 FROM orders o WHERE users.ssn = o.note)", "masked-write"],
  ["UPDATE users SET city = (SELECT x.a FROM (SELECT users.ssn AS a) x)", "masked-write"],
  ["UPDATE users SET ssn = 'y' WHERE id = 1", "masked-write"],
  ["UPDATE users a JOIN users b ON a.id = b.id SET a.city = a.ssn", "masked-write"],
  ["UPDATE users a JOIN users b ON a.id = b.id SET a.city = b.city, b.name = a.ssn", "masked-write"],
  ["UPDATE users JOIN (SELECT '9' AS ssn) x USING (ssn) SET users.city = 'hit'", "masked-write"],
  ["UPDATE users NATURAL JOIN (SELECT '9' AS ssn) x SET users.city = 'hit'", "masked-write"],
  ["UPDATE users u, LATERAL (SELECT u.ssn AS s) l SET u.city = l.s", "masked-write"],
  ["DELETE p FROM payments p JOIN (SELECT '4' AS card) x USING (card)", "masked-write"],
  ["DELETE FROM p USING payments p JOIN (SELECT '4' AS card) x USING (card)", "masked-write"],
  ["UPDATE users FORCE INDEX (by_ssn) SET city = 'least' LIMIT 1", "masked-write"],
  ["UPDATE guarded SET id = 7", "masked-write"],
  ["DELETE FROM payments WHERE card LIKE '4%'", "masked-write"],
  ["DELETE FROM payments ORDER BY card LIMIT 1", "masked-write"],
  ["DELETE FROM users WHERE id = 1", "masked-write"],
  ["DELETE p FROM payments p, orders o WHERE p.card > o.note", "masked-write"],
  ["INSERT INTO users VALUES (1)", "masked-write"],
  ["INSERT INTO payments VALUES (9, 9, 'x')", "masked-write"],
  ["INSERT INTO payments (order_id, card) VALUES (1, DEFAULT), (2, 'x')", "masked-write"],
  ["INSERT INTO payments (id, order_id) VALUES (1, 1) ON DUPLICATE KEY UPDATE order_id = IF(card > '4', 1, 2)", "masked-write"],
  ["INSERT INTO payments (id, order_id) VALUES (1, 1) ON DUPLICATE KEY UPDATE card = 'x'", "masked-write"],
  ["INSERT INTO payments (id, card) VALUES (1, DEFAULT) AS new (i, c) ON DUPLICATE KEY UPDATE order_id = c", "masked-write"],
  [
    "INSERT INTO payments (id, order_id) VALUES (1, 1) AS new (i, o) ON DUPLICATE KEY UPDATE order_id = IF(card > '4', o, 2)",
    "masked-write",
  ],
  ["INSERT INTO payments (id, order_id) VALUES (1, 1) AS new (i, o) ON DUPLICATE KEY UPDATE order_id = new.card", "masked-write"],
  ["INSERT INTO payments (id, order_id) VALUES (1, 1) AS card (i, o) ON DUPLICATE KEY UPDATE order_id = card", "masked-write"],
  ["INSERT INTO payments (id, order_id) VALUES (1, 1) AS new (i, o, c) ON DUPLICATE KEY UPDATE order_id = c", "masked-write"],
  ["INSERT INTO payments VALUES (1, 1, DEFAULT) AS new (i, o, c) ON DUPLICATE KEY UPDATE order_id = c", "masked-write"],
  ["INSERT INTO payments SET id = 1, card = DEFAULT AS new (i, c) ON DUPLICATE KEY UPDATE order_id = c", "masked-write"],
  ["INSERT INTO payments (id, order_id) SELECT id, id FROM orders ON DUPLICATE KEY UPDATE order_id = payments.card > '4'", "masked-write"],
  ["INSERT INTO watched (id) VALUES (1)", "masked-write"],
  ["UPDATE user_names SET name = 'x'", "masked-write"],
  ["DELETE FROM inbox WHERE id = (SELECT user_ssn(1))", "masked-function"],
  ["DELETE FROM payments WHERE id = 1 RETURNING *", "masked-write"],
  ["DELETE FROM payments WHERE id = 1 RETURNING card", "masked-write"],
  ["DELETE FROM payments WHERE id = 1 RETURNING (SELECT card)", "masked-write"],
  ["UPDATE users SET city = (@a := name)", "masked-statement-kind"],
  ["UPDATE nowhere SET a = 1", "masked-undefined-table"],
  ["UPDATE mysql.user SET user = 'x'", "masked-catalogue"],
  ["INSERT INTO information_schema.tables VALUES (1)", "masked-catalogue"],
];

for (const flavour of ["mysql9", "mariadb10"] as const satisfies readonly MysqlFlavour[]) {
  describe(`writes under a mask on ${flavour}`, { skip: flavour === "mysql9" ? optional("mysql9") : false }, () => {
    let scene: Scene;
    before(async () => {
      scene = await startScene(flavour);
    });
    after(() => scene.stop());

    /** What stands in the tables once it has run; nothing of it stays. */
    async function left(sql: string, tables = TABLES): Promise<string> {
      await scene.run("START TRANSACTION");
      try {
        await scene.run(sql);
        const found = [];
        for (const table of tables) found.push((await scene.run(`SELECT * FROM ${table} ORDER BY 1`)).rows);
        return JSON.stringify(found);
      } finally {
        await scene.run("ROLLBACK");
      }
    }

    for (const sql of APP_BENIGN_WRITES) {
      test(sql, async () => {
        const masked = scene.masked(sql);
        assert.equal(masked.kind, "rewritten", masked.kind === "refused" ? masked.obstacle.message : "");
        // Numbers that AUTO_INCREMENT hands out go on after a rollback.
        const numbers = (text: string): string => (/^INSERT INTO orders/.test(sql) ? text.replace(/\["\d+"/g, "") : text);
        if (masked.kind === "rewritten") assert.equal(numbers(await left(masked.text)), numbers(await left(sql)));
      });
    }

    test("what is copied elsewhere is masked", async () => {
      for (const sql of COPIES) {
        const masked = scene.masked(sql);
        assert.equal(masked.kind, "rewritten", sql);
        if (masked.kind !== "rewritten") continue;
        assert.equal(canaryIn(Buffer.from(await left(masked.text, ["inbox", "orders"]))), undefined, sql);
        assert.ok(masked.rebuildErrors && masked.columns.length > 0, sql);
      }
    });

    for (const [sql, reason] of REFUSED) {
      test(`${sql}: ${reason}`, () => {
        const masked = scene.masked(sql);
        assert.equal(masked.kind === "refused" ? masked.obstacle.reason : masked.text, reason);
      });
    }
  });
}
