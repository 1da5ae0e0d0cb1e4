/** `sallyport discover` against real MySQL and MariaDB servers: what it finds in all databases of a login, that its diff can be applied, that no value is shown, and how it asks. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import mysql from "mysql2/promise";
import { parse } from "yaml";
import { type Ran, runCommand } from "#test/src/cli/terminal.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { PART_OF, startMysql, type TestMysql } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";

/** Stands in every value that is found: nothing that is printed or logged may hold it. */
const CANARY = "zoqkmarta";
const ROWS = "SELECT seq AS i FROM app.numbers WHERE seq";

const SEED = [
  "CREATE DATABASE hr; CREATE DATABASE `Odd Name`; CREATE DATABASE closed;",
  "CREATE TABLE app.numbers (seq int PRIMARY KEY);",
  "INSERT INTO app.numbers WITH d AS (SELECT 0 AS n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)",
  "  SELECT 1 + a.n + 10 * b.n + 100 * c.n + 1000 * e.n + 10000 * f.n FROM d a, d b, d c, d e, d f WHERE f.n < 4;",
  `CREATE TABLE app.customers (id int PRIMARY KEY, name varchar(99), email varchar(99) CHARACTER SET latin1, phone varchar(30), born date, city text,
    notes mediumtext CHARACTER SET utf16, card char(19), iban varchar(40), ssn varchar(11), last_ip varchar(45), created timestamp, mood enum('good', 'bad'),
    ref binary(16), pass_hash varchar(99), api_key varchar(64) CHARACTER SET ascii, contacts json, profile json, raw json, picture blob,
    mail_lower varchar(99) AS (lower(email)) VIRTUAL, mail_kept varchar(99) AS (concat(email, '')) STORED);`,
  `INSERT INTO app.customers (id, name, email, phone, born, city, notes, card, iban, ssn, last_ip, created, mood, ref, pass_hash, api_key, contacts, profile, raw, picture)
    SELECT i, 'Zoqkmarta Lovelace', concat('${CANARY}', i, '@example.com'), concat('+1 202 555 ', 1000 + i), date_add('1950-01-01', INTERVAL i * 37 DAY), 'Zürich',
      IF(i % 4 = 0, concat('write to ${CANARY}', i, '@example.org or call'), 'nothing'), '4111 1111 1111 1111', 'DE89 3704 0044 0532 0130 00',
      concat('9', 10 + i % 80, '-44-', 1000 + i), concat('203.0.113.', i % 250), now(), 'good', unhex(sha2(i, 256)), concat('$2b$12$', rpad('${CANARY}', 53, 'x')),
      left(sha2(concat('${CANARY}', i), 256), 32), json_array(concat('${CANARY}', i, '@example.net')),
      json_object('id', i, 'contact', json_object('mail', concat('${CANARY}', i, '@example.com'))), json_object('n', i), concat('${CANARY}', i, '@example.com')
    FROM (${ROWS} <= 300) AS n;`.replace("unhex(sha2(i, 256))", "left(unhex(sha2(i, 256)), 16)"),
  "CREATE TABLE app.orders (id bigint PRIMARY KEY, customer_id int, number varchar(20), total decimal(10, 2), at datetime, digest char(64));",
  `INSERT INTO app.orders SELECT i, i % 300, concat('ORD-', 100000 + i), i * 1.5, now(), sha2(i, 256) FROM (${ROWS} > 0) AS n; ANALYZE TABLE app.orders;`,
  // Whoever looks at the first rows alone finds nothing.
  "CREATE TABLE app.visits (id bigint UNSIGNED PRIMARY KEY, who varchar(99));",
  `INSERT INTO app.visits SELECT i + 18446744073709000000, IF(i > 20000, concat('${CANARY}', i, '@example.com'), 'nobody') FROM (${ROWS} > 0) AS n; ANALYZE TABLE app.visits;`,
  "CREATE TABLE app.calls (at datetime, caller varchar(99), PRIMARY KEY (at)) PARTITION BY RANGE COLUMNS (at)",
  "  (PARTITION old VALUES LESS THAN ('2020-01-20'), PARTITION new VALUES LESS THAN (MAXVALUE));",
  `INSERT INTO app.calls SELECT date_add('2020-01-01', INTERVAL i MINUTE), IF(i > 39000, concat('${CANARY}', i, '@example.com'), 'nobody') FROM (${ROWS} > 0) AS n;`,
  "ANALYZE TABLE app.calls;",
  "CREATE TABLE app.sparse (id int, tax_id varchar(20)); INSERT INTO app.sparse",
  ` SELECT i, IF(i > 4990, '529.982.247-25', NULL) FROM (${ROWS} <= 5000) AS n;`,
  "CREATE TABLE app.empty (email text, n int);",
  "CREATE TABLE `Odd Name`.`My.Table` (`E-``Mail` text);",
  `INSERT INTO \`Odd Name\`.\`My.Table\` SELECT concat('${CANARY}', i, '@example.com') FROM (${ROWS} <= 9) AS n;`,
  `CREATE TABLE hr.staff (id int, surname text, salary decimal(9, 2)); INSERT INTO hr.staff SELECT i, 'Zoqkmarta', i FROM (${ROWS} <= 40) AS n;`,
  "CREATE TABLE hr.writable (email varchar(99)); CREATE TABLE hr.partly (id int, email varchar(99)); CREATE TABLE closed.hidden (email varchar(99));",
  "CREATE VIEW app.shown AS SELECT email FROM app.customers;",
  "CREATE USER 'reader'@'%' IDENTIFIED BY 'of-a-test'; GRANT SELECT, SHOW VIEW ON app.* TO 'reader'@'%'; GRANT SELECT ON `Odd Name`.* TO 'reader'@'%';",
  "GRANT SELECT ON hr.staff TO 'reader'@'%'; GRANT INSERT ON hr.writable TO 'reader'@'%'; GRANT SELECT (id), INSERT (email) ON hr.partly TO 'reader'@'%';",
  "SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = ON;",
];

