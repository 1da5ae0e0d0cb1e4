/**
 * Names in other letters, on servers that take them for the same (`lower_case_table_names = 1`): rules, statements, aliases
 * and what the server tells of itself. With 2, which keeps the letters that a table was made with, no server runs on Linux.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { searchFor } from "#test/masking/search.ts";
import { startMysql } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";
import { APP_BENIGN } from "./app/benign.ts";
import { APP_BENIGN_WRITES } from "./app/benign-writes.ts";
import { MysqlAttacker, received } from "./client.ts";
import { isFor } from "./hostile.ts";
import { MYSQL_CANARIES, MYSQL_DATABASES } from "./seed.ts";
import { MYSQL_HOSTILE } from "./statements.ts";
import { KIND_OF, MYSQL_TARGETS, type MysqlWorld, maskingRules, openMysqlWorld } from "./world.ts";

const canaryIn = searchFor(MYSQL_CANARIES);
const OUTSIDE = /'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|0x[0-9a-f]+|[a-z]+/gi;
/** Every second letter in upper case, but in what is quoted as text. */
const mixed = (sql: string): string =>
  sql.replaceAll(OUTSIDE, (part) =>
    /^['"0]/.test(part) ? part : part.replace(/(.)(.?)/g, (_, a, b) => a.toLowerCase() + b.toUpperCase()),
  );

describe("names in other letters, on servers that fold them", { skip: optional("mysql9") }, () => {
  let world: MysqlWorld;
  before(async () => {
    const rules = maskingRules(MYSQL_TARGETS).map((rule) => ({ ...rule, columns: rule.columns.map((column) => column.toUpperCase()) }));
    world = await openMysqlWorld((sections) => ({ ...sections, masking: { rules, functions: { allow: ["APP.Order_Total"] } } }), {
      "lower-case-table-names": "1",
    });
  });
  after(() => world?.stop());

  for (const target of MYSQL_TARGETS) {
    describe(target, () => {
      let client: MysqlAttacker;
      before(async () => {
        client = await MysqlAttacker.login(world.gateway, { target });
      });
      after(() => client?.end());

      test("the server folds", async () => {
        assert.deepEqual((await client.query("SELECT @@lower_case_table_names")).rows, [["1"]]);
      });

      test("what is honest has the same answer in any letters", async () => {
        const different: string[] = [];
        let answered = 0;
        for (const sql of [...APP_BENIGN, ...APP_BENIGN_WRITES]) {
          await client.query("START TRANSACTION");
          const one = await client.query(sql);
          await client.query("ROLLBACK");
          await client.query("START TRANSACTION");
          const two = await client.query(mixed(sql));
          await client.query("ROLLBACK");
          if (one.error === null) answered++;
          const [first, second] = [one, two].map(({ rows, affected, error }) => JSON.stringify([rows, affected.map(String), error?.errno]));
          if (first !== second && !/SHOW CREATE/.test(sql))
            different.push(`${mixed(sql)}: ${second} instead of ${first} ${two.error?.message}`);
        }
        assert.deepEqual(different, []);
        assert.ok(answered > 120);
      });

      test("masked columns show masked, by any name", async () => {
        for (const sql of [
          "SELECT SSN FROM USERS",
          "SELECT APP.USERS.Ssn FROM App.Users",
          "SELECT U.ssn FROM users u",
          "SELECT u.SSN FROM Users U",
          "SELECT * FROM ALL_USERS",
          "WITH C AS (SELECT * FROM USERS) SELECT c.SSN FROM c",
          "SELECT `SSN` FROM `USERS` AS `Users` WHERE `users`.`ID` = 1",
          "SELECT Secret FROM `ODD ``TABLE`",
        ]) {
          const answer = await client.query(sql);
          assert.equal(answer.error, null, sql);
          assert.equal(canaryIn(received([answer])), undefined, sql);
          assert.ok(answer.rows.flat().includes("***"), sql);
        }
      });

      for (const database of MYSQL_DATABASES) {
        test(`${database}: hostile statements in mixed letters show no canary`, async () => {
          const [found, count]: [string[], { answered: number; tries: number }] = [[], { answered: 0, tries: 0 }];
          await client.command("plain", 0x02, database.toUpperCase());
          for (const [group, list] of Object.entries(MYSQL_HOSTILE[database])) {
            if (!isFor(group, KIND_OF[target])) continue;
            for (const hostile of list) {
              await client.query("START TRANSACTION");
              const answers = [];
              for (const sql of [hostile].flat()) answers.push(await client.query(mixed(sql)));
              await client.query("ROLLBACK");
              count.tries += answers.length;
              count.answered += answers.filter(({ error }) => error === null).length;
              const canary = canaryIn(received(answers));
              if (canary !== undefined) found.push(`${JSON.stringify(hostile)} shows ${canary}`);
            }
          }
          assert.deepEqual(found, []);
          assert.equal(client.closed, false);
          assert.ok(count.answered > 0.3 * count.tries, JSON.stringify(count));
        });
      }
    });
  }
});

test("a server on Linux takes 0 where it is told 2", async () => {
  const server = await startMysql({ flavour: "mariadb10", settings: { "lower-case-table-names": "2" } });
  assert.match(server.sql("SELECT @@lower_case_table_names"), /\n0\n/);
  await server.stop();
});
