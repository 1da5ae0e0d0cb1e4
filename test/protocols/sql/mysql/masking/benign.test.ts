/** Honest statements go on under every mask: what a real server answers is the same, outside masked columns, as without. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { APP_BENIGN, APP_BENIGN_STATEMENTS, APP_SHOWN_MASKED } from "#test/masking/mysql/app/benign.ts";
import type { MysqlFlavour } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";
import { type Answer, type Scene, startScene } from "./scene.ts";

for (const flavour of ["mysql9", "mariadb10"] as const satisfies readonly MysqlFlavour[]) {
  describe(`honest statements on ${flavour}`, { skip: flavour === "mysql9" ? optional("mysql9") : false }, () => {
    let scene: Scene;
    before(async () => {
      scene = await startScene(flavour);
    });
    after(() => scene.stop());

    function outside({ columns, rows }: Answer, isMasked: (index: number) => boolean): unknown {
      return { names: columns.map(([name]) => name), rows: rows.map((row) => row.map((cell, index) => (isMasked(index) ? "" : cell))) };
    }

    for (const sql of APP_BENIGN) {
      test(sql, async () => {
        const masked = scene.masked(sql);
        assert.equal(masked.kind, "rewritten", masked.kind === "refused" ? `${masked.obstacle.reason}: ${masked.obstacle.message}` : "");
        if (masked.kind !== "rewritten") return;
        const direct = await scene.run(sql);
        const answer = await scene.run(masked.text);
        const named = (index: number): boolean => APP_SHOWN_MASKED.has(direct.columns[index]?.[0] ?? "");
        assert.deepEqual(
          outside(answer, (index) => masked.outputMasked[index] === true || named(index)),
          outside(direct, (index) => masked.outputMasked[index] === true || named(index)),
        );
        // Types of columns that are not masked stay.
        const types = (one: Answer): unknown =>
          one.columns.map(([, type], index) => (masked.outputMasked[index] === true || named(index) ? null : type));
        assert.deepEqual(types(answer), types(direct));
        if (masked.outputMasked.length > 0) assert.equal(masked.outputMasked.length, direct.columns.length);
      });
    }

    test("settings and transactions pass", async () => {
      for (const sql of APP_BENIGN_STATEMENTS) {
        const masked = scene.masked(sql);
        assert.equal(masked.kind, "rewritten", sql);
        if (masked.kind === "rewritten") await scene.run(masked.text);
      }
    });
  });
}
