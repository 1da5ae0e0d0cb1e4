/** The doctor on real MySQL and MariaDB servers: a login that may too much among side doors, one that may just enough, and a wall. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { FINDINGS } from "#src/doctor/finding.ts";
import { type Ran, runCommand } from "#test/src/cli/terminal.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { startMysql, type TestMysql } from "#test/support/mysql.ts";
import { until } from "#test/support/waiting.ts";

const PASSWORD = "test-of-the-doctor";

const SEED = [
  "USE app",
  "CREATE TABLE users (id int PRIMARY KEY, name varchar(50), ssn varchar(11), born date, tail varchar(4) AS (right(ssn, 4)), copy varchar(20) DEFAULT (lower(ssn)))",
  "CREATE TABLE orders (id int PRIMARY KEY, total int, ssn int)",
  "CREATE TABLE old_users (id int, SSN varchar(11))",
  "CREATE TABLE plain (id int, note varchar(20) DEFAULT 'ssn')",
  "CREATE TABLE part (id int) ENGINE = MyISAM",
  "CREATE TABLE merged (id int) ENGINE = MRG_MyISAM UNION = (part)",
  "CREATE VIEW names AS SELECT id, name FROM users",
  "CREATE SQL SECURITY INVOKER VIEW harmless AS SELECT id, ssn FROM users",
  "CREATE VIEW totals AS SELECT SUM(total) FROM orders",
  "CREATE FUNCTION peek(i int) RETURNS varchar(20) READS SQL DATA RETURN (SELECT ssn FROM users WHERE id = i)",
  "CREATE FUNCTION reviewed(i int) RETURNS varchar(50) READS SQL DATA RETURN (SELECT name FROM users WHERE id = i)",
  "CREATE FUNCTION one() RETURNS int DETERMINISTIC RETURN 1",
  "CREATE FUNCTION invoked() RETURNS varchar(20) READS SQL DATA SQL SECURITY INVOKER RETURN (SELECT ssn FROM users LIMIT 1)",
  "CREATE TRIGGER noted BEFORE UPDATE ON users FOR EACH ROW SET NEW.name = 'x'",
  "CREATE TRIGGER taking BEFORE INSERT ON plain FOR EACH ROW SET NEW.note = (SELECT ssn FROM users LIMIT 1)",
  "CREATE TRIGGER counting BEFORE INSERT ON orders FOR EACH ROW SET NEW.total = 1",
  "CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO INSERT INTO plain SELECT id, ssn FROM users",
  "SET GLOBAL general_log = OFF",
  "SET GLOBAL local_infile = OFF",
  `CREATE USER modest IDENTIFIED BY '${PASSWORD}'`,
  "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, EXECUTE, INSERT ON app.* TO modest",
  `CREATE USER blind IDENTIFIED BY '${PASSWORD}'`,
  "GRANT SELECT, INSERT ON app.users TO blind",
  "GRANT SELECT ON app.names TO blind",
  "GRANT EXECUTE ON FUNCTION app.peek TO blind",
  `CREATE USER strong IDENTIFIED BY '${PASSWORD}'`,
  "CREATE ROLE files",
  "GRANT FILE ON *.* TO files",
  "GRANT files TO strong",
  "GRANT SELECT, CREATE USER, PROCESS, REPLICATION SLAVE, RELOAD ON *.* TO strong",
  "GRANT ALL ON app.* TO strong WITH GRANT OPTION",
];
const OF_FLAVOUR = {
  mysql9: [
    "GRANT SET_ANY_DEFINER, CONNECTION_ADMIN, XA_RECOVER_ADMIN, SHOW_ROUTINE ON *.* TO strong",
    "GRANT SHOW_ROUTINE ON *.* TO modest",
  ],
  mariadb10: ["GRANT SET USER, CONNECTION ADMIN ON *.* TO strong"],
} as const;

const RULES = [
  { name: "pii", target: "shop", columns: ["app.users.ssn"], with: "redact" },
  { name: "unfit", target: "shop", columns: ["app.users.born"], with: "email" },
  { name: "gone", target: "shop", columns: ["app.people.ssn"], with: "redact" },
];
const STARTABLE = RULES.map((rule) => ({ ...rule, columns: rule.columns.map((name) => (rule.name === "pii" ? name : `${name}*`)) }));

for (const flavour of ["mysql9", "mariadb10"] as const) {
  describe(`the doctor on ${flavour}`, () => {
    let server: TestMysql;
    let gateway: TestGateway;

    /** A configuration of its own beside the gateway's, with another login. */
    const configFor = (user: string, rules: readonly object[] = RULES, password = PASSWORD): string => {
      const sections = JSON.parse(readFileSync(gateway.configFile, "utf8"));
      writeFileSync(join(gateway.folder, "keys", `${user}.password`), password, { mode: 0o600 });
      sections.targets.shop.credential = { user, password: { file: `keys/${user}.password` } };
      sections.masking = { rules, functions: { allow: ["app.reviewed"] } };
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
      const seed = [...SEED, ...OF_FLAVOUR[flavour]].map((statement) => `${statement};`);
      server = await startMysql({ flavour, seed });
      gateway = await startGateway({
        mysql: { shop: server },
        configure: (sections) => ({ ...sections, masking: { rules: STARTABLE, functions: { allow: ["app.reviewed"] } } }),
      });
    });
    after(async () => {
      await gateway?.stop();
      await server?.stop();
    });

    test("finds what a login may that agents do not need, by itself and by its roles", async () => {
      const codes = await codesOf(configFor("strong"));
      for (const found of [
        "login-reaches-server FILE",
        "login-creates-roles CREATE USER",
        "login-monitors PROCESS",
        "login-replicates REPLICATION SLAVE",
        "login-administers RELOAD",
        "login-server-tables mysql",
        "login-grants strong@%",
        "login-changes-schema app",
        "definer-function app.peek",
        "definer-function-allowed app.reviewed",
        `login-sets-definer ${flavour === "mysql9" ? "SET_ANY_DEFINER" : "SET USER"}`,
        `login-signals ${flavour === "mysql9" ? "CONNECTION_ADMIN" : "CONNECTION ADMIN"}`,
        ...(flavour === "mysql9" ? ["login-global-privilege XA_RECOVER_ADMIN"] : []),
      ])
        assert.ok(codes.includes(found), `${found} in ${codes.join("\n")}`);
      assert.ok(!codes.some((found) => /^login-(ok|superuser)/.test(found)));
    });

    test("knows an administrator, and how to make a login that is none", async () => {
      server.sql(`CREATE USER boss IDENTIFIED BY '${PASSWORD}'; GRANT ALL ON *.* TO boss`);
      const { objects } = await doctor(configFor("boss"), "--json");
      const [worst] = objects().filter(({ code }) => code === "login-superuser");
      server.sql(String(worst?.["sql"]));
      server.sql("DROP USER boss, sallyport_gateway");
    });

    test("finds copies, code and ways out around protected tables, and leaves alone what is none", async () => {
      const codes = (await codesOf(configFor("modest"))).filter((found) => !/^(server-(ok|out)|tls|key|certificate)/.test(found));
      assert.deepEqual([...codes].sort(), [
        "copy-by-default app.users.copy",
        "copy-same-column app.old_users.SSN",
        // MariaDB shows bodies to their owners, and to readers of the server's own tables.
        ...(flavour === "mysql9"
          ? ["definer-function app.peek", "definer-function-allowed app.reviewed"]
          : ["definer-unseen app.one", "definer-unseen app.peek", "definer-unseen app.reviewed"]),
        "event-on-protected app.nightly",
        "foreign-table app.merged",
        "login-changes-schema app",
        "login-ok modest@%",
        "mask-unfit app.users.born",
        "rule-names-nothing app.people.ssn",
        "trigger-on-protected app.plain taking",
        "trigger-on-protected app.users noted",
        "view-over-protected app.names",
        "wall-absent shop",
      ]);
    });

    test("says what a login can't see, and what would show it", async () => {
      const config = configFor("blind");
      const codes = await codesOf(config);
      for (const found of ["trigger-unseen app", "view-unseen app.names", "definer-unseen app.peek"])
        assert.ok(codes.includes(found), found);
      const { objects } = await doctor(config, "--json");
      const statements = objects().flatMap(({ code, sql }) => (/^(trigger|view)-unseen$/.test(String(code)) ? [String(sql)] : []));
      assert.equal(statements.length, 2);
      server.sql(statements.join(""));
      assert.ok(!(await codesOf(config)).some((found) => /^(trigger|view)-unseen/.test(found)));
    });

    test("what it says to paste is SQL that the server takes, and the finding is gone then", async () => {
      const { objects } = await doctor(configFor("strong"), "--json");
      const statements = objects().flatMap(({ code, sql }) => (/^login-/.test(String(code)) && typeof sql === "string" ? [sql] : []));
      assert.ok(statements.length >= 5);
      server.sql(statements.join("\n"));
      const codes = await codesOf(configFor("strong"));
      for (const fixed of ["login-creates-roles", "login-monitors", "login-replicates", "login-sets-definer", "login-signals"])
        assert.ok(!codes.some((found) => found.startsWith(fixed)), fixed);
      assert.ok(codes.includes("login-reaches-server FILE"), "what a role brings is the role's");
    });

    test("tells of settings that write values down, or hand files out", async () => {
      server.sql("SET GLOBAL general_log = ON; SET GLOBAL local_infile = ON");
      const { objects } = await doctor(configFor("modest"), "--json");
      const found = objects().filter(({ code }) => /^(log-holds-values|server-local-infile)$/.test(String(code)));
      assert.deepEqual(found.map(({ object }) => object).sort(), ["general_log", "local_infile"]);
      server.sql(found.map(({ sql }) => String(sql)).join(""));
      assert.ok(!(await codesOf(configFor("modest"))).some((code) => /^(log-holds-values|server-local-infile)/.test(code)));
    });

    test("every finding has all its keys, a severity of the table, and no digest of a password", async () => {
      const { objects, out } = await doctor(configFor("strong"), "--json");
      for (const finding of objects()) {
        assert.deepEqual(Object.keys(finding).sort(), "code database message object remedy severity sql target".split(" "));
        assert.equal(finding["severity"], new Map<unknown, string>(Object.entries(FINDINGS)).get(finding["code"]));
      }
      const order = objects().map(({ severity }) => ["high", "medium", "low", "ok"].indexOf(String(severity)));
      assert.deepEqual(order, [...order].sort());
      assert.doesNotMatch(out, /\*[0-9A-F]{40}|IDENTIFIED/);
    });

    test("findings alone do not make it fail, unless --strict; what can't be looked at does", async () => {
      assert.equal((await doctor(configFor("modest"))).code, 0);
      assert.equal((await doctor(configFor("modest"), "--strict")).code, 1);
      const { code, err, out } = await doctor(configFor("modest", RULES, "wrong"));
      assert.equal(code, 1);
      assert.match(err, /target shop at 127\.0\.0\.1:\d+: /);
      assert.doesNotMatch(err + out, /test-of-the-doctor|wrong/);
    });

    test("a target that no rule masks is asked for its login and TLS, and for no wall", async () => {
      const codes = await codesOf(configFor("modest", []));
      assert.ok(codes.includes("login-ok modest@%"));
      assert.ok(!codes.some((found) => /^(wall|rules|rule)-/.test(found)));
    });

    test("knows a wall: that there is one, that the login is behind it, and that a newer rule is not in it yet", async () => {
      const [pii = {}] = RULES;
      const { out, err } = await runCommand(["wall", "--target", "shop", "--config", configFor("modest", [pii])]);
      assert.equal(err, "");
      server.sql(out);
      server.sql(`ALTER USER sallyport_agents IDENTIFIED BY '${PASSWORD}' ACCOUNT UNLOCK`);
      const masked = "sallyport_agents_masked_app";
      server.sql(`GRANT SELECT ON ${masked}.* TO modest`);
      assert.ok((await codesOf(configFor("modest", [pii]))).includes(`wall-unused ${masked}`));
      assert.ok((await codesOf(configFor("sallyport_agents", [pii]))).includes(`wall-ok ${masked}`));
      const newer = (columns: readonly string[]) => [pii, { name: "newer", target: "shop", columns, with: "redact" }];
      assert.ok((await codesOf(configFor("sallyport_agents", newer(["app.plain.note"])))).includes("wall-stale app.plain"));
      assert.ok((await codesOf(configFor("sallyport_agents", newer(["app.users.name"])))).includes("wall-stale app.users"));
    });

    test("the gateway says the same at its start and when the schema changes, each finding once", async () => {
      const lines = () => gateway.log().filter((line) => line["event"] === "doctor");
      const told = (isThere: (line: Record<string, unknown>) => boolean) =>
        until(
          () => lines().some(isThere),
          () => `it is told, besides ${JSON.stringify(lines().map(({ code, object }) => [code, object]))}`,
        );
      await told(({ code }) => code === "trigger-on-protected");
      assert.ok(lines().some(({ code, level }) => code === "copy-same-column" && level === "warn"));
      assert.ok(lines().some(({ code, level }) => code === "wall-absent" && level === "info"));
      server.sql("CREATE TABLE app.newer (id int, ssn varchar(11))");
      await told(({ object }) => object === "app.newer.ssn");
      assert.equal(lines().filter(({ object }) => object === "app.old_users.SSN").length, 1);
      assert.ok(!gateway.log().some(({ event }) => event === "doctor-failed"));
    });
  });
}
