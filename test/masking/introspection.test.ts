/**
 * Real tools through a whole gateway under masks, and straight: what they read of the schema, and their ordinary work
 * beside it, must be the same outside masked cells. What is not stands in docs/limits.md, and may not be more than a
 * twentieth.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import pg from "pg";
import type { Way } from "#test/conformance/postgres/ways.ts";
import { optional } from "#test/support/optional.ts";
import { read } from "#test/support/tree.ts";
import { type BothWays, openBothWays } from "./both-ways.ts";
import { BROWSER_QUERIES } from "./browsers.ts";
import { KNOWN_DIFFERENCES } from "./known-differences.ts";
import { CANARIES } from "./shop.ts";
import { type Cases, casesIn, differences } from "./tool-cases.ts";
import { TOOLS } from "./tools.ts";

const IDENTICAL_MIN = 0.95;

for (const version of [15, 18] as const) {
  describe(`tools under masks, PostgreSQL ${version}`, { skip: optional(...(version === 15 ? ["postgres15"] : [])) }, () => {
    let both: BothWays;
    const counts = new Map<string, { cases: number; identical: number }>();

    before(async () => {
      both = await openBothWays(version);
    });
    after(() => both.stop());

    /** All but the known are the same, and the known are still there. */
    const hold = (tool: string, [direct, through]: readonly [Cases, Cases]) => {
      const found = differences(direct, through);
      counts.set(tool, { cases: direct.size, identical: direct.size - found.size });
      const known = KNOWN_DIFFERENCES.filter(({ tools }) => tools.includes(tool)).flatMap(({ cases }) => cases);
      const other = [...found].filter(([name]) => !known.includes(name));
      assert.deepEqual(
        other.map(([name, what]) => `${name}: ${what}`),
        [],
        "differs, and is not known to",
      );
      assert.deepEqual(
        known.filter((name) => !found.has(name)),
        [],
        "is the same now: take it off the list",
      );
      for (const [name, shown] of through) assert.doesNotMatch(shown, CANARIES, name);
    };

    for (const tool of TOOLS.filter(({ versions }) => versions.includes(version))) {
      test(`${tool.name} shows the same, case by case`, { skip: optional(...tool.parts) }, async () => {
        const [direct, through] = await both.twice((way) => tool.run(way));
        const cases = casesIn(direct);
        assert.ok(cases.has("end"), `${tool.name} did not come to its end: ${direct.stderr.slice(-2000)}`);
        hold(tool.name, [cases, casesIn(through)]);
      });
    }

    test("pgAdmin's, DBeaver's and Prisma's questions are answered the same", async () => {
      hold("browsers", await both.twice(askAll));
    });

    test("at least 95 of 100 cases are the same", (t) => {
      const sum = (of: "cases" | "identical") => [...counts.values()].reduce((total, count) => total + count[of], 0);
      const each = [...counts].map(([tool, { cases, identical }]) => `${tool} ${identical} of ${cases}`);
      t.diagnostic(`introspection ${sum("identical")} of ${sum("cases")} identical on PostgreSQL ${version}: ${each.join(", ")}`);
      assert.ok(sum("cases") > 0 && sum("identical") >= sum("cases") * IDENTICAL_MIN);
    });
  });
}

test("each known difference stands in docs/limits.md", () => {
  const limits = read("docs/limits.md").replace(/\s+/g, " ");
  assert.deepEqual(
    KNOWN_DIFFERENCES.filter(({ limit }) => !limits.includes(limit)),
    [],
  );
});

/** Each in the extended protocol, but for texts of several statements. */
async function askAll(way: Way): Promise<Cases> {
  const { host, port, user, password, database } = await way.login();
  const client = new pg.Client({ host, port, user, password, database, ssl: { ca: way.ca, servername: "localhost" } });
  await client.connect();
  const cases = new Map<string, string>();
  const types = { getTypeParser: () => (value: string) => value };
  try {
    for (const [name, text] of Object.entries(BROWSER_QUERIES)) {
      const queryMode = text.includes(";") ? "simple" : "extended";
      const answer: unknown = await client
        .query({ text, rowMode: "array", types, queryMode } as pg.QueryArrayConfig)
        .catch((error) => error);
      const results = (Array.isArray(answer) ? answer : [answer]) as readonly (pg.QueryArrayResult | Error)[];
      cases.set(name, results.map(shownOf).join("\n"));
    }
  } finally {
    await client.end();
  }
  return cases;
}

function shownOf(result: pg.QueryArrayResult | Error): string {
  if (result instanceof Error) return `failed: ${"code" in result ? result.code : ""} ${result.message}`;
  return JSON.stringify([result.command, result.fields.map(({ name, dataTypeID }) => [name, dataTypeID]), result.rows], null, 1);
}
