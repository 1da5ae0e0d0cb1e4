/**
 * The strongest thing that can be asked of masking: a statement that was rewritten is answered, on the true data, as
 * the same statement is answered where every protected cell was replaced by its mask beforehand. Whatever it computes,
 * compares, joins, groups or sorts by, it does so with masked values, and nothing else of it has changed.
 *
 * Left out is what says nothing about that: the names of fields in a whole row of a table whose columns are renamed in
 * FROM (a subquery has the new ones), and answers that the server may give as it likes.
 *
 * `FUZZ_RUNS=20000 node --test …` tries so many queries on each version.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { loadGrammar } from "#protocols/sql/postgres/grammar.ts";
import { Choices, choices } from "#test/protocols/sql/postgres/lineage/choices.ts";
import { makeQuery } from "#test/protocols/sql/postgres/lineage/query-maker.ts";
import { MASKED_TABLES } from "#test/protocols/sql/postgres/lineage/schema.ts";
import { atMost, fuzzing } from "#test/support/fuzz.ts";
import { startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import { BENIGN, LEFT_OUT } from "./benign.ts";
import { askTwins } from "./twin-answers.ts";
import { makeTwins, type Twins } from "./twins.ts";

const RUNS = 250;
const CHOICES_MAX = 140;
/** Of all queries that are answered in time, about so many may be none to the server, or none to the gateway. */
const FAILED_SHARE = 0.08;
const DENIED_SHARE = 0.004;
/** Most queries take some milliseconds; where many take longer than they may, it is the machine. */
const TIRED_MAX = 0.5;

/** By hand: each way that values of a masked column take through a query, with types that masks treat differently. */
const BY_HAND: readonly string[] = [
  "SELECT id, ssn, email, code, pin, salary, born, seen, details, photo, token, tags, mood, address, zip, bio, tail, origin FROM users ORDER BY id",
  "SELECT u FROM users u ORDER BY id",
  "SELECT count(*), count(DISTINCT ssn), min(email), max(born), sum(salary), avg(pin), array_agg(code ORDER BY id), bool_or(ssn LIKE '9%') FROM users",
  "SELECT email, count(*), string_agg(name, ',' ORDER BY name) FROM users GROUP BY email ORDER BY 1",
  "SELECT a.id, b.id FROM users a JOIN users b ON a.ssn = b.ssn ORDER BY 1, 2",
  "SELECT a.id, b.id FROM users a FULL JOIN badges b ON a.ssn = b.ssn_ref ORDER BY 1, 2",
  "SELECT id FROM users NATURAL JOIN people ORDER BY 1",
  "SELECT id, rank() OVER (ORDER BY born), lag(bio) OVER (ORDER BY id), sum(salary) OVER (PARTITION BY ssn) FROM users ORDER BY id",
  "SELECT id, tags[1], array_length(tags, 1), details ->> 'k', (address).street, mood = 'fine', zip || '', code || '|' FROM users ORDER BY id",
  "SELECT id FROM users ORDER BY ssn, email, born DESC, id",
  "SELECT DISTINCT ON (ssn) ssn, id FROM users ORDER BY ssn, id DESC",
  "SELECT card, right(card, 4), length(card), card LIKE '%78', count(*) OVER () FROM payments ORDER BY id",
  "SELECT secret, region FROM events UNION SELECT ssn, 'x' FROM people ORDER BY 1, 2",
  'SELECT "S S N" FROM "Back Office"."User ""Data""" INTERSECT SELECT ssn FROM users',
  "WITH RECURSIVE c(a, b) AS (SELECT ssn::text, email FROM users UNION SELECT b, a FROM c) SELECT * FROM c ORDER BY 1, 2",
  "SELECT u.id, t.v FROM users u LEFT JOIN LATERAL unnest(u.tags) AS t(v) ON true ORDER BY 1, 2",
  "SELECT to_jsonb(u) - 'id' FROM users u ORDER BY id",
  "SELECT id, CASE WHEN ssn LIKE '9%' THEN 'nine' WHEN pin > 5 THEN 'five' WHEN salary IS NULL THEN 'none' END FROM users ORDER BY id",
  "SELECT date_part('year', born), date_part('month', seen AT TIME ZONE 'UTC'), age(born, born) FROM users ORDER BY id",
  "SELECT u.id, u.name, u.email, u.details FROM users u JOIN orders o ON o.user_id = u.id GROUP BY u.id ORDER BY u.id",
  "SELECT * FROM v_rich",
  "SELECT * FROM v_exists",
  "SELECT * FROM v_top",
  "SELECT id, masked_rank, masked_ssn FROM v_window ORDER BY id",
  "SELECT * FROM v_cte ORDER BY id",
  "SELECT * FROM v_lateral ORDER BY id",
  "SELECT * FROM v_union ORDER BY id, masked_ssn",
  "SELECT (masked_row).ssn, (masked_row).email FROM v_row ORDER BY id",
  "SELECT * FROM v_copy ORDER BY id",
  "SELECT * FROM m_copy ORDER BY id",
  "SELECT * FROM m_again ORDER BY id",
  "SELECT masked_ssn::int FROM v_barrier",
  "SELECT ssn::int FROM users",
  "SELECT 1 / (pin - pin) FROM users",
];

