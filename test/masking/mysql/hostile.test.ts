/**
 * Hostile statements on MySQL and MariaDB through a whole gateway, as texts, prepared and by cursors: every byte that the
 * client receives is searched for every canary.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { searchFor } from "#test/masking/search.ts";
import { optional } from "#test/support/optional.ts";
import { MYSQL_WAYS, MysqlAttacker, type MysqlWay, received } from "./client.ts";
import { changesObjects, type Hostile, isFor, staysInSession } from "./hostile.ts";
import type { MysqlAnswer } from "./reading.ts";
import { MYSQL_CANARIES, MYSQL_DATABASES, type MysqlDatabase } from "./seed.ts";
import { SHOP_RESEED } from "./shop/seed.ts";
import { MYSQL_HOSTILE } from "./statements.ts";
import { KIND_OF, MYSQL_TARGETS, type MysqlWorld, openMysqlWorld } from "./world.ts";

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
      const enter = async (database: MysqlDatabase): Promise<void> => {
        client?.end();
        client = await MysqlAttacker.login(world.gateway, { target });
        await client.command("plain", 0x02, database);
      };
      after(() => client?.end());

      const counted = (answer: MysqlAnswer): void => {
        count.tries++;
        if (answer.closed) count.ended++;
        else if (answer.error === null) count.answered++;
        else if (answer.error.message.includes("[reason=")) count.refused++;
        else count.failed++;
      };

      /** In a transaction that is rolled back. @returns what leaks */
      const tried = async (hostile: Hostile, way: MysqlWay, database: MysqlDatabase): Promise<string | undefined> => {
        await client.query("START TRANSACTION");
        const answers: MysqlAnswer[] = [];
        let made = false;
        for (const sql of [hostile].flat()) {
          if (client.closed) break;
          const answer = await client.ask(sql, way);
          counted(answer);
          answers.push(answer);
          made ||= changesObjects(sql) && answer.error === null;
        }
        const canary = canaryIn(received(answers));
        if (canary !== undefined) count.leaks++;
        if (!client.closed) await client.query("ROLLBACK");
        if (client.closed || staysInSession(hostile)) await enter(database);
        if (made && database === "shop") world.servers[target].sql(`SET foreign_key_checks = 0; ${SHOP_RESEED.join("; ")}`);
        return canary === undefined ? undefined : `${way}: ${JSON.stringify(hostile)} shows ${canary}`;
      };

      for (const database of MYSQL_DATABASES) {
        for (const [group, list] of Object.entries(MYSQL_HOSTILE[database]).filter(([name]) => isFor(name, KIND_OF[target]))) {
          test(`${database}, ${group}: no canary comes back`, async () => {
            await enter(database);
            const found: string[] = [];
            for (const hostile of list) {
              for (const way of MYSQL_WAYS) found.push(...[(await tried(hostile, way, database)) ?? []].flat());
            }
            assert.deepEqual(found, []);
            assert.equal(canaryIn(client.everything), undefined);
          });
        }
      }

      test("the search finds what the same statements show to whom the rules spare", async () => {
        const owner = await MysqlAttacker.login(world.gateway, { target, agent: "owner" });
        for (const way of MYSQL_WAYS)
          assert.notEqual(canaryIn(received([await owner.ask("SELECT ssn, email, card FROM users, payments", way)])), undefined, way);
        owner.end();
      });

      test("counts", (context) => {
        context.diagnostic(`${target}: leaks ${count.leaks} of ${count.tries} (${JSON.stringify(count)})`);
        assert.ok(count.tries > 2500);
        assert.ok(count.answered > 400, "what is asked is not all refused");
        // A tripwire that goes off is a fault of the rewriting.
        assert.equal(count.ended, 0);
      });
    });
  }
});
