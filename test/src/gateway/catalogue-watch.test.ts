/** The catalogue reader on real servers: it sees a change when the database tells of it, and is not led by the nose. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type pg from "pg";
import type { Catalogue } from "#protocols/sql/catalogue.ts";
import { CatalogueWatch } from "#src/gateway/catalogue-watch.ts";
import { postgresSource } from "#src/gateway/postgres/catalogue-source.ts";
import { Upstream } from "#src/gateway/upstream.ts";
import { TargetConnection } from "#src/targets/connection.ts";
import { databaseTarget } from "#test/support/database-target.ts";
import { connectPostgres, startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import { startRelay } from "#test/support/relay.ts";
import { read } from "#test/support/tree.ts";
import { until } from "#test/support/waiting.ts";

const [, TRIGGER = ""] = /```sql\n(CREATE FUNCTION public\.sallyport_catalogue[\s\S]*?)```/.exec(read("docs/masking.md")) ?? [];
const CONTEXT = { sessionId: null, record: () => undefined, now: () => Date.now() };

function upstreamOf(postgres: TestPostgres, address = { host: postgres.host, port: postgres.port }): Upstream {
  return new Upstream(databaseTarget(postgres, { address }), 15_000);
}

for (const version of [18, 15] as const) {
  describe(`the catalogue reader on PostgreSQL ${version}`, () => {
    let postgres: TestPostgres;
    let admin: pg.Client;
    before(async () => {
      postgres = await startPostgres({ version, settings: { log_statement: "all" } });
      admin = await connectPostgres(postgres);
      await admin.query("CREATE TABLE people (id int, note text)");
    });
    after(async () => {
      await admin.end();
      await postgres.stop();
    });

    const watching = async (work: (seen: readonly Catalogue[], failures: readonly unknown[]) => Promise<void>) => {
      const seen: Catalogue[] = [];
      const failures: unknown[] = [];
      const watch = new CatalogueWatch({
        source: postgresSource({ upstream: upstreamOf(postgres), database: "postgres", context: CONTEXT, examine: async () => undefined }),
        ...{ estimatesMs: null, onEstimates: () => undefined },
        // Never by itself within this test.
        pollMs: 1_000_000,
        onChange: (catalogue) => seen.push(catalogue),
        onFailure: (error) => failures.push(error),
      });
      try {
        await watch.refresh();
        assert.equal(seen.length, 1);
        await work(seen, failures);
      } finally {
        watch.stop();
      }
    };

    test("with the event trigger of the documentation, a change is seen when it is committed, without a look by itself", async () => {
      assert.match(TRIGGER, /CREATE EVENT TRIGGER/);
      await admin.query(TRIGGER);
      await watching(async (seen, failures) => {
        for (const change of [
          "CREATE TABLE fresh (a int)",
          "ALTER TABLE people RENAME note TO remark",
          "COMMENT ON COLUMN people.remark IS 'sallyport:pii'",
          "CREATE OR REPLACE VIEW v AS SELECT 1 AS one",
          "BEGIN; DROP VIEW v; ALTER TABLE fresh RENAME TO stale; COMMIT",
          "DROP TABLE stale",
        ]) {
          const before = seen.length;
          await admin.query(change);
          await until(() => seen.length > before, `${change} is seen`);
        }
        assert.ok(
          seen
            .at(-1)
            ?.relations.find(({ name }) => name === "people")
            ?.columns.some(({ name, tags }) => name === "remark" && tags.includes("pii")),
        );
        // What is rolled back or temporary is nobody's matter.
        const before = seen.length;
        await admin.query("BEGIN; CREATE TABLE never (a int); ROLLBACK");
        await admin.query("CREATE TEMP TABLE mine (a int)");
        await pause(400);
        assert.equal(seen.length, before);
        assert.deepEqual(failures, []);
      });
      await admin.query("DROP EVENT TRIGGER sallyport_catalogue; DROP FUNCTION public.sallyport_catalogue()");
    });

    test("without it, nothing is seen until it looks", async () => {
      await watching(async (seen) => {
        await admin.query("CREATE TABLE unseen (a int)");
        await pause(400);
        assert.equal(seen.length, 1);
      });
    });

    test("somebody who notifies without end makes it look ten times a second at most", async () => {
      await watching(async (seen, failures) => {
        const from = postgres.log().length;
        const started = performance.now();
        let notified = 0;
        for (; notified < 40 || performance.now() - started < 1_000; notified += 1) await admin.query("NOTIFY sallyport_catalogue, 'x'");
        const looks = () =>
          [
            ...postgres
              .log()
              .slice(from)
              .matchAll(/current_schemas\(true\)::text/g),
          ].length;
        await until(() => looks() >= 2, "it has looked");
        const [made, most] = [looks(), (performance.now() - started) / 100 + 3];
        assert.ok(made <= most, `${made} looks for ${notified} notifications, where ${most} may be`);
        assert.deepEqual([seen.length, failures], [1, []]);
      });
    });

    test("a connection keeps answers and notifications apart, however they are cut", async () => {
      const relay = await startRelay(postgres, { toClient: { slice: 1 } });
      const connection = await TargetConnection.open({
        upstream: upstreamOf(postgres, relay),
        database: "postgres",
        application: "test",
        context: CONTEXT,
      });
      try {
        let notified = 0;
        await connection.listen('odd "name"', () => {
          notified += 1;
        });
        for (let round = 1; round <= 5; round += 1) {
          // Its own arrives with the answer, between the others' and the next.
          assert.deepEqual(await connection.query(`NOTIFY "odd ""name"""; SELECT ${round} AS n`), [{ n: String(round) }]);
          const before = notified;
          await admin.query(`NOTIFY "odd ""name""", '${"x".repeat(round * 100)}'`);
          const [answer] = await Promise.all([connection.query("SELECT 'y' AS x"), admin.query("SELECT 1")]);
          assert.deepEqual(answer, [{ x: "y" }]);
          await until(() => notified > before, "the notification came");
        }
        await assert.rejects(connection.query("SELECT 1/0"), /22012/);
        assert.deepEqual(await connection.query("SELECT 1 AS a"), [{ a: "1" }]);
      } finally {
        connection.close();
        await relay.stop();
      }
    });

    test("a connection that is lost fails what runs on it and what comes after", async () => {
      const connection = await TargetConnection.open({
        upstream: upstreamOf(postgres),
        database: "postgres",
        application: "doomed",
        context: CONTEXT,
      });
      const running = assert.rejects(connection.query("SELECT pg_sleep(60)"), /lost|57P01/);
      await pause(100);
      await admin.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'doomed'");
      await running;
      await until(() => connection.socket.destroyed, "the socket is closed");
      await assert.rejects(connection.query("SELECT 1"), /lost/);
    });
  });
}
