/**
 * Hostile statements for MySQL and MariaDB, sent straight to real servers: each must show a canary there, else it would prove
 * nothing that none comes through the gateway. Pairs of questions must be answered differently there.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import mysql from "mysql2/promise";
import { joinedCells, searchFor } from "#test/masking/search.ts";
import { startMysql, type TestMysql } from "#test/support/mysql.ts";
import { MYSQL_BENIGN } from "./benign.ts";
import { type Hostile, isFor } from "./hostile.ts";
import { MYSQL_ORACLES } from "./oracles.ts";
import { MARIADB_SEED_STATISTICS, MYSQL_CANARIES, MYSQL_RESEED, MYSQL_SEED, MYSQL_SEED_HISTOGRAM, MYSQL_SEED_RIGHTS } from "./seed.ts";
import { HOSTILE } from "./statements.ts";

const canaryIn = searchFor(MYSQL_CANARIES);
/** What none of these leaves as it was. */
const LASTING = /^\s*(insert|update|delete|replace|create|alter|rename|drop|call)|\bset\b.*=/i;

type Answer = { readonly rows: readonly (readonly (string | null)[])[]; readonly error: string };

for (const flavour of ["mysql9", "mariadb10"] as const) {
  const kind = flavour === "mysql9" ? "mysql" : "mariadb";
  describe(`without a gateway, on ${flavour}`, { concurrency: false }, () => {
    const statistics = kind === "mysql" ? MYSQL_SEED_HISTOGRAM : MARIADB_SEED_STATISTICS;
    let server: TestMysql;
    let client: mysql.Connection;

    const connect = async (): Promise<mysql.Connection> => {
      const { host, port, user, password, ca, database } = server;
      const options = { host, port, user, password, database, ssl: { ca }, rowsAsArray: true, typeCast: asBytes, supportBigNumbers: true };
      return mysql.createConnection(options as mysql.ConnectionOptions);
    };
    const afresh = async (): Promise<void> => {
      await client?.end();
      client = await connect();
    };
    const reseed = async (): Promise<void> => {
      for (const statement of ["SET foreign_key_checks = 0", ...MYSQL_RESEED, statistics]) await client.query(statement);
    };
    const sent = async (hostile: Hostile): Promise<readonly Answer[]> => {
      const answers: Answer[] = [];
      for (const sql of [hostile].flat()) answers.push(await answerTo(client, sql));
      return answers;
    };

    before(async () => {
      server = await startMysql({ flavour, seed: [...MYSQL_SEED, ...MYSQL_SEED_RIGHTS, statistics] });
      await afresh();
    });
    after(async () => {
      await client?.end();
      await server?.stop();
    });

    for (const [group, list] of Object.entries(HOSTILE).filter(([group]) => isFor(group, kind))) {
      test(`${group}: each shows a canary`, async () => {
        const failing: string[] = [];
        for (const hostile of list) {
          const answers = await sent(hostile);
          const received = answers.flatMap(({ rows, error }) => [joinedCells(rows), bytesOf(rows), Buffer.from(error)]);
          if (canaryIn(Buffer.concat(received)) === undefined) {
            failing.push(`${JSON.stringify(hostile)} ${answers.map(({ error, rows }) => error || `${rows.length} rows`).join(" / ")}`);
          }
          if (typeof hostile === "string" && !LASTING.test(hostile)) continue;
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
        if (JSON.stringify(answers[0]) === JSON.stringify(answers[1])) failing.push(`${yes} ${JSON.stringify(answers[0])}`);
      }
      assert.deepEqual(failing, []);
    });

    test("each benign statement is right", async () => {
      const failing: string[] = [];
      for (const [group, list] of Object.entries(MYSQL_BENIGN).filter(([group]) => isFor(group, kind))) {
        for (const benign of list) {
          const [error] = (await sent(benign)).flatMap((answer) => (answer.error === "" ? [] : [answer.error]));
          if (error !== undefined) failing.push(`${group}: ${JSON.stringify(benign)}: ${error}`);
          if (![benign].flat().some((sql) => LASTING.test(sql))) continue;
          await afresh();
          await reseed();
        }
      }
      assert.deepEqual(failing, []);
    });
  });
}

function bytesOf(rows: readonly (readonly (string | null)[])[]): Buffer {
  return Buffer.from(rows.flat().join("\n"), "latin1");
}

function asBytes(field: { buffer(): Buffer | null }): string | null {
  return field.buffer()?.toString("latin1") ?? null;
}

async function answerTo(client: mysql.Connection, sql: string): Promise<Answer> {
  try {
    const [rows] = await client.query({ sql, rowsAsArray: true });
    const lists: unknown[] = Array.isArray(rows) ? rows : [];
    return { rows: lists.flatMap(cellsOf), error: "" };
  } catch (error) {
    return { rows: [], error: error instanceof Error ? error.message : String(error) };
  }
}

/** A row; of a procedure's answer a list of them. */
function cellsOf(row: unknown): readonly (readonly (string | null)[])[] {
  if (!Array.isArray(row)) return [];
  if (Array.isArray(row[0])) return row.flatMap(cellsOf);
  return [row.map((cell) => (cell === null ? null : String(cell)))];
}
