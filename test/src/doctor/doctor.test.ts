/** The doctor on real servers: a login that may too much in a database full of side doors, and one that may just enough. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type pg from "pg";
import { FINDINGS } from "#src/doctor/finding.ts";
import { type Ran, runCommand } from "#test/src/cli/terminal.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { connectPostgres, runSql, startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import { until } from "#test/support/waiting.ts";

const PASSWORD = "test-of-the-doctor";

const SCHEMA = `
  CREATE ROLE other;
  CREATE TABLE users (id int PRIMARY KEY, name text, ssn varchar(11), born date, constructor text);
  CREATE TABLE orders (id int PRIMARY KEY, total numeric, "user" text, ssn int);
  CREATE TABLE old_users (id int, ssn varchar(11));
  CREATE TABLE plain (id int, note text);
  CREATE VIEW names AS SELECT id, name FROM users;
  CREATE VIEW over_names AS SELECT name FROM names;
  CREATE VIEW harmless AS SELECT id FROM orders;
  CREATE MATERIALIZED VIEW copied AS SELECT ssn FROM users;
  CREATE MATERIALIZED VIEW totals AS SELECT sum(total) FROM orders;
  CREATE FUNCTION peek(int) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$BEGIN RETURN (SELECT ssn FROM public.Users WHERE id = $1); END$$;
  CREATE FUNCTION reviewed(int) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT name FROM public.users WHERE id = $1';
  CREATE FUNCTION myusers() RETURNS int LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT count(*)::int FROM public.orders';
  CREATE FUNCTION closed() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT ssn FROM public.users LIMIT 1';
  REVOKE EXECUTE ON FUNCTION closed() FROM PUBLIC;
  CREATE FUNCTION invoker() RETURNS text LANGUAGE sql STABLE AS 'SELECT ssn FROM public.users LIMIT 1';
  CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE TRIGGER noted BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION noted();
  CREATE TRIGGER noted BEFORE UPDATE ON plain FOR EACH ROW EXECUTE FUNCTION noted();
  CREATE FUNCTION watched() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
  CREATE EVENT TRIGGER watched ON ddl_command_end EXECUTE FUNCTION watched();
  CREATE PUBLICATION everything FOR TABLE orders, users; CREATE PUBLICATION few FOR TABLE orders;
  CREATE EXTENSION dblink; CREATE EXTENSION postgres_fdw; CREATE EXTENSION pg_stat_statements; CREATE EXTENSION citext;
  CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw; CREATE FOREIGN TABLE far (id int, ssn varchar(11)) SERVER elsewhere;
  CREATE MATERIALIZED VIEW renamed AS SELECT id, note AS ssn FROM plain;
  CREATE MATERIALIZED VIEW older AS SELECT upper(ssn) AS ssn FROM old_users;
  CREATE MATERIALIZED VIEW fetched AS SELECT ssn FROM far WITH NO DATA;
  CREATE FUNCTION anywhere() RETURNS TABLE (ssn varchar(11)) LANGUAGE sql AS 'SELECT NULL::varchar(11)';
  CREATE MATERIALIZED VIEW called AS SELECT * FROM anywhere();
  ALTER TABLE users ENABLE ROW LEVEL SECURITY;
  CREATE ROLE modest LOGIN PASSWORD '${PASSWORD}';
  CREATE ROLE groupies; GRANT pg_monitor TO groupies;
  CREATE ROLE strong LOGIN PASSWORD '${PASSWORD}' CREATEROLE CREATEDB REPLICATION BYPASSRLS;
  GRANT pg_read_all_data, pg_execute_server_program, pg_signal_backend, pg_checkpoint, groupies TO strong;
  GRANT CREATE ON SCHEMA public TO strong; ALTER TABLE users OWNER TO strong;
  GRANT SELECT ON users TO modest`;

const RULES = [
  { name: "pii", target: "orders", columns: ["public.users.ssn", "public.users.constructor"], with: "redact" },
  { name: "unfit", target: "orders", columns: ["public.users.born"], with: "email" },
  { name: "gone", target: "orders", columns: ["public.people.ssn"], with: "redact" },
];

/** The gateway starts with no rule for what is not there, nor with a mask that does not fit, unless a glob brought it about. */
const STARTABLE = RULES.map((rule) => ({ ...rule, columns: rule.columns.map((name) => (rule.name === "pii" ? name : `${name}*`)) }));