for (const version of [18, 15] as const) {
  describe(`rewritten on true values, as it is on masked ones: PostgreSQL ${version}`, () => {
    let server: TestPostgres;
    let twins: Twins;

    before(async () => {
      await loadGrammar();
      server = await startPostgres({ version });
      twins = await makeTwins(server);
    });
    after(async () => {
      await twins.end();
      await server.stop();
    });

    // The twins' schemas differ: constraints that masked values would break are gone from one.
    const isData = (sql: string) =>
      sql.startsWith("SELECT") && !/pg_|information_schema/.test(sql) && !LEFT_OUT.some((some) => some.test(sql));
    for (const sql of [...BY_HAND, ...BENIGN.filter(isData)]) {
      test(sql, async () => {
        const answer = await askTwins(twins, { sql, ordered: sql.includes("ORDER BY") });
        const failing = /ssn::int|1\/0|nothing/.test(sql);
        assert.equal(answer.kind, failing ? "failed" : "same", JSON.stringify(answer));
      });
    }

    test("without rewriting, both would answer differently: the comparison can fail", async () => {
      const [one, two] = [await twins.raw.query("SELECT ssn FROM users"), await twins.masked.query("SELECT ssn FROM users")];
      assert.notDeepEqual(one.rows, two.rows);
    });

    test("queries made at random", async (t) => {
      for (const client of [twins.raw, twins.masked]) await client.query("SET statement_timeout = 1000");
      const count = { same: 0, failed: 0, denied: 0, different: 0, tired: 0 };
      await fc.assert(
        fc.asyncProperty(choices(CHOICES_MAX), async (numbers) => {
          const query = makeQuery(new Choices(numbers), MASKED_TABLES, true);
          const answer = await askTwins(twins, query);
          count[answer.kind] += 1;
          assert.ok(answer.kind !== "different", answer.kind === "different" ? `${query.sql}\nsent: ${answer.sent}\n${answer.why}` : "");
        }),
        fuzzing(RUNS),
      );
      const all = count.same + count.failed + count.denied;
      t.diagnostic(
        `${all} queries: ${count.same} answered alike, ${count.failed} fail either way, ${count.denied} denied; ${count.tired} take too long`,
      );
      assert.ok(count.failed < atMost(FAILED_SHARE, all) && count.denied < atMost(DENIED_SHARE, all), JSON.stringify(count));
      assert.ok(count.tired / (all + count.tired) < TIRED_MAX, JSON.stringify(count));
    });
  });
}
