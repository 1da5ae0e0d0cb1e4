/** What of a text is recorded as digests only. `⟦…⟧` marks it; parameters are listed behind. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { analyse } from "#protocols/sql/postgres/analyse.ts";
import { loadGrammar } from "#protocols/sql/postgres/grammar.ts";
import type { MaskingView } from "#protocols/sql/postgres/protection.ts";
import { redacted } from "#protocols/wire/redacted.ts";
import { smallView } from "./small-view.ts";

before(loadGrammar);

const view = smallView();
const assigning = smallView("values");

function marked(sql: string, within: MaskingView | null): string {
  const { sensitive } = analyse(sql, within);
  const text = redacted(sql, sensitive.ranges, (literal) => `⟦${literal}⟧`);
  return sensitive.parameters.length === 0 ? text : `${text} ${sensitive.parameters.map((number) => `$${number}`).join(" ")}`;
}

const MASKED: readonly string[] = [
  "SELECT id FROM users WHERE ssn = ⟦'917-44-2051'⟧ AND id = 5",
  "SELECT id FROM users WHERE ⟦'917-44-2051'⟧ = ssn OR name = 'Marta'",
  "SELECT id FROM users WHERE ssn LIKE ⟦'9%'⟧ AND name LIKE 'M%'",
  "SELECT id FROM users WHERE ssn IN (⟦'1'⟧, ⟦'2'⟧) AND id IN (3, 4)",
  "SELECT id FROM users WHERE ssn BETWEEN ⟦'1'⟧ AND ⟦'2'⟧",
  "SELECT id FROM users WHERE lower(ssn) = lower(⟦E'A\\'b'⟧)",
  "SELECT id FROM users WHERE ssn = ⟦$$a$$⟧ OR ssn = ⟦U&'\\0041'⟧",
  "SELECT id FROM users u WHERE u.salary > ⟦70000⟧ AND u.salary < ⟦-5⟧ AND id > 1",
  "SELECT CASE WHEN ssn = ⟦'1'⟧ THEN ⟦'a'⟧ END, 'b' FROM users",
  "SELECT 'x', ssn FROM users LIMIT 5",
  "COPY (SELECT id FROM users WHERE ssn = ⟦'1'⟧ AND name = 'x') TO STDOUT (FORMAT csv, NULL 'none')",
  "PREPARE p (text, int) AS SELECT id FROM users WHERE ssn = ⟦'1'⟧ OR ssn = $1 AND id = $2 $1",
  "EXECUTE p (⟦'1'⟧, ⟦2⟧)",
  "COPY users (id, ssn) TO STDOUT WITH DELIMITER '|' NULL 'none'",
  "DECLARE c CURSOR WITH HOLD FOR SELECT id FROM users WHERE ssn = ⟦'1'⟧ AND id = 2",
  "SELECT * FROM users WHERE id = 7",
  "SELECT x FROM (SELECT ssn AS x FROM users) s WHERE x = ⟦'1'⟧",
  "SELECT a.c FROM users AS a(b, c) WHERE c = ⟦'1'⟧ AND b = ⟦2⟧",
  "WITH c(k) AS (SELECT ssn FROM users) SELECT 1 FROM c WHERE k = ⟦'1'⟧",
  "SELECT u.id FROM users u JOIN (VALUES (⟦'1'⟧), (⟦'2'⟧)) v(s) ON v.s = u.ssn",
  "SELECT u.id FROM users u JOIN (SELECT ⟦'1'⟧ AS ssn) v USING (ssn)",
  "SELECT u.id FROM users u NATURAL JOIN (SELECT ⟦'1'⟧ AS ssn) v",
  "SELECT ⟦'1'⟧ INTERSECT SELECT ssn FROM users",
  "SELECT id FROM orders WHERE id IN (SELECT id FROM users WHERE ssn = ⟦'1'⟧) AND total = ⟦3⟧".replace("⟦3⟧", "3"),
  "SELECT id FROM users WHERE ssn = ⟦$1⟧ AND id = $2 $1".replace("⟦$1⟧", "$1"),
  "UPDATE users SET ssn = ⟦'1'⟧, name = ⟦'x'⟧ WHERE id = ⟦3⟧",
  "UPDATE users SET (name, ssn) = (⟦'x'⟧, ⟦'1'⟧)",
  "INSERT INTO users (id, ssn, name) VALUES (⟦1⟧, ⟦'2'⟧, ⟦'x'⟧), (⟦2⟧, ⟦'3'⟧, ⟦'y'⟧)",
  "INSERT INTO users VALUES (⟦1⟧, ⟦'x'⟧, ⟦'2'⟧, ⟦3⟧, ⟦'4'⟧)",
  "INSERT INTO users (ssn) SELECT ⟦'1'⟧",
  "DELETE FROM users WHERE ssn = ⟦'1'⟧",
  "EXPLAIN SELECT ⟦1⟧ FROM users WHERE ssn = ⟦'1'⟧",
  "PREPARE p AS SELECT 1 FROM users WHERE ssn = ⟦'1'⟧",
  "EXECUTE p (⟦'1'⟧, ⟦2⟧)",
  "DO ⟦$$ BEGIN PERFORM 1 FROM users WHERE ssn = '1'; END $$⟧",
  "DO LANGUAGE plpgsql ⟦'BEGIN NULL; END'⟧",
  "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS ⟦'SELECT 1'⟧",
  "CREATE TABLE c AS SELECT 1 FROM users WHERE ssn = ⟦'1'⟧",
  "SELECT id INTO TEMP c FROM users WHERE ssn = ⟦'1'⟧ AND id = 2",
  "UPDATE c SET salary = 1 WHERE note = 'x' AND ssn = ⟦'2'⟧",
  "CREATE TEMP TABLE x (a text DEFAULT 'a' CHECK (a <> 'b'))",
  "SELECT id FROM orders WHERE status = 'open' AND id = 4",
  "SELECT 1; SELECT ⟦'é'⟧ = ssn FROM users; SELECT 'plain'",
  "SELECT id FROM users u WHERE u::text LIKE ⟦'%P%'⟧ AND u.id = 4",
  "SELECT id FROM users u WHERE to_jsonb(u)->>⟦'ssn'⟧ = ⟦'P'⟧",
  "SELECT id FROM users u WHERE row_to_json(u)::text ~ ⟦'P'⟧",
  "SELECT id FROM users WHERE users = ROW(⟦1⟧, ⟦'P'⟧)",
  "SELECT id FROM users u WHERE u.to_jsonb->>⟦'ssn'⟧ = ⟦'P'⟧",
  "SELECT id, 1 AS to_jsonb FROM users u WHERE u.to_jsonb->>⟦'ssn'⟧ = ⟦'P'⟧",
  "SELECT 1 FROM (SELECT u FROM users u) s WHERE s::text LIKE ⟦'P'⟧",
  "SELECT 1 FROM (SELECT u FROM users u) s WHERE s.u::text LIKE ⟦'P'⟧",
  "SELECT 1 FROM (SELECT * FROM users) s WHERE s.to_json::text LIKE ⟦'P'⟧",
  "WITH c AS (SELECT * FROM users) SELECT 1 FROM c WHERE c::text LIKE ⟦'P'⟧ AND c.id = 3",
  "SELECT id FROM users u WHERE u::text LIKE $1 $1",
  "SELECT 1 FROM users u, LATERAL (SELECT u.to_jsonb) l WHERE to_jsonb->>⟦'ssn'⟧ = ⟦'P'⟧",
  "SELECT 1 FROM (SELECT upper(ssn) FROM users) s WHERE upper = ⟦'P'⟧ AND 5 = 5",
  "SELECT ⟦1⟧ FROM users u, jsonb_each_text(to_jsonb(u)) kv WHERE value = ⟦'P'⟧",
  "SELECT ⟦1⟧ FROM (VALUES ((SELECT ssn FROM users LIMIT ⟦1⟧))) v WHERE column1 = ⟦'P'⟧",
  "SELECT ⟦1⟧ FROM (SELECT status AS s FROM orders UNION SELECT ssn FROM users) x WHERE x.s = ⟦'P'⟧",
  "SELECT nowhere.f(⟦'P'⟧)",
  "SELECT 1 FROM nowhere WHERE ssn = ⟦'P'⟧ AND x = 'Q'",
  "SELECT ⟦1⟧ FROM nowhere.y WHERE x = ⟦'P'⟧",
  "SELECT id FROM nowhere.y WHERE x = $2 $2",
  "SELECT total FROM orders o WHERE o.id = 5 AND o.status = 'open'; COMMENT ON TABLE users IS ⟦'P'⟧",
  "SET search_path = ⟦'P'⟧",
  "⟦SELECT 'x FROM⟧",
];

/** Where values may be assigned to masked columns, so that the statement runs. */
const ASSIGNED: readonly string[] = [
  "UPDATE users SET ssn = ⟦'1'⟧, name = 'x' WHERE id = 3",
  "UPDATE users SET ssn = upper(⟦'1'⟧ || $1), name = $2 $1",
  "UPDATE users SET (name, ssn) = (⟦'x'⟧, ⟦'1'⟧) WHERE id = 3",
  "UPDATE users SET ssn = v.s FROM (VALUES (⟦1⟧, ⟦'P'⟧)) v(i, s) WHERE v.i = id AND name = ⟦'n'⟧",
  "UPDATE users SET ssn = (SELECT ⟦'P'⟧) WHERE id = ⟦3⟧",
  "UPDATE users SET ssn = status FROM orders WHERE orders.id = ⟦4⟧",
  "WITH v AS (SELECT ⟦'P'⟧ AS s) UPDATE users SET ssn = s FROM v WHERE id = ⟦1⟧",
  "INSERT INTO users (id, ssn, name) VALUES (1, ⟦'2'⟧, 'x'), (2, ⟦'3'⟧, 'y')",
  "INSERT INTO users (id, ssn) VALUES ($1, $2) $2",
  "INSERT INTO users VALUES (1, 'x', ⟦'2'⟧, ⟦3⟧)",
  "INSERT INTO users (id, ssn) SELECT ⟦1⟧, ⟦'2'⟧",
  'INSERT INTO users (id, ssn) SELECT ⟦1⟧, x FROM json_to_recordset(⟦\'[{"x": "P"}]\'⟧) AS r(x text)',
  "INSERT INTO users (id, ssn) VALUES (1, (SELECT ⟦'P'⟧))".replace("(1,", "(⟦1⟧,"),
  "INSERT INTO users (id, ssn, name) VALUES (1, ⟦'2'⟧, 'x') ON CONFLICT (id) DO UPDATE SET ssn = excluded.ssn, name = 'y'",
  "INSERT INTO users (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET ssn = ⟦'P'⟧, name = 'y'",
  "INSERT INTO users (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = 'y'",
  "INSERT INTO users (id, name, ssn) VALUES (1, 'x', DEFAULT) RETURNING *",
  "MERGE INTO users u USING (VALUES (⟦1⟧, ⟦'P'⟧)) v(i, s) ON u.id = i WHEN MATCHED THEN UPDATE SET ssn = s",
  "MERGE INTO users u USING orders o ON u.id = o.id WHEN NOT MATCHED THEN INSERT (id, ssn) VALUES (o.id, ⟦'P'⟧)",
  "MERGE INTO users u USING orders o ON u.id = o.id AND o.id = 5 WHEN MATCHED THEN UPDATE SET name = 'x'",
  "UPDATE users SET name = 'x' WHERE id = 1 RETURNING ssn || ⟦'y'⟧, name || 'z'",
  "UPDATE orders SET status = 'x' FROM users u WHERE u.ssn = ⟦'P'⟧ AND orders.id = 5",
];

