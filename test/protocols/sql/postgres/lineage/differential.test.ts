/**
 * The resolver against real servers: of every query, the columns that it says are read and shown are those that the
 * server itself resolves. Compared exactly, as far as the server records it. The exceptions, each stated where it is made:
 * - whole rows taken as one value: pg_depend names no column of them, the resolver's `rows` all (a field taken of one
 *   that a subquery hands on is recorded, and lies in `rows`);
 * - relations of the server's bootstrap: pg_depend names none of their columns, but the stored tree has their outputs;
 * - columns merged by an inner join of two types: the server takes the side whose type fits, the resolver both;
 * - a cast to the type that a column has anyway: to the server no cast, so that it goes on naming the column;
 * - what the resolver says it can't tell: counted, and to be rare.
 *
 * `FUZZ_RUNS=50000 node --test …` tries so many queries on each version.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import type pg from "pg";
import type { Catalogue } from "#protocols/sql/catalogue.ts";
import { loadGrammar } from "#protocols/sql/postgres/grammar.ts";
import { REWRITTEN, UNTOUCHED } from "#test/protocols/sql/postgres/corpus/benign.ts";
import { viewOf } from "#test/protocols/sql/postgres/corpus/client.ts";
import { SEED } from "#test/protocols/sql/postgres/corpus/seed.ts";
import { atMost, fuzzing } from "#test/support/fuzz.ts";
import { connectPostgres, startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import { Choices, choices } from "./choices.ts";
import { compare } from "./compared.ts";
import { FOUND } from "./found.ts";
import { makeQuery } from "./query-maker.ts";
import { TABLES } from "./schema.ts";

const RUNS = 300;
/** How many numbers decide one query. */
const CHOICES_MAX = 160;
/** Of all queries made, about so many may be none to the server, or not to be told to the resolver. */
const REFUSED_SHARE = 0.085;
const VAGUE_SHARE = 0.03;

const isQuery = (sql: string) => /^(SELECT|WITH|TABLE|VALUES)\b/.test(sql) && !/;\s/.test(sql) && !/\b(DELETE|INSERT|UPDATE)\b/.test(sql);

for (const version of [18, 15] as const) {
  describe(`columns as PostgreSQL ${version} resolves them`, () => {
    let server: TestPostgres;
    let client: pg.Client;
    let catalogue: Catalogue;

    before(async () => {
      await loadGrammar();
      server = await startPostgres({ version });
      client = await connectPostgres(server);
      await client.query(SEED);
      ({ catalogue } = await viewOf(client));
    });
    after(async () => {
      await client.end();
      await server.stop();
    });

    for (const sql of [...REWRITTEN, ...UNTOUCHED].filter(isQuery)) {
      test(sql, async () => {
        const result = await compare(client, catalogue, sql.replace(/;$/, ""));
        assert.deepEqual(result, { kind: "same" });
      });
    }

    describe("what made a difference once", () => {
      for (const { sql, since = 15, vague = false } of FOUND) {
        if (since > version) continue;
        test(sql, async () => assert.deepEqual(await compare(client, catalogue, sql), { kind: vague ? "vague" : "same" }));
      }
    });

    test("queries made at random", async (t) => {
      const count = { same: 0, vague: 0, refused: 0, different: 0 };
      await fc.assert(
        fc.asyncProperty(choices(CHOICES_MAX), async (numbers) => {
          const sql = makeQuery(new Choices(numbers), TABLES).sql;
          const result = await compare(client, catalogue, sql);
          count[result.kind] += 1;
          assert.ok(result.kind !== "different", result.kind === "different" ? `${sql}\n${result.differences.join("\n")}` : "");
        }),
        fuzzing(RUNS),
      );
      const all = count.same + count.vague + count.refused;
      t.diagnostic(`${all} queries: ${count.same} the same, ${count.vague} can't be told, ${count.refused} refused by the server`);
      assert.ok(count.refused < atMost(REFUSED_SHARE, all) && count.vague < atMost(VAGUE_SHARE, all), JSON.stringify(count));
    });
  });
}
