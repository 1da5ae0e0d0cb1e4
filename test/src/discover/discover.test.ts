/** `sallyport discover` against real servers: what it finds in a database, that its diff can be applied, and that no value is shown. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type pg from "pg";
import { parse } from "yaml";
import { type Ran, runCommand } from "#test/src/cli/terminal.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { TARGET } from "#test/support/gateway-files.ts";
import { connectPostgres, startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import { until } from "#test/support/waiting.ts";

/** Stands in every value that is found: nothing that is printed or logged may hold it. */
const CANARY = "zoqkmarta";

const SEED = `
  CREATE SCHEMA hr; CREATE SCHEMA "Odd Name";
  CREATE DOMAIN mail AS text CHECK (value LIKE '%@%');
  CREATE TYPE mood AS ENUM ('good', 'bad');
  CREATE TABLE customers (id int PRIMARY KEY, name text, email mail, phone varchar(30), born date, city text, notes text, card char(19), iban text,
    ssn varchar(11), last_ip inet, created timestamptz, mood mood, ref uuid, pass_hash text, api_key text, tags text[], contacts text[], profile jsonb, raw json, picture bytea);
  INSERT INTO customers SELECT i, initcap('${CANARY}') || ' Lovelace', '${CANARY}' || i || '@example.com', '+1 202 555 ' || 1000 + i, date '1950-01-01' + i * 37, 'London',
    CASE WHEN i % 4 = 0 THEN 'write to ${CANARY}' || i || '@example.org or call' ELSE 'nothing' END, '4111 1111 1111 1111', 'DE89 3704 0044 0532 0130 00',
    '9' || (10 + i % 80) || '-44-' || 1000 + i, ('203.0.113.' || i % 250)::inet, now(), 'good', gen_random_uuid(),
    '$2b$12$' || rpad('${CANARY}', 53, 'x'), md5('${CANARY}' || i), ARRAY['new', 'vip'], ARRAY['${CANARY}' || i || '@example.net'],
    jsonb_build_object('id', i, 'contact', jsonb_build_object('mail', '${CANARY}' || i || '@example.com')), json_build_object('n', i), '\\x00'
    FROM generate_series(1, 300) i;
  CREATE TABLE orders (id bigint PRIMARY KEY, customer_id int, number text, total numeric, at timestamptz, digest text);
  INSERT INTO orders SELECT i, i % 300, 'ORD-' || 100000 + i, i * 1.5, now(), md5(i::text) FROM generate_series(1, 60000) i;
  ANALYZE orders;
  CREATE TABLE events (at date, who text) PARTITION BY RANGE (at);
  CREATE TABLE events_old PARTITION OF events FOR VALUES FROM ('2000-01-01') TO ('2020-01-01');
  INSERT INTO events SELECT date '2010-01-01' + i, '${CANARY}' || i || '@example.com' FROM generate_series(1, 50) i;
  CREATE TABLE sparse (id int, tax_id text); INSERT INTO sparse SELECT i, CASE WHEN i > 4990 THEN '529.982.247-25' END FROM generate_series(1, 5000) i;
  CREATE TABLE empty (email text, n int);
  CREATE TABLE "Odd Name"."My.Table" ("E-Mail" text); INSERT INTO "Odd Name"."My.Table" SELECT '${CANARY}' || i || '@example.com' FROM generate_series(1, 9) i;
  CREATE TABLE hr.staff (id int, surname text, salary numeric); INSERT INTO hr.staff SELECT i, initcap('${CANARY}'), i FROM generate_series(1, 40) i;
  CREATE TABLE hr.closed (email text);
  CREATE MATERIALIZED VIEW mails AS SELECT email FROM customers;
  CREATE VIEW shown AS SELECT email FROM customers;
  CREATE ROLE reader LOGIN PASSWORD 'of-a-test'; GRANT USAGE ON SCHEMA hr, "Odd Name" TO reader;
  GRANT SELECT ON ALL TABLES IN SCHEMA public, hr, "Odd Name" TO reader; REVOKE SELECT ON hr.closed FROM reader`;

const RULES = [{ name: "ssn", target: TARGET, columns: ["public.customers.ssn"], with: "redact" }];

