/** Hostile conversations on MySQL and MariaDB through a whole gateway: no byte of any of them holds a canary. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { searchFor } from "#test/masking/search.ts";
import { optional } from "#test/support/optional.ts";
import { MysqlAttacker } from "./client.ts";
import { MYSQL_CONVERSATIONS } from "./conversations.ts";
import { MYSQL_CANARIES } from "./seed.ts";
import { MYSQL_TARGETS, type MysqlWorld, openMysqlWorld } from "./world.ts";

const canaryIn = searchFor(MYSQL_CANARIES);

describe("hostile conversations through the gateway", { skip: optional("mysql9") }, () => {
  let world: MysqlWorld;
  before(async () => {
    world = await openMysqlWorld();
  });
  after(() => world?.stop());

  for (const target of MYSQL_TARGETS) {
    const count = { conversations: 0, leaks: 0 };
    for (const [name, converse] of Object.entries(MYSQL_CONVERSATIONS)) {
      test(`${target}: ${name}`, async (context) => {
        const entered: MysqlAttacker[] = [];
        const enter = async (collation: number): Promise<MysqlAttacker> => {
          const client = await MysqlAttacker.login(world.gateway, { target, collation });
          entered.push(client);
          return client;
        };
        const attacker = await enter(45);
        await attacker.command("plain", 0x02, "app");
        try {
          await converse({ attacker, server: world.servers[target], changed: world.gateway.changed, enter });
        } finally {
          for (const client of entered) client.end();
        }
        count.conversations++;
        for (const client of entered) {
          const found = canaryIn(client.everything);
          if (found !== undefined) count.leaks++;
          assert.equal(found, undefined, name);
        }
        context.diagnostic(`${target}: leaks ${count.leaks} of ${count.conversations}`);
      });
    }
  }
});