/** What MariaDB alone has. */
const MARIADB = [
  `CREATE TABLE app.hosts (seen inet6, ref uuid); INSERT INTO app.hosts SELECT concat('2001:db8::', i), uuid() FROM (${ROWS} <= 30) AS n;`,
];

const RULES = [{ name: "ssn", target: "shop", columns: ["app.customers.ssn"], with: "redact" }];

const FOUND = [
  'Odd Name.My.Table.E-`Mail email "email" ',
  'app.calls.caller email "redact" ',
  'app.customers.api_key secret "redact" ',
  'app.customers.born birth-date "year" ',
  'app.customers.card card {"keepLast":4} ',
  'app.customers.contacts email "redact" ',
  'app.customers.email email "email" ',
  'app.customers.iban iban "redact" ',
  'app.customers.last_ip ip-address "redact" ',
  'app.customers.mail_kept email "email" ',
  'app.customers.mail_lower email "email" ',
  'app.customers.name name "redact" ',
  'app.customers.notes email "redact" ',
  'app.customers.pass_hash secret "redact" ',
  'app.customers.phone phone "redact" ',
  'app.customers.profile email "redact" ',
  'app.customers.ssn national-id "redact" ssn',
  'app.empty.email email "redact" ',
  'app.sparse.tax_id national-id "redact" ',
  'app.visits.who email "redact" ',
  'hr.staff.surname name "redact" ',
];

