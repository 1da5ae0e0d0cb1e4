/**
 * Hostile statements for MySQL and MariaDB, sent straight to real servers: each must show a canary there, else it would prove
 * nothing that none comes through the gateway. Pairs of questions must be answered differently there.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { searchFor } from "#test/masking/search.ts";
import { startMysql, type TestMysql } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";
import { MysqlAttacker, received } from "./client.ts";
import { type Hostile, isFor, isLasting } from "./hostile.ts";
import type { MysqlAnswer } from "./reading.ts";
import { MYSQL_CANARIES, MYSQL_SEED, MYSQL_STEADY } from "./seed.ts";
import { SHOP_BENIGN } from "./shop/benign.ts";
import { SHOP_ORACLES } from "./shop/oracles.ts";
import { SHOP_HISTOGRAM, SHOP_RESEED, SHOP_STATISTICS } from "./shop/seed.ts";
import { SHOP_HOSTILE } from "./shop/statements.ts";

const canaryIn = searchFor(MYSQL_CANARIES);

for (const flavour of ["mysql9", "mariadb10"] as const) {
  const kind = flavour === "mysql9" ? "mysql" : "mariadb";
  describe(`without a gateway, on ${flavour}`, { skip: flavour === "mysql9" ? optional("mysql9") : false, concurrency: false }, () => {
    const statistics = kind === "mysql" ? SHOP_HISTOGRAM : SHOP_STATISTICS;
    let server: TestMysql;
    let client: MysqlAttacker;

    const afresh = async (): Promise<void> => {
      client?.end();
      client = await MysqlAttacker.straight(server, "shop");
    };
    const reseed = async (): Promise<void> => {
      for (const statement of ["SET foreign_key_checks = 0", ...SHOP_RESEED, statistics]) await client.query(statement);
    };
    const sent = async (hostile: Hostile): Promise<readonly MysqlAnswer[]> => {
      const answers: MysqlAnswer[] = [];
      for (const sql of [hostile].flat()) answers.push(await client.query(sql));
      return answers;
    };

    before(async () => {
      server = await startMysql({ flavour, settings: MYSQL_STEADY, seed: [...MYSQL_SEED, statistics] });
      await afresh();
    });
    after(async () => {
      client?.end();
      await server?.stop();
    });

    for (const [group, list] of Object.entries(SHOP_HOSTILE).filter(([group]) => isFor(group, kind))) {
      test(`${group}: each shows a canary`, async () => {
        const failing: string[] = [];
        for (const hostile of list) {
          const answers = await sent(hostile);
          if (canaryIn(received(answers)) === undefined) {
            const told = answers.map(({ error, rows }) => error?.message ?? `${rows.length} rows`);
            failing.push(`${JSON.stringify(hostile)} ${told.join(" / ")}`);
          }
          if (!isLasting(hostile)) continue;
          await afresh();
          await reseed();
        }
        assert.deepEqual(failing, []);
      });
    }

    test("each pair of questions is answered differently", async () => {
      const failing: string[] = [];
      for (const [yes, no] of SHOP_ORACLES) {
        const answers = [await sent(yes), await sent(no)];
        const [first, second] = answers.map((list) => JSON.stringify(list.map(({ rows, error }) => [rows, error?.message])));
        if (first === second) failing.push(`${yes} ${first}`);
      }
      assert.deepEqual(failing, []);
    });

    test("each benign statement is right", async () => {
      const failing: string[] = [];
      for (const [group, list] of Object.entries(SHOP_BENIGN).filter(([group]) => isFor(group, kind))) {
        for (const benign of list) {
          const asked = /writes/.test(group) ? ["BEGIN", ...[benign].flat(), "ROLLBACK"] : benign;
          const [message] = (await sent(asked)).flatMap(({ error }) => (error === null ? [] : [error.message]));
          if (message !== undefined) failing.push(`${group}: ${JSON.stringify(benign)}: ${message}`);
        }
      }
      assert.deepEqual(failing, []);
    });
  });
}
