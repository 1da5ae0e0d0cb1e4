/** Passwords in texts that no grammar reads: what the record leaves out of them, and of texts too large to be read. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { secretsIn } from "#protocols/sql/postgres/secrets.ts";
import { unreadJudgement } from "#protocols/wire/unread.ts";

/** The text with what may be a password cut out. */
function shown(sql: string): string {
  let rest = sql;
  for (const { start, end } of secretsIn(sql).toReversed()) rest = rest.slice(0, start) + rest.slice(end);
  return rest;
}

for (const sql of [
  "alter role a PASSWORD 'sesame' and more",
  "alter role a password 'se''same' and more",
  "alter role a password E'x\\'sesame' and more",
  "alter role a password e'x\\\\' 'sesame'",
  "alter role a password $$sesame$$ and more",
  "alter role a password $x$it's $$ sesame$x$ and more",
  "alter role a password $é$sesame$é$ and more",
  "alter role a password 'sesame",
  "alter role a password $$sesame",
  "create subscription s connection 'host=h password=sesame' publication p, and more",
]) {
  test(`of ${sql} the record shows no password`, () => {
    assert.doesNotMatch(shown(sql), /sesame/);
    assert.match(shown(sql), /^(alter role a|create subscription)/);
  });
}

test("a text that speaks of no password is left as it is", () => {
  assert.deepEqual(secretsIn("select 'a', $$b$$ from t wherever"), []);
});

test("whatever a password is, quoted it does not show", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }), (password, rest) => {
      const behind = rest.replaceAll("§", "");
      const sql = `alter role a password '§${password.replaceAll("'", "''")}§' ${behind}`;
      assert.ok(!shown(sql).includes("§"));
    }),
  );
});

test("of a text that streams by, the record holds nothing from where a password may stand", () => {
  const sql = "ALTER ROLE x PASSWORD 'sesame'; INSERT INTO t VALUES (1)";
  const { recordedSql, verdict } = unreadJudgement(Buffer.from(sql), 5_000_000, secretsIn);
  assert.equal(verdict, "allow");
  assert.deepEqual(recordedSql, { head: "ALTER ROLE x PASSWORD ", bytes: 5_000_000, sha256: null });
});

test("of a text that streams by and speaks of no password, the record holds the first kilobyte", () => {
  const sql = `INSERT INTO t VALUES ${"(1),".repeat(1_000)}`;
  const { recordedSql } = unreadJudgement(Buffer.from(sql), sql.length, secretsIn);
  assert.deepEqual(recordedSql, { head: sql.slice(0, 1024), bytes: sql.length, sha256: null });
});
