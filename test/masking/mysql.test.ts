/**
 * Hostile statements on MySQL and MariaDB through a whole gateway, as texts, prepared and by cursors: every byte that the
 * client receives is searched for every canary.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { optional } from "#test/support/optional.ts";
import { type MysqlAnswer, MysqlAttacker, type MysqlWay } from "./mysql-client.ts";
import { MYSQL_CANARIES } from "./mysql-seed.ts";
import { MYSQL_HOSTILE } from "./mysql-statements.ts";
import { MYSQL_TARGETS, type MysqlWorld, openMysqlWorld } from "./mysql-world.ts";
import { joinedCells, searchFor } from "./search.ts";

const WAYS: readonly MysqlWay[] = ["text", "prepared", "cursor"];
const canaryIn = searchFor(MYSQL_CANARIES);

describe("hostile statements through the gateway", { skip: optional("mysql9") }, () => {
  let world: MysqlWorld;
  before(async () => {
    world = await openMysqlWorld();
  });
  after(() => world?.stop());

  for (const target of MYSQL_TARGETS) {
    describe(target, () => {
      const count = { tries: 0, refused: 0, answered: 0, failed: 0, ended: 0, leaks: 0 };
      let client: MysqlAttacker;
      before(async () => {
        client = await MysqlAttacker.login(world.gateway, { target });
      });
      after(() => client?.end());

      const searched = (answer: MysqlAnswer, sql: string): void => {
        count.tries++;
        if (answer.closed) count.ended++;
        else if (answer.error === null) count.answered++;
        else if (answer.error.message.includes("[reason=")) count.refused++;
        else count.failed++;
        const cells = answer.rows.map((row) =>
          row.map((cell) => (typeof cell === "string" || cell === null ? cell : JSON.stringify(cell))),
        );
        const found = canaryIn(answer.bytes) ?? canaryIn(joinedCells(cells));
        if (found !== undefined) count.leaks++;
        assert.equal(found, undefined, sql);
      };

      for (const [group, statements] of Object.entries(MYSQL_HOSTILE)) {
        test(`${group}: no canary comes back`, async () => {
          for (const statement of statements) {
            for (const way of WAYS) {
              await client.query("START TRANSACTION");
              for (const sql of typeof statement === "string" ? [statement] : statement)
                searched(await client.ask(sql, way), `${way}: ${sql}`);
              if (!client.closed) await client.query("ROLLBACK");
              else client = await MysqlAttacker.login(world.gateway, { target });
            }
          }
          assert.equal(canaryIn(client.everything), undefined);
        });
      }

      test("the search finds what the same statements show to whom the rules spare", async () => {
        const owner = await MysqlAttacker.login(world.gateway, { target, agent: "owner" });
        for (const way of WAYS)
          assert.notEqual(canaryIn((await owner.ask("SELECT ssn, email, card FROM users, payments", way)).bytes), undefined, way);
        owner.end();
      });

      test("counts", (context) => {
        context.diagnostic(`${target}: leaks ${count.leaks} of ${count.tries} (${JSON.stringify(count)})`);
        assert.ok(count.tries > 900);
        assert.ok(count.answered > 100, "what is asked is not all refused");
        // A tripwire that goes off is a fault of the rewriting.
        assert.equal(count.ended, 0);
      });
    });
  }
});
