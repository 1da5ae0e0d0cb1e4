/** The catalogue as two real servers hold it. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type pg from "pg";
import type { Catalogue } from "#protocols/sql/catalogue.ts";
import { catalogueDigest, type RunQuery, readCatalogue, readEstimates, withEstimates } from "#src/catalogue/reader.ts";
import { connectPostgres, startPostgres, type TestPostgres } from "#test/support/postgres.ts";

/**
 * Neither server ships a provider that SECURITY LABEL could ask (`sepgsql` and `dummy_seclabel` must be built), so the
 * catalogue's own rows are written, as a superuser may.
 */
const label = (relation: string, column: number, words: string) => `
  SET allow_system_table_mods = on;
  DELETE FROM pg_seclabel WHERE objoid = '${relation}'::regclass AND objsubid = ${column};
  INSERT INTO pg_seclabel VALUES ('${relation}'::regclass, 'pg_class'::regclass, ${column}, 'test', '${words}');
  RESET allow_system_table_mods;`;

const SCHEMA = `
  CREATE SCHEMA shop; CREATE SCHEMA "Odd Name";
  CREATE DOMAIN shop.short AS varchar(12) CHECK (value <> '');
  CREATE DOMAIN shop.shorter AS shop.short;
  CREATE TABLE shop.users (id int PRIMARY KEY, gone int, ssn varchar(11) NOT NULL, code shop.shorter, tail text GENERATED ALWAYS AS (lower(ssn)) STORED);
  ALTER TABLE shop.users DROP COLUMN gone;
  CREATE TABLE shop.staff (boss int) INHERITS (shop.users);
  CREATE TABLE "Odd Name"."Select" (at date) PARTITION BY RANGE (at);
  CREATE TABLE part PARTITION OF "Odd Name"."Select" FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
  CREATE VIEW tails AS SELECT u.tail FROM shop.users u;
  CREATE MATERIALIZED VIEW again AS SELECT * FROM tails;
  CREATE FUNCTION shop.twice(int) RETURNS int LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT $1 * 2';
  CREATE OPERATOR shop.### (RIGHTARG = int, FUNCTION = shop.twice);
  CREATE TYPE shop.mood AS ENUM ('good', 'bad');
  CREATE FUNCTION shop.to_mood(int) RETURNS shop.mood LANGUAGE sql AS $$SELECT 'good'::shop.mood$$;
  CREATE CAST (int AS shop.mood) WITH FUNCTION shop.to_mood(int);
  CREATE TYPE shop.moods AS (list shop.mood[]);
  CREATE TABLE shop.feelings (m shop.moods);
  CREATE DOMAIN shop.even AS int CHECK (shop.twice(value) > 0);
  CREATE DOMAIN shop.evener AS shop.even;
  CREATE FUNCTION shop.to_date(float8) RETURNS date LANGUAGE sql AS $$SELECT date '2000-01-01'$$;
  CREATE FUNCTION shop.note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE TABLE shop.busy (id int PRIMARY KEY, user_id int REFERENCES shop.users ON DELETE CASCADE, n int DEFAULT shop.twice(2), at date DEFAULT now() CHECK (at > '2000-01-01'));
  CREATE TRIGGER note BEFORE INSERT ON shop.busy FOR EACH ROW EXECUTE FUNCTION shop.note();
  CREATE TRIGGER note_again BEFORE UPDATE ON shop.busy FOR EACH ROW WHEN (OLD.n < NEW.id) EXECUTE FUNCTION shop.note();
  ALTER TABLE shop.busy ADD CONSTRAINT many CHECK (n > user_id) NOT VALID;
  CREATE UNIQUE INDEX busy_days ON shop.busy ((at + 1), user_id) INCLUDE (n) WHERE n IS NOT NULL;
  CREATE POLICY mine ON shop.busy USING (n > 1) WITH CHECK (id IN (SELECT id FROM shop.users));
  CREATE TABLE shop.idle (id int UNIQUE, during int4range, EXCLUDE USING gist (during WITH &&));
  CREATE TRIGGER calm BEFORE UPDATE ON shop.idle FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
  CREATE POLICY mine ON shop.idle USING (id > 1);
  ALTER TABLE shop.idle ENABLE ROW LEVEL SECURITY;
  CREATE TABLE shop.sorted (id int, "Odd Day" date, n int) PARTITION BY RANGE ("Odd Day", (n + 1));
  CREATE RULE also AS ON DELETE TO shop.busy DO ALSO SELECT 1;
  CREATE EXTENSION citext SCHEMA shop;
  COMMENT ON COLUMN shop.users.ssn IS 'social security number sallyport:pii';
  COMMENT ON COLUMN shop.busy.n IS 'no tag';
  COMMENT ON TABLE "Odd Name"."Select" IS 'sallyport:Dates';
  COMMENT ON MATERIALIZED VIEW again IS 'sallyport:copy';
  COMMENT ON COLUMN again.tail IS '(sallyport:pii)';
  COMMENT ON FUNCTION shop.twice(int) IS 'sallyport:function';
  ${label("shop.users", 4, "Secret, code")}
  ${label("shop.feelings", 0, "health")}
  ALTER ROLE postgres SET search_path = shop, "$user", public`;

