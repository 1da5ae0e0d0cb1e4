/** postgres.js: it pipelines, prepares everything, streams by cursor and by COPY, and describes statements before it runs them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import postgres from "postgres";
import { onEachServer, underWay, type Way } from "#test/conformance/postgres/ways.ts";
import { until } from "#test/support/waiting.ts";

async function withSql<Result>(
  way: Way,
  body: (sql: postgres.Sql) => Promise<Result>,
  options: postgres.Options<Record<string, never>> = {},
): Promise<Result> {
  const { host, port, user, password, database } = await way.login();
  const sql = postgres({
    host,
    port,
    user,
    password,
    database,
    ssl: { ca: way.ca, servername: "localhost" },
    max: 1,
    onnotice: () => undefined,
    ...options,
  });
  try {
    return await body(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function failure(attempt: Promise<unknown>): Promise<unknown> {
  const error: unknown = await attempt.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof postgres.PostgresError, `no error of the server: ${error}`);
  const { message, code, detail, hint, position, severity, table_name: table, constraint_name: constraint } = error;
  return { message, code, detail, hint, position, severity, table, constraint };
}

onEachServer("postgres.js", [], (ways) => {
  test("reads rows of every type", async () => {
    const rows = await ways().compare((way) => withSql(way, async (sql) => [...(await sql`select * from customers order by id limit 25`)]));
    assert.equal(rows.length, 25);
  });

  test("statements sent at once are pipelined and answer in order, each its own", async () => {
    const sum = await ways().compare((way) =>
      withSql(way, async (sql) => {
        const answers = await Promise.all(Array.from({ length: 300 }, (_, n) => sql`select ${n}::int as n, ${"x".repeat(n)} as t`));
        return answers.map(([row]) => [row?.["n"], row?.["t"].length]);
      }),
    );
    assert.deepEqual(sum[299], [299, 299]);
  });

  test("an error in a pipeline fails its own statement alone", async () => {
    await ways().compare((way) =>
      withSql(way, async (sql) => {
        const settled = await Promise.allSettled([
          sql`select 1 as a`,
          sql`select 1/0`,
          sql`select nothing from nowhere`,
          sql`select 2 as b`,
        ]);
        return settled.map((outcome) => (outcome.status === "fulfilled" ? [...outcome.value] : outcome.reason.code));
      }),
    );
  });

  test("errors carry what the server said", async () => {
    await ways().compare((way) =>
      withSql(way, async (sql) => [
        await failure(sql`insert into customers (name, email) values ('x', 'n1@example.com')`),
        await failure(sql`select fail('x')`),
        await failure(sql`insert into purchases values (1, 1, 0, '2024-01-01')`),
        await failure(sql.unsafe("select 1; select nme from customers")),
      ]),
    );
  });

  test("transactions and savepoints commit and roll back", async () => {
    const left = await ways().compare((way) =>
      withSql(way, async (sql) => {
        await sql.begin(async (tx) => {
          await tx`insert into audit.log (what) values ('kept')`;
          await tx
            .savepoint(async (save) => {
              await save`insert into audit.log (what) values ('dropped')`;
              throw new Error("on purpose");
            })
            .catch(() => undefined);
        });
        await sql.begin(async (tx) => tx`insert into audit.log (what) values (${null}::int / 0)`).catch(() => undefined);
        return [...(await sql`select what from audit.log where what in ('kept', 'dropped')`)];
      }),
    );
    assert.deepEqual(left, [{ what: "kept" }]);
  });

  test("a cursor fetches a part at a time, and can be closed early", async () => {
    const seen = await ways().compare((way) =>
      withSql(way, async (sql) => {
        const sizes: unknown[] = [];
        await sql`select generate_series(1, 1000) as n`.cursor(70, (rows) => {
          sizes.push([rows.length, rows[0]?.["n"]]);
        });
        for await (const rows of sql`select generate_series(1, 1000) as n`.cursor(10)) {
          sizes.push(rows.length);
          if (sizes.length > 20) break;
        }
        sizes.push([...(await sql`select 'next' as t`)]);
        return sizes;
      }),
    );
    assert.deepEqual(seen[0], [70, 1]);
  });

  test("COPY both ways as streams", async () => {
    const [count, text] = await ways().compare((way) =>
      withSql(way, async (sql) => {
        const input = await sql`copy audit.log (what) from stdin`.writable();
        for (let n = 0; n < 5_000; n += 1) if (!input.write(`copied ${n}\n`)) await new Promise((resolve) => input.once("drain", resolve));
        await new Promise<void>((resolve, reject) => input.once("error", reject).end(() => resolve()));
        const chunks: Buffer[] = [];
        for await (const chunk of await sql`copy (select what from audit.log where what like 'copied %' order by line) to stdout`.readable())
          chunks.push(chunk);
        const [row] = await sql`select count(*)::int as n from audit.log where what like 'copied %'`;
        return [row?.["n"], Buffer.concat(chunks).toString()] as const;
      }),
    );
    assert.equal(count, 5_000);
    assert.match(text, /^copied 0\ncopied 1\n/);
  });

  test("describes a statement without running it", async () => {
    await ways().compare((way) =>
      withSql(way, async (sql) => {
        const { types, columns } =
          await sql`insert into customers (name, born) values (${"x"}, ${"2024-01-01"}) returning id, key, balance`.describe();
        return { types, columns };
      }),
    );
  });

  test("listens and notifies", async () => {
    const heard = await ways().compare((way) =>
      withSql(way, async (sql) => {
        const got: string[] = [];
        const { unlisten } = await sql.listen("chan", (payload) => got.push(payload));
        await sql.notify("chan", "one");
        await sql.notify("chan", "two");
        await until(() => got.length === 2, "both are heard");
        await unlisten();
        return got;
      }),
    );
    assert.deepEqual(heard, ["one", "two"]);
  });

  test("a cancel request ends the statement it was made for, and nothing else", async () => {
    const code = await ways().compare((way) =>
      withSql(way, async (sql) => {
        const sleeping = sql`select pg_sleep(60)`;
        const failed = failure(sleeping.execute());
        await underWay(ways().server, "pg_sleep(60)");
        sleeping.cancel();
        return [await failed, [...(await sql`select 'on' as t`)]];
      }),
    );
    assert.equal((code[0] as { code: string }).code, "57014");
  });

  test("several connections of a pool at once", async () => {
    const total = await ways().compare((way) =>
      withSql(
        way,
        async (sql) => {
          const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => sql`select ${n}::int as n, pg_sleep(0.01)`));
          return answers.reduce((sum, [row]) => sum + row?.["n"], 0);
        },
        { max: 8 },
      ),
    );
    assert.equal(total, 780);
  });

  test("simple queries, without preparing, as through transaction poolers", async () => {
    await ways().compare((way) =>
      withSql(
        way,
        async (sql) => [
          [...(await sql`select name from customers where id = ${3}`)],
          (await sql.unsafe("select 1 as a; select 2 as b")).map((part) => [...[part].flat()]),
        ],
        { prepare: false },
      ),
    );
  });
});