for (const version of [18, 15] as const) {
  describe(`discover on PostgreSQL ${version}`, () => {
    let postgres: TestPostgres;
    let admin: pg.Client;
    let gateway: TestGateway;
    let config: string;

    const discover = (...options: readonly string[]): Promise<Ran> =>
      runCommand(["discover", "--target", TARGET, "--config", config, ...options], { cwd: gateway.folder });

    before(async () => {
      postgres = await startPostgres({ version, settings: { log_statement: "all", log_min_duration_statement: "0" } });
      admin = await connectPostgres(postgres);
      await admin.query("SET log_statement = 'none'; SET log_min_duration_statement = -1");
      await admin.query(SEED);
      gateway = await startGateway({ postgres, configure: (sections) => ({ ...sections, masking: { rules: RULES } }) });
      const sections = JSON.parse(readFileSync(gateway.configFile, "utf8"));
      writeFileSync(join(gateway.folder, "keys", "reader.password"), "of-a-test", { mode: 0o600 });
      sections.targets[TARGET].credential = { user: "reader", password: { file: "keys/reader.password" } };
      config = join(gateway.folder, "reader.yaml");
      writeFileSync(config, JSON.stringify(sections, null, 2));
    });
    after(async () => {
      await admin.end();
      await gateway.stop();
      await postgres.stop();
    });

    test("finds what there is, says how sure it is, what covers it already, and which mask it should have", async () => {
      const { code, err, objects } = await discover("--json");
      assert.equal(code, 0, err);
      const found = objects()
        .filter(({ column }) => column !== null)
        .map((one) =>
          [`${one["schema"]}.${one["table"]}.${one["column"]}`, one["kind"], JSON.stringify(one["proposedMask"]), one["coveredBy"]].join(
            " ",
          ),
        );
      assert.deepEqual(
        objects()
          .filter(({ kind }) => kind === "not-looked-at")
          .map(({ schema, table, column, what }) => `${schema}.${table} ${column} ${what}`),
        ["hr.closed null the target refused a query of the gateway's own (42501)", "public.shown null a view"],
      );
      assert.deepEqual(found.sort(), [
        'Odd Name.My.Table.E-Mail email "email" ',
        'hr.staff.surname name "redact" ',
        'public.customers.api_key secret "redact" ',
        'public.customers.born birth-date "year" ',
        'public.customers.card card {"keepLast":4} ',
        'public.customers.contacts email "redact" ',
        'public.customers.email email "email" ',
        'public.customers.iban iban "redact" ',
        'public.customers.last_ip ip-address "redact" ',
        'public.customers.name name "redact" ',
        'public.customers.notes email "redact" ',
        'public.customers.pass_hash secret "redact" ',
        'public.customers.phone phone "redact" ',
        'public.customers.profile email "redact" ',
        'public.customers.ssn national-id "redact" ssn',
        'public.empty.email email "redact" ',
        'public.events.who email "email" ',
        'public.mails.email email "email" ',
        'public.sparse.tax_id national-id "redact" ',
      ]);
      const ssn = objects().find(({ column }) => column === "ssn");
      assert.deepEqual(ssn, {
        ...{
          database: "postgres",
          schema: "public",
          table: "customers",
          column: "ssn",
          kind: "national-id",
          what: "US social security numbers",
        },
        ...{ confidence: 0.97, matched: 300, sampled: 300, named: true, shape: "999-99-9999", proposedMask: "redact", coveredBy: "ssn" },
      });
    });

    test("the diff is taken by patch, and the gateway then takes the file and masks", async () => {
      const before = readFileSync(config, "utf8");
      const { out, err, code } = await discover();
      assert.equal(code, 0, err);
      assert.match(err, /covered already:\n {2}public\.customers\.ssn: 300 of 300 values look like US social security numbers/);
      assert.match(err, /by the name alone:\n {2}public\.empty\.email: no row to look at/);
      assert.match(err, /a rule can't name it; a tag can:\n {2}Odd Name\.My\.Table\.E-Mail/);
      assert.match(err, /not looked at:\n {2}hr\.closed: .*42501.*\n {2}public\.shown: a view/);
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
      await gateway.reconfigure((sections) => ({ ...sections, masking }));
      const agent = await connectPostgres({ ...postgres, ...(await gateway.login()), ca: gateway.ca, host: "localhost" });
      try {
        const { rows } = await agent.query("SELECT name, email, card, born::text, profile, contacts FROM customers WHERE id = 1");
        assert.deepEqual(rows, [
          { name: "***", email: "***@example.com", card: "***************1111", born: "1950-01-01", profile: null, contacts: null },
        ]);
      } finally {
        await agent.end();
        writeFileSync(config, before);
      }
    });

    test("--yaml gives the rules alone, --schema one schema, --sample fewer rows", async () => {
      const rules = parse((await discover("--yaml", "--schema", "hr")).out);
      assert.deepEqual(rules, [{ name: "discovered-name", target: TARGET, columns: ["hr.staff.surname"], with: "redact" }]);
      const few = (await discover("--json", "--sample", "7", "--schema", "public")).objects();
      assert.ok(few.every(({ sampled }) => Number(sampled) <= 7));
      for (const rows of ["0", "x", "100000"]) assert.equal((await discover("--sample", rows)).code, 2);
      assert.equal((await discover("--database", "nowhere")).code, 2);
    });

    test("shows no value, on the terminal or in the server's log, and changes nothing", async () => {
      // What comes over a pipe comes late: a last word of ours before and behind.
      const allIsIn = async () => {
        const mark = crypto.randomUUID();
        await admin.query(`do $$ begin raise log '${mark}'; end $$`);
        await until(() => postgres.log().includes(mark), "the server's log is whole");
      };
      await allIsIn();
      const from = postgres.log().length;
      const runs = [await discover(), await discover("--json"), await discover("--yaml")];
      for (const { out, err } of runs)
        for (const secret of [CANARY, "Zoqkmarta", "4111", "DE89", "-44-", "203.0.113"]) assert.ok(!(out + err).includes(secret), secret);
      await allIsIn();
      const log = postgres.log().slice(from);
      assert.ok(log.includes("TABLESAMPLE SYSTEM"), "the large table is sampled by blocks");
      assert.ok(!log.toLowerCase().includes(CANARY));
      const spoken = [...log.matchAll(/\[(\d+)\] LOG: {2}(?:duration: .*?)?statement: (\w+)/g)];
      // The gateway's own reader listens; it may have come anew while it took its file.
      const readers = new Set(spoken.flatMap(([, pid, word]) => (word === "LISTEN" ? [pid] : [])));
      const statements = spoken.flatMap(([, pid, word]) => (readers.has(pid) ? [] : [word]));
      assert.deepEqual([...new Set(statements)].sort(), ["BEGIN", "COMMIT", "ROLLBACK", "SELECT", "SET", "WITH"]);
      assert.equal([...log.matchAll(/BEGIN(?! READ ONLY| ISOLATION LEVEL REPEATABLE READ READ ONLY)/g)].length, 0);
    });
  });
}
