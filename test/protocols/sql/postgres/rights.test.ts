/** Which right each kind of statement needs, judged from the real tree. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { Right } from "#policies/question.ts";
import type { Catalogue } from "#protocols/sql/catalogue.ts";
import { analyse } from "#protocols/sql/postgres/analyse.ts";
import { VOLATILE } from "#protocols/sql/postgres/function-facts.ts";
import { SORTED_VOLATILE } from "#protocols/sql/postgres/functions.ts";
import { loadGrammar } from "#protocols/sql/postgres/grammar.ts";

const CODE: Readonly<Record<string, Right>> = { r: "read", w: "write", s: "schema", a: "admin" };

/** Rights by first letter, tag, text. */
const STATEMENTS: readonly (readonly [string, string, string])[] = [
  ["r", "SELECT", "SELECT 1"],
  ["r", "SELECT", "TABLE t"],
  ["r", "SELECT", "VALUES (1), (2)"],
  ["r", "SELECT", "SELECT a, count(*) FROM t GROUP BY a UNION SELECT 1, 2"],
  ["rw", "SELECT", "WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone"],
  ["rw", "SELECT", "SELECT (WITH x AS (INSERT INTO t VALUES (1) RETURNING a) SELECT a FROM x)"],
  ["rs", "SELECT INTO", "SELECT * INTO copy FROM t"],
  ["rs", "SELECT INTO", "SELECT * INTO TEMP copy FROM t"],
  ["rs", "CREATE TABLE AS", "CREATE TABLE copy AS SELECT * FROM t"],
  ["rws", "CREATE TABLE AS", "CREATE TABLE copy AS WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x"],
  ["rs", "CREATE MATERIALIZED VIEW", "CREATE MATERIALIZED VIEW m AS SELECT * FROM t"],
  ["rw", "SELECT", "SELECT * FROM t FOR UPDATE"],
  ["rw", "SELECT", "SELECT * FROM (SELECT * FROM t FOR KEY SHARE) s"],
  ["w", "INSERT", "INSERT INTO t VALUES (1)"],
  ["rw", "INSERT", "INSERT INTO t SELECT * FROM u"],
  ["rw", "INSERT", "INSERT INTO t VALUES ((SELECT a FROM u))"],
  ["rw", "INSERT", "INSERT INTO t VALUES (1) RETURNING a"],
  ["w", "UPDATE", "UPDATE t SET a = 1"],
  ["rw", "UPDATE", "UPDATE t SET a = 1 WHERE b = 2"],
  // Each row that it changes is a setting; behind one of how texts are read, the next would be read otherwise.
  ["rwa", "UPDATE", "UPDATE pg_settings SET setting = 'off' WHERE name = 'standard_conforming_strings'"],
  ["wa", "UPDATE", "UPDATE ONLY pg_catalog.\"pg_settings\" AS s SET setting = 'off'"],
  ["rwa", "SELECT", "WITH x AS (UPDATE pg_settings SET setting = 'off' RETURNING 1) SELECT * FROM x"],
  ["rwa", "PREPARE", "PREPARE p AS UPDATE pg_settings SET setting = $1 WHERE name = $2"],
  ["w", "DELETE", "DELETE FROM t"],
  ["rw", "DELETE", "DELETE FROM t USING u WHERE t.a = u.a"],
  ["rw", "MERGE", "MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE"],
  ["w", "TRUNCATE TABLE", "TRUNCATE t"],
  ["w", "COPY", "COPY t FROM STDIN"],
  ["r", "COPY", "COPY t TO STDOUT"],
  ["r", "COPY", "COPY (SELECT 1) TO STDOUT"],
  ["rw", "COPY", "COPY (DELETE FROM t RETURNING a) TO STDOUT"],
  ["a", "COPY", "COPY t FROM '/etc/passwd'"],
  ["a", "COPY", "COPY t TO '/var/x'"],
  ["a", "COPY", "COPY t TO PROGRAM 'sh'"],
  ["ra", "COPY", "COPY (SELECT 1) TO PROGRAM 'sh'"],
  ["r", "EXPLAIN", "EXPLAIN DELETE FROM t"],
  ["rw", "EXPLAIN", "EXPLAIN ANALYZE DELETE FROM t"],
  ["rw", "EXPLAIN", "EXPLAIN (COSTS, ANALYZE true) INSERT INTO t VALUES (1)"],
  ["rs", "EXPLAIN", "EXPLAIN ANALYZE CREATE TABLE c AS SELECT 1"],
  ["rwsa", "DO", "DO $$ BEGIN NULL; END $$"],
  ["w", "CALL", "CALL refresh()"],
  ["rw", "PREPARE", "PREPARE p AS INSERT INTO t VALUES ($1)"],
  ["r", "PREPARE", "PREPARE p (int) AS SELECT $1"],
  ["r", "EXECUTE", "EXECUTE p (1)"],
  ["ra", "EXECUTE", "EXECUTE p (pg_read_file('x'))"],
  ["rw", "DECLARE CURSOR", "DECLARE c CURSOR FOR SELECT * FROM t FOR UPDATE"],
  ["r", "FETCH", "FETCH 1 FROM c"],
  ["r", "MOVE", "MOVE 1 FROM c"],
  ["r", "SET", "SET statement_timeout = 5"],
  ["r", "SET", "SET LOCAL search_path = a, b"],
  ["r", "SELECT", "SELECT * FROM generate_series(1, 3) g, ROWS FROM (unnest(array[1]), unnest(array[2])) AS r(a, b)"],
  ["r", "SET", "SET NAMES 'LATIN1'"],
  ["r", "SET", "SET standard_conforming_strings = on"],
  ["r", "RESET", "RESET client_encoding"],
  ["a", "SET", "SET NAMES 'Shift_JIS'"],
  ["a", "SET", "SET client_encoding = gbk"],
  ["a", "SET", "SET LOCAL standard_conforming_strings = off"],
  ["a", "SET", "SET backslash_quote = on"],
  ["a", "SET", "SET ROLE boss"],
  ["a", "SET", "SET SESSION AUTHORIZATION boss"],
  ["a", "SET", 'SET "Role" = boss'],
  ["a", "SET", "SET ROLE NONE"],
  ["a", "SET", "SET LOCAL SESSION AUTHORIZATION DEFAULT"],
  ["a", "SET", "SET session_replication_role = replica"],
  ["a", "SET", 'SET LOCAL "Log_Statement" TO none'],
  ["a", "SET", "SET pgaudit.log = 'none'"],
  ["r", "SET", "SET session_replication_role TO DEFAULT"],
  ["r", "RESET", "RESET pgaudit.log"],
  ["r", "SET", "SET app.tenant = '7'"],
  ["ra", "SELECT", "SELECT set_config(name, 'x', false) FROM pg_settings WHERE name = 'zero_damaged_pages'"],
  ["r", "RESET", "RESET ROLE"],
  ["r", "SET", "SET SESSION AUTHORIZATION DEFAULT"],
  ["r", "SELECT", "SELECT set_config(name, 'x', false) FROM pg_settings WHERE name = 'work_mem'"],
  ["ra", "SELECT", "SELECT set_config(name, 'x', false) FROM pg_settings WHERE name = 'role'"],
  ["ra", "SELECT", "SELECT set_config(name, 'x', false) FROM pg_settings WHERE name > 'role'"],
  ["r", "RESET", "RESET ALL"],
  ["r", "SHOW", "SHOW ALL"],
  ["r", "BEGIN", "BEGIN"],
  ["r", "ROLLBACK", "ROLLBACK TO s"],
  ["w", "PREPARE TRANSACTION", "PREPARE TRANSACTION 'x'"],
  ["w", "COMMIT PREPARED", "COMMIT PREPARED 'x'"],
  ["r", "LISTEN", "LISTEN c"],
  ["w", "NOTIFY", "NOTIFY c, 'x'"],
  ["r", "LOCK TABLE", "LOCK t IN ACCESS SHARE MODE"],
  ["w", "LOCK TABLE", "LOCK t"],
  ["r", "DISCARD ALL", "DISCARD ALL"],
  ["s", "CREATE TABLE", "CREATE TABLE t (a int PRIMARY KEY, b text)"],
  ["rs", "CREATE VIEW", "CREATE VIEW v AS SELECT 1"],
  ["s", "ALTER TABLE", "ALTER TABLE t ADD COLUMN c int"],
  ["a", "ALTER TABLE", "ALTER TABLE t OWNER TO boss"],
  ["a", "ALTER TABLE", "ALTER TABLE t DISABLE ROW LEVEL SECURITY"],
  ["s", "ALTER TABLE", "ALTER TABLE t RENAME TO u"],
  ["s", "DROP TABLE", "DROP TABLE t"],
  ["s", "DROP MATERIALIZED VIEW", "DROP MATERIALIZED VIEW m"],
  ["a", "DROP EXTENSION", "DROP EXTENSION pgcrypto"],
  ["s", "COMMENT", "COMMENT ON TABLE t IS 'x'"],
  ["s", "CREATE INDEX", "CREATE INDEX ON t (a)"],
  ["s", "REINDEX", "REINDEX TABLE t"],
  ["s", "VACUUM", "VACUUM t"],
  ["s", "ANALYZE", "ANALYZE t"],
  ["s", "CLUSTER", "CLUSTER t"],
  ["s", "REFRESH MATERIALIZED VIEW", "REFRESH MATERIALIZED VIEW m"],
  ["s", "CREATE TRIGGER", "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()"],
  ["s", "CREATE FUNCTION", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'"],
  ["a", "GRANT", "GRANT SELECT ON t TO boss"],
  ["a", "REVOKE", "REVOKE ALL ON t FROM boss"],
  ["a", "GRANT ROLE", "GRANT boss TO me"],
  ["a", "CREATE ROLE", "CREATE USER u PASSWORD 'not-a-real-one'"],
  ["a", "ALTER ROLE", "ALTER ROLE u SUPERUSER"],
  ["ra", "ALTER SYSTEM", "ALTER SYSTEM SET work_mem = 1"],
  ["a", "CREATE EXTENSION", "CREATE EXTENSION dblink"],
  ["a", "LOAD", "LOAD 'x'"],
  ["a", "CHECKPOINT", "CHECKPOINT"],
  ["a", "CREATE DATABASE", "CREATE DATABASE d"],
  ["a", "CREATE POLICY", "CREATE POLICY p ON t USING (true)"],
  ["a", "CREATE SUBSCRIPTION", "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p"],
];

/** Calls, each inside a SELECT: what they need beyond `read`. */
const CALLS: readonly (readonly [string, string])[] = [
  ["", "lower(a)"],
  ["", "now()"],
  ["", "clock_timestamp()"],
  ["", "random()"],
  ["", "gen_random_uuid()"],
  ["", "count(*) FILTER (WHERE a > 1)"],
  ["", "row_number() OVER (ORDER BY a)"],
  ["", "pg_size_pretty(pg_relation_size('t'))"],
  ["", "set_config('work_mem', '1MB', false)"],
  ["", "set_config('client_encoding', 'UTF8', false)"],
  ["a", "set_config('client_encoding', 'SJIS', false)"],
  ["a", "set_config('Session_Replication_Role', 'replica', false)"],
  ["", "set_config('app.tenant', '7', false)"],
  ["a", "set_config('client_encoding', 'S' || 'JIS', false)"],
  ["a", "set_config('standard_conforming_strings', 'off', false)"],
  ["w", "nextval('s')"],
  ["w", "setval('s', 1)"],
  ["w", "pg_notify('c', 'x')"],
  ["w", "pg_advisory_lock(1)"],
  ["w", "my_function(1)"],
  ["w", "other.lower('X')"],
  ["a", "pg_read_file('/etc/passwd')"],
  ["a", "pg_catalog.pg_read_file('/etc/passwd')"],
  ["a", "pg_ls_dir('.')"],
  ["a", "pg_terminate_backend(1)"],
  ["a", "pg_reload_conf()"],
  ["a", "lo_import('/etc/passwd')"],
  ["a", "lo_get(1)"],
  ["a", "pg_create_physical_replication_slot('s')"],
  ["a", "pg_logical_emit_message(true, 'a', 'b')"],
  ["a", "dblink('dbname=x', 'DELETE FROM t')"],
  ["a", "public.dblink_exec('x')"],
  ["a", "pg_switch_wal()"],
  ["a", "('/etc/passwd'::text).pg_read_file"],
  ["w", "('s'::regclass).nextval"],
  ["a", "t.pg_reload_conf"],
  ["wsa", "('DELETE FROM t'::text).query_to_xml"],
  ["", "t.total"],
  ["a", "set_config('role', 'boss', false)"],
  ["a", "set_config('ROLE'::text, 'boss', false)"],
  ["a", "set_config('ro' || 'le', 'boss', false)"],
  ["wsa", "query_to_xml('DELETE FROM t', true, true, '')"],
  ["wsa", "ts_stat('SELECT 1')"],
];

function needsOf(sql: string, catalogue: Catalogue | null = null): readonly (readonly [string, readonly Right[]])[] {
  const { facts } = analyse(sql, null, catalogue);
  assert.ok(facts.kind === "parsed", `${sql}: ${facts.kind === "unparsed" ? facts.message : ""}`);
  return facts.statements.map(({ tag, needs }) => [tag, needs]);
}

before(loadGrammar);

describe("rights of statements", () => {
  for (const [letters, tag, sql] of STATEMENTS) {
    test(`${sql} is ${tag} and needs ${letters}`, () => assert.deepEqual(needsOf(sql), [[tag, [...letters].map((c) => CODE[c])]]));
  }

  for (const [letters, call] of CALLS) {
    const expected = ["read", ...[...letters].map((c) => CODE[c])];
    test(`${call} needs ${expected.join(" ")}`, () => assert.deepEqual(needsOf(`SELECT ${call} FROM t`), [["SELECT", expected]]));
    test(`${call} needs the same in FROM, in DML and in a definition`, () => {
      for (const sql of [
        `SELECT 1 WHERE EXISTS (SELECT ${call})`,
        `WITH x AS (SELECT ${call}) SELECT * FROM x`,
        `CREATE VIEW v AS SELECT ${call}`,
      ]) {
        const [found] = needsOf(sql);
        for (const right of expected)
          assert.ok(
            found?.[1].some((one) => one === right),
            `${sql} lacks ${right}`,
          );
      }
    });
  }

  test("each statement of a text is judged by itself", () => {
    assert.deepEqual(needsOf("SELECT 1; DELETE FROM t; ; DROP TABLE t"), [
      ["SELECT", ["read"]],
      ["DELETE", ["write"]],
      ["DROP TABLE", ["schema"]],
    ]);
  });

  test("a function of a user's is what the catalogue says, and the worst of its overloads counts", () => {
    const one = {
      oid: 1,
      schema: "public",
      name: "total",
      volatility: "stable",
      securityDefiner: false,
      language: "sql",
      extension: null,
      constructs: false,
    } as const;
    const catalogue: Catalogue = {
      version: "1",
      serverVersion: "18.0",
      database: "d",
      searchPath: ["pg_catalog", "public"],
      walls: [],
      relations: [],
      operators: [],
      types: [],
      functions: [
        one,
        { ...one, oid: 2, name: "spend" },
        { ...one, oid: 3, name: "spend", volatility: "volatile" },
        { ...one, oid: 4, name: "lower", volatility: "volatile" },
      ],
    };
    assert.deepEqual(needsOf("SELECT total(1)", catalogue), [["SELECT", ["read"]]]);
    assert.deepEqual(needsOf("SELECT spend(1)", catalogue), [["SELECT", ["read", "write"]]]);
    assert.deepEqual(needsOf("SELECT lower('X')", catalogue), [["SELECT", ["read", "write"]]]);
    assert.deepEqual(needsOf("SELECT pg_catalog.lower('X')", catalogue), [["SELECT", ["read"]]]);
    assert.deepEqual(needsOf("SELECT other.total(1)", catalogue), [["SELECT", ["read", "write"]]]);
  });

  test("whatever is sorted by hand as harmless is a volatile function that PostgreSQL has", () => {
    const known = new Set(VOLATILE.trim().split(/\s+/));
    assert.deepEqual(
      [...SORTED_VOLATILE].filter((name) => !known.has(name)),
      [],
    );
  });
});

describe("texts", () => {
  test("tables are listed as written, common table expressions are not, a table that one shadows is", () => {
    const { facts } = analyse(
      "WITH users AS (SELECT * FROM users JOIN shop.orders o USING (id)) SELECT * FROM users FOR UPDATE OF users",
      null,
    );
    assert.ok(facts.kind === "parsed");
    assert.deepEqual([...(facts.statements[0]?.tables ?? [])].sort(), ["shop.orders", "users"]);
  });

  test("text that does not parse says where, in characters", () => {
    const { facts } = analyse("select 'é', 😀 from from x", null);
    assert.deepEqual(facts, { kind: "unparsed", message: 'syntax error at or near "from"', position: 20, masked: false });
  });

  test("text without a statement is parsed and empty", () => {
    for (const sql of ["", ";", "-- nothing", "/* a */ ; ;"]) {
      const { facts, effects } = analyse(sql, null);
      assert.deepEqual(facts, { kind: "parsed", statements: [] });
      assert.equal(effects.fullyEmpty, true);
    }
  });

  test("session effects are told: prepare, deallocate, copy, transactions, changes of the catalogue", () => {
    const { effects } = analyse(
      'BEGIN; PREPARE "é P" AS SELECT 1; EXECUTE q; DEALLOCATE q; DISCARD ALL; DECLARE c CURSOR FOR TABLE t; FETCH c; MOVE c; COPY t FROM STDIN; CREATE TABLE x ()',
      null,
    );
    assert.deepEqual(effects, {
      names: [
        { kind: "prepare", at: 1, name: "é P" },
        { kind: "execute", at: 2, name: "q" },
        { kind: "deallocate", at: 3, name: "q" },
        { kind: "deallocate", at: 4, name: null },
        { kind: "declare", at: 5, name: "c" },
        { kind: "fetch", at: 6, name: "c" },
      ],
      copy: "in",
      transactionControl: true,
      changesCatalogue: true,
      fullyEmpty: false,
    });
    assert.equal(analyse("COPY t TO STDOUT", null).effects.copy, "out");
    assert.equal(analyse("COPY t TO '/var/x'", null).effects.copy, null);
    assert.equal(analyse("SELECT 1", null).effects.changesCatalogue, false);
    assert.equal(analyse("DO 'x'", null).effects.changesCatalogue, true);
  });
});
