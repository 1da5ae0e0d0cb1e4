/** Statements hidden from the judgement: none is found, and one that is planted is. The same by hand, for longer: `mysql-hidden.ts`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_SQL_MODE } from "#protocols/sql/mysql/sql-mode.ts";
import { hiddenTexts } from "#test/fuzz/mysql-hidden.ts";
import { startMysql } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";

const TRIES = 6_000;
const SEED = 20;

for (const flavour of ["mysql9", "mariadb10"] as const) {
  test(`${flavour} runs no write that was judged as part of a quote or a comment`, {
    skip: optional(flavour === "mysql9" ? "mysql9" : "mariadb"),
  }, async () => {
    const server = await startMysql({ flavour, seed: ["CREATE TABLE app.hits (n INT)"] });
    try {
      const texts = await hiddenTexts(server, SEED);
      const found: string[] = [];
      for (let count = 0; count < TRIES; count++) found.push(...(await texts.try()));
      texts.stop();
      assert.deepEqual(found, []);
      assert.ok(texts.allowed > TRIES / 50, `only ${texts.allowed} texts were let through`);
      // One whose settings the judgement knows nothing of runs what it hides.
      const blind = await hiddenTexts(server, SEED, (settings) => ({ ...settings, sqlMode: DEFAULT_SQL_MODE }));
      let holes = 0;
      for (let count = 0; count < TRIES && holes === 0; count++) if ((await blind.try()).length > 0) holes++;
      blind.stop();
      assert.equal(holes, 1);
    } finally {
      await server.stop();
    }
  });
}
