/**
 * How a stock libpq 18 gets in: both ways of asking for TLS, both protocol versions, the defaults that other proxies
 * make people switch off, and the wishes that must be honoured or refused, never passed over.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { onEachServer, underWay, type Ways } from "#test/conformance/postgres/ways.ts";
import { show } from "#test/conformance/program.ts";
import { postgresql18Client } from "#test/support/fetched.ts";
import { until } from "#test/support/waiting.ts";

const PSQL = () => [...postgresql18Client().command("psql"), "--no-psqlrc", "--tuples-only", "--no-align"] as const;

/** Through the gateway, with these of libpq's variables beside what every client needs. */
async function through(ways: Ways, variables: Readonly<Record<string, string>>, input = "select 'in';\n") {
  return show([...PSQL()], { env: { ...(await ways.through.env()), ...variables }, input });
}

onEachServer("libpq 18", ["psql18"], (ways) => {
  test("gets in with nothing but host, user, password, database and the authority", async () => {
    const { stdout, code, stderr } = await through(ways(), {});
    assert.deepEqual([stdout, code, stderr], ["in\n", 0, ""]);
  });

  for (const [name, value] of [
    ["PGSSLNEGOTIATION", "direct"],
    ["PGSSLNEGOTIATION", "postgres"],
    ["PGGSSENCMODE", "prefer"],
    ["PGCHANNELBINDING", "prefer"],
    ["PGMINPROTOCOLVERSION", "3.2"],
    ["PGMAXPROTOCOLVERSION", "latest"],
    ["PGMAXPROTOCOLVERSION", "3.0"],
    ["PGSSLMINPROTOCOLVERSION", "TLSv1.3"],
    ["PGSSLMAXPROTOCOLVERSION", "TLSv1.2"],
    ["PGREQUIREAUTH", "password,oauth,scram-sha-256"],
    ["PGSSLSNI", "0"],
    ["PGTARGETSESSIONATTRS", "read-write"],
    ["PGLOADBALANCEHOSTS", "random"],
    ["PGAPPNAME", "conformance"],
    ["PGOPTIONS", "-c statement_timeout=12345"],
    ["PGCLIENTENCODING", "UTF8"],
  ] as const) {
    test(`${name}=${value} works`, async () => {
      const max = name === "PGMINPROTOCOLVERSION" ? { PGMAXPROTOCOLVERSION: "latest" } : {};
      const { stdout, code, stderr } = await through(ways(), { [name]: value, ...max });
      assert.deepEqual([stdout, code, stderr], ["in\n", 0, ""]);
    });
  }

  test("the protocol version agreed on is the one asked for, as with the server itself", async () => {
    const expected = ways().version === 15 ? ["3.0", "3.0"] : ["3.0", "3.2"];
    for (const [index, max] of ["3.0", "latest"].entries()) {
      const { stdout } = await through(ways(), { PGMAXPROTOCOLVERSION: max }, "\\conninfo\n");
      const [, version] = /Protocol Version\|(\d\.\d)/.exec(stdout) ?? [];
      // The gateway speaks for itself: a client may get 3.2 of it in front of a server that knows only 3.0.
      assert.ok(version === expected[index] || version === (max === "3.0" ? "3.0" : "3.2"), `${max}: ${stdout}`);
    }
  });

  test("Ctrl-C cancels under protocol 3.2, whose keys are longer", async () => {
    const { stderr, code } = await show([...PSQL(), "-c", "select 'begun'", "-c", "select pg_sleep(60)"], {
      env: { ...(await ways().through.env()), PGMAXPROTOCOLVERSION: "latest" },
      meanwhile: (child) => void underWay(ways().server, "pg_sleep(60)").finally(() => child.kill("SIGINT")),
    });
    assert.match(stderr, /canceling statement due to user request/);
    assert.equal(code, 1);
  });

  test("channel_binding=require is refused by libpq, since a token is no SCRAM proof: never passed over", async () => {
    const { code, stderr } = await through(ways(), { PGCHANNELBINDING: "require" });
    assert.equal(code, 2);
    assert.match(stderr, /channel binding/);
  });

  test("require_auth=scram-sha-256 is refused by libpq, never passed over", async () => {
    const { code, stderr } = await through(ways(), { PGREQUIREAUTH: "scram-sha-256" });
    assert.equal(code, 2);
    assert.match(stderr, /authentication method requirement "scram-sha-256" failed/);
  });

  test("a wrong authority, and a name that the certificate lacks, stop libpq before the password", async () => {
    const { server, gateway } = ways();
    const foreign = await through(ways(), { PGSSLROOTCERT: server.caFile });
    assert.match(foreign.stderr, /certificate verify failed/);
    const named = await through(ways(), { PGHOST: "elsewhere.example", PGHOSTADDR: "127.0.0.1" });
    assert.match(named.stderr, /does not match host name "elsewhere.example"/);
    const refused = () => gateway.log().some(({ event, outcome }) => event === "handshake" && outcome === "refused");
    await until(refused, "the refused handshake is logged");
  });
});
