/**
 * Ordinary work on MySQL and MariaDB through a whole gateway, by a principal under masks: the same columns, rows and counts as
 * one under no mask gets, or a client without a gateway, in the text protocol, prepared, and by cursors.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { searchFor } from "#test/masking/search.ts";
import { optional } from "#test/support/optional.ts";
import { APP_BENIGN, APP_BENIGN_STATEMENTS, APP_SHOWN_MASKED } from "./app/benign.ts";
import { APP_ORDINARY } from "./app/ordinary.ts";
import { MYSQL_WAYS, MysqlAttacker, type MysqlWay } from "./client.ts";
import { type Hostile, isFor } from "./hostile.ts";
import type { MysqlAnswer } from "./reading.ts";
import { MYSQL_CANARIES } from "./seed.ts";
import { SHOP_BENIGN } from "./shop/benign.ts";
import { SHOP_PROTECTED } from "./shop/seed.ts";
import { KIND_OF, MYSQL_TARGETS, type MysqlWorld, openMysqlWorld } from "./world.ts";

const GROUPS: Readonly<Record<string, readonly string[]>> = {
  ...APP_ORDINARY,
  queries: APP_BENIGN,
  statements: APP_BENIGN_STATEMENTS,
};

const canaryIn = searchFor(MYSQL_CANARIES);
/** Columns of `app` that show masked wherever they stand, and those of `shop` by where they come from. */
const MASKED_NAMES: ReadonlySet<string> = new Set([...APP_SHOWN_MASKED].map((name) => name.toLowerCase()));
const MASKED_ORIGINS: ReadonlySet<string | undefined> = new Set(SHOP_PROTECTED.map((name) => name.split(".")[2]));

describe("ordinary work under masks", { skip: optional("mysql9") }, () => {
  let world: MysqlWorld;
  before(async () => {
    world = await openMysqlWorld();
  });
  after(() => world?.stop());

  for (const target of MYSQL_TARGETS) {
    describe(target, () => {
      const count = { app: 0, shop: 0 };
      let masked: MysqlAttacker;
      let free: MysqlAttacker;
      let inShop: MysqlAttacker;
      let direct: MysqlAttacker;
      before(async () => {
        masked = await MysqlAttacker.login(world.gateway, { target });
        free = await MysqlAttacker.login(world.gateway, { target, agent: "owner" });
        inShop = await MysqlAttacker.login(world.gateway, { target });
        await inShop.command("plain", 0x02, "shop");
        direct = await MysqlAttacker.straight(world.servers[target], "shop");
      });
      after(() => {
        for (const client of [masked, free, inShop, direct]) client?.end();
      });

      const sent = async (client: MysqlAttacker, benign: Hostile, way: MysqlWay): Promise<readonly MysqlAnswer[]> => {
        const answers: MysqlAnswer[] = [];
        for (const sql of [benign].flat()) answers.push(await client.ask(sql, way));
        return answers;
      };
      const undone = async (client: MysqlAttacker, benign: Hostile, way: MysqlWay): Promise<readonly MysqlAnswer[]> => {
        await client.query("START TRANSACTION");
        const answers = await sent(client, benign, way);
        await client.query("ROLLBACK");
        return answers;
      };

      for (const [group, texts] of Object.entries(GROUPS)) {
        test(`app, ${group}: the same as under no mask`, async () => {
          for (const way of MYSQL_WAYS) {
            const ask = group === "writes" ? undone : sent;
            // Nobody waits for a row that the other has changed.
            const expected = await ask(free, texts, way);
            const actual = await ask(masked, texts, way);
            for (const [index, sql] of texts.entries()) {
              const [one, other] = [actual[index], expected[index]];
              assert.ok(one !== undefined && other !== undefined);
              assert.equal(one.error?.message, other.error?.message, `${way}: ${sql}`);
              assert.deepEqual(seenByName(one), seenByName(other), `${way}: ${sql}`);
              assert.equal(canaryIn(one.bytes), undefined, `${way}: ${sql}`);
              count.app++;
            }
          }
        });
      }

      for (const [group, list] of Object.entries(SHOP_BENIGN).filter(([name]) => isFor(name, KIND_OF[target]))) {
        test(`shop, ${group}: the same as without the gateway`, async () => {
          const different: string[] = [];
          const ask = /writes/.test(group) ? undone : sent;
          for (const benign of list) {
            const origins = (await ask(direct, benign, "text")).map(({ columns }) => columns.map(({ originalName }) => originalName));
            for (const way of MYSQL_WAYS) {
              // MySQL opens no cursor for INSERT … SELECT, nor for CREATE TABLE … SELECT.
              if (way === "cursor" && /writes|copies/.test(group)) continue;
              const expected = await ask(direct, benign, way);
              const difference = differenceOf(expected, await ask(inShop, benign, way), origins);
              count.shop++;
              if (difference !== undefined) different.push(`${way}: ${JSON.stringify(benign)}: ${difference}`);
            }
          }
          assert.deepEqual(different, []);
        });
      }

      test("counts", (context) => {
        context.diagnostic(`${target}: identical ${JSON.stringify(count)}`);
        assert.ok(count.app > 500 && count.shop > 800);
      });
    });
  }
});

/**
 * What an application reads of an answer, masked columns aside. Where a column comes from is not the same: it comes from what
 * the gateway put there, and bears its name in the letters of the schema where the statement writes it in others.
 */
function seenByName({ columns, rows, affected }: MysqlAnswer) {
  const masked = columns.map(({ name }) => MASKED_NAMES.has(name.toLowerCase()));
  return {
    columns: columns.map(({ name, type, unsigned }, index) =>
      masked[index] === true ? [name.toLowerCase()] : [name.toLowerCase(), type, unsigned],
    ),
    rows: rows.map((row) => row.map((cell, index) => (masked[index] === true ? "masked" : cell))),
    affected,
  };
}

type Origins = readonly (readonly string[])[];

/** Without columns under a mask: what computes one has the type of an expression. */
function differenceOf(plain: readonly MysqlAnswer[], masked: readonly MysqlAnswer[], origins: Origins): string | undefined {
  for (const [index, expected] of plain.entries()) {
    const answer = masked[index];
    if (answer === undefined || answer.error?.message !== expected.error?.message)
      return `error ${answer?.error?.message} instead of ${expected.error?.message}`;
    const hidden = (origins[index] ?? []).map((name) => MASKED_ORIGINS.has(name));
    const seen = ({ columns, rows, affected }: MysqlAnswer): string =>
      JSON.stringify([
        columns.map(({ name, type }, at) => (hidden[at] === true ? [name] : [name, type])),
        rows.map((row) => row.filter((_, at) => hidden[at] !== true)),
        affected.map(String),
      ]);
    if (seen(answer) !== seen(expected)) return `${seen(answer)} instead of ${seen(expected)}`;
  }
  return undefined;
}
