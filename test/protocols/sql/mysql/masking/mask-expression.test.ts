/** Masks over every type of column, on real servers: what they show, and that they fail for none, keep NULL, length and collation. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Mask } from "#policies/question.ts";
import type { MysqlColumn } from "#protocols/sql/mysql/catalogue.ts";
import { maskExpression } from "#protocols/sql/mysql/mask-expression.ts";
import type { MysqlFlavour } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";
import { type Scene, startScene } from "./scene.ts";

/** Type, and a value of it as SQL; the text `secret` or the digits 86753 are in each. */
const TYPES: readonly (readonly [type: string, value: string])[] = [
  ["char(10)", "'secretabcd'"],
  ["char(2)", "'se'"],
  ["varchar(60)", "'a@b@secret.example'"],
  ["varchar(60) character set latin1", "'secr\u00e9t secret'"],
  ["varchar(60) character set ucs2", "'secret \u20ac'"],
  ["varchar(60) character set utf16", "'secret \u20ac'"],
  ["varchar(60) character set utf8mb4 collate utf8mb4_bin", "'secret \u{1f600}'"],
  ["varchar(1)", "'s'"],
  ["tinytext", "'secret'"],
  ["text", "'secret'"],
  ["mediumtext", "'secret'"],
  ["longtext", "'secret'"],
  ["binary(12)", "'secret'"],
  ["varbinary(20)", "'secret'"],
  ["blob", "'secret'"],
  ["enum('secret','b')", "'secret'"],
  ["set('secret','b')", "'secret'"],
  ["json", `'{"a": "secret"}'`],
  ["tinyint", "86"],
  ["tinyint(1)", "1"],
  ["smallint unsigned", "8675"],
  ["mediumint", "86753"],
  ["int", "86753"],
  ["bigint unsigned", "18446744073709486753"],
  ["decimal(30,5)", "86753.86753"],
  ["float", "86753"],
  ["double", "86753.5"],
  ["bit(20)", "b'10101010101010101010'"],
  ["date", "'1986-07-05'"],
  ["datetime(3)", "'1986-07-05 08:06:07.530'"],
  ["timestamp(2)", "'1986-07-05 08:06:07.53'"],
  ["time", "'08:06:07'"],
  ["year", "1986"],
  ["point", "ST_GeomFromText('POINT(86753 1)')"],
];

const MASKS: readonly Mask[] = [
  { kind: "redact" },
  { kind: "null" },
  { kind: "email" },
  { kind: "year" },
  { kind: "keepLast", characters: 2 },
  { kind: "constant", value: "it's \\ \u20ac" },
  { kind: "constant", value: -5 },
  { kind: "constant", value: 7 },
  { kind: "constant", value: true },
  { kind: "constant", value: "2001-02-03" },
];

