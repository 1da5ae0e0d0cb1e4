/**
 * The wall on real servers: its SQL is run, more than once, and then everything that once talked around a mask is tried
 * without a gateway, logged in as its role. The gateway itself is put behind it at the end.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type pg from "pg";
import { canaryIn, joinedCells } from "#test/masking/search.ts";
import { AGENTS, SEED, withMasks } from "#test/masking/seed.ts";
import { FOUND, HOSTILE } from "#test/masking/statements.ts";
import { runCommand } from "#test/src/cli/terminal.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { connectPostgres, runSql, startPostgres, type TestPostgres } from "#test/support/postgres.ts";

const ROLE = "sallyport_agents";
const MASKED = "sallyport_agents_masked";
const PASSWORD = "test-of-the-wall";

/** Definitions are no data, and everybody may read the server's own tables of them: docs/wall.md. */
const SHOWS_DEFINITIONS = /attmissingval|pg_attribute|pg_attrdef|column_default/;
/** A label of an enumeration: also in the statistics of the table that holds them. */
const LABEL = /^moodsecretgrim /;

const MORE = `
  CREATE ROLE app LOGIN; CREATE ROLE reporting;
  GRANT SELECT ON users TO PUBLIC; GRANT SELECT (ssn) ON people TO PUBLIC;
  CREATE SCHEMA billing; GRANT USAGE ON SCHEMA billing TO PUBLIC;
  CREATE TABLE billing.cards (id int, ssn text); INSERT INTO billing.cards VALUES (1, '917-44-2051');
  CREATE TABLE billing.orders (id int, ssn text); INSERT INTO billing.orders VALUES (1, '836-52-7719');
  CREATE TABLE guarded (id int, ssn text); INSERT INTO guarded VALUES (1, '917-44-2051'); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
  CREATE VIEW cities AS SELECT city, count(*) AS people, max(ssn) AS top FROM users GROUP BY city;
  CREATE VIEW definer_view AS SELECT id, (SELECT count(*) FROM users) AS n FROM orders`;

