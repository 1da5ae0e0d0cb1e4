/**
 * What stays denied to principals under a mask, through a whole gateway on real servers: each kind of it is refused with
 * its reason, whichever protocol it comes by, and the session goes on.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { message, words } from "#test/src/gateway/wire.ts";
import { besideTheBoss } from "./beside.ts";
import { Attacker } from "./client.ts";

type Denied = Readonly<Record<string, readonly string[]>>;

const DENIED: Readonly<Record<string, Denied>> = {
  "definitions of objects": {
    "masked-statement-kind": [
      "CREATE TABLE plain (a int)",
      "ALTER TABLE users DROP COLUMN ssn",
      "ALTER TABLE users RENAME TO others",
      "DROP TABLE orders",
      "CREATE VIEW v AS SELECT 1",
      "CREATE MATERIALIZED VIEW v AS SELECT 1",
      "REFRESH MATERIALIZED VIEW users_copy",
      "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
      "CREATE TRIGGER t BEFORE INSERT ON inbox EXECUTE FUNCTION noise()",
      "CREATE RULE r AS ON INSERT TO inbox DO ALSO SELECT 1",
      "CREATE INDEX ON users (ssn)",
      "CREATE DOMAIN d AS text",
      "CREATE TYPE t AS (a int)",
      "CREATE AGGREGATE a (int) (SFUNC = int4larger, STYPE = int)",
      "CREATE OPERATOR <-> (LEFTARG = int, FUNCTION = user_ssn)",
      "CREATE CAST (int AS inet) WITH INOUT",
      "CREATE SCHEMA s",
      "CREATE SEQUENCE s",
      "CREATE STATISTICS s ON ssn, pin FROM users",
      "CREATE POLICY p ON users USING (true)",
      "CREATE PUBLICATION p FOR TABLE users",
      "CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION noise()",
      "CREATE EXTENSION pgcrypto",
      "CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw",
      "CREATE USER MAPPING FOR CURRENT_USER SERVER elsewhere",
      "IMPORT FOREIGN SCHEMA public FROM SERVER elsewhere INTO public",
      "COMMENT ON COLUMN users.ssn IS 'x'",
    ],
  },
  "code and texts of its own": {
    "masked-statement-kind": ["DO 'BEGIN NULL; END'", "CALL copy_out()", "LOAD 'plpgsql'"],
    "masked-function": ["SELECT user_ssn(1)", "SELECT * FROM all_users()", "SELECT query_to_xml('table users', true, true, '')"],
    "masked-unparsed": ["EXECUTE IMMEDIATE 'table users'", "PREPARE p FROM 'table users'", "IF true THEN SELECT 1; END IF"],
  },
  "files, programs and large objects": {
    "masked-statement-kind": [
      "COPY users TO '/tmp/x'",
      "COPY inbox FROM '/etc/passwd'",
      "COPY (SELECT 1) TO PROGRAM 'cat'",
      "COPY inbox FROM PROGRAM 'cat'",
    ],
    "masked-function": [
      "SELECT pg_read_file('x')",
      "SELECT pg_read_binary_file('x')",
      "SELECT pg_ls_dir('.')",
      "SELECT pg_stat_file('x')",
      "SELECT lo_import('/etc/passwd')",
      "SELECT lo_export(424242, '/tmp/x')",
      "SELECT lo_get(424242)",
      "SELECT lo_open(424242, 131072)",
      "SELECT lo_from_bytea(0, 'x')",
    ],
    "masked-catalogue": ["SELECT * FROM pg_largeobject"],
  },
  "other sessions and other servers": {
    "masked-statement-kind": ["LISTEN c", "NOTIFY c, 'x'", "LOCK TABLE users IN SHARE MODE", "LOCK TABLE orders"],
    "masked-function": [
      "SELECT pg_notify('c', 'x')",
      "SELECT pg_sleep(1)",
      "SELECT pg_advisory_lock(1)",
      "SELECT pg_try_advisory_xact_lock(1)",
      "SELECT pg_terminate_backend(1)",
      "SELECT pg_cancel_backend(1)",
      "SELECT dblink('', 'select 1')",
      "SELECT pg_create_logical_replication_slot('s', 'pgoutput')",
    ],
    "masked-unresolved": ["SELECT * FROM remote_users"],
  },
  "roles, rights and settings": {
    "masked-statement-kind": [
      "GRANT SELECT ON users TO PUBLIC",
      "REVOKE SELECT ON users FROM PUBLIC",
      "CREATE ROLE r",
      "ALTER ROLE postgres SET search_path = x",
      "ALTER SYSTEM SET work_mem = 1",
      "REASSIGN OWNED BY postgres TO postgres",
      "SECURITY LABEL ON TABLE users IS 'x'",
    ],
    "masked-setting": [
      "SET ROLE postgres",
      "SET SESSION AUTHORIZATION postgres",
      "SET LOCAL ROLE NONE",
      "SET search_path = evil",
      "SET session_replication_role = replica",
      "SET log_statement = 'all'",
      "SET my.carrier = 'x'",
      "SELECT set_config('role', 'postgres', false)",
    ],
  },
  "upkeep, and transactions of two phases": {
    "masked-statement-kind": [
      "VACUUM users",
      "ANALYZE users",
      "CLUSTER users",
      "REINDEX TABLE users",
      "CHECKPOINT",
      "PREPARE TRANSACTION 'x'",
      "COMMIT PREPARED 'x'",
    ],
  },
  "statistics, plans and texts of others": {
    "masked-catalogue": [
      "SELECT * FROM pg_stats",
      "SELECT * FROM pg_stats_ext",
      "SELECT * FROM pg_statistic",
      "SELECT * FROM pg_statistic_ext_data",
      "SELECT * FROM pg_authid",
      "SELECT * FROM pg_shadow",
      "SELECT * FROM pg_hba_file_rules",
    ],
    "masked-function": [
      "SELECT table_to_xml('users', true, true, '')",
      "SELECT schema_to_xml('public', true, true, '')",
      "SELECT * FROM ts_stat('select 1')",
      "SELECT ts_rewrite('a'::tsquery, 'select 1')",
      "SELECT * FROM crosstab('select 1') AS t(a int)",
      "SELECT * FROM pg_stat_get_activity(NULL)",
      "SELECT * FROM pg_mcv_list_items(NULL)",
    ],
    "masked-statement-kind": [
      "EXPLAIN ANALYZE SELECT ssn FROM users",
      "EXPLAIN (VERBOSE) SELECT ssn FROM users",
      "EXPLAIN (ANALYZE, BUFFERS) SELECT 1",
      "EXPLAIN EXECUTE p",
    ],
  },
};

besideTheBoss("what stays denied under masks", (world) => {
  for (const [kind, reasons] of Object.entries(DENIED)) {
    describe(kind, () => {
      for (const [reason, texts] of Object.entries(reasons)) {
        test(`${reason}: ${texts.join("; ").slice(0, 140)}`, async () => {
          const { owner, refused } = world();
          for (const sql of texts) {
            await refused(sql, reason);
            assert.equal((await owner.ask(sql, "extended")).reason, reason, sql);
            assert.equal((await owner.ask(`SELECT 1; ${sql}`)).reason, reason, sql);
          }
          assert.deepEqual((await owner.ask("SELECT 1")).rows, [["1"]]);
        });
      }
    });
  }

  test("function calls past SQL, and replication", async () => {
    const { owner, gateway } = world();
    owner.send(message("F", words(1598), Buffer.alloc(6)));
    assert.equal((await owner.answer()).reason, "function-call-refused");
    for (const replication of ["true", "database"])
      await assert.rejects(Attacker.login(gateway, "owner", { replication }), /login refused/);
  });
});