for (const version of [18, 15] as const) {
  describe(`the doctor on PostgreSQL ${version}`, () => {
    let postgres: TestPostgres;
    let gateway: TestGateway;
    let admin: pg.Client;

    /** A configuration of its own beside the gateway's, with another login. */
    const configFor = (user: string, rules: readonly object[] = RULES): string => {
      const sections = JSON.parse(readFileSync(gateway.configFile, "utf8"));
      writeFileSync(join(gateway.folder, "keys", "other.password"), PASSWORD, { mode: 0o600 });
      sections.targets.orders.credential = { user, password: { file: "keys/other.password" } };
      sections.masking = { rules, functions: { allow: ["public.reviewed"] } };
      const file = join(gateway.folder, `${user}.yaml`);
      writeFileSync(file, JSON.stringify(sections));
      return file;
    };
    const doctor = (config: string, ...more: readonly string[]): Promise<Ran> => runCommand(["doctor", "--config", config, ...more]);
    const codesOf = async (config: string): Promise<readonly string[]> => {
      const { code, objects, err } = await doctor(config, "--json");
      assert.equal(code, 0, err);
      return objects().map((finding) => `${finding["code"]} ${finding["object"]}`);
    };

    before(async () => {
      postgres = await startPostgres({ version });
      admin = await connectPostgres(postgres);
      await admin.query(SCHEMA);
      gateway = await startGateway({
        postgres,
        configure: (sections) => ({ ...sections, masking: { rules: STARTABLE, functions: { allow: ["public.reviewed"] } } }),
      });
    });
    after(async () => {
      await admin.end();
      await gateway.stop();
      await postgres.stop();
    });

    test("finds what a login may that agents do not need", async () => {
      const codes = await codesOf(configFor("strong"));
      for (const found of [
        "login-creates-roles strong",
        "login-replicates strong",
        "login-bypasses-row-security strong",
        "login-creates-databases strong",
        "login-reads-all pg_read_all_data",
        "login-reaches-server pg_execute_server_program",
        "login-signals pg_signal_backend",
        "login-monitors pg_monitor",
        "login-predefined-role pg_checkpoint",
        "login-creates-in-path public",
        "login-owns-protected public.users",
      ])
        assert.ok(codes.includes(found), found);
      assert.ok(!codes.some((found) => /^login-(ok|superuser)/.test(found)));
    });

    test("finds copies, code and ways out around protected tables, and leaves alone what is none", async () => {
      const codes = (await codesOf(configFor("modest"))).filter((found) => !/^(server|tls|key|certificate)/.test(found));
      assert.deepEqual([...codes].sort(), [
        "copy-materialized-view public.copied",
        "copy-same-column public.called.ssn",
        "copy-same-column public.fetched.ssn",
        "copy-same-column public.old_users.ssn",
        "definer-function public.peek(integer)",
        "definer-function-allowed public.reviewed(integer)",
        "event-trigger watched",
        "extension-reaches-out dblink",
        "extension-reaches-out postgres_fdw",
        "foreign-table public.far",
        "login-ok modest",
        "mask-unfit public.users.born",
        "publication everything",
        "row-security public.users",
        "rule-names-nothing public.people.ssn",
        "statement-statistics public.pg_stat_statements",
        "trigger-on-protected public.users noted",
        "view-over-protected public.names",
        "view-over-protected public.over_names",
        "wall-absent postgres",
      ]);
    });

    test("every finding has all its keys, a severity of the table, and is worst first", async () => {
      const { objects } = await doctor(gateway.configFile, "--json");
      const keys = "code database message object remedy severity sql target".split(" ");
      for (const finding of objects()) {
        assert.deepEqual(Object.keys(finding).sort(), keys);
        assert.equal(finding["severity"], new Map<unknown, string>(Object.entries(FINDINGS)).get(finding["code"]));
      }
      const order = objects().map(({ severity }) => ["high", "medium", "low", "ok"].indexOf(String(severity)));
      assert.deepEqual(
        order,
        [...order].sort((a, b) => a - b),
      );
      assert.ok(objects().some((finding) => finding["code"] === "login-superuser" && finding["database"] === null));
    });

    test("what it says to paste is SQL that the server takes, and the finding is gone then", async () => {
      const { objects } = await doctor(configFor("strong"), "--json");
      const statements = objects().flatMap(({ code, sql }) => (typeof sql === "string" && code !== "login-superuser" ? [sql] : []));
      assert.ok(statements.length > 8);
      await admin.query("BEGIN");
      for (const sql of statements)
        await admin.query(sql.replace('DROP EXTENSION "postgres_fdw"', 'DROP EXTENSION "postgres_fdw" CASCADE'));
      await admin.query("COMMIT");
      const codes = await codesOf(configFor("strong"));
      for (const fixed of [
        "login-replicates",
        "login-reads-all",
        "login-creates-in-path",
        "definer-function ",
        "extension",
        "statement-statistics",
      ])
        assert.ok(!codes.some((found) => found.startsWith(fixed)), fixed);
    });

    test("findings alone do not make it fail, unless --strict; what can't be looked at does", async () => {
      assert.equal((await doctor(gateway.configFile)).code, 0);
      assert.equal((await doctor(gateway.configFile, "--strict")).code, 1);
      assert.equal((await doctor(gateway.configFile, "--target", "nowhere")).code, 2);
      writeFileSync(join(gateway.folder, "keys", "other.password"), "wrong", { mode: 0o600 });
      const config = configFor("modest");
      writeFileSync(join(gateway.folder, "keys", "other.password"), "wrong", { mode: 0o600 });
      const { code, err, out } = await doctor(config);
      assert.equal(code, 1);
      assert.match(err, /target orders at 127\.0\.0\.1:\d+: /);
      assert.doesNotMatch(err + out, /test-of-the-doctor|wrong/);
    });

    test("a target that no rule masks is asked for its login and TLS, and for no wall", async () => {
      const codes = await codesOf(configFor("modest", []));
      assert.ok(codes.includes("login-ok modest"));
      assert.ok(!codes.some((found) => /^(wall|rules|rule)-/.test(found)));
    });

    test("knows a wall: that there is one, that the login is behind it, and that a newer rule is not in it yet", async () => {
      const config = configFor("modest", RULES.slice(0, 1));
      const { out } = await runCommand(["wall", "--target", "orders", "--config", config, "--role", "modest"]);
      await admin.query("REVOKE ALL ON users FROM modest");
      await runSql(postgres, out);
      assert.ok((await codesOf(config)).includes("wall-ok modest_masked"));
      assert.ok((await codesOf(configFor("strong", RULES.slice(0, 1)))).includes("wall-unused modest_masked"));
      const newer = [...RULES.slice(0, 1), { name: "notes", target: "orders", columns: ["public.plain.note"], with: "redact" }];
      assert.ok((await codesOf(configFor("modest", newer))).includes("wall-stale public.plain"));
    });

    test("the gateway says the same at its start and when the schema changes, each finding once, and goes on serving", async () => {
      const lines = () => gateway.log().filter((line) => line["event"] === "doctor");
      const told = (isThere: (line: Record<string, unknown>) => boolean) =>
        until(
          () => lines().some(isThere),
          () => `it is told, besides ${JSON.stringify(lines().map(({ code, object }) => [code, object]))}`,
        );
      await told(({ code }) => code === "login-superuser");
      const superuser = lines().filter(({ code }) => code === "login-superuser");
      assert.deepEqual(
        superuser.map(({ level, severity }) => [level, severity]),
        [["warn", "high"]],
      );
      await told(({ code, level }) => code === "wall-absent" && level === "info");
      await admin.query("CREATE TABLE newer (id int, ssn varchar(11))");
      await told(({ object }) => object === "public.newer.ssn");
      assert.equal(lines().filter(({ code }) => code === "login-superuser").length, 1);
      // What is amiss with the rules is told by the check of these, and by nobody else.
      const problems = gateway.log().filter(({ problem, object }) => /people\.ssn|users\.born/.test(String(problem ?? object)));
      assert.deepEqual(
        problems.map(({ event }) => event),
        ["masking-rule", "masking-rule"],
      );
      assert.ok(!gateway.log().some(({ event }) => event === "doctor-failed"));
      const client = await connectPostgres({ ...postgres, ...(await gateway.login()), ca: gateway.ca, host: "localhost" });
      assert.equal((await client.query("SELECT 1 AS one")).rows[0]?.one, 1);
      await client.end();
    });
  });
}