for (const version of [18, 15] as const) {
  describe(`the wall on PostgreSQL ${version}`, () => {
    let postgres: TestPostgres;
    let gateway: TestGateway;
    let admin: pg.Client;
    let agent: pg.Client;
    let sql: string;
    let made: Record<string, unknown>;

    const wall = (...options: readonly string[]) => runCommand(["wall", "--target", "orders", "--config", gateway.configFile, ...options]);
    const loginAs = (user: string) => connectPostgres({ ...postgres, user, password: PASSWORD });
    const rows = async (client: pg.Client, text: string) => (await client.query(text)).rows;
    const refused = (text: string, code: string) => assert.rejects(agent.query(text), { code }, text);

    before(async () => {
      postgres = await startPostgres({ version });
      admin = await connectPostgres(postgres);
      await admin.query(SEED);
      await admin.query(MORE);
      gateway = await startGateway({
        postgres,
        agents: AGENTS,
        configure: (sections) => {
          const masked = withMasks(sections);
          const more = { name: "more", target: "orders", columns: ["billing.*.ssn", "public.guarded.ssn"], with: "redact" };
          const { rules, ...rest } = Object(masked["masking"]);
          return { ...masked, masking: { ...rest, rules: [...rules, more] } };
        },
      });
      const printed = await wall();
      assert.equal(printed.code, 0, printed.err);
      sql = printed.out;
      made = (await wall("--json")).objects()[0] ?? {};
      await runSql(postgres, sql);
      await admin.query(`ALTER ROLE ${ROLE} PASSWORD '${PASSWORD}'`);
      agent = await loginAs(ROLE);
    });
    after(async () => {
      await agent.end();
      await admin.end();
      await gateway.stop();
      await postgres.stop();
    });

    test("it may be run again, and then grants what it granted before", async () => {
      const acl = "SELECT oid::regclass::text AS r, relacl::text AS a FROM pg_class WHERE relacl IS NOT NULL AND oid >= 16384 ORDER BY 1";
      const before = await rows(admin, acl);
      await runSql(postgres, sql);
      assert.deepEqual(await rows(admin, acl), before);
      assert.equal((await rows(agent, "SELECT ssn FROM users WHERE id = 1"))[0]?.["ssn"], "***");
    });

    test("holds no secret, and says the same in JSON", () => {
      assert.doesNotMatch(sql, new RegExp(postgres.password));
      assert.match(sql, /^--\s+\\password "sallyport_agents"$/m);
      assert.equal(made["sql"], sql);
      assert.equal(made["role"], ROLE);
      assert.equal(made["schema"], MASKED);
    });

    test("masked views show masked values, under the same names, in the same order and of the same types", async () => {
      const [marta] = await rows(agent, "SELECT * FROM users WHERE id = 1");
      assert.partialDeepStrictEqual(marta, {
        name: "Marta",
        city: "Oslo",
        email: "***@example.com",
        ssn: "***",
        code: "********WK  ",
        pin: null,
        salary: null,
        details: null,
        bio: "(hidden)",
        tail: "***",
      });
      const shape = (relation: string) =>
        rows(
          admin,
          `SELECT attname, format_type(coalesce(nullif(b.typbasetype, 0), atttypid), CASE WHEN b.typtype = 'd' THEN b.typtypmod ELSE atttypmod END) AS type
             FROM pg_attribute a JOIN pg_type b ON b.oid = a.atttypid WHERE attrelid = '${relation}'::regclass AND attnum > 0 ORDER BY attnum`,
        );
      const views = made["views"];
      assert.ok(Array.isArray(views) && views.length >= 8);
      for (const { relation, view } of views) {
        const [, schema = "", name = ""] = /^([^.]+)\.(.*)$/s.exec(relation) ?? [];
        const quoted = [schema, name].map((word) => `"${word.replaceAll('"', '""')}"`).join(".");
        assert.deepEqual(await shape(`${MASKED}."${String(view).replaceAll('"', '""')}"`), await shape(quoted), relation);
      }
    });

    test("partitions, children and parents show masked by views of their own, and are closed themselves", async () => {
      const all = await rows(agent, "SELECT DISTINCT secret FROM events UNION SELECT secret FROM events_north UNION SELECT ssn FROM staff");
      assert.deepEqual(all, [{ secret: "***" }]);
      assert.deepEqual(await rows(agent, "SELECT DISTINCT ssn FROM people"), [{ ssn: "***" }]);
      for (const table of ["events", "events_north", "events_south", "people", "staff"])
        await refused(`SELECT * FROM public.${table}`, "42501");
    });

    test("views: what reads nothing masked is granted, what does is made anew over masks, copies in materialised ones are masked", async () => {
      assert.ok((await rows(agent, "SELECT * FROM open_orders")).length > 0);
      assert.deepEqual(await rows(agent, "SELECT top FROM cities WHERE city = 'Oslo'"), [{ top: "***" }]);
      await refused("SELECT * FROM public.cities", "42501");
      await refused("SELECT * FROM public.users_view", "42501");
      assert.deepEqual(await rows(agent, "SELECT ssn FROM users_copy WHERE id = 1"), [{ ssn: "***" }]);
      await refused("SELECT * FROM public.users_copy", "42501");
      await refused("SELECT * FROM remote_users", "42501");
    });

    test("what stands outside the search path, or is hidden on it, keeps its schema in its name", async () => {
      assert.deepEqual(await rows(agent, `SELECT ssn FROM "billing.cards"`), [{ ssn: "***" }]);
      assert.deepEqual(await rows(agent, `SELECT ssn FROM "billing.orders"`), [{ ssn: "***" }]);
      assert.ok("total" in ((await rows(agent, "SELECT * FROM orders LIMIT 1"))[0] ?? {}));
      await refused("SELECT * FROM billing.cards", "42501");
    });

    test("row security holds for the views' owner, and the SQL says so", async () => {
      assert.deepEqual(await rows(agent, "SELECT * FROM guarded"), []);
      assert.match(sql, /-- public\.guarded: .*\n-- Row security holds for sallyport_agents_masked_owner/);
    });

    test("the role may nothing else: no functions of others' rights, no temporary tables, no objects, no other role", async () => {
      await refused("SELECT definer_ssn(1)", "42501");
      await refused("SELECT user_ssn(1)", "42501");
      assert.ok((await rows(agent, "SELECT order_total(1)")).length === 1);
      await refused("CREATE TEMP TABLE t (id int)", "42501");
      await refused("CREATE TABLE public.t (id int)", "42501");
      await refused(`CREATE VIEW ${MASKED}.t AS SELECT 1`, "42501");
      await refused("SET ROLE sallyport_agents_masked_owner", "42501");
      await refused("SET ROLE app", "42501");
      await refused("UPDATE users SET name = 'x'", "42501");
      await refused("UPDATE public.users SET name = 'x'", "42501");
      await refused("INSERT INTO inbox VALUES (1, 'x')", "42501");
      await refused("COPY public.users TO STDOUT", "42501");
      await refused("SELECT lo_get(424242)", "42501");
      assert.deepEqual(await rows(agent, "SELECT 1 FROM pg_stats WHERE tablename = 'users'"), []);
      assert.deepEqual(await rows(agent, "SELECT 1 FROM pg_stats_ext WHERE tablename = 'users'"), []);
    });

    test("nothing that ever talked around a mask shows a value: as the role, without a gateway", async () => {
      let tried = 0;
      const shown: string[] = [];
      for (const hostile of [...Object.values(FOUND), ...Object.values(HOSTILE)].flat()) {
        const texts = typeof hostile === "string" ? [hostile] : hostile;
        if (texts.some((text) => /^COPY .*FROM STDIN/i.test(text) || SHOWS_DEFINITIONS.test(text))) continue;
        tried += 1;
        const said = await shownBy(agent, texts);
        if (said !== undefined && !LABEL.test(said)) shown.push(`${texts.join("; ")}: ${said}`);
      }
      assert.ok(tried > 250, String(tried));
      assert.deepEqual(shown, []);
    });

    test("the same statements do show values to a role that may read the tables", async () => {
      const shown = await shownBy(admin, ["SELECT ssn FROM public.users"]);
      assert.match(shown ?? "", /917-44-2051/);
    });

    test("what everybody held is taken from PUBLIC, and the names of those who lose it stand beside it", () => {
      assert.match(sql, /^REVOKE ALL ON TABLE "public"\."users" FROM PUBLIC;\n-- GRANT ALL ON TABLE "public"\."users" TO "app";$/m);
      assert.match(sql, /^REVOKE EXECUTE ON ROUTINE public\.definer_ssn\(integer\) FROM PUBLIC;$/m);
      assert.match(sql, /^REVOKE TEMPORARY ON DATABASE "postgres" FROM PUBLIC;$/m);
      assert.doesNotMatch(sql, /order_total\(/);
    });

    test("undoes itself where anything would stay open", async () => {
      await admin.query("GRANT reporting TO app; GRANT SELECT ON users TO PUBLIC");
      const again = await wall();
      await admin.query("CREATE TABLE newer (id int, ssn text); GRANT SELECT ON newer TO PUBLIC");
      await assert.rejects(runSql(postgres, again.out), /the wall would be open: sallyport_agents still has relation public\.newer/);
      assert.equal((await rows(agent, "SELECT ssn FROM users WHERE id = 1"))[0]?.["ssn"], "***");
      await admin.query("DROP TABLE newer");
      await admin.query(`GRANT app TO ${ROLE}`);
      await assert.rejects(runSql(postgres, again.out), /members of no other/);
      await admin.query(`REVOKE app FROM ${ROLE}; ALTER ROLE ${ROLE} CREATEDB`);
      await assert.rejects(runSql(postgres, again.out), /may more than a role of the wall may/);
      await admin.query(`ALTER ROLE ${ROLE} NOCREATEDB`);
      await assert.rejects(runSql(postgres, (await wall("--schema", "billing")).out), /schema billing is there already/);
      await assert.rejects(runSql(postgres, (await wall("--role", "others", "--schema", MASKED)).out), /is not of this wall/);
      await runSql(postgres, again.out);
    });

    test("names with quotes, line ends and dollars stay names", async () => {
      const evil = `x'"\n; DROP TABLE orders; --$wall$`;
      const quoted = `"${evil.replaceAll('"', '""')}"`;
      await admin.query(`CREATE TABLE ${quoted} (id int, ssn text); INSERT INTO ${quoted} VALUES (1, '917-44-2051')`);
      await admin.query(`CREATE TABLE billing.${quoted} (id int, ssn text)`);
      const printed = await wall("--role", 'r"$wall$ x');
      await runSql(postgres, printed.out);
      const { rows: found } = await admin.query("SELECT has_table_privilege($1, $2::regclass, 'SELECT') AS may", ['r"$wall$ x', quoted]);
      assert.deepEqual(found, [{ may: true }]);
      assert.ok((await rows(admin, "SELECT 1 FROM orders LIMIT 1")).length === 1);
      await admin.query(`DROP TABLE ${quoted} CASCADE; DROP TABLE billing.${quoted} CASCADE`);
    });
  });
}

/** Sends the texts one after the other; what shows, of rows, errors and notices. */
async function shownBy(client: pg.Client, texts: readonly string[]): Promise<string | undefined> {
  const heard: Buffer[] = [];
  const note = (value: unknown) => heard.push(Buffer.from(JSON.stringify(value) ?? ""), Buffer.from(String(value)));
  const onNotice = (notice: unknown) => note(Object(notice).message);
  client.on("notice", onNotice);
  for (const text of texts) {
    try {
      const result: unknown = await client.query({ text, rowMode: "array" });
      for (const { rows } of [result].flat().map(Object)) {
        note(rows);
        heard.push(joinedCells(rows.map((row: readonly unknown[]) => row.map((cell) => (cell === null ? null : String(cell))))));
      }
    } catch (error) {
      note({ ...Object(error), message: Object(error).message });
    }
  }
  await client.query("ROLLBACK");
  await client.query("RESET ALL");
  client.off("notice", onNotice);
  return canaryIn(Buffer.concat(heard));
}
