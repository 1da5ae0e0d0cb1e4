/** How often the writes of a statement are asked for while its references are read: as often as it is long, not as its square. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { analyse } from "#protocols/sql/postgres/analyse.ts";
import { statementsOf } from "#protocols/sql/postgres/effects.ts";
import { loadGrammar, parseText } from "#protocols/sql/postgres/grammar.ts";
import { lineageOf } from "#protocols/sql/postgres/lineage.ts";
import { lookupIn } from "#protocols/sql/postgres/lookup.ts";
import { offsetsOf } from "#protocols/sql/postgres/offsets.ts";
import { textOf } from "#protocols/sql/postgres/tree.ts";
import { maskedWrites, readsRaw, writtenReferences } from "#protocols/sql/postgres/written-references.ts";
import { smallView } from "./small-view.ts";

const TIMES = 8;
const SIZE = 50;

const many = (count: number, one: (index: number) => string, between = ", "): string =>
  Array.from({ length: count }, (_, index) => one(index)).join(between);

const FORMS: Readonly<Record<string, (count: number) => string>> = {
  "rows of an INSERT": (n) => `INSERT INTO users (id, name) VALUES ${many(n, (i) => `(${i}, 'n${i}')`)} RETURNING id`,
  "items of SET": (n) => `UPDATE users SET ${many(n, () => "name = users.name")} WHERE id = 1`,
  "items of SET in ON CONFLICT": (n) =>
    `INSERT INTO users (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET ${many(n, () => "name = excluded.name")}`,
  "conditions on masked columns": (n) => `DELETE FROM users WHERE ${many(n, (i) => `users.ssn = '${i}'`, " OR ")}`,
  "names that mean nothing": (n) => `UPDATE users SET name = 'x' WHERE ${many(n, (i) => `mystery${i} = 1`, " OR ")}`,
  "items of RETURNING": (n) => `UPDATE users SET name = 'x' RETURNING ${many(n, () => "users.ssn")}`,
  "writes in WITH": (n) =>
    `WITH ${many(n, (i) => `w${i} AS (UPDATE users SET name = 'x' WHERE users.id = ${i} RETURNING users.id)`)} SELECT 1`,
  "writes in WITH with names that mean nothing": (n) =>
    `WITH ${many(n, (i) => `w${i} AS (UPDATE users SET name = 'x' RETURNING mystery${i})`)} SELECT 1`,
  "clauses of MERGE": (n) =>
    `MERGE INTO users u USING orders o ON u.id = o.id ${many(n, (i) => `WHEN MATCHED AND u.id = ${i} THEN UPDATE SET name = o.status`, " ")}`,
};

const view = smallView();

/** Fields of writes that are read, from the statement's references and from those of the rewritten text. */
function reads(sql: string): number {
  const parsed = parseText(sql);
  assert.equal(parsed.kind, "tree", sql.slice(0, 100));
  const [statement] = (parsed.kind === "tree" ? statementsOf(parsed.tree, offsetsOf(sql).toIndex, sql.length) : undefined) ?? [];
  assert.ok(statement !== undefined);
  const lookup = lookupIn(view.catalogue);
  const lineage = lineageOf(statement, {
    find: (rangeVar) => lookup.relation(null, textOf(rangeVar, "relname")),
    maskedColumns: (oid) => new Set(view.protection.columns.get(oid)?.keys() ?? []),
    overloads: () => false,
    defined: () => undefined,
  });
  assert.ok(lineage !== undefined);
  let count = 0;
  const counted = maskedWrites(statement, view).map(
    (write) =>
      new Proxy(write, {
        get(target, field) {
          count += 1;
          return Reflect.get(target, field);
        },
      }),
  );
  assert.ok(counted.length > 0);
  writtenReferences(statement, counted, lineage);
  readsRaw(counted, lineage, () => true);
  return count;
}

describe("what a statement refers to of the rows that it writes", () => {
  before(loadGrammar);

  for (const [name, text] of Object.entries(FORMS)) {
    test(`is read in as many steps as the statement is long: ${name}`, () => {
      const [small, large] = [reads(text(SIZE)), reads(text(SIZE * TIMES))];
      assert.ok(large <= small * TIMES, `${small} reads of ${SIZE}, ${large} of ${TIMES} times as many`);
    });
  }

  test("a write inside a clause of another, which the server takes nowhere, is refused before it is looked through again and again", () => {
    const nested = (depth: number) =>
      `${"UPDATE users SET name = 'x' WHERE EXISTS (WITH w AS (".repeat(depth)}DELETE FROM users${") SELECT 1)".repeat(depth)}`;
    for (const sql of [nested(1), nested(40), "DELETE FROM users WHERE id IN (WITH w AS (UPDATE users SET id = 2 RETURNING id) TABLE w)"]) {
      const { facts } = analyse(sql, view);
      const masking = facts.kind === "parsed" ? facts.statements[0]?.masking : undefined;
      assert.match(masking?.kind === "obstacle" ? masking.obstacle.message : "", /a write in WITH may stand only at the top/);
    }
    assert.ok(reads(nested(40)) < 10 * reads(nested(10)));
  });
});