for (const flavour of ["mysql9", "mariadb10"] as const satisfies readonly MysqlFlavour[]) {
  describe(`masks on ${flavour}`, { skip: flavour === "mysql9" ? optional("mysql9") : false }, () => {
    let scene: Scene;
    let columns: readonly MysqlColumn[];

    before(async () => {
      scene = await startScene(flavour, [
        `CREATE TABLE typed (id INT, ${TYPES.map(([type], index) => `c${index} ${type} NULL`).join(", ")})`,
      ]);
      await scene.run(`INSERT INTO typed VALUES (1, ${TYPES.map(([, value]) => value).join(", ")})`);
      await scene.run("INSERT INTO typed (id) VALUES (2)");
      columns = scene.view.catalogue.tables.find(({ name }) => name === "typed")?.columns ?? [];
    });
    after(() => scene.stop());

    const shown = async (
      mask: Mask,
      index: number,
    ): Promise<readonly [string | null | undefined, string | null | undefined] | undefined> => {
      const column = columns[index + 1];
      assert.ok(column);
      const made = maskExpression(mask, column);
      if (made.kind === "problem") return undefined;
      const text = column.dataType === "point" ? `ST_AsText(${made.sql})` : `CAST(${made.sql} AS CHAR CHARACTER SET utf8mb4)`;
      const { rows } = await scene.run(`SELECT ${text} FROM typed ORDER BY id`);
      // The scene gives bytes.
      const [first, second] = rows.map(([cell]) => (typeof cell === "string" ? Buffer.from(cell, "latin1").toString() : cell));
      return [first, second];
    };
    const at = (type: string): number => TYPES.findIndex(([one]) => one === type);

    for (const mask of MASKS) {
      test(`${JSON.stringify(mask)}: no type fails, none shows its value, NULL stays NULL`, async () => {
        for (const [index, [type]] of TYPES.entries()) {
          const found = await shown(mask, index);
          if (found === undefined) continue;
          assert.equal(found[1], null, type);
          const text = found[0] ?? "";
          // What these masks show on purpose.
          if (mask.kind === "email" || mask.kind === "year" || mask.kind === "keepLast") continue;
          assert.doesNotMatch(text, /secr|8675|1986|^s|^86$/, `${type}: ${text}`);
        }
      });
    }

    test("each shows what the manual says", async () => {
      const first = async (mask: Mask, type: string): Promise<string | null | undefined> => (await shown(mask, at(type)))?.[0];
      const redact: Mask = { kind: "redact" };
      assert.equal(await first(redact, "char(10)"), "***");
      assert.equal(await first(redact, "char(2)"), "**");
      assert.equal(await first(redact, "longtext"), "***");
      assert.equal(await first(redact, "int"), null);
      // MariaDB's is a text.
      assert.equal(await first(redact, "json"), flavour === "mysql9" ? null : "***");
      assert.equal(await first({ kind: "email" }, "varchar(60)"), "***@secret.example");
      assert.equal(await first({ kind: "email" }, "text"), "***");
      const two: Mask = { kind: "keepLast", characters: 2 };
      assert.equal(await first(two, "char(10)"), "********cd");
      assert.equal(await first(two, "char(2)"), "**");
      assert.equal(await first(two, "varchar(1)"), "*");
      assert.equal(await first(two, "text"), "****et");
      assert.equal(await first({ kind: "year" }, "date"), "1986-01-01");
      assert.match((await first({ kind: "year" }, "timestamp(2)")) ?? "", /^1986-01-01/);
      assert.equal(await first({ kind: "constant", value: "it's \\ \u20ac" }, "varchar(60)"), "it's \\ \u20ac");
      assert.equal(await first({ kind: "constant", value: -5 }, "int"), "-5");
      assert.equal(await shown({ kind: "constant", value: -5 }, at("smallint unsigned")), undefined);
      assert.equal(await shown({ kind: "constant", value: "it's \\ \u20ac" }, at("varchar(60) character set latin1")), undefined);
    });

    test("text keeps its length, set and collation", async () => {
      for (const mask of MASKS) {
        for (const [index, [type]] of TYPES.entries()) {
          const column = columns[index + 1];
          const made = column === undefined ? undefined : maskExpression(mask, column);
          if (column?.collation === null || column === undefined || made?.kind !== "expression" || /enum|set\(|json/.test(type)) continue;
          await scene.run("DROP TABLE IF EXISTS copied");
          await scene.run(`CREATE TABLE copied AS SELECT ${made.sql} AS c FROM typed`);
          const { rows } = await scene.run(
            "SELECT collation_name, character_maximum_length FROM information_schema.columns WHERE table_schema = 'app' AND table_name = 'copied'",
          );
          assert.equal(rows[0]?.[0], column.collation, `${type} ${JSON.stringify(mask)}`);
          assert.ok(Number(rows[0]?.[1]) >= Math.min(column.characters ?? 0, 255), `${type} ${JSON.stringify(mask)}: ${rows[0]?.[1]}`);
        }
      }
    });

    test("a TIMESTAMP's year does not turn with the session's time zone", async () => {
      const column = columns[at("timestamp(2)") + 1];
      assert.ok(column);
      const made = maskExpression({ kind: "year" }, column);
      assert.equal(made.kind, "expression");
      if (made.kind !== "expression") return;
      const seen = new Set<string | null | undefined>();
      await scene.run("SET time_zone = '+00:00'");
      await scene.run("UPDATE typed SET c30 = '1999-12-31 23:30:00' WHERE id = 1");
      for (const zone of ["+00:00", "+13:00", "-12:00"]) {
        await scene.run(`SET time_zone = '${zone}'`);
        seen.add((await scene.run(`SELECT ${made.sql} FROM typed WHERE id = 1`)).rows[0]?.[0]?.slice(0, 10));
      }
      assert.deepEqual([...seen], ["1999-01-01"]);
    });
  });
}
