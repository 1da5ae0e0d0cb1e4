/** Side channels of writes on real servers: each is one, seen directly, and each is closed for a masked principal. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type pg from "pg";
import { type PolicyDocument, policyDocumentSchema } from "#policies/document.ts";
import { loadGrammar } from "#protocols/sql/postgres/grammar.ts";
import { connectPostgres, startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import { ASSIGNED_CHANNELS, CHANNELS, type ChannelCase } from "./channels.ts";
import { ask, run, viewOf } from "./client.ts";
import { AGENT } from "./seed.ts";

function documentWith(assign: "none" | "values"): PolicyDocument {
  return policyDocumentSchema.parse({
    access: { rules: [{ who: { names: [AGENT.name] }, targets: ["shop"], may: ["read", "write"] }] },
    masking: {
      rules: [{ name: "secrets", target: "shop", columns: ["public.*.secret*"], with: "redact", assign }],
      functions: { allow: ["public.bump"] },
    },
  });
}

for (const version of [15, 18] as const) {
  describe(`side channels of writes on PostgreSQL ${version}`, () => {
    let server: TestPostgres;
    let client: pg.Client;

    before(async () => {
      await loadGrammar();
      server = await startPostgres({ version });
      client = await connectPostgres(server);
    });
    after(async () => {
      await client.end();
      await server.stop();
    });

    /** What is seen of a statement by whoever sent it: rows, or where the server says that it failed, and why. */
    const seen = async (sql: string) => {
      await client.query("SAVEPOINT s");
      const { results, error } = await run(client, sql);
      await client.query("ROLLBACK TO s");
      const told = error === null ? null : /"code":"(\w+)".*?(?:"table":"(\w+)")?/.exec(error)?.slice(1, 3);
      return JSON.stringify([results.map(({ rows }) => rows), told, /"table":"\w+"/.exec(error ?? "")?.[0] ?? null]);
    };

    const cases = [
      ...CHANNELS.map((one) => ({ ...one, assign: version === 18 ? ("none" as const) : ("values" as const) })),
      ...ASSIGNED_CHANNELS.map((one) => ({ ...one, assign: "values" as const })),
    ].filter(({ since }: ChannelCase) => since === undefined || version >= since);
    for (const { by, tables, held, free, passes, assign } of cases) {
      test(`closed with assign ${assign}: ${by}`, async () => {
        const document = documentWith(assign);
        await client.query("BEGIN");
        try {
          await client.query(tables);
          const view = await viewOfOpen(client, document);
          assert.notEqual(await seen(held), await seen(free), "is no channel, directly");
          for (const sql of [held, free]) {
            const answer = await ask(client, view, sql, document);
            assert.equal(answer.outcome, "masked-write", sql);
            assert.ok(
              (answer.denial?.message.length ?? 0) > 20 && !/undefined|null/.test(answer.denial?.message ?? ""),
              answer.denial?.message,
            );
          }
          for (const sql of passes) {
            await client.query("SAVEPOINT s");
            const answer = await ask(client, view, sql, document);
            await client.query("ROLLBACK TO s");
            assert.ok(answer.outcome === "allow" || answer.outcome === "mask", `${sql}: ${answer.denial?.message}`);
            assert.equal(answer.error, null, sql);
          }
        } finally {
          await client.query("ROLLBACK");
        }
      });
    }
  });
}

/** Inside the transaction that has made the tables, as the role that it has taken. */
async function viewOfOpen(client: pg.Client, document: PolicyDocument) {
  const inside = new Proxy(client, {
    get(target, name) {
      if (name !== "query") return Reflect.get(target, name);
      return (sql: string) => (/^(BEGIN|COMMIT|ROLLBACK)/.test(sql) ? { rows: [] } : target.query(sql));
    },
  });
  const view = await viewOf(inside, document);
  await client.query("SET LOCAL search_path = DEFAULT");
  return view;
}
