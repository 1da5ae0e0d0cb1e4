/** Names that the catalogue does not know, and search paths, written out before a text is judged. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { analyse } from "#protocols/sql/postgres/analyse.ts";
import { loadGrammar } from "#protocols/sql/postgres/grammar.ts";
import { smallView } from "./small-view.ts";

before(loadGrammar);

const view = smallView();
const written = (sql: string) => {
  const { rewritten, guessed } = analyse(sql, view);
  return [rewritten?.sql ?? null, guessed.toSorted()];
};

describe("a name that the catalogue does not know", () => {
  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    ["SELECT a FROM t, ONLY u AS x WHERE t.a = 1", 'SELECT a FROM pg_temp."t", ONLY pg_temp."u" AS x WHERE t.a = 1', ["t", "u"]],
    ['TABLE "Ü ""x"""', 'TABLE pg_temp."Ü ""x"""', ['Ü "x"']],
    ["SELECT * FROM t * JOIN orders USING (id)", 'SELECT * FROM pg_temp."t" * JOIN orders USING (id)', ["t"]],
    ["WITH t AS (TABLE t) SELECT * FROM t", 'WITH t AS (TABLE pg_temp."t") SELECT * FROM t', ["t"]],
    ["WITH t AS (SELECT 1) INSERT INTO t SELECT * FROM t", 'WITH t AS (SELECT 1) INSERT INTO pg_temp."t" SELECT * FROM t', ["t"]],
    ["INSERT INTO T (a) VALUES (1) RETURNING t.a", 'INSERT INTO pg_temp."t" (a) VALUES (1) RETURNING t.a', ["t"]],
    [
      "COPY t (a) FROM STDIN; TRUNCATE t, u; LOCK TABLE orders IN ACCESS SHARE MODE",
      'COPY pg_temp."t" (a) FROM STDIN; TRUNCATE pg_temp."t", pg_temp."u"; LOCK TABLE orders IN ACCESS SHARE MODE',
      ["t", "u"],
    ],
    [
      'DROP TABLE IF EXISTS t /* , u */, pg_temp.v, "W" CASCADE',
      'DROP TABLE IF EXISTS pg_temp."t" /* , u */, pg_temp.v, pg_temp."W" CASCADE',
      ["W", "t"],
    ],
    ["DROP TABLE if", 'DROP TABLE pg_temp."if"', ["if"]],
  ];
  for (const [sql, expected, guessed] of cases) {
    test(`is the session's own temporary table: ${sql}`, () => assert.deepEqual(written(sql), [expected, guessed]));
  }

  test("is left as it is in what makes a table, behind a schema, and where it stands in escapes", () => {
    for (const sql of [
      "CREATE TEMP TABLE t (a int)",
      "CREATE TABLE t AS SELECT 1",
      "SELECT * FROM pg_temp.t",
      "SELECT * FROM nowhere.t",
      'SELECT * FROM U&"t"',
    ])
      assert.deepEqual(written(sql), [null, []], sql);
  });

  test("beside masked columns is written out with them, and places lead back to the client's text", () => {
    const sql = "SELECT /* ü */ t.a, u.ssn FROM t JOIN users u ON u.id = t.nothing";
    const { rewritten, facts } = analyse(sql, view);
    assert.match(rewritten?.sql ?? "", /FROM pg_temp\."t" JOIN \(SELECT .* FROM "public"\."users"\) u ON/);
    for (const word of ["t.a", "FROM t", "u ON", "t.nothing"]) {
      const at = (rewritten?.sql ?? "").indexOf(word.replace("FROM t", "FROM pg_temp"));
      assert.equal(rewritten?.mapPosition(at + 1), sql.indexOf(word) + 1, word);
    }
    assert.equal(facts.kind, "parsed");
  });

  test("does not move the place of a refusal", () => {
    const sql = "SELECT t.a FROM t; SELECT nothing.f(1) FROM t";
    const { facts } = analyse(sql, view);
    const [, second] = facts.kind === "parsed" ? facts.statements : [];
    assert.equal(second?.masking?.kind === "obstacle" ? second.masking.obstacle.position : null, sql.indexOf("nothing") + 1);
  });

  test("leaves the literals of the text where they are, for the record", () => {
    const sql = "SELECT * FROM t WHERE t.ssn = 'é' AND t.x = 'y'";
    const { rewritten, sensitive } = analyse(sql, view);
    assert.deepEqual(
      sensitive.ranges.map(({ start, end }) => sql.slice(start, end)),
      ["'é'"],
    );
    assert.deepEqual(
      rewritten?.sensitive.map(({ start, end }) => rewritten.sql.slice(start, end)),
      ["'é'"],
    );
  });

  test("is not looked for where nothing is masked", () => {
    assert.deepEqual([analyse("SELECT * FROM t", null).rewritten, analyse("SELECT * FROM t", null).guessed], [null, []]);
  });
});

describe("a search path", () => {
  test("gets the temporary schema at its end", () => {
    assert.equal(written("SET search_path TO public")[0], 'SET search_path TO public, "pg_temp"');
    assert.equal(written("SET LOCAL search_path = pg_catalog -- none")[0], 'SET LOCAL search_path = pg_catalog, "pg_temp" -- none');
    assert.equal(
      written("SELECT set_config('search_path', 'public'::text, false)")[0],
      "SELECT set_config('search_path', 'public, pg_temp'::text, false)",
    );
    for (const sql of ["SET search_path = public, pg_temp", "SET search_path = ''", "SELECT set_config('search_path', '', false)"])
      assert.equal(written(sql)[0], null, sql);
  });

  test("that leads elsewhere is refused all the same", () => {
    for (const sql of ["SET search_path = evil", "SET search_path = pg_temp, public", "SELECT set_config('search_path', 'evil', false)"]) {
      const { facts } = analyse(sql, view);
      const [only] = facts.kind === "parsed" ? facts.statements : [];
      assert.equal(only?.masking?.kind === "obstacle" ? only.masking.obstacle.reason : null, "masked-setting", sql);
    }
  });
});