const ANYBODY: readonly string[] = [
  "CREATE ROLE r LOGIN PASSWORD ⟦'not-a-real-one'⟧",
  "CREATE USER r ENCRYPTED PASSWORD ⟦E'a\\'b'⟧ VALID UNTIL '2030-01-01'",
  "ALTER ROLE r PASSWORD ⟦$x$secret$x$⟧",
  "ALTER USER r WITH PASSWORD NULL",
  "CREATE USER MAPPING FOR r SERVER s OPTIONS (user 'u', password ⟦'p'⟧)",
  "ALTER USER MAPPING FOR r SERVER s OPTIONS (SET password ⟦'p'⟧)",
  "CREATE SUBSCRIPTION s CONNECTION ⟦'host=h password=p'⟧ PUBLICATION p",
  "ALTER SUBSCRIPTION s CONNECTION ⟦'password=p'⟧",
  "ALTER SUBSCRIPTION s CONNECTION ⟦'password=p'⟧; ALTER SUBSCRIPTION u CONNECTION ⟦'password=q'⟧",
  "SELECT 1 AS connection, 'x'; ALTER SUBSCRIPTION s DISABLE; ALTER SUBSCRIPTION u CONNECTION ⟦'password=q'⟧; SELECT 'connection'",
  "ALTER ROLE r PASSWORD ⟦'x'⟧ NOSUCH ⟦'y'⟧",
  "ALTER ROLE r PASSWORD ⟦'unterminated⟧",
  "SELECT 'nothing', ssn FROM users WHERE ssn = '917-44-2051'",
];

