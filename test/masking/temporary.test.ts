/**
 * Copies and temporary tables of a principal under masks, through a whole gateway on real servers: what they hold is
 * masked, what holds nothing masked works as it does for a principal under none.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { besideTheBoss, eventually } from "./beside.ts";
import { Attacker } from "./client.ts";
import { copiedData } from "./copied.ts";
import { canaryIn } from "./search.ts";

besideTheBoss("copies and temporary tables under masks", (world) => {
  test("CREATE TABLE AS and SELECT INTO keep masked values, and what they made is there at once", async () => {
    const made: readonly (readonly [string, string])[] = [
      ["copy_a", "CREATE TABLE copy_a AS SELECT id, ssn, card, name FROM users LEFT JOIN payments USING (id)"],
      ["copy_b", "SELECT id, ssn, email INTO public.copy_b FROM users"],
      ["copy_c", "CREATE UNLOGGED TABLE IF NOT EXISTS copy_c (a, b) AS TABLE people"],
      ["copy_d", "BEGIN; CREATE TABLE copy_d AS SELECT ssn FROM users; COMMIT"],
    ];
    for (const [table, sql] of made) {
      const answer = await world().owner.ask(sql);
      assert.equal(answer.error, null, `${sql}: ${[...(answer.error ?? [])].join(" ")}`);
      const [shown, kept] = [await world().owner.ask(`SELECT * FROM ${table}`), await world().boss.ask(`SELECT * FROM ${table}`)];
      assert.deepEqual([shown.error, shown.rows], [null, kept.rows], sql);
      assert.equal(canaryIn(Buffer.concat([shown.bytes, kept.bytes])), undefined, sql);
    }
    assert.deepEqual((await world().owner.ask("CREATE TABLE copy_e AS SELECT ssn FROM users")).completed, ["SELECT 3"]);
    await world().other.query("DROP TABLE copy_a, copy_b, copy_c, copy_d, copy_e");
  });

  test("are for those whom access rules let change the schema", async () => {
    const reader = await Attacker.login(world().gateway, "reader");
    for (const sql of ["CREATE TABLE copied AS SELECT id FROM users", "SELECT id INTO TEMP t FROM users", "CREATE TEMP TABLE t (a int)"])
      assert.equal((await reader.ask(sql)).reason, "access-not-granted", sql);
    reader.end();
  });

  const WORK: readonly string[] = [
    "CREATE TEMP TABLE scratch (id serial PRIMARY KEY, n int NOT NULL DEFAULT 1 CHECK (n > 0), note text, UNIQUE (id, n))",
    "INSERT INTO scratch (note) VALUES ('a'), ('b'), (NULL) RETURNING *",
    "INSERT INTO scratch (n, note) SELECT id, status FROM orders WHERE id > 5 ORDER BY id",
    "UPDATE scratch AS s SET n = s.n + 1, note = o.status FROM orders o WHERE o.id = s.id RETURNING s.id, s.note",
    "DELETE FROM ONLY scratch WHERE scratch.id = 1 RETURNING scratch.*",
    "SELECT s.note, count(*) FROM scratch s GROUP BY 1 ORDER BY 1",
    "WITH top AS (SELECT * FROM scratch ORDER BY id LIMIT 2) SELECT top.id, o.status FROM top JOIN orders o USING (id) ORDER BY 1",
    "SELECT id FROM scratch EXCEPT SELECT id FROM orders ORDER BY 1",
    "SELECT x.* FROM scratch CROSS JOIN LATERAL (SELECT scratch.id + 1 AS y) x ORDER BY 1",
    "MERGE INTO scratch t USING orders o ON t.id = o.id WHEN MATCHED AND o.id < 4 THEN DELETE",
    "INSERT INTO scratch (id, n, note) VALUES (100, 5, 'x') ON CONFLICT (id) DO UPDATE SET n = excluded.n + scratch.n RETURNING n",
    "COPY scratch (id, note) TO STDOUT (FORMAT csv, HEADER)",
    "SELECT count(*) FROM pg_temp.scratch",
    "PREPARE from_scratch AS SELECT count(*) FROM scratch WHERE n > $1",
    "EXECUTE from_scratch (2)",
    "EXPLAIN (COSTS off) SELECT * FROM scratch WHERE note = 'x'",
    "TRUNCATE scratch RESTART IDENTITY",
    "DROP TABLE scratch",
    "CREATE TEMPORARY TABLE IF NOT EXISTS copied ON COMMIT PRESERVE ROWS AS SELECT id, status FROM orders ORDER BY id",
    "SELECT status, count(*) FROM copied GROUP BY 1 ORDER BY 1",
    "SELECT relname, relpersistence FROM pg_class WHERE oid = 'copied'::regclass",
    "DROP TABLE IF EXISTS copied, never CASCADE",
    "BEGIN; CREATE TEMP TABLE gone (a int) ON COMMIT DROP; INSERT INTO gone VALUES (1); SELECT * FROM gone; COMMIT",
    "DISCARD ALL",
  ];
  test("temporary tables work as they do without a mask", async () => {
    for (const way of ["simple", "extended"] as const)
      for (const sql of WORK.filter((one) => way === "simple" || !one.startsWith("BEGIN;"))) {
        const [masked, bare] = [await world().owner.ask(sql, way), await world().boss.ask(sql, way)];
        assert.deepEqual(masked.error, null, `${sql}: ${[...(masked.error ?? [])].join(" ")}`);
        assert.deepEqual(
          [masked.tags, masked.names, masked.rows, masked.completed],
          [bare.tags, bare.names, bare.rows, bare.completed],
          sql,
        );
        assert.deepEqual(copiedData(masked.bytes), copiedData(bare.bytes));
      }
  });

  test("temporary copies hold masked values, whatever is asked of them", async () => {
    const sqls = [
      "CREATE TEMP TABLE t AS SELECT * FROM users",
      "SELECT * FROM t ORDER BY id",
      "SELECT t, t::text, row_to_json(t), t.ssn || t.email FROM t",
      "SELECT u.ssn = t.ssn, t.ssn FROM users u JOIN t USING (id)",
      "COPY t TO STDOUT (FORMAT binary)",
      "SELECT ssn INTO TEMP t2 FROM t",
      "TABLE t2",
      "BEGIN; DECLARE c CURSOR FOR SELECT * FROM t; FETCH ALL FROM c; COMMIT",
      "DROP TABLE t, t2",
    ];
    for (const sql of sqls) await world().both(sql);
  });

  test("a name that nothing bears gets the server's error, at its place in the client's text", async () => {
    for (const sql of [
      "SELECT * FROM nowhere",
      "SELECT u.ssn /* ünïcödé */, n.x FROM users u, public.orders o JOIN nowhere n ON true",
      "INSERT INTO nowhere VALUES (1)",
      "SELECT nothing FROM orders, users",
      "SELECT 1; SELECT ssn FROM users; SELECT * FROM nowhere",
    ]) {
      const [masked, bare] = [await world().owner.ask(sql), await world().boss.ask(sql)];
      assert.deepEqual([masked.error?.get("C"), masked.error?.get("P")], [bare.error?.get("C"), bare.error?.get("P")], sql);
    }
    assert.match((await world().owner.ask("SELECT * FROM nowhere")).error?.get("M") ?? "", /^relation "nowhere" does not exist$/);
    assert.equal((await world().owner.ask("DROP TABLE nowhere")).error?.get("C")?.slice(0, 2), "42");
  });

  test("a table that somebody else makes takes the name back: temporary tables come last", async () => {
    const { owner, other, refused } = world();
    const shown = async (name: string) => (await owner.ask(`SELECT whose FROM ${name}`)).rows[0]?.[0];
    await owner.ask("CREATE TEMP TABLE later AS SELECT 'mine' AS whose");
    assert.equal(await shown("later"), "mine");
    await other.query("CREATE TABLE later AS SELECT 'theirs' AS whose");
    await eventually(async () => (await shown("later")) === "theirs");
    assert.equal(await shown("pg_temp.later"), "mine");
    await refused("CREATE TEMP TABLE orders (id int)", "masked-unsupported");
    await refused("DROP TABLE later", "masked-statement-kind");
    await other.query("DROP TABLE later");
    await eventually(async () => (await shown("later")) === "mine");
    await eventually(async () => (await owner.ask("DROP TABLE later")).error === null);
  });

  test("a table that somebody else has made just now is found, before its name is taken for a temporary one", async () => {
    await world().other.query("CREATE TABLE just_now AS SELECT 1 AS n");
    assert.deepEqual((await world().owner.ask("SELECT n FROM just_now")).rows, [["1"]]);
    await world().other.query("DROP TABLE just_now");
  });

  test("a search path that is set keeps temporary tables at its end", async () => {
    for (const sql of [
      "SET search_path = public",
      "SET search_path TO pg_catalog",
      "SELECT set_config('search_path', 'public', false)",
      "RESET search_path",
    ]) {
      assert.equal((await world().owner.ask(sql)).error, null, sql);
      assert.match((await world().owner.ask("SHOW search_path")).rows[0]?.[0] ?? "", /"?pg_temp"?$/, sql);
    }
  });
});
