/** node-postgres: parameters, prepared statements, cursors by portal, notifications, cancellation, and how it shows errors. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import pg from "pg";
import { onEachServer, underWay, type Way } from "#test/conformance/postgres/ways.ts";
import { until } from "#test/support/waiting.ts";

async function withClient<Result>(way: Way, body: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ ...(await way.login()), ssl: { ca: way.ca } });
  // A connection that ends on purpose is the test's subject, not a failure of it.
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await body(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** What a program sees of an error, but for the server's source lines. */
async function failure(attempt: Promise<unknown>): Promise<Record<string, unknown>> {
  const error: unknown = await attempt.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof pg.DatabaseError, `no error of the server: ${error}`);
  const { message, code, detail, hint, position, severity, table, constraint, column, schema, where } = error;
  return { message, code, detail, hint, position, severity, table, constraint, column, schema, where };
}

onEachServer("node-postgres", [], (ways) => {
  test("reads every type, by name and by position, in text and in binary", async () => {
    const rows = await ways().compare((way) =>
      withClient(way, async (client) => {
        const text = await client.query("select * from customers order by id limit 30");
        // The driver's types do not know the option.
        const inBinary = { text: "select id, balance, photo, key from customers where id < $1 order by id", values: [9], binary: true };
        const binary = await client.query<Record<string, unknown>>(inBinary);
        const arrays = await client.query({ text: "select *, 1 as id from customers where name = $1", values: [""], rowMode: "array" });
        return [text, binary, arrays].map(({ rows: all, fields, rowCount, command }) => ({ all, fields, rowCount, command }));
      }),
    );
    assert.equal(rows[0]?.rowCount, 30);
    assert.equal(rows[0]?.all[4]?.profile?.deep[2], "ünïcödé");
  });

  test("parameters of every kind arrive as they were", async () => {
    await ways().compare((way) =>
      withClient(way, async (client) => {
        const values = [
          1,
          -2.5,
          'te\'xt\\ "q" 日本',
          null,
          true,
          Buffer.from([0, 1, 255]),
          new Date(0),
          ["a", "b,c", null],
          { deep: [1] },
          "\u{1f389}",
        ];
        const casts = ["int", "numeric", "text", "text", "bool", "bytea", "timestamptz", "text[]", "jsonb", "text"];
        const { rows } = await client.query(`select ${casts.map((cast, n) => `$${n + 1}::${cast} as c${n}`).join(", ")}`, values);
        return rows;
      }),
    );
  });

  test("a named statement is prepared once and used again; the same text under another name too", async () => {
    const names = await ways().compare((way) =>
      withClient(way, async (client) => {
        const seen: unknown[] = [];
        for (let n = 1; n <= 5; n += 1) {
          seen.push((await client.query({ name: "by-id", text: "select name from customers where id = $1", values: [n] })).rows);
          seen.push((await client.query({ name: `other ${n % 2}`, text: "select name from customers where id = $1", values: [n] })).rows);
        }
        seen.push((await client.query("select name, statement, from_sql from pg_prepared_statements order by name")).rows);
        return seen;
      }),
    );
    assert.equal(names.length, 11);
  });

  test("errors keep their code, place, detail and hint, and the session and transaction their state", async () => {
    const [first] = await ways().compare((way) =>
      withClient(way, async (client) => {
        const seen: unknown[] = [await failure(client.query("select nme from customers"))];
        seen.push(await failure(client.query("insert into customers (name, email) values ('x', 'n1@example.com')")));
        seen.push(await failure(client.query("select fail($1)", ["now"])), await failure(client.query("select $1::int", ["x"])));
        seen.push(
          await failure(client.query("selec 1")),
          await failure(client.query({ name: "bad", text: "select $1::nothing", values: [1] })),
        );
        await client.query("begin");
        await client.query("insert into audit.log (what) values ('gone')");
        seen.push(await failure(client.query("select 1/0")), await failure(client.query("select 1")));
        seen.push((await client.query("commit")).command);
        seen.push((await client.query("select count(*) from audit.log where what = 'gone'")).rows);
        return seen;
      }),
    );
    assert.deepEqual(first, { ...(first as object), code: "42703", position: "8" });
  });

  test("several statements in one text give several results, or none when one fails", async () => {
    await ways().compare((way) =>
      withClient(way, async (client) => {
        const results: unknown = await client.query("select 1 as a; insert into audit.log (what) values ('m'); select 2 as b");
        assert.ok(Array.isArray(results));
        const failed = await failure(client.query("insert into audit.log (what) values ('n'); select 1/0; select 3"));
        const { rows } = await client.query("select what from audit.log where what in ('m', 'n')");
        return [results.map(({ command, rowCount, rows: all }) => ({ command, rowCount, all })), failed, rows];
      }),
    );
  });

  test("queries queued at once answer in order", async () => {
    const rows = await ways().compare((way) =>
      withClient(way, async (client) => {
        const queries = Array.from({ length: 200 }, (_, n) => client.query("select $1::int as n, repeat('x', $2) as t", [n, n * 50]));
        return (await Promise.all(queries)).map((result) => result.rows[0]);
      }),
    );
    assert.deepEqual([rows[199]?.n, rows[199]?.t.length], [199, 9950]);
  });

  test("notices and notifications arrive", async () => {
    const [notices, heard] = await ways().compare((way) =>
      withClient(way, (listener) =>
        withClient(way, async (client) => {
          const got: unknown[] = [];
          client.on("notice", ({ message, severity }) => got.push([severity, message]));
          await client.query("select warn('it')");
          await listener.query("listen chan");
          const notification = once(listener, "notification");
          await client.query("select pg_notify('chan', 'schön')");
          const [{ channel, payload }] = await notification;
          return [got, [channel, payload]];
        }),
      ),
    );
    assert.deepEqual(
      [notices, heard],
      [
        [
          ["NOTICE", "about it"],
          ["WARNING", "mind it"],
        ],
        ["chan", "schön"],
      ],
    );
  });

  test("a statement is cancelled from another connection, by pg_cancel_backend and by a cancel request", async () => {
    const errors = await ways().compare((way) =>
      withClient(way, (other) =>
        withClient(way, async (client) => {
          const { rows } = await client.query("select pg_backend_pid() as pid");
          const sleeping = failure(client.query("select pg_sleep(60)"));
          await underWay(ways().server, "pg_sleep(60)");
          await other.query("select pg_cancel_backend($1)", [rows[0]?.pid]);
          const first = await sleeping;
          return [first, (await client.query("select 'still here' as t")).rows];
        }),
      ),
    );
    assert.deepEqual((errors[0] as { code: string }).code, "57014");
  });

  test("large values go up and come back whole", async () => {
    const lengths = await ways().compare((way) =>
      withClient(way, async (client) => {
        const seen: unknown[] = [];
        for (const size of [8_190, 65_536, 1 << 20, 20_000_003]) {
          const { rows } = await client.query("select $1::text as back, length($1) as n, md5($1) as sum", ["é".repeat(size)]);
          seen.push([rows[0]?.back.length, rows[0]?.n, rows[0]?.sum]);
        }
        return seen;
      }),
    );
    assert.equal(lengths.length, 4);
  });

  test("a wide and a long result come whole", async () => {
    const sum = await ways().compare((way) =>
      withClient(way, async (client) => {
        const long = await client.query("select n, md5(n::text) as m from generate_series(1, 100000) n");
        const wide = await client.query(`select ${Array.from({ length: 1600 }, (_, n) => `${n} as c${n}`).join(", ")}`);
        return [long.rowCount, long.rows.at(-1), wide.fields.length, wide.rows[0]?.c1599];
      }),
    );
    assert.deepEqual(sum[0], 100_000);
  });

  test("what the session sets stays set, and the server's reports reach the client", async () => {
    await ways().compare((way) =>
      withClient(way, async (client) => {
        await client.query("set application_name = 'mine'; set datestyle = 'sql, dmy'; set search_path = audit");
        const { rows } = await client.query("select current_setting('application_name') a, date '2024-12-31' d, current_schema() s");
        await client.query("discard all");
        return [rows, (await client.query("select current_schema() s")).rows];
      }),
    );
  });

  test("a client that goes away in the middle of a statement leaves no backend behind", async () => {
    for (const way of [ways().direct, ways().through]) {
      const client = new pg.Client({ ...(await way.login()), ssl: { ca: way.ca } });
      client.on("error", () => undefined);
      await client.connect();
      client.query("select 'left behind', pg_sleep(1)").catch(() => undefined);
      await underWay(ways().server, "left behind");
      client.connection.stream.destroy();
      await withClient(ways().direct, async (observer) => {
        const left = async () =>
          (
            await observer.query(
              "select count(*)::int n from pg_stat_activity where query like '%left behind%' and pid <> pg_backend_pid()",
            )
          ).rows[0]?.n;
        await until(async () => (await left()) === 0, `nothing is left behind: ${way.name}`);
      });
    }
  });
});
