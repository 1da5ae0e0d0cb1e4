/** Questions to MySQL and MariaDB through a whole gateway, whose answers would tell masked values: each comes back flat. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { optional } from "#test/support/optional.ts";
import { MYSQL_WAYS, MysqlAttacker } from "./client.ts";
import type { MysqlAnswer } from "./reading.ts";
import { SHOP_ORACLES } from "./shop/oracles.ts";
import { MYSQL_TARGETS, type MysqlWorld, openMysqlWorld } from "./world.ts";

describe("questions through the gateway", { skip: optional("mysql9") }, () => {
  let world: MysqlWorld;
  before(async () => {
    world = await openMysqlWorld();
  });
  after(() => world?.stop());

  for (const target of MYSQL_TARGETS) {
    describe(target, () => {
      let client: MysqlAttacker;
      before(async () => {
        client = await MysqlAttacker.login(world.gateway, { target });
        await client.command("plain", 0x02, "shop");
      });
      after(() => client?.end());

      test("what is true and what is false have the same answer", async (context) => {
        const told: string[] = [];
        for (const [yes, no] of SHOP_ORACLES) {
          for (const way of MYSQL_WAYS) {
            const [first, second] = [shown(await client.ask(yes, way)), shown(await client.ask(no, way))];
            if (first !== second) told.push(`${way}: ${yes} ${first} ${second}`);
          }
        }
        context.diagnostic(`${target}: ${told.length} of ${SHOP_ORACLES.length * MYSQL_WAYS.length} told`);
        assert.deepEqual(told, []);
      });

      test("rows do not come in the order of masked values", async () => {
        for (const sql of [
          "SELECT id FROM users",
          "SELECT ssn, id FROM users",
          "SELECT id FROM users FORCE INDEX (ssn)",
          "SELECT id FROM users USE INDEX (email)",
        ]) {
          for (const way of MYSQL_WAYS) {
            const { rows, error } = await client.ask(sql, way);
            assert.deepEqual([rows.map((row) => row.at(-1)), error], [["1", "2", "3"], null], `${way}: ${sql}`);
          }
        }
      });
    });
  }
});

function shown({ rows, error, affected }: MysqlAnswer): string {
  return JSON.stringify([rows, error, affected.map(String)]);
}
