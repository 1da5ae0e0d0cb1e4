/** Of each output column the base columns it derives from, with the masks on these; and all that a statement reads. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { loadGrammar } from "#protocols/sql/postgres/grammar.ts";
import { traceColumns } from "#protocols/sql/postgres/trace.ts";
import type { TracedOrigin } from "#protocols/sql/traced.ts";
import { smallView } from "./small-view.ts";

const words = (origins: readonly TracedOrigin[]) =>
  origins.map(({ table, column, mask }) => `${table}.${column}${mask === null ? "" : ` ${mask.rule}:${mask.kind}`}`).join(", ");

function traced(sql: string) {
  const view = smallView();
  const [statement] = traceColumns(sql, view.catalogue, view) ?? [];
  assert.ok(statement !== undefined);
  const outputs = statement.outputs?.map(
    ({ name, origins, direct, masked, vague }) =>
      `${name}${direct ? " is" : " from"} ${words(origins)}${vague ? " and more" : ""}${masked ? " (masked)" : ""}`,
  );
  return { outputs: outputs ?? null, reads: words(statement.reads) };
}

describe("trace of columns", () => {
  before(loadGrammar);

  const cases: Readonly<Record<string, readonly string[] | null>> = {
    "SELECT id, ssn AS n FROM users": ["id is users.id", "n is users.ssn pii:redact (masked)"],
    "SELECT id + salary AS x FROM users": ["x from users.id, users.salary pay:null (masked)"],
    "SELECT ssn::text, (name) FROM users": ["ssn from users.ssn pii:redact (masked)", "name is users.name"],
    "SELECT * FROM orders": ["id is orders.id", "user_id is orders.user_id", "total is orders.total", "status is orders.status"],
    "WITH c(a) AS (SELECT ssn FROM users) SELECT a, a || 'x' AS b FROM c": [
      "a is users.ssn pii:redact (masked)",
      "b from users.ssn pii:redact (masked)",
    ],
    "SELECT name FROM users UNION SELECT status FROM orders": ["name from orders.status, users.name"],
    "SELECT (SELECT max(total) FROM orders o WHERE o.user_id = u.id) AS m FROM users u": ["m from orders.total"],
    "SELECT count(*) AS n, 1 AS one FROM users": ["n from ", "one from "],
    "VALUES (1, 'x')": ["column1 from ", "column2 from "],
    "SELECT * FROM nowhere": null,
    "UPDATE orders SET total = 1 RETURNING status": ["status is orders.status"],
    "DELETE FROM orders": [],
    "EXPLAIN SELECT id FROM users": ["id is users.id"],
    "SET statement_timeout = 1": [],
  };
  for (const [sql, expected] of Object.entries(cases)) {
    test(sql, () => assert.deepEqual(traced(sql).outputs, expected));
  }

  const reading: Readonly<Record<string, string>> = {
    "SELECT 1 FROM users WHERE ssn = 'x' ORDER BY name": "users.name, users.ssn pii:redact",
    "SELECT 1 FROM users u JOIN orders o ON o.user_id = u.id": "orders.user_id, users.id",
    "SELECT 1 FROM users u JOIN orders o USING (id)": "orders.id, users.id",
    "SELECT 1 FROM users NATURAL JOIN orders": "orders.id, users.id",
    "SELECT o FROM orders o": "orders.id, orders.status, orders.total, orders.user_id",
    "SELECT count(*) FROM users": "",
    "SELECT sum(total) OVER (PARTITION BY user_id ORDER BY id) FROM orders": "orders.id, orders.total, orders.user_id",
    "SELECT 1 FROM users GROUP BY name HAVING max(id) > 1": "users.id, users.name",
    "SELECT 1 FROM users WHERE EXISTS (SELECT FROM orders WHERE total > salary)": "orders.total, users.salary pay:null",
  };
  for (const [sql, expected] of Object.entries(reading)) {
    test(`reads of ${sql}`, () => assert.equal(traced(sql).reads, expected));
  }

  test("a text that does not parse has none", () => {
    const view = smallView();
    assert.equal(traceColumns("SELEC 1", view.catalogue, view), undefined);
  });

  test("under no mask nothing is masked", () => {
    const [statement] = traceColumns("SELECT ssn FROM users", smallView().catalogue, null) ?? [];
    assert.deepEqual(statement?.outputs, [
      {
        name: "ssn",
        origins: [{ schema: "public", table: "users", column: "ssn", mask: null }],
        direct: true,
        masked: false,
        vague: false,
      },
    ]);
  });
});