for (const version of [15, 18] as const) {
  describe(`catalogue of PostgreSQL ${version}`, () => {
    let server: TestPostgres;
    let client: pg.Client;
    let query: RunQuery;
    let catalogue: Catalogue;

    before(async () => {
      server = await startPostgres({ version });
      const maker = await connectPostgres(server);
      await maker.query(SCHEMA);
      await maker.end();
      client = await connectPostgres(server);
      query = async (sql) => (await client.query(sql)).rows;
      catalogue = await readCatalogue(query);
    });
    after(async () => {
      await client.end();
      await server.stop();
    });

    const relation = (schema: string, name: string) => {
      const found = catalogue.relations.find((one) => one.schema === schema && one.name === name);
      assert.ok(found, `${schema}.${name}`);
      return found;
    };

    test("says where it was read, and what unqualified names are looked up in", async () => {
      assert.equal(catalogue.database, "postgres");
      assert.match(catalogue.serverVersion, new RegExp(`^${version}\\.`));
      assert.deepEqual(catalogue.searchPath, ["pg_catalog", "shop", "public"]);
      // The path that the reading needed is gone.
      assert.deepEqual(await query("SHOW search_path"), [{ search_path: 'shop, "$user", public' }]);
    });

    test("columns keep their numbers, dropped ones are left out, domains are followed to their base", () => {
      const users = relation("shop", "users");
      assert.equal(users.kind, "table");
      assert.deepEqual(users.primaryKey, [1]);
      assert.deepEqual(
        users.columns.map(({ name, number, type, baseType, category, notNull }) => [name, number, type, baseType, category, notNull]),
        [
          ["id", 1, "integer", "integer", "N", true],
          ["ssn", 3, "character varying(11)", "character varying(11)", "S", true],
          ["code", 4, "shop.shorter", "character varying(12)", "S", false],
          ["tail", 5, "text", "text", "S", false],
        ],
      );
      assert.deepEqual(
        users.columns.map(({ generatedFrom }) => generatedFrom),
        [[], [], [], [3]],
      );
      assert.deepEqual(
        users.columns.map(({ generated }) => generated),
        [false, false, false, true],
      );
    });

    test("views know what they read and how they are written, children know their parents", () => {
      const users = relation("shop", "users");
      assert.deepEqual(relation("public", "tails").reads, [users.oid]);
      assert.match(relation("public", "tails").definition ?? "", /FROM shop\.users u/);
      assert.deepEqual(relation("public", "again").reads, [relation("public", "tails").oid]);
      assert.equal(relation("public", "again").kind, "materialized-view");
      assert.deepEqual(relation("shop", "staff").parents, [users.oid]);
      assert.deepEqual(relation("public", "part").parents, [relation("Odd Name", "Select").oid]);
      assert.equal(relation("Odd Name", "Select").kind, "partitioned-table");
    });

    test("views of a wall are told by their schema's comment, and count as materialised", async () => {
      assert.deepEqual(catalogue.walls, []);
      await client.query(`CREATE SCHEMA walled; CREATE VIEW walled.tails AS SELECT * FROM public.tails`);
      const before = await catalogueDigest(query);
      await client.query(`COMMENT ON SCHEMA walled IS 'sallyport wall of role "x": masked views'`);
      assert.notEqual(await catalogueDigest(query), before);
      const { walls, relations } = await readCatalogue(query);
      await client.query("DROP SCHEMA walled CASCADE");
      assert.deepEqual(walls, ["walled"]);
      assert.deepEqual(
        relations.filter(({ name }) => name === "tails").map(({ schema, kind }) => [schema, kind]),
        [
          ["public", "view"],
          ["walled", "materialized-view"],
        ],
      );
    });

    test("the server's own relations are there with their columns, without their definitions", () => {
      assert.equal(relation("pg_catalog", "pg_stat_activity").definition, null);
      assert.ok(relation("pg_catalog", "pg_attribute").columns.some(({ name }) => name === "attmissingval"));
      assert.ok(relation("information_schema", "columns").columns.length > 20);
    });

    test("columns bear the tags of their comments and those of their relation, and of rows in pg_seclabel", () => {
      const tags = (schema: string, name: string) => relation(schema, name).columns.map((column) => `${column.name}: ${column.tags}`);
      assert.deepEqual(tags("shop", "users"), ["id: ", "ssn: pii", "code: code,secret", "tail: "]);
      assert.deepEqual(tags("Odd Name", "Select"), ["at: dates"]);
      assert.deepEqual(tags("public", "part"), ["at: "]);
      assert.deepEqual(tags("public", "again"), ["tail: copy,pii"]);
      assert.deepEqual(tags("shop", "feelings"), ["m: health"]);
      assert.ok(
        catalogue.relations
          .filter(({ schema }) => schema === "pg_catalog")
          .every(({ columns }) => columns.every((one) => one.tags.length === 0)),
      );
    });

    test("functions, operators and types of users are there, the server's own are not", () => {
      const twice = catalogue.functions.find(({ name }) => name === "twice");
      assert.partialDeepStrictEqual(twice, {
        schema: "shop",
        volatility: "stable",
        securityDefiner: true,
        language: "sql",
        extension: null,
      });
      assert.ok(catalogue.functions.some(({ name, extension }) => name === "regexp_matches" && extension === "citext"));
      assert.deepEqual(
        catalogue.operators.filter(({ name }) => name === "###"),
        [{ schema: "shop", name: "###", functionOid: twice?.oid }],
      );
      const mood = catalogue.types.find(({ name }) => name === "mood");
      assert.deepEqual(mood?.calls, [catalogue.functions.find(({ name }) => name === "to_mood")?.oid]);
      assert.ok(!catalogue.functions.some(({ name }) => name === "lower"));
    });

    test("what runs with a write is there: rules, triggers, functions of defaults, expressions, and foreign keys", () => {
      const busy = relation("shop", "busy");
      const users = relation("shop", "users");
      const oidOf = (name: string) => catalogue.functions.find((one) => one.schema === "shop" && one.name === name)?.oid ?? 0;
      assert.deepEqual(busy.rules, ["also"]);
      assert.deepEqual(busy.triggers, [oidOf("note")]);
      assert.deepEqual([...busy.calls].sort(), [oidOf("note"), oidOf("twice")].sort());
      assert.deepEqual(
        busy.columns.map((column) => column.default),
        [null, null, "shop.twice(2)", "now()"],
      );
      assert.deepEqual(users.columns.at(-1)?.default, "lower((ssn)::text)");
      const [reference, ...others] = busy.references;
      assert.deepEqual(reference, {
        relation: users.oid,
        columns: [{ number: 2, refersTo: 1 }],
        onDelete: "cascade",
        onUpdate: "refuse",
      });
      assert.deepEqual(others, []);
      assert.deepEqual([users.rules, users.triggers, users.calls, users.references], [[], [], [], []]);
      assert.deepEqual([relation("public", "tails").rules, relation("pg_catalog", "pg_settings").rules], [[], []]);
    });

    test("what a write is checked against is there: checks, indexes, partition keys, policies in force, conditions of triggers", () => {
      const busy = relation("shop", "busy");
      assert.deepEqual(busy.checks, [
        { expression: "(at > '2000-01-01'::date)", validated: true },
        { expression: "(n > user_id)", validated: false },
      ]);
      assert.deepEqual(busy.indexes, [
        { name: "busy_pkey", unique: true, exclusion: false, keys: ["id"], predicate: null },
        { name: "busy_days", unique: true, exclusion: false, keys: ["((at + 1))", "user_id", "n"], predicate: "(n IS NOT NULL)" },
      ]);
      assert.deepEqual([busy.policies, busy.partitionKey, busy.skipsUnchanged], [[], "", false]);
      assert.equal(busy.triggerConditions.length, 1);
      assert.match(busy.triggerConditions[0] ?? "", /^CREATE TRIGGER note_again .* WHEN \(\(?old\.n < new\.id\)?\)/i);
      const idle = relation("shop", "idle");
      assert.deepEqual(
        idle.indexes.map(({ unique, exclusion, keys }) => [unique, exclusion, keys]),
        [
          [true, false, ["id"]],
          [false, true, ["during"]],
        ],
      );
      assert.deepEqual([idle.policies, idle.skipsUnchanged], [["(id > 1)"], true]);
      assert.equal(relation("shop", "sorted").partitionKey, '"Odd Day", (n + 1)');
    });

    test("a type calls what its parts call: arrays, rows, domains and the rows of tables", () => {
      const callsOf = (name: string) => catalogue.types.find((one) => one.schema === "shop" && one.name === name)?.calls;
      const named = (name: string) => [catalogue.functions.find((one) => one.schema === "shop" && one.name === name)?.oid];
      for (const name of ["mood", "_mood", "moods", "_moods", "feelings"]) assert.deepEqual(callsOf(name), named("to_mood"), name);
      for (const name of ["even", "evener", "_evener"]) assert.deepEqual(callsOf(name), named("twice"), name);
      assert.deepEqual(callsOf("users"), []);
      assert.ok(!catalogue.types.some(({ schema }) => schema === "pg_catalog"));
    });

    test("the digest stays while nothing changes, statistics included, and changes with every kind of change", async () => {
      assert.equal(await catalogueDigest(query), catalogue.version);
      await query("ANALYZE shop.users");
      assert.equal(await catalogueDigest(query), catalogue.version);
      const seen = new Set([catalogue.version]);
      for (const change of [
        "ALTER TABLE shop.users RENAME COLUMN tail TO tale",
        "ALTER TABLE shop.users DROP COLUMN code",
        "CREATE TABLE fresh (a int)",
        "ALTER TABLE fresh RENAME TO stale",
        "ALTER TABLE stale ADD COLUMN b text",
        "ALTER TABLE stale ADD PRIMARY KEY (a)",
        "CREATE OR REPLACE VIEW tails AS SELECT u.tale AS tail FROM ONLY shop.users u",
        "ALTER FUNCTION shop.twice(int) VOLATILE",
        "ALTER TABLE stale SET SCHEMA public",
        "DROP OPERATOR shop.### (NONE, int)",
        "DROP CAST (int AS shop.mood)",
        "DROP TRIGGER note ON shop.busy",
        "DROP RULE also ON shop.busy",
        "ALTER TABLE shop.busy ALTER COLUMN n SET DEFAULT 1",
        "ALTER TABLE shop.busy ADD CHECK (n > 0)",
        "ALTER TABLE shop.busy DROP CONSTRAINT busy_user_id_fkey",
        "CREATE INDEX ON shop.busy ((n + 1))",
        "CREATE UNIQUE INDEX quiet ON shop.idle (id)",
        "ALTER TABLE shop.idle ADD CONSTRAINT loud UNIQUE USING INDEX quiet",
        "ALTER INDEX shop.loud RENAME TO louder",
        "ALTER TABLE shop.busy VALIDATE CONSTRAINT many",
        "ALTER TABLE shop.busy ENABLE ROW LEVEL SECURITY",
        "DROP TRIGGER calm ON shop.idle",
        "CREATE CAST (float8 AS date) WITH FUNCTION shop.to_date(float8)",
        "CREATE TABLE child () INHERITS (public.stale)",
        "ALTER TABLE child NO INHERIT public.stale",
        "COMMENT ON COLUMN shop.users.ssn IS 'sallyport:other'",
        "COMMENT ON COLUMN shop.users.ssn IS NULL",
        "COMMENT ON TABLE shop.users IS 'sallyport:pii'",
        label("shop.users", 4, "public"),
        label("shop.users", 1, "pii"),
        "SET search_path = public",
      ]) {
        await query(change);
        const digest = await catalogueDigest(query);
        assert.ok(!seen.has(digest), change);
        seen.add(digest);
      }
    });

    test("rows are estimated with those of partitions and children, and never where nothing was analysed", async () => {
      await query(`CREATE TABLE rows_of (id int); INSERT INTO rows_of SELECT generate_series(1, 2000);
        CREATE TABLE rows_of_child () INHERITS (rows_of); INSERT INTO rows_of_child SELECT generate_series(1, 3000);
        CREATE TABLE rows_by (id int) PARTITION BY RANGE (id);
        CREATE TABLE rows_by_1 PARTITION OF rows_by FOR VALUES FROM (0) TO (1000);
        CREATE TABLE rows_by_2 PARTITION OF rows_by FOR VALUES FROM (1000) TO (9000) PARTITION BY RANGE (id);
        CREATE TABLE rows_by_2_1 PARTITION OF rows_by_2 FOR VALUES FROM (1000) TO (9000);
        INSERT INTO rows_by SELECT generate_series(1, 5000);
        CREATE TABLE rows_unknown (id int); CREATE TABLE rows_none (id int);
        CREATE VIEW rows_seen AS SELECT * FROM rows_of; CREATE MATERIALIZED VIEW rows_kept AS SELECT * FROM rows_of`);
      await query("ANALYZE rows_of, rows_of_child, rows_by_1, rows_by_2_1, rows_none, rows_kept");
      const now = await readCatalogue(query);
      const rowsOf = (name: string) => now.relations.find((one) => one.name === name)?.estimatedRows;
      assert.deepEqual(
        ["rows_of", "rows_of_child", "rows_by", "rows_by_1", "rows_by_2", "rows_by_2_1"].map(rowsOf),
        [5000, 3000, 5000, 999, 4001, 4001],
      );
      assert.deepEqual(["rows_unknown", "rows_none", "rows_seen", "rows_kept"].map(rowsOf), [null, 0, null, 5000]);
      await query("ANALYZE rows_by");
      assert.equal((await readEstimates(query)).get(now.relations.find(({ name }) => name === "rows_by")?.oid ?? 0), 5000);
    });

    test("newer estimates are taken up when one has changed by more than a tenth, without another version", async () => {
      const before = await readCatalogue(query);
      assert.equal(withEstimates(before, await readEstimates(query)), before);
      await query("INSERT INTO rows_of_child SELECT generate_series(1, 100); ANALYZE rows_of_child");
      assert.equal(withEstimates(before, await readEstimates(query)), before);
      await query("INSERT INTO rows_unknown SELECT generate_series(1, 500); ANALYZE rows_unknown");
      assert.equal(await catalogueDigest(query), before.version);
      const newer = withEstimates(before, await readEstimates(query));
      assert.equal(newer.version, before.version);
      assert.equal(newer.relations.find(({ name }) => name === "rows_unknown")?.estimatedRows, 500);
      assert.equal(newer.relations.find(({ name }) => name === "rows_of_child")?.estimatedRows, 3100);
    });

    test("a failure leaves the connection outside a transaction", async () => {
      const failing: RunQuery = (sql) => (sql.includes("pg_operator o") ? query("SELECT 1/0") : query(sql));
      await assert.rejects(readCatalogue(failing), /division by zero/);
      assert.equal((await query("SELECT now() = statement_timestamp() AS fresh"))[0]?.["fresh"], true);
    });

    test("a login without any grant reads it as well", async () => {
      await query("CREATE ROLE lowly LOGIN");
      await query("SET SESSION AUTHORIZATION lowly");
      const seen = await readCatalogue(query);
      await query("RESET SESSION AUTHORIZATION");
      assert.ok(seen.relations.some(({ name }) => name === "users"));
    });
  });
}
