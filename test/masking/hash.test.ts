/**
 * Masks that hash, through a whole gateway: a column that is shown as it stands comes as a keyed digest, the same for the same value;
 * whatever else is done with it meets NULL, and no hostile statement of the corpus gets at the value.
 */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, describe, test } from "node:test";
import type pg from "pg";
import { recordingOf, recordings } from "#test/src/gateway/archive.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import type { Sections } from "#test/support/gateway-files.ts";
import { connectPostgres, startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import { Attacker, type Way } from "./client.ts";
import { canaryIn, joinedCells } from "./search.ts";
import { AGENTS, SEED, withMasks } from "./seed.ts";
import { FOUND, HOSTILE } from "./statements.ts";

const KEY = "a key that only tests know";
const LAST_WORDS = "SELECT 'that was all'";
const WAYS: readonly Way[] = ["simple", "extended", "binary"];
const HASHED = [
  "public.users.ssn",
  "public.users.email",
  "public.users.origin",
  "public.people.ssn",
  "public.events.secret",
  "public.payments.card",
];

const digest = (value: string): string => createHmac("sha256", KEY).update(value).digest("hex").slice(0, 32);

function withHashes(sections: Sections): Sections {
  const masked = withMasks(sections);
  const masking = masked["masking"] as { readonly rules: readonly object[] };
  const hash = {
    name: "hashed",
    target: "orders",
    columns: HASHED,
    with: { hash: { key: { env: "MASK_KEY" } } },
    unless: { groups: ["bosses"] },
  };
  return { ...masked, masking: { ...masking, rules: [hash, ...masking.rules] } };
}

/** With what comes back: a digest, or nothing where the value is there. */
const SHOWN: readonly (readonly [sql: string, rows: readonly (readonly (string | null)[])[]])[] = [
  ["SELECT ssn FROM users WHERE id = 1", [[digest("917-44-2051")]]],
  [
    "SELECT u.ssn AS number, u.name FROM users AS u ORDER BY u.id",
    [
      [digest("917-44-2051"), "Marta"],
      [digest("836-52-7719"), "Jonas"],
      [null, "Nobody"],
    ],
  ],
  ["SELECT name, email FROM public.users ORDER BY name LIMIT 1", [["Jonas", digest("wyxbjonas@example.org")]]],
  ["SELECT users.email, total FROM users JOIN orders ON user_id = users.id WHERE total = 3", [[digest("zoqkmarta@example.com"), "3.0"]]],
  ["SELECT secret FROM events WHERE region = 'north'", [[digest("obsidiannorth")]]],
  [
    "SELECT id, ssn FROM people ORDER BY id",
    [
      ["7", digest("605-77-3390")],
      ["8", digest("712-66-4815")],
    ],
  ],
  ["SELECT ssn FROM users WHERE id = 1 AND id IN (SELECT user_id FROM orders)", [[digest("917-44-2051")]]],
];

/** Of which nothing comes but NULL, or that somebody has none. */
const EMPTY: readonly string[] = [
  "SELECT ssn FROM users WHERE ssn IS NOT NULL",
  "SELECT ssn || '' FROM users",
  "SELECT ssn, upper(ssn) FROM users",
  "SELECT ssn FROM users ORDER BY ssn",
  "SELECT ssn AS a FROM users ORDER BY a",
  "SELECT id, ssn FROM users ORDER BY 2",
  "SELECT DISTINCT ssn FROM users",
  "SELECT ssn FROM users GROUP BY ssn",
  "SELECT max(ssn) FROM users",
  "SELECT ssn FROM users UNION ALL SELECT ssn FROM users",
  "SELECT ssn FROM (SELECT ssn FROM users) s",
  "WITH s AS (SELECT ssn FROM users) SELECT ssn FROM s",
  "SELECT (SELECT ssn FROM users WHERE id = 1)",
  "SELECT a.ssn FROM users a JOIN users b ON a.id = b.id",
  "SELECT a.ssn FROM users a JOIN people b USING (ssn)",
  "SELECT ssn FROM users NATURAL JOIN (SELECT 1 AS id) s",
  "SELECT ssn, row_number() OVER (ORDER BY ssn) FROM users",
  "SELECT (u).ssn FROM users u",
  "SELECT ssn, to_jsonb(u) FROM users u",
  "SELECT ssn FROM users u WHERE u IS NOT NULL",
  "SELECT x FROM users AS u(id, name, city, email, x)",
  "SELECT ssn, u.to_jsonb FROM users u",
  "SELECT ssn FROM users u WHERE u.to_jsonb IS NOT NULL",
  "SELECT ssn, u.row_to_json AS r FROM public.users u ORDER BY id",
  "SELECT u.ssn, u FROM users u",
  "SELECT ssn, users FROM users",
  "SELECT ssn, (SELECT count(*) FROM orders WHERE status < ssn) FROM users",
  "SELECT ssn FROM users LIMIT (SELECT length(ssn) FROM users LIMIT 1)",
  "SELECT ssn, email IS NULL FROM users WHERE email LIKE '%'",
  "SELECT ssn FROM users_view",
  "SELECT harmless FROM view_of_view",
  "SELECT lag(ssn) OVER (ORDER BY id) FROM users",
  "SELECT CASE WHEN id = 1 THEN ssn END FROM users",
  "SELECT ssn FROM users WHERE EXISTS (SELECT 1 FROM orders WHERE status = ssn)",
];

for (const version of [18, 15] as const) {
  describe(`masks that hash, PostgreSQL ${version}`, () => {
    let postgres: TestPostgres;
    let gateway: TestGateway;
    let admin: pg.Client;
    let client: Attacker;

    before(async () => {
      postgres = await startPostgres({ version });
      admin = await connectPostgres(postgres);
      await admin.query(SEED);
      gateway = await startGateway({ postgres, agents: AGENTS, configure: withHashes, env: { MASK_KEY: KEY } });
      client = await Attacker.login(gateway, "owner");
    });
    after(async () => {
      client?.end();
      await admin?.end();
      await gateway?.stop();
      await postgres?.stop();
    });

    for (const [sql, rows] of SHOWN) {
      test(`is a digest: ${sql}`, async () => {
        for (const way of ["simple", "extended"] as const) assert.deepEqual((await client.ask(sql, way)).rows, rows, way);
        const { bytes } = await client.ask(sql, "binary");
        for (const cell of rows.flat()) if (cell !== null && /^[0-9a-f]{32}$/.test(cell)) assert.ok(bytes.includes(cell), "binary");
        assert.equal(canaryIn(bytes), undefined);
      });
    }

    test("a star shows digests, and other masks as they are", async () => {
      const { rows, names } = await client.ask("SELECT * FROM users WHERE id = 1", "simple");
      const cell = (name: string) => rows[0]?.[names[0]?.indexOf(name) ?? -1];
      assert.deepEqual(
        [cell("ssn"), cell("email"), cell("origin"), cell("city")],
        [digest("917-44-2051"), digest("zoqkmarta@example.com"), digest("missingcanary"), "Oslo"],
      );
      assert.equal(cell("pin"), null);
    });

    for (const sql of EMPTY) {
      test(`shows nothing of it: ${sql}`, async () => {
        for (const way of WAYS) {
          const { rows, bytes, error } = await client.ask(sql, way);
          assert.equal(canaryIn(bytes), undefined);
          assert.ok(
            !bytes.includes(digest("917-44-2051")) && !bytes.includes(digest("836-52-7719")),
            "a digest where something else was asked",
          );
          if (error === null && sql.startsWith("SELECT ssn FROM")) for (const row of rows) assert.equal(row[0], null);
        }
      });
    }

    test("rows of another query are not compared by their true values", async () => {
      const asked = (ssn: string) => `SELECT u.ssn FROM users u WHERE u.id = 1 AND ROW(7, '${ssn}') = (SELECT * FROM people WHERE id = 7)`;
      for (const way of WAYS) {
        const [held, free] = [await client.ask(asked("605-77-3390"), way), await client.ask(asked("605-77-3391"), way)];
        assert.deepEqual(held.rows, free.rows);
      }
    });

    test("copies, cursors and statements prepared in SQL show NULL", async () => {
      for (const sql of [
        "COPY users (ssn) TO STDOUT",
        "COPY (SELECT ssn FROM users) TO STDOUT",
        "BEGIN; DECLARE c CURSOR FOR SELECT ssn FROM users; FETCH ALL FROM c; ROLLBACK",
        "PREPARE p AS SELECT ssn FROM users; EXECUTE p; DEALLOCATE p",
        "CREATE TEMP TABLE t AS SELECT ssn FROM users; SELECT * FROM t; DROP TABLE t",
        "EXPLAIN SELECT ssn FROM users",
      ]) {
        const { bytes, closed } = await client.ask(sql, "simple");
        assert.equal(canaryIn(bytes), undefined, sql);
        assert.ok(!bytes.includes(digest("917-44-2051")), sql);
        assert.equal(closed, false, sql);
      }
    });

    test("whoever is spared sees values", async () => {
      const boss = await Attacker.login(gateway, "boss");
      assert.deepEqual((await boss.ask("SELECT ssn FROM users WHERE id = 1", "simple")).rows, [["917-44-2051"]]);
      boss.end();
    });

    const hostile = Object.entries({ ...FOUND, ...HOSTILE });
    test("no hostile statement of the corpus gets at a value", async (context) => {
      let tried = 0;
      const leaks: string[] = [];
      for (const [group, cases] of hostile) {
        for (const [index, one] of cases.entries()) {
          const way = WAYS[index % 3] ?? "simple";
          for (const sql of typeof one === "string" ? [one] : one) {
            if (client.closed) client = await Attacker.login(gateway, "owner");
            const { bytes, rows, tags } = await client.ask(sql, way);
            if (tags.endsWith("G")) {
              client.end();
              client = await Attacker.login(gateway, "owner");
            }
            tried++;
            const found = canaryIn(bytes) ?? canaryIn(joinedCells(rows));
            if (found !== undefined) leaks.push(`${group}: ${way}: ${sql}: ${found}`);
          }
          if (!client.closed) await client.ask("ROLLBACK");
        }
      }
      context.diagnostic(`leaks ${leaks.length} of ${tried}`);
      assert.deepEqual(leaks, []);
    });

    test("recordings hold digests, and no value", async () => {
      await client.ask("SELECT ssn FROM users WHERE id = 1");
      await client.ask(LAST_WORDS);
      client.end();
      assert.ok(JSON.stringify(await recordingOf(gateway, LAST_WORDS)).includes(digest("917-44-2051")));
      for (const [id, events] of await recordings(gateway)) {
        const spared = events.some((event) => event.kind === "session-start" && JSON.stringify(event).includes("bosses"));
        if (!spared) assert.equal(canaryIn(Buffer.from(JSON.stringify(events))), undefined, id);
      }
    });
  });
}
