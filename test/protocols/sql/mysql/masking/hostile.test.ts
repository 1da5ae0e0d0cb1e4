/** Every hostile statement is refused, or what goes upstream in its place shows no canary on a real server. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { APP_CANARIES } from "#test/masking/mysql/app/seed.ts";
import { APP_HOSTILE } from "#test/masking/mysql/app/statements.ts";
import { MYSQL_CANARIES } from "#test/masking/mysql/seed.ts";
import { searchFor } from "#test/masking/search.ts";
import type { MysqlFlavour } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";
import { type Scene, startScene } from "./scene.ts";

const canaryIn = searchFor(MYSQL_CANARIES);

for (const flavour of ["mysql9", "mariadb10"] as const satisfies readonly MysqlFlavour[]) {
  describe(`hostile statements on ${flavour}`, { skip: flavour === "mysql9" ? optional("mysql9") : false }, () => {
    let scene: Scene;
    before(async () => {
      scene = await startScene(flavour);
    });
    after(() => scene.stop());

    /** What the server sends; its own sentence where it refuses. */
    async function answered(sql: string): Promise<string> {
      const masked = scene.masked(sql);
      if (masked.kind === "refused") return "";
      try {
        return JSON.stringify(await scene.run(masked.text));
      } catch (error) {
        return masked.rebuildErrors ? "" : String(error);
      }
    }

    for (const [group, statements] of Object.entries(APP_HOSTILE)) {
      test(`${group}: no canary comes back`, async () => {
        for (const statement of statements) {
          await scene.run("START TRANSACTION");
          for (const sql of typeof statement === "string" ? [statement] : statement) {
            const found = canaryIn(Buffer.from(await answered(sql)));
            assert.equal(found, undefined, sql);
          }
          await scene.run("ROLLBACK");
        }
      });
    }

    test("the seed holds every canary that is looked for", async () => {
      const shown = [];
      for (const table of ["users", "payments", "logins", "badges", "`odd ``table`", "other.people"]) {
        shown.push(JSON.stringify(await scene.run(`SELECT * FROM ${table}`)));
      }
      shown.push(JSON.stringify(await scene.run("SELECT HEX(photo) FROM users")).toLowerCase());
      for (const { text } of APP_CANARIES)
        assert.ok(
          shown.some((one) => one.includes(text)),
          text,
        );
    });
  });
}
