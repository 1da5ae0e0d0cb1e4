/** Guards in whatever form a change is written; and what is called a truth is held against a real server. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import type pg from "pg";
import { statementsOf } from "#protocols/sql/postgres/effects.ts";
import { loadGrammar, parseText } from "#protocols/sql/postgres/grammar.ts";
import { type Truth, truthOf } from "#protocols/sql/postgres/tautology.ts";
import { nodeOf } from "#protocols/sql/postgres/tree.ts";
import { CONDITIONS, kindsIn, NO_CONDITION } from "#test/protocols/sql/postgres/guarded.ts";
import { fuzzing } from "#test/support/fuzz.ts";
import { connectPostgres, startPostgres, type TestPostgres } from "#test/support/postgres.ts";

before(() => loadGrammar());

const change = fc.constantFrom(
  "delete from big",
  "update big set a = 1",
  "delete from only public.big as big",
  "update big set (a, b) = (1, 2)",
);
const tautology = fc.constantFrom(...NO_CONDITION);
const condition = fc.constantFrom(...CONDITIONS.filter((one) => !one.startsWith("current")));
const wrapping = fc.constantFrom(
  (sql: string) => `with w as (${sql} returning 1) select * from w`,
  (sql: string) => `with v as (select 1), w as materialized (${sql}) select * from v`,
  (sql: string) => `explain analyze ${sql}`,
  (sql: string) => `explain (verbose, analyze true) ${sql}`,
  (sql: string) => `prepare p as ${sql}`,
  (sql: string) => `copy (${sql} returning 1) to stdout`,
  (sql: string) => `insert into small with w as (${sql} returning id) select id, id, id from w`,
  (sql: string) => `  ${sql} /* where id = 1 */ ;`,
);

describe("however a change is written", () => {
  test("a condition that names the key clears it, whatever stands beside it", () => {
    fc.assert(
      fc.property(change, fc.array(tautology, { maxLength: 3 }), fc.nat({ max: 3 }), (sql, others, place) => {
        const where = [...others.slice(0, place), "big.id = $1", ...others.slice(place)].map((one) => `(${one})`).join(" and ");
        assert.deepEqual(kindsIn(`${sql} where ${where}`), []);
      }),
      fuzzing(300),
    );
  });

  test("conditions that hold for every row, joined by AND or OR, are none", () => {
    fc.assert(
      fc.property(change, fc.array(tautology, { minLength: 1, maxLength: 4 }), fc.constantFrom("and", "or"), (sql, conditions, join) => {
        const joined = conditions.map((one) => `(${one})`).join(` ${join} `);
        assert.equal(kindsIn(`${sql} where ${joined}`).length, 1, joined);
      }),
      fuzzing(300),
    );
  });

  test("one true arm of an OR makes it none", () => {
    const arms = fc.constantFrom("true", "1 = 1", "id = id", "not false", "a is null or a is not null", "exists (select 1)");
    fc.assert(
      fc.property(change, condition, arms, (sql, one, arm) => {
        assert.equal(kindsIn(`${sql} where (${one}) or (${arm})`).length, 1, `${one} or ${arm}`);
      }),
      fuzzing(200),
    );
  });

  test("no wrapping hides it, and none invents one", () => {
    fc.assert(
      fc.property(change, fc.option(fc.oneof(tautology, condition)), wrapping, (sql, where, wrap) => {
        const plain = where === null ? sql : `${sql} where ${where}`;
        assert.deepEqual(kindsIn(wrap(plain)), kindsIn(plain), wrap(plain));
      }),
      fuzzing(300),
    );
  });
});

/** As a condition of `DELETE FROM t`, without a catalogue. */
function truth(condition: string): Truth {
  const sql = `select 1 where ${condition}`;
  const parsed = parseText(sql);
  const [statement] = (parsed.kind === "tree" ? statementsOf(parsed.tree, (byte) => byte, sql.length) : undefined) ?? [];
  const where = statement === undefined ? undefined : nodeOf(statement.type, statement.body, "whereClause");
  assert.ok(where !== undefined, sql);
  return truthOf(where, { key: (ref) => JSON.stringify(ref["fields"]), neverNull: () => false });
}

/** Two columns of a table that holds small numbers, none of them NULL, and expressions over them. */
const number = fc.oneof(fc.constantFrom("a", "b", "(a + b)", "a::bigint"), fc.integer({ min: -2, max: 2 }).map(String));
const words = fc.oneof(fc.constantFrom("c", "lower(c)"), fc.constantFrom("'x'", "'%'", "''", "'.*'", "'x'::text"));
const leaf = fc.oneof(
  fc.constantFrom("true", "false", "'t'::bool", "exists (select 1)", "(a is null)", "(a is not null)", "(null is null)"),
  fc
    .tuple(number, fc.constantFrom("=", "<>", "<", "<=", ">", ">=", "is distinct from", "is not distinct from"), number)
    .map((parts) => parts.join(" ")),
  fc
    .tuple(words, fc.constantFrom("=", "<>", "<", "like", "not like", "ilike", "~", "!~", "is not distinct from"), words)
    .map((parts) => parts.join(" ")),
  fc
    .tuple(number, fc.constantFrom("in", "not in"), fc.array(number, { minLength: 1, maxLength: 3 }))
    .map(([one, how, list]) => `${one} ${how} (${list.join(", ")})`),
  fc
    .tuple(number, fc.constantFrom("= any", "<> any", "= all", "<> all"), fc.array(number, { maxLength: 2 }))
    .map(([one, how, list]) => `${one} ${how} (array[${list.join(", ")}]::bigint[])`),
  fc
    .tuple(number, fc.constantFrom("between", "not between", "between symmetric"), number, number)
    .map(([one, how, from, to]) => `${one} ${how} ${from} and ${to}`),
);
const { condition: random } = fc.letrec<{ condition: string }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 4, depthIdentifier: "condition" },
    leaf,
    fc
      .tuple(tie("condition"), fc.constantFrom("and", "or", "="), tie("condition"))
      .map(([one, how, other]) => `((${one}) ${how} (${other}))`),
    fc
      .tuple(tie("condition"), fc.constantFrom("is true", "is not true", "is false", "is not false", "is unknown", "is not null"))
      .map(([one, how]) => `((${one}) ${how})`),
    tie("condition").map((one) => `(not (${one}))`),
    tie("condition").map((one) => `((${one}) or not (${one}))`),
    fc.tuple(tie("condition"), tie("condition")).map(([one, other]) => `(case when ${one} then ${other} else ${other} end)`),
    fc.tuple(tie("condition"), tie("condition")).map(([one, other]) => `coalesce((${one}), (${other}))`),
  ),
}));

describe("what the text of a condition is said to show", () => {
  let server: TestPostgres;
  let client: pg.Client;
  before(async () => {
    server = await startPostgres();
    client = await connectPostgres(server);
    await client.query(
      "create table t (a int, b int, c text); insert into t select x, y, z from generate_series(-2, 2) x, generate_series(-2, 2) y, unnest('{x,%,q}'::text[]) z",
    );
  });
  after(async () => {
    await client?.end();
    await server?.stop();
  });

  test("is so for every row of a real server, where nothing is NULL", async () => {
    let said = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(random, { minLength: 20, maxLength: 20 }), async (conditions) => {
        const told = conditions.map((one) => ({ one, said: truth(one) })).filter((entry) => entry.said !== undefined);
        if (told.length === 0) return;
        said += told.length;
        const { rows } = await client.query<{ found: readonly (boolean | null)[] }>(
          `select distinct array[${told.map(({ one }) => `(${one})::boolean`).join(", ")}] as found from t`,
        );
        for (const { found } of rows) {
          for (const [index, value] of found.entries()) {
            const entry = told[index];
            assert.equal(value === true, entry?.said === true, `${entry?.one} is said to be ${entry?.said} and was ${value}`);
          }
        }
      }),
      fuzzing(60),
    );
    assert.ok(said > 100, "hardly anything was said; the test shows nothing");
  });
});
