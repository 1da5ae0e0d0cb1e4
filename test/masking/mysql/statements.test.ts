/**
 * Hostile statements for MySQL and MariaDB, sent straight to real servers: each must show a canary there, else it would prove
 * nothing that none comes through the gateway. Pairs of questions must be answered differently there.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { joinedCells, searchFor } from "#test/masking/search.ts";
import { startMysql, type TestMysql } from "#test/support/mysql.ts";
import { MYSQL_BENIGN } from "./benign.ts";
import { type Answer, type Client, openClient } from "./client.ts";
import { type Hostile, isFor, isLasting } from "./hostile.ts";
import { MYSQL_ORACLES } from "./oracles.ts";
import { MARIADB_SEED_STATISTICS, MYSQL_CANARIES, MYSQL_RESEED, MYSQL_SEED, MYSQL_SEED_HISTOGRAM, MYSQL_SEED_RIGHTS } from "./seed.ts";
import { HOSTILE } from "./statements.ts";

const canaryIn = searchFor(MYSQL_CANARIES);

for (const flavour of ["mysql9", "mariadb10"] as const) {
  const kind = flavour === "mysql9" ? "mysql" : "mariadb";
  describe(`without a gateway, on ${flavour}`, { concurrency: false }, () => {
    const statistics = kind === "mysql" ? MYSQL_SEED_HISTOGRAM : MARIADB_SEED_STATISTICS;
    let server: TestMysql;
    let client: Client;

    const afresh = async (): Promise<void> => {
      await client?.close();
      client = await openClient(server);
    };
    const reseed = async (): Promise<void> => {
      for (const statement of ["SET foreign_key_checks = 0", ...MYSQL_RESEED, statistics]) await client.send(statement, "text");
    };
    const sent = async (hostile: Hostile): Promise<readonly Answer[]> => {
      const answers: Answer[] = [];
      for (const sql of [hostile].flat()) answers.push(await client.send(sql, "text"));
      return answers;
    };

    before(async () => {
      server = await startMysql({ flavour, seed: [...MYSQL_SEED, ...MYSQL_SEED_RIGHTS, statistics] });
      await afresh();
    });
    after(async () => {
      await client?.close();
      await server?.stop();
    });

    for (const [group, list] of Object.entries(HOSTILE).filter(([group]) => isFor(group, kind))) {
      test(`${group}: each shows a canary`, async () => {
        const failing: string[] = [];
        for (const hostile of list) {
          const answers = await sent(hostile);
          const received = answers.flatMap(({ rows, bytes, error }) => [joinedCells(rows), bytes, Buffer.from(error)]);
          if (canaryIn(Buffer.concat(received)) === undefined) {
            failing.push(`${JSON.stringify(hostile)} ${answers.map(({ error, rows }) => error || `${rows.length} rows`).join(" / ")}`);
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
      for (const [yes, no] of MYSQL_ORACLES) {
        const answers = [await sent(yes), await sent(no)];
        const [first, second] = answers.map((list) => JSON.stringify(list.map(({ rows, error }) => [rows, error])));
        if (first === second) failing.push(`${yes} ${first}`);
      }
      assert.deepEqual(failing, []);
    });

    test("each benign statement is right", async () => {
      const failing: string[] = [];
      for (const [group, list] of Object.entries(MYSQL_BENIGN).filter(([group]) => isFor(group, kind))) {
        for (const benign of list) {
          const asked = group === "writes" ? ["BEGIN", ...[benign].flat(), "ROLLBACK"] : benign;
          const [error] = (await sent(asked)).flatMap((answer) => (answer.error === "" ? [] : [answer.error]));
          if (error !== undefined) failing.push(`${group}: ${JSON.stringify(benign)}: ${error}`);
        }
      }
      assert.deepEqual(failing, []);
    });
  });
}
