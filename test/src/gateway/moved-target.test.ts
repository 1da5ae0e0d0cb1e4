/** A target that moves while sessions run: they go on where they began, judged by what is there, and new ones by what is new. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import pg from "pg";
import { makeAuthority } from "#test/support/certificates.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { type Sections, TARGET } from "#test/support/gateway-files.ts";
import { connectPostgres, runSql, startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import { until } from "#test/support/waiting.ts";

const SECRET = "ssn-of-ada";
const OLD = `CREATE TABLE people (id int PRIMARY KEY, ssn text); INSERT INTO people VALUES (1, '${SECRET}');
  CREATE VIEW notes AS SELECT id, ssn AS note FROM people`;
/** What is called as the view is there, and harmless here. */
const NEW = `CREATE TABLE people (id int PRIMARY KEY, ssn text, city text); CREATE TABLE notes (id int, note text); INSERT INTO notes VALUES (1, 'new')`;

async function enter(gateway: TestGateway): Promise<pg.Client> {
  const client = new pg.Client({ ...(await gateway.login("agent")), ssl: { ca: gateway.ca, servername: "localhost" } });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

describe("a target that moves", () => {
  let [old, next, gateway]: [TestPostgres | undefined, TestPostgres | undefined, TestGateway | undefined] = [
    undefined,
    undefined,
    undefined,
  ];
  let admin: pg.Client;

  before(async () => {
    const authority = await makeAuthority("Sallyport test database CA");
    const { cert, key } = await authority.server(["localhost", "127.0.0.1"]);
    const certificate = { ca: authority.ca, cert, key: key.expose() };
    [old, next] = await Promise.all([startPostgres({ certificate }), startPostgres({ certificate })]);
    await runSql(old, OLD);
    await runSql(next, `${NEW}; ALTER ROLE postgres PASSWORD '${old.password}'`);
    admin = await connectPostgres(old);
    gateway = await startGateway({
      postgres: old,
      agents: { agent: ["data-agents"] },
      configure: (sections) => ({ ...sections, masking: { rules: [{ target: TARGET, columns: ["public.people.ssn"], with: "redact" }] } }),
    });
  });
  after(async () => {
    await admin?.end();
    await gateway?.stop();
    await Promise.all([old?.stop(), next?.stop()]);
  });

  async function moveTo(running: TestGateway, { port }: TestPostgres): Promise<void> {
    const { event } = await running.reconfigure((sections: Sections) => {
      const targets = Object(sections["targets"]);
      return { ...sections, targets: { ...targets, [TARGET]: { ...targets[TARGET], address: `localhost:${port}` } } };
    });
    assert.equal(event, "reloaded");
  }
  const noteOf = async (client: pg.Client) => (await client.query("SELECT note FROM notes WHERE id = 1")).rows[0]?.note;

  test("sessions at its old place are judged by the catalogue there, as it changes; new ones by that of the new place", async () => {
    assert.ok(old !== undefined && next !== undefined && gateway !== undefined);
    const [session, other] = [await enter(gateway), await enter(gateway)];
    assert.equal(await noteOf(session), "***");
    await moveTo(gateway, next);
    assert.equal(await noteOf(session), "***");
    const fresh = await enter(gateway);
    assert.equal(await noteOf(fresh), "new");
    await assert.rejects(session.query("SELECT city FROM people"), { code: "42703" });
    assert.deepEqual((await fresh.query("SELECT city FROM people")).rows, []);
    // What others change there is still seen.
    await admin.query("CREATE VIEW later AS SELECT ssn AS x FROM people");
    assert.deepEqual((await session.query("SELECT x FROM later")).rows, [{ x: "***" }]);
    await admin.query("DROP VIEW later; CREATE TABLE later (x text); INSERT INTO later VALUES ('open')");
    await until(async () => (await session.query("SELECT x FROM later")).rows[0]?.x === "open", "the change is seen");
    const readers = async () =>
      (await admin.query("SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'sallyport catalogue reader'")).rows[0]
        ?.n;
    assert.equal(await readers(), 1);
    await session.end();
    assert.equal(await noteOf(other), "***");
    await other.end();
    await until(async () => (await readers()) === 0, "nobody looks at the old place any more");
    await fresh.end();
  });

  test("with nobody left at the old place, nobody looks there", async () => {
    assert.ok(old !== undefined && next !== undefined && gateway !== undefined);
    await moveTo(gateway, old);
    const session = await enter(gateway);
    assert.equal(await noteOf(session), "***");
    await session.end();
    const reader = await connectPostgres({ ...next, password: old.password });
    await until(
      async () => (await reader.query("SELECT FROM pg_stat_activity WHERE application_name = 'sallyport catalogue reader'")).rowCount === 0,
      "the new place is left",
    );
    await reader.end();
  });
});
