/** Texts of several statements of which more than one is rewritten: each keeps its own masked columns and places. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { analyse } from "#protocols/sql/postgres/analyse.ts";
import { loadGrammar } from "#protocols/sql/postgres/grammar.ts";
import { smallView } from "./small-view.ts";

before(loadGrammar);

const view = smallView();

/** Each word stands once in the text and is left as it is: where the rewritten text has it leads back to where it stood. */
function leadsBack(sql: string, words: readonly string[]): void {
  const { rewritten } = analyse(sql, view);
  assert.ok(rewritten, sql);
  for (const word of words) {
    const here = sql.indexOf(word);
    const there = rewritten.sql.indexOf(word);
    assert.ok(here >= 0 && there >= 0, word);
    const position = (text: string, at: number) => [...text.slice(0, at)].length + 1;
    assert.equal(rewritten.mapPosition(position(rewritten.sql, there)), position(sql, here), word);
  }
}

describe("a text of several statements", () => {
  test("has the masked columns of each, in order, by the statement's place", () => {
    const { rewritten } = analyse(
      "SELECT id, ssn FROM users; SET work_mem = 1; SELECT salary FROM users; SELECT 1; DECLARE c CURSOR FOR SELECT geheim, id FROM größe; FETCH c; PREPARE p AS SELECT ssn FROM users; EXECUTE p; COPY users TO STDOUT; SELECT ssn, t.a FROM users, t",
      view,
    );
    assert.deepEqual(rewritten?.outputMasked.slice(0, 9), [[false, true], [], [true], [], [true, false], [], [true], [], []]);
    assert.equal(rewritten?.outputMasked[9]?.[0], true);
  });

  test("leads each place back to its own statement, whatever was put in before it", () => {
    leadsBack(
      "SELECT ssn, w1 FROM users; /* ü😀 */ SELECT w2 FROM public.users u WHERE w3; COPY users (id) TO STDOUT; SELECT w4 FROM größe",
      ["w1", "w2", "w3", "w4"],
    );
    leadsBack(
      "CREATE TEMP TABLE a AS TABLE users; SELECT w1 FROM a JOIN users USING (id) WHERE w2; DROP TABLE a; DECLARE w3 CURSOR FOR TABLE users",
      ["w1", "w2", "w3"],
    );
    leadsBack("PREPARE w1 AS SELECT ssn FROM users WHERE w2 = $1; EXECUTE w3; SELECT w4 FROM users", ["w1", "w2", "w3", "w4"]);
  });

  test("is refused whole when one of it is, with that one's place", () => {
    const sql = "SELECT ssn FROM users; SELECT 1; VACUUM users; SELECT ssn FROM users";
    const { facts, rewritten } = analyse(sql, view);
    assert.equal(rewritten, null);
    const kinds = facts.kind === "parsed" ? facts.statements.map(({ masking }) => masking?.kind) : [];
    assert.deepEqual(kinds, ["rewritable", "clear", "obstacle", "rewritable"]);
    const third = facts.kind === "parsed" ? facts.statements[2]?.masking : null;
    assert.ok(
      third?.kind === "obstacle" &&
        sql
          .slice((third.obstacle.position ?? 0) - 1)
          .trimStart()
          .startsWith("VACUUM"),
    );
  });

  test("keeps the literals of each apart, in the text as sent too", () => {
    const { rewritten, sensitive } = analyse(
      "SELECT 'a' FROM t WHERE t.ssn = 'b'; SELECT id FROM users WHERE ssn = 'c' AND id = 4; COPY (SELECT id FROM users WHERE ssn = 'd') TO STDOUT (NULL 'e')",
      view,
    );
    assert.deepEqual(
      rewritten?.sensitive.map(({ start, end }) => rewritten.sql.slice(start, end)),
      ["'b'", "'c'", "'d'"],
    );
    assert.equal(sensitive.ranges.length, 3);
  });
});
