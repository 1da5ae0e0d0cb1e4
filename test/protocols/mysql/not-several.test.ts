/** The words of a server for a text of several statements that nobody asked to have taken apart; drivers' own tests compare them with real servers'. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { notSeveral } from "#protocols/mysql/not-several.ts";
import { cutsOf } from "#protocols/sql/mysql/cuts.ts";
import { readSqlMode } from "#protocols/sql/mysql/sql-mode.ts";

function said(text: string, product: "MySQL" | "MariaDB" = "MySQL"): string {
  const cuts = cutsOf(text, { sqlMode: readSqlMode(""), foreign: false, readings: [null] });
  assert.ok(cuts.kind === "several");
  const { errno, sqlState, message } = notSeveral(Buffer.from(text), cuts.statements, product);
  assert.deepEqual([errno, sqlState], [1064, "42000"]);
  return message;
}

const PRELUDE =
  "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right syntax to use";

test("what stands behind the first statement is quoted, with its line", () => {
  assert.equal(said("SELECT 1; SELECT 2"), `${PRELUDE} near 'SELECT 2' at line 1`);
  assert.equal(said("SELECT ';'\n\n;\n  SELECT 2; SELECT 3"), `${PRELUDE} near 'SELECT 2; SELECT 3' at line 4`);
  assert.match(said("SELECT 1;SELECT 2", "MariaDB"), /corresponds to your MariaDB server version .* near 'SELECT 2' at line 1$/);
});

test("no more than 80 characters are", () => {
  const many = `SELECT '${"é".repeat(100)}'`;
  assert.equal(said(`SELECT 1; ${many}`), `${PRELUDE} near '${many.slice(0, 80)}' at line 1`);
});