for (const flavour of ["mysql9", "mariadb10"] as const) {
  describe(`discover on ${flavour}`, { skip: optional(PART_OF[flavour]) }, () => {
    let server: TestMysql;
    let gateway: TestGateway;
    let config: string;

    const discover = (...options: readonly string[]): Promise<Ran> =>
      runCommand(["discover", "--target", "shop", "--config", config, ...options], { cwd: gateway.folder });

    before(async () => {
      server = await startMysql({ flavour, seed: flavour === "mysql9" ? SEED : [...SEED, ...MARIADB] });
      gateway = await startGateway({ mysql: { shop: server }, configure: (sections) => ({ ...sections, masking: { rules: RULES } }) });
      const sections = JSON.parse(readFileSync(gateway.configFile, "utf8"));
      writeFileSync(join(gateway.folder, "keys", "reader.password"), "of-a-test", { mode: 0o600 });
      sections.targets.shop.credential = { user: "reader", password: { file: "keys/reader.password" } };
      config = join(gateway.folder, "reader.yaml");
      writeFileSync(config, JSON.stringify(sections, null, 2));
    });
    after(async () => {
      await gateway?.stop();
      await server?.stop();
    });

    test("finds what there is in each database, says what covers it already, and which mask it should have", async () => {
      const { code, err, objects } = await discover("--json");
      assert.equal(code, 0, err);
      assert.deepEqual(
        objects()
          .filter(({ kind }) => kind === "not-looked-at")
          .map(({ database, schema, table, column, what }) => `${database} ${schema}.${table} ${column} ${what}`),
        [
          "app app.shown null a view",
          "hr hr.partly null the target refused a query of the gateway's own (1143)",
          "hr hr.writable null the target refused a query of the gateway's own (1142)",
        ],
      );
      const found = objects()
        .filter(({ column }) => column !== null)
        .map((one) =>
          [`${one["schema"]}.${one["table"]}.${one["column"]}`, one["kind"], JSON.stringify(one["proposedMask"]), one["coveredBy"]].join(
            " ",
          ),
        );
      const more = flavour === "mysql9" ? [] : ['app.hosts.seen ip-address "redact" '];
      assert.deepEqual(found.sort(), [...FOUND, ...more].sort());
      assert.deepEqual(
        objects().find(({ column }) => column === "ssn"),
        {
          ...{ database: "app", schema: "app", table: "customers", column: "ssn", kind: "national-id", what: "US social security numbers" },
          ...{ confidence: 0.97, matched: 300, sampled: 300, named: true, shape: "999-99-9999", proposedMask: "redact", coveredBy: "ssn" },
        },
      );
      const visits = objects().find(({ table }) => table === "visits");
      assert.deepEqual([visits?.["matched"], visits?.["sampled"]], [500, 1000], "rows from all over the table");
    });

    test("the diff is taken by patch, and the gateway then takes the file and masks", async () => {
      const before = readFileSync(config, "utf8");
      const { out, err, code } = await discover();
      assert.equal(code, 0, err);
      assert.match(err, /covered already:\n {2}app\.customers\.ssn: 300 of 300 values look like US social security numbers/);
      assert.match(err, /by the name alone:\n {2}app\.empty\.email: no row to look at/);
      assert.match(err, /a rule can't name it; a tag can:\n {2}Odd Name\.My\.Table\.E-`Mail/);
      assert.equal(readFileSync(config, "utf8"), before);
      writeFileSync(join(gateway.folder, "masking.diff"), out);
      const { status, stdout } = spawnSync("patch", ["-p0", "--fuzz=0", "-i", "masking.diff"], { cwd: gateway.folder, encoding: "utf8" });
      assert.equal(status, 0, stdout);
      const check = await runCommand(["check", "--targets", "--config", config]);
      assert.equal(check.code, 0, check.out);
      assert.doesNotMatch(check.out, /masking\.rules/);
      const again = await discover();
      assert.equal(again.out, "");
      assert.match(again.err, /nothing to propose/);
      const { masking } = parse(readFileSync(config, "utf8"));
      const rules = masking.rules.map((rule: { columns: string[] }) => ({
        ...rule,
        columns: rule.columns.filter((one) => one.startsWith("app.")),
      }));
      await gateway.reconfigure((sections) => ({
        ...sections,
        masking: { rules: rules.filter(({ columns }: { columns: string[] }) => columns.length > 0) },
      }));
      const { host, port, user, password } = await gateway.mysqlLogin("shop");
      const agent = await mysql.createConnection({
        host,
        port,
        user,
        password,
        database: "shop",
        ssl: { ca: gateway.ca },
        dateStrings: true,
      });
      try {
        const [rows] = await agent.query("SELECT name, email, mail_lower, card, born, profile, contacts FROM customers WHERE id = 1");
        const json = flavour === "mysql9" ? null : "***";
        assert.deepEqual(rows, [
          {
            ...{ name: "***", email: "***@example.com", mail_lower: "***@example.com", card: "***************1111", born: "1950-01-01" },
            ...{ profile: json, contacts: json },
          },
        ]);
      } finally {
        await agent.end();
        writeFileSync(config, before);
      }
    });

    test("--yaml gives the rules alone, --schema and --database one database, --sample fewer rows", async () => {
      const rules = parse((await discover("--yaml", "--schema", "hr")).out);
      assert.deepEqual(rules, [{ name: "discovered-name", target: "shop", columns: ["hr.staff.surname"], with: "redact" }]);
      const few = (await discover("--json", "--sample", "7", "--database", "app")).objects();
      assert.ok(few.every(({ sampled, schema }) => Number(sampled) <= 10 && schema === "app"));
      assert.equal((await discover("--database", "nowhere")).code, 2);
    });

    test("a table that somebody has locked is waited for no longer than two seconds, and told as not looked at", async () => {
      const { host, port, user, password, ca } = server;
      const other = await mysql.createConnection({ host, port, user, password, ssl: { ca, verifyIdentity: false } });
      try {
        await other.query("LOCK TABLES app.sparse WRITE");
        const { code, err, objects } = await discover("--json", "--database", "app");
        assert.equal(code, 0, err);
        const unread = objects().find(({ table, kind }) => table === "sparse" && kind === "not-looked-at");
        assert.equal(unread?.["what"], "the target refused a query of the gateway's own (1205)");
        assert.ok(objects().some(({ table }) => table === "visits"));
      } finally {
        await other.end();
      }
    });

    test("shows no value, and only reads, within limits", async () => {
      server.sql("TRUNCATE mysql.general_log;");
      const runs = [await discover(), await discover("--json"), await discover("--yaml")];
      for (const { out, err } of runs)
        for (const secret of [CANARY, "Zoqkmarta", "4111", "DE89", "-44-", "203.0.113"]) assert.ok(!(out + err).includes(secret), secret);
      const log = server.sql("SELECT argument FROM mysql.general_log WHERE user_host LIKE 'reader%' AND command_type = 'Query';");
      assert.ok(!log.toLowerCase().includes(CANARY));
      assert.match(log, /FROM `app`\.`visits` FORCE INDEX \(`PRIMARY`\) WHERE `id` >= 18446744073709020\d{3} AND/);
      const statements = log
        .split("\n")
        .slice(1)
        .filter((line) => line !== "");
      const words = new Set(statements.map((line) => /^\w+/.exec(line)?.[0]));
      assert.deepEqual([...words].sort(), ["SELECT", "SET"]);
      const limit = flavour === "mysql9" ? "max_execution_time = 10000" : "max_statement_time = 10";
      assert.ok(log.includes(`SET SESSION ${limit}, SESSION lock_wait_timeout = 2`));
      assert.ok(statements.some((line) => /TRANSACTION READ ONLY/.test(line)));
      for (const line of statements.filter((one) => /FROM `app`/.test(one))) assert.match(line, /LIMIT \d+$|^SELECT MIN\(/);
    });
  });
}