describe("sensitive literals", () => {
  for (const expected of MASKED) {
    test(`under a mask: ${expected}`, () => {
      const sql = expected.replaceAll(/[⟦⟧]/g, "").replace(/((?:id = \$2|LIKE \$1|x = \$2)) \$\d$/, "$1");
      assert.equal(marked(sql, view), expected);
    });
  }

  for (const expected of ASSIGNED) {
    test(`where values may be assigned: ${expected}`, () => {
      const sql = expected.replaceAll(/[⟦⟧]/g, "").replace(/((?:name = \$2|\(\$1, \$2\))) \$\d$/, "$1");
      assert.equal(marked(sql, assigning), expected);
      assert.ok(analyse(sql, assigning).facts.kind === "parsed");
    });
  }

  test("data copied in are sensitive where they go to a masked column, or to what is not known", () => {
    const copies = (sql: string, within: MaskingView | null = assigning) => analyse(sql, within).sensitive.copy;
    assert.deepEqual(
      ["COPY users FROM STDIN", "COPY users (id, ssn) FROM STDIN", "COPY nowhere FROM STDIN", "COPY users FROM STDN"].map((sql) =>
        copies(sql),
      ),
      [true, true, true, true],
    );
    assert.deepEqual(
      ["COPY users (id, name) FROM STDIN", "COPY orders FROM STDIN", "COPY users TO STDOUT", "SELECT 1"].map((sql) => copies(sql)),
      [false, false, false, false],
    );
    assert.equal(copies("COPY users FROM STDIN", null), false);
  });

  for (const expected of ANYBODY) {
    test(`for anybody: ${expected}`, () => assert.equal(marked(expected.replaceAll(/[⟦⟧]/g, ""), null), expected));
  }

  test("the ranges of the rewritten text hold the same literals", () => {
    const { rewritten } = analyse("SELECT u.id FROM public.users u, public.users WHERE u.ssn = '1' AND public.users.ssn <> 'é2'", view);
    assert.ok(rewritten);
    assert.deepEqual(
      rewritten.sensitive.map(({ start, end }) => rewritten.sql.slice(start, end)),
      ["'1'", "'é2'"],
    );
  });
});
