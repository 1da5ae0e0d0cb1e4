/**
 * Two fillings of the masked cells that differ in all that masks hide, and in nothing that they show: no statement that passes,
 * hostile or honest, may be answered differently by a real server. That closes what no search for a value finds: conditions,
 * orders, joins, errors, counts of rows.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { APP_BENIGN } from "#test/masking/mysql/app/benign.ts";
import { APP_BENIGN_WRITES } from "#test/masking/mysql/app/benign-writes.ts";
import { APP_HOSTILE } from "#test/masking/mysql/app/statements.ts";
import type { MysqlFlavour } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";
import { mutations } from "./mutations.ts";
import { type Scene, startScene } from "./scene.ts";

/** Of the statements made at random one in twenty passes; `FUZZ_MUTATIONS` makes more, `FUZZ_SEED` others. */
const MADE = Number(process.env["FUZZ_MUTATIONS"] ?? 8000);
const SEED = Number(process.env["FUZZ_SEED"] ?? 7);

/** What is shown stays: the domain, the last three characters, the year, the length under keepLast, NULL. */
const OTHER_FILLING = [
  "SET foreign_key_checks = 0",
  `UPDATE users SET email = REPLACE(REPLACE(email, 'zoqkmarta', 'aaaaaa'), 'wyxbjonas', 'zzzzzzzzz'), ssn = REVERSE(ssn), code = CONCAT('ABCDEFG', RIGHT(code, 3)),
    pin = pin - 900000000 + id, salary = salary / (7 + id), born = born - INTERVAL 100 DAY, seen = seen - INTERVAL 100 DAY, stamped = stamped - INTERVAL 77 DAY,
    details = '{"k": 1}', photo = x'00', bio = CONCAT('x', id), mood = 'calm', hidden = CONCAT('y', id) WHERE id < 3`,
  "UPDATE users SET code = CONCAT('ABCDEFG', RIGHT(code, 3)), pin = 3, mood = 'calm', email = 'other' WHERE id = 3",
  "UPDATE payments SET card = CONCAT('0000111122223', RIGHT(card, 3))",
  "UPDATE badges SET ssn_ref = REVERSE(ssn_ref)",
  "UPDATE logins SET secret = CONCAT('s', id)",
  "UPDATE `odd ``table` SET secret = 'other'",
  "UPDATE other.people SET ssn = 'other'",
];

const STATEMENTS: readonly string[] = [...Object.values(APP_HOSTILE).flatMap((group) => group.flat()), ...APP_BENIGN, ...APP_BENIGN_WRITES];
/** What a copy holds is seen by whoever made it, as it is. */
const MADE_TABLE = /^CREATE\s+(?:TEMPORARY\s+)?TABLE\s+(?:IF NOT EXISTS\s+)?(`[^`]+`\.`[^`]+`)/;
const TABLES = ["orders", "inbox", "counters", "guarded", "other.users", "badges", "payments", "users", "logins"];

for (const flavour of ["mysql9", "mariadb10"] as const satisfies readonly MysqlFlavour[]) {
  describe(`twins on ${flavour}`, { skip: flavour === "mysql9" ? optional("mysql9") : false }, () => {
    let scene: Scene;
    before(async () => {
      scene = await startScene(flavour);
    });
    after(() => scene.stop());

    const said = async (sql: string): Promise<string> => {
      try {
        const { columns, rows } = await scene.run(sql);
        // Its number of a masked type is another where the server puts rows by for sorting.
        return JSON.stringify([columns.map(([name]) => name), rows]);
      } catch (error) {
        return String(error);
      }
    };
    /** What a masked principal could see of it, and of the tables afterwards. */
    const outcome = async (sql: string): Promise<string> => {
      const masked = scene.masked(sql);
      if (masked.kind === "refused") return `refused ${masked.obstacle.reason}`;
      await scene.run("START TRANSACTION");
      const parts = [await said(masked.text)];
      if (!/^(SELECT|SHOW|EXPLAIN|DESC)/.test(masked.text)) {
        for (const table of TABLES) {
          const after = scene.masked(`SELECT * FROM ${table} ORDER BY 1`);
          if (after.kind === "rewritten") parts.push(await said(after.text));
        }
      }
      await scene.run("ROLLBACK");
      const made = MADE_TABLE.exec(masked.text)?.[1];
      if (made !== undefined) parts.push(await said(`SELECT * FROM ${made}`), await said(`DROP TABLE IF EXISTS ${made}`));
      return parts.join("\n");
    };

    test("no answer tells the one filling from the other", async () => {
      const first = new Map<string, string>();
      const moving = new Set<string>();
      const statements = [...new Set([...STATEMENTS, ...mutations(SEED, MADE).filter((sql) => scene.masked(sql).kind === "rewritten")])];
      assert.ok(statements.length > STATEMENTS.length + MADE / 100, String(statements.length));
      for (const sql of statements) first.set(sql, await outcome(sql));
      // What differs by itself: numbers that are handed out, clocks, statistics.
      for (const sql of statements) if ((await outcome(sql)) !== first.get(sql)) moving.add(sql);
      assert.ok(moving.size < statements.length / 20, [...moving].join("\n"));
      for (const sql of OTHER_FILLING) await scene.run(sql);
      const told = [];
      for (const sql of statements) {
        if (moving.has(sql)) continue;
        const now = await outcome(sql);
        if (now !== first.get(sql)) told.push(`${sql}\n  ${first.get(sql)?.slice(0, 300)}\n  ${now.slice(0, 300)}`);
      }
      assert.deepEqual(told, []);
    });

    test("the fillings differ where nothing masks them", async () => {
      assert.match(await said("SELECT ssn, pin, bio, born FROM users WHERE id = 1"), /1502-44-719/);
    });
  });
}
