/** Reads without a bound and sources that nothing connects, in MySQL texts. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { analyse } from "#protocols/sql/mysql/analyse.ts";
import { loadGrammar } from "#protocols/sql/mysql/grammar.ts";
import { DEFAULT_SQL_MODE } from "#protocols/sql/mysql/sql-mode.ts";

const SIZES: Readonly<Record<string, number>> = { events: 5_000, users: 100, huge: 90_000 };
const sizeOf = (_database: string | null, name: string): number | null => SIZES[name.toLowerCase()] ?? null;

function told(sql: string): readonly string[] | null {
  const { facts } = analyse(sql, { sqlMode: DEFAULT_SQL_MODE, executes: null, sizeOf });
  if (facts.kind === "unparsed") return null;
  return facts.statements.flatMap(({ guards }) =>
    guards.map(({ kind, relation, rows }) => `${kind} ${relation}${rows === null ? "" : ` ${rows}`}`),
  );
}

describe("reads of MySQL statements", () => {
  before(loadGrammar);

  test("of large relations without LIMIT, condition or aggregate are told with their size", () => {
    for (const sql of [
      "SELECT * FROM events",
      "SELECT id, at FROM app.events AS e",
      "TABLE events",
      "(SELECT * FROM events)",
      "SELECT * FROM events WHERE 1 = 1",
      "SELECT * FROM events WHERE events.id = events.id",
      "SELECT * FROM events LIMIT 5000",
      "SELECT DISTINCT user_id FROM events",
      "SELECT user_id, COUNT(*) FROM events GROUP BY user_id",
      "SELECT GROUP_CONCAT(id) FROM events",
      "SELECT COUNT(*) OVER () FROM events",
      "SELECT * FROM (SELECT * FROM events) x",
      "WITH e AS (SELECT * FROM events) SELECT * FROM e",
      "SELECT id FROM users WHERE id = 1 UNION ALL SELECT id FROM events",
      "SELECT * FROM events e JOIN users u ON u.id = e.user_id",
      "SELECT * FROM users u LEFT JOIN events e USING (id)",
      "EXPLAIN ANALYZE SELECT * FROM events",
    ]) {
      assert.ok(
        told(sql)?.some((one) => /^unlimited-select (app\.)?events 5000$/.test(one)),
        sql,
      );
    }
    assert.deepEqual(told("SELECT * FROM events, huge"), ["unlimited-select huge 90000", "cross-join huge"]);
  });

  test("that are bounded are not", () => {
    for (const sql of [
      "SELECT * FROM events LIMIT 10",
      "SELECT * FROM events LIMIT 3, 10",
      "SELECT * FROM events WHERE id = 1",
      "SELECT * FROM events WHERE user_id IN (SELECT id FROM users WHERE name = 'x')",
      "SELECT COUNT(*), MAX(id) FROM events",
      "SELECT * FROM (SELECT * FROM events LIMIT 3) x",
      "WITH e AS (SELECT COUNT(*) AS n FROM events) SELECT * FROM e",
      "SELECT * FROM events e JOIN users u ON u.id = e.user_id WHERE u.name = 'x'",
      "SELECT * FROM events WHERE FALSE",
      "SELECT * FROM nothing_known",
      "INSERT INTO copy SELECT * FROM events",
      "CREATE TABLE copy AS SELECT * FROM events",
      "EXPLAIN SELECT * FROM events",
      "SELECT id FROM users WHERE EXISTS (SELECT * FROM events)",
      "SELECT 1",
    ]) {
      assert.ok(
        told(sql)?.every((one) => !one.includes("events")),
        `${sql}: ${told(sql)}`,
      );
    }
  });

  test("with sources that nothing connects are told, wherever they stand", () => {
    for (const sql of [
      "SELECT COUNT(*) FROM users u, events e",
      "SELECT COUNT(*) FROM users u JOIN events e",
      "SELECT COUNT(*) FROM users u CROSS JOIN events e",
      "SELECT COUNT(*) FROM users u JOIN events e ON 1 = 1",
      "SELECT COUNT(*) FROM users u JOIN events e ON u.id = u.id",
      "SELECT COUNT(*) FROM users u, events e WHERE e.id > 5",
      "SELECT 1 FROM users WHERE id IN (SELECT a.id FROM users a, events e)",
      "INSERT INTO copy SELECT u.id FROM users u, events e",
      "WITH c AS (SELECT u.id FROM users u, events e LIMIT 5) SELECT COUNT(*) FROM c",
    ]) {
      assert.ok(
        told(sql)?.some((one) => one.startsWith("cross-join")),
        sql,
      );
    }
  });

  test("with sources that belong together pass", () => {
    for (const sql of [
      "SELECT COUNT(*) FROM users u JOIN events e ON e.user_id = u.id",
      "SELECT COUNT(*) FROM users u, events e WHERE e.user_id = u.id",
      "SELECT COUNT(*) FROM users u JOIN events e USING (id)",
      "SELECT COUNT(*) FROM users NATURAL JOIN events",
      "SELECT COUNT(*) FROM users, events WHERE user_id = uid",
      "SELECT COUNT(*) FROM a JOIN b ON b.x = a.x JOIN c ON c.y = b.y",
      "SELECT COUNT(*) FROM users u, (SELECT MAX(id) AS m FROM events) x",
      "SELECT COUNT(*) FROM users u, (SELECT id FROM events LIMIT 1) x",
      "SELECT COUNT(*) FROM users u, LATERAL (SELECT * FROM events e WHERE e.user_id = u.id) x",
      "SELECT 1 FROM dual",
    ]) {
      assert.deepEqual(told(sql), [], sql);
    }
  });

  test("that are more than servers join count as apart and unbounded, and as many as that are looked at one by one", () => {
    const chained = (count: number) => `SELECT u1.id FROM users u1 ${chain(count)} WHERE u1.id = 1`;
    const chain = (count: number) =>
      Array.from({ length: count - 1 }, (_, index) => `JOIN events u${index + 2} ON u${index + 2}.id = u${index + 1}.id`).join(" ");
    assert.deepEqual(told(chained(61)), []);
    assert.deepEqual(told(chained(62)), ["unlimited-select events 5000", "cross-join events"]);
  });
});
