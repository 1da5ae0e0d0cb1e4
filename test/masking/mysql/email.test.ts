/** The mask `email` on real servers: of a value without an `@` nothing shows, whatever the column's collation takes for one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MysqlColumn } from "#protocols/sql/mysql/catalogue.ts";
import { maskExpression } from "#protocols/sql/mysql/mask-expression.ts";
import { type MysqlFlavour, startMysql } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";

const VALUES = ["alice@example.com", "a@b@example.com", "alice\uff20secret", "alice\ufe6bsecret", "alice\u4000secret", "alice", "@", ""];
const SHOWN = ["***@example.com", "***@example.com", "***", "***", "***", "***", "***@", "***"];

/** Beside the server's own default: one that compares by the Unicode algorithm, and those whose characters have more than one byte each. */
const COLLATIONS: Readonly<Record<"mysql9" | "mariadb10", readonly string[]>> = {
  mysql9: ["utf8mb4_0900_ai_ci", "utf8mb4_unicode_520_ci", "utf8mb4_general_ci", "utf8mb4_bin", "utf16_unicode_ci", "utf32_general_ci"],
  mariadb10: ["uca1400_ai_ci", "utf8mb4_unicode_520_ci", "utf8mb4_general_ci", "utf8mb4_bin", "utf16_unicode_ci", "ucs2_general_ci"],
};

function masked(name: string): string {
  const column = { name, dataType: "varchar", type: "varchar(50)", characters: 50, charset: "utf8mb4" };
  const expression = maskExpression({ kind: "email" }, column as MysqlColumn);
  assert.ok(expression.kind === "expression");
  return expression.sql;
}

for (const flavour of ["mysql9", "mariadb10"] as const satisfies readonly MysqlFlavour[]) {
  test(`${flavour}: no value shows that has none`, { skip: optional(flavour === "mysql9" ? "mysql9" : "mariadb") }, async () => {
    const server = await startMysql({ flavour });
    try {
      for (const collation of COLLATIONS[flavour]) {
        const charset = collation.startsWith("uca") ? "utf8mb4" : collation.replace(/_.*/, "");
        const rows = VALUES.map((value, at) => `(${at}, CONVERT(0x${Buffer.from(value).toString("hex") || "20"} USING utf8mb4))`);
        const shown = server.sql(
          [
            `DROP TABLE IF EXISTS app.mails`,
            `CREATE TABLE app.mails (at INT, mail VARCHAR(50) CHARACTER SET ${charset} COLLATE ${collation})`,
            `INSERT INTO app.mails VALUES ${rows.join(", ")}`,
            `SELECT ${masked("mail")} FROM app.mails ORDER BY at`,
          ].join(";\n"),
        );
        assert.deepEqual(shown.trim().split("\n").slice(1), SHOWN, collation);
      }
    } finally {
      await server.stop();
    }
  });
}
