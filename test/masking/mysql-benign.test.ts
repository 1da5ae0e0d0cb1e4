/**
 * Ordinary work on MySQL and MariaDB through a whole gateway, by a principal under masks and by one under none: the same
 * columns, rows and counts in the text protocol, prepared, and by cursors.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { optional } from "#test/support/optional.ts";
import { MYSQL_BENIGN, MYSQL_BENIGN_STATEMENTS, MYSQL_SHOWN_MASKED } from "./mysql-benign.ts";
import { type MysqlAnswer, MysqlAttacker, type MysqlWay } from "./mysql-client.ts";
import { MYSQL_ORDINARY } from "./mysql-ordinary.ts";
import { MYSQL_CANARIES } from "./mysql-seed.ts";
import { MYSQL_TARGETS, type MysqlWorld, openMysqlWorld } from "./mysql-world.ts";
import { searchFor } from "./search.ts";

const WAYS: readonly MysqlWay[] = ["text", "prepared", "cursor"];

const GROUPS: Readonly<Record<string, readonly string[]>> = {
  ...MYSQL_ORDINARY,
  queries: MYSQL_BENIGN,
  statements: MYSQL_BENIGN_STATEMENTS,
};

const canaryIn = searchFor(MYSQL_CANARIES);

describe("ordinary work under masks", { skip: optional("mysql9") }, () => {
  let world: MysqlWorld;
  before(async () => {
    world = await openMysqlWorld();
  });
  after(() => world?.stop());

  for (const target of MYSQL_TARGETS) {
    describe(target, () => {
      const count = { cases: 0, identical: 0 };
      let masked: MysqlAttacker;
      let free: MysqlAttacker;
      before(async () => {
        masked = await MysqlAttacker.login(world.gateway, { target });
        free = await MysqlAttacker.login(world.gateway, { target, agent: "owner" });
      });
      after(() => {
        masked?.end();
        free?.end();
      });

      const same = (actual: MysqlAnswer, expected: MysqlAnswer | undefined, what: string): void => {
        count.cases++;
        assert.ok(expected !== undefined);
        assert.equal(actual.error?.message, expected.error?.message, what);
        assert.deepEqual(seen(actual), seen(expected), what);
        assert.equal(canaryIn(actual.bytes), undefined, what);
        count.identical++;
      };

      for (const [group, texts] of Object.entries(GROUPS)) {
        test(`${group}: the same`, async () => {
          for (const way of WAYS) {
            if (group === "writes") await free.query("START TRANSACTION");
            const expected: MysqlAnswer[] = [];
            for (const sql of texts) expected.push(await free.ask(sql, way));
            // Nobody waits for a row that the other has changed.
            if (group === "writes") await Promise.all([free.query("ROLLBACK"), masked.query("START TRANSACTION")]);
            for (const [index, sql] of texts.entries()) same(await masked.ask(sql, way), expected[index], `${way}: ${sql}`);
            if (group === "writes") await masked.query("ROLLBACK");
          }
        });
      }

      test("counts", (context) => {
        context.diagnostic(`${target}: ${count.identical} of ${count.cases} identical`);
        assert.equal(count.identical, count.cases);
      });
    });
  }
});

/**
 * What an application reads of an answer, masked columns aside. Where a column comes from is not the same: it comes from what
 * the gateway put there, and bears its name in the letters of the schema where the statement writes it in others.
 */
function seen({ columns, rows, affected }: MysqlAnswer) {
  const masked = columns.map(({ name }) => MASKED.has(name.toLowerCase()));
  return {
    columns: columns.map(({ name, type, unsigned }, index) =>
      masked[index] === true ? [name.toLowerCase()] : [name.toLowerCase(), type, unsigned],
    ),
    rows: rows.map((row) => row.map((cell, index) => (masked[index] === true ? "masked" : cell))),
    affected,
  };
}

const MASKED: ReadonlySet<string> = new Set([...MYSQL_SHOWN_MASKED].map((name) => name.toLowerCase()));
