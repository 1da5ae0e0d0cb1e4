/**
 * The gateway in front of the wall: the same rules, and the wall's role as its credential. Statements go on working with the
 * same answers, and what should get by the gateway finds the database closed.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type pg from "pg";
import { canaryIn } from "#test/masking/search.ts";
import { AGENTS, SEED, withMasks } from "#test/masking/seed.ts";
import { FOUND, HOSTILE } from "#test/masking/statements.ts";
import { runCommand } from "#test/src/cli/terminal.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { connectPostgres, runSql, startPostgres, type TestPostgres } from "#test/support/postgres.ts";

const ROLE = "sallyport_agents";
const PASSWORD = "test-of-the-wall";

/** Answered alike with and without a wall. */
const SAME = [
  "SELECT * FROM users ORDER BY id",
  "SELECT id, name, email FROM users WHERE email LIKE '%@example.com' ORDER BY id",
  "SELECT u.name, p.card, p.amount FROM users u JOIN payments p ON p.user_id = u.id ORDER BY p.id",
  "SELECT right(card, 2) AS last, count(*) FROM payments GROUP BY 1 ORDER BY 1",
  "SELECT date_part('year', born) AS y, count(*) FROM users GROUP BY 1 ORDER BY 1",
  "SELECT count(*) FROM users WHERE ssn = '917-44-2051'",
  "SELECT * FROM events ORDER BY id",
  "SELECT * FROM events_north ORDER BY id",
  "SELECT * FROM people ORDER BY id",
  "SELECT * FROM staff ORDER BY id",
  "WITH u AS (SELECT * FROM users) SELECT count(ssn), max(bio) FROM u",
  "SELECT status, count(*), sum(total) FROM orders GROUP BY ROLLUP (status) ORDER BY 1",
  "SELECT * FROM open_orders ORDER BY id",
  "SELECT order_total(id) FROM orders ORDER BY id",
  "SELECT relname FROM pg_class WHERE relname = 'pg_class'",
  "SELECT 1/0",
];

for (const version of [18, 15] as const) {
  describe(`a gateway in front of the wall, PostgreSQL ${version}`, () => {
    let postgres: TestPostgres;
    let open: TestGateway;
    let walled: TestGateway;

    const connect = async (gateway: TestGateway): Promise<pg.Client> => {
      const login = await gateway.login("reader");
      return connectPostgres({ ...postgres, ...login, ca: gateway.ca });
    };
    const answer = async (client: pg.Client, sql: string): Promise<unknown> => {
      try {
        const { rows, fields } = await client.query(sql);
        return { rows, columns: fields.map(({ name, dataTypeID }) => [name, dataTypeID]) };
      } catch (error) {
        return { code: Object(error).code };
      }
    };

    before(async () => {
      postgres = await startPostgres({ version });
      await runSql(postgres, SEED);
      open = await startGateway({ postgres, agents: AGENTS, configure: withMasks });
      const { out, code, err } = await runCommand(["wall", "--target", "orders", "--config", open.configFile]);
      assert.equal(code, 0, err);
      await runSql(postgres, out);
      await runSql(postgres, `ALTER ROLE ${ROLE} PASSWORD '${PASSWORD}'`);
      walled = await startGateway({ postgres: { ...postgres, user: ROLE, password: PASSWORD }, agents: AGENTS, configure: withMasks });
    });
    after(async () => {
      await walled.stop();
      await open.stop();
      await postgres.stop();
    });

    test("statements that name no schema are answered as without a wall", async () => {
      const [one, other] = [await connect(open), await connect(walled)];
      for (const sql of SAME) assert.deepEqual(await answer(other, sql), await answer(one, sql), sql);
      await one.end();
      await other.end();
    });

    test("the protected tables themselves are closed: by the database, whatever the gateway lets pass", async () => {
      const client = await connect(walled);
      for (const table of ["users", "payments", "events", "people"])
        assert.deepEqual(await answer(client, `SELECT * FROM public.${table}`), { code: "42501" });
      assert.deepEqual(await answer(client, "SELECT ssn FROM sallyport_agents_masked.users WHERE id = 1").then((one) => Object(one).rows), [
        { ssn: "***" },
      ]);
      await client.end();
    });

    test("nothing hostile shows a value here either", async () => {
      const client = await connect(walled);
      const shown: string[] = [];
      const texts = [...Object.values(FOUND), ...Object.values(HOSTILE)].flat().filter((one) => typeof one === "string");
      for (const sql of texts.filter((_, index) => index % 3 === 0)) {
        if (/^COPY .*FROM STDIN/i.test(sql)) continue;
        const found = canaryIn(Buffer.from(JSON.stringify(await answer(client, sql)) ?? ""));
        if (found !== undefined) shown.push(`${sql}: ${found}`);
        await answer(client, "ROLLBACK");
      }
      await client.end();
      assert.deepEqual(shown, []);
    });

    test("the doctor finds the login behind the wall", async () => {
      const { objects } = await runCommand(["doctor", "--config", walled.configFile, "--json"]);
      const codes = objects().map(({ code }) => code);
      assert.ok(codes.includes("wall-ok"), String(codes));
      assert.ok(codes.includes("login-ok"));
    });

    test("the wall can be made anew from there, and is the same", async () => {
      const print = async (gateway: TestGateway) => (await runCommand(["wall", "--target", "orders", "--config", gateway.configFile])).out;
      assert.equal(await print(walled), await print(open));
    });

    test("a view that is older than a rule shows no more than the rule lets", async () => {
      await walled.reconfigure((sections) => {
        const { rules, ...rest } = Object(sections["masking"]);
        const newer = { name: "names", target: "orders", columns: ["public.users.name"], with: { keepLast: 1 } };
        return { ...sections, masking: { ...rest, rules: [...rules, newer] } };
      });
      const client = await connect(walled);
      const { rows } = Object(await answer(client, "SELECT name, email FROM users WHERE id = 1"));
      await client.end();
      assert.deepEqual(rows, [{ name: "****a", email: "***@example.com" }]);
    });
  });
}
