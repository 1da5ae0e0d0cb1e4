/**
 * The hostile statements for MySQL and MariaDB through a whole gateway, by text and by binary protocol, for a principal under every
 * mask: none shows a canary, questions have flat answers, and what is benign comes back as it does without the gateway.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { joinedCells, searchFor } from "#test/masking/search.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { type MysqlFlavour, startMysql, type TestMysql } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";
import { MYSQL_BENIGN } from "./benign.ts";
import { type Answer, type Client, type Format, openClient } from "./client.ts";
import { changesRows, type Hostile, isFor, isLasting } from "./hostile.ts";
import { MYSQL_ORACLES } from "./oracles.ts";
import { MYSQL_CANARIES, MYSQL_PROTECTED, MYSQL_RESEED, MYSQL_SEED, MYSQL_SEED_RIGHTS } from "./seed.ts";
import { HOSTILE } from "./statements.ts";

const canaryIn = searchFor(MYSQL_CANARIES);
const MASKED = new Set(MYSQL_PROTECTED.map((name) => name.split(".")[2]));
const FORMATS: readonly Format[] = ["text", "binary"];
const FLAVOURS: readonly (readonly [MysqlFlavour, "mysql" | "mariadb"])[] = [
  ["mysql9", "mysql"],
  ["mariadb10", "mariadb"],
];

for (const [flavour, kind] of FLAVOURS) {
  describe(`masks on ${flavour}, statement by statement`, { skip: flavour === "mysql9" ? optional("mysql9") : false }, () => {
    let server: TestMysql;
    let gateway: TestGateway;
    let direct: Client;
    let masked: Client;

    const through = async (): Promise<Client> => {
      const login = await gateway.mysqlLogin("shop", "agent");
      return openClient({ ...login, database: "shop", ca: gateway.ca });
    };
    const afresh = async (): Promise<void> => {
      await masked?.close();
      masked = await through();
    };
    const reseed = async (): Promise<void> => {
      await direct.close();
      direct = await openClient(server);
      for (const statement of ["SET foreign_key_checks = 0", ...MYSQL_RESEED]) await direct.send(statement, "text");
    };
    const sent = async (client: Client, hostile: Hostile, format: Format): Promise<readonly Answer[]> => {
      const answers: Answer[] = [];
      for (const sql of [hostile].flat()) answers.push(await client.send(sql, format));
      return answers;
    };

    /** MySQL prepares no transactions. */
    const undone = async (client: Client, benign: Hostile, format: Format): Promise<readonly Answer[]> => {
      await client.send("BEGIN", "text");
      const answers = await sent(client, benign, format);
      await client.send("ROLLBACK", "text");
      return answers;
    };

    before(async () => {
      server = await startMysql({ flavour, seed: [...MYSQL_SEED, ...MYSQL_SEED_RIGHTS] });
      gateway = await startGateway({
        mysql: { shop: server },
        agents: { agent: ["data-agents"] },
        configure: (sections) => ({
          ...sections,
          masking: { rules: [{ name: "pii", target: "shop", columns: MYSQL_PROTECTED, with: "redact" }] },
        }),
      });
      direct = await openClient(server);
      await afresh();
    });
    after(async () => {
      await Promise.all([direct?.close(), masked?.close()]);
      await gateway?.stop();
      await server?.stop();
    });

    let tried = 0;
    const leaks: string[] = [];
    for (const [group, list] of Object.entries(HOSTILE).filter(([group]) => isFor(group, kind))) {
      test(`${group}: none shows a canary`, async () => {
        const found: string[] = [];
        for (const hostile of list) {
          for (const format of FORMATS) {
            const answers = await sent(masked, hostile, format);
            const received = answers.flatMap(({ rows, bytes, error }) => [joinedCells(rows), bytes, Buffer.from(error)]);
            const canary = canaryIn(Buffer.concat(received));
            tried++;
            if (canary !== undefined) found.push(`${format}: ${JSON.stringify(hostile)} shows ${canary}`);
            if (!isLasting(hostile)) continue;
            await afresh();
            if ([hostile].flat().some((sql, index) => changesRows(sql) && answers[index]?.error === "")) await reseed();
          }
        }
        leaks.push(...found);
        assert.deepEqual(found, []);
      });
    }

    test("questions have flat answers", async () => {
      const told: string[] = [];
      for (const [yes, no] of MYSQL_ORACLES) {
        for (const format of FORMATS) {
          const answers = [await sent(masked, yes, format), await sent(masked, no, format)];
          tried++;
          if (shown(answers[0]) !== shown(answers[1])) told.push(`${format}: ${yes} ${shown(answers[0])} ${shown(answers[1])}`);
        }
      }
      leaks.push(...told);
      assert.deepEqual(told, []);
    });

    test("rows do not come in the order of masked values", async () => {
      for (const sql of [
        "SELECT id FROM users",
        "SELECT ssn, id FROM users",
        "SELECT id FROM users FORCE INDEX (ssn)",
        "SELECT id FROM users USE INDEX (email)",
      ]) {
        for (const format of FORMATS) {
          const { rows, error } = await masked.send(sql, format);
          assert.deepEqual([rows.map((row) => row.at(-1)), error], [["1", "2", "3"], ""], `${format}: ${sql}`);
        }
      }
    });

    test("what is benign comes back as it is, but for masked cells", async (context) => {
      const different: string[] = [];
      let compared = 0;
      await reseed();
      for (const [group, list] of Object.entries(MYSQL_BENIGN).filter(([group]) => isFor(group, kind))) {
        for (const benign of list) {
          for (const format of FORMATS) {
            const writes = group === "writes";
            const plain = await (writes ? undone(direct, benign, format) : sent(direct, benign, format));
            const shownMasked = await (writes ? undone(masked, benign, format) : sent(masked, benign, format));
            compared++;
            const difference = differenceOf(plain, shownMasked);
            if (difference !== undefined) different.push(`${group}: ${format}: ${JSON.stringify(benign)}: ${difference}`);
          }
        }
      }
      context.diagnostic(`leaks ${leaks.length} of ${tried}, benign ${compared - different.length} of ${compared} identical`);
      assert.deepEqual(different, []);
    });
  });
}

function shown(answers: readonly Answer[] | undefined): string {
  return JSON.stringify(answers?.map(({ rows, error }) => ({ rows, error })));
}

/** What computes a mask has the type of an expression: VARCHAR for CHAR, text for ENUM. */
function shapeOf({ columns }: Answer): string {
  return JSON.stringify(columns.map(({ name, type, origin }) => (MASKED.has(origin) ? [name] : [name, type])));
}

/** Of cells under a mask only that there is one, or none. */
function differenceOf(plain: readonly Answer[], masked: readonly Answer[]): string | undefined {
  for (const [index, expected] of plain.entries()) {
    const answer = masked[index];
    if (answer === undefined || answer.error !== expected.error) return `error ${answer?.error} instead of ${expected.error}`;
    if (shapeOf(answer) !== shapeOf(expected)) {
      return `columns ${JSON.stringify(answer.columns)} instead of ${JSON.stringify(expected.columns)}`;
    }
    const visible = (rows: Answer["rows"]) =>
      JSON.stringify(rows.map((row) => row.filter((_, at) => !MASKED.has(expected.columns[at]?.origin))));
    if (visible(answer.rows) !== visible(expected.rows)) return `${visible(answer.rows)} instead of ${visible(expected.rows)}`;
  }
  return undefined;
}
