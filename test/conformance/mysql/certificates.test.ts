/** Agents that prove who they are by a client certificate and give no password, with the stock programs of both makes and a driver. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import mysql from "mysql2/promise";
import { command } from "#test/conformance/mysql/command-line.ts";
import type { Way } from "#test/conformance/mysql/ways.ts";
import { type Shown, show } from "#test/conformance/program.ts";
import { recordingOf } from "#test/src/gateway/archive.ts";
import { makeAuthority } from "#test/support/certificates.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import type { Sections } from "#test/support/gateway-files.ts";
import { startMysql, type TestMysql } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";

const AGENT = "nightly-agent";

describe("a client certificate as proof", { skip: optional("mysql9", "mariadb") }, () => {
  let server: TestMysql;
  let gateway: TestGateway;

  before(async () => {
    server = await startMysql({ flavour: "mariadb10" });
    const [agents, others] = await Promise.all([makeAuthority("Agents"), makeAuthority("Others")]);
    const good = await agents.client({ commonName: AGENT, units: ["data-agents"] });
    const other = await agents.client({ commonName: "somebody", units: ["data-agents"] });
    const stranger = await others.client({ commonName: AGENT, units: ["data-agents"] });
    const named = Object.entries({ good, other, stranger }).flatMap(([name, { cert, key }]) => [
      [`${name}.crt`, cert],
      [`${name}.key`, key.expose()],
    ]);
    gateway = await startGateway({
      mysql: { shop: server },
      papers: { "certs/agents-ca.crt": agents.ca, ...Object.fromEntries(named) },
      configure: (sections: Sections) => ({
        ...sections,
        tls: { ...(sections["tls"] as object), clientCertificates: { mode: "optional", ca: "certs/agents-ca.crt" } },
        identity: { ...(sections["identity"] as object), certificates: { name: "subject-cn", groups: "ou" } },
        access: { rules: [{ who: { names: [AGENT], groups: ["data-agents"] }, targets: ["shop"], may: ["read"] }] },
      }),
    });
  });
  after(async () => {
    await gateway?.stop();
    await server?.stop();
  });

  const fileOf = (name: string) => join(gateway.folder, name);
  const enter = async (client: "mysql" | "mariadb", shown: string, sql: string): Promise<Shown> => {
    const port = Number(/:(\d+)$/.exec(gateway.addresses["mysql"] ?? "")?.[1]);
    const login = async () => ({ host: "localhost", port, user: "any-label", password: "", database: "shop" });
    const way: Way = { name: "gateway", ca: gateway.ca, caFile: gateway.caFile, login };
    const proof = [`--ssl-cert=${fileOf(`${shown}.crt`)}`, `--ssl-key=${fileOf(`${shown}.key`)}`];
    return show(await command(client, client, way, ...proof, "--batch", `--execute=${sql}`), { env: { PATH: process.env["PATH"] } });
  };

  for (const client of ["mysql", "mariadb"] as const) {
    test(`${client}: --ssl-cert and --ssl-key are all it takes; the name in the certificate is who called`, async () => {
      const sql = `SELECT 'by ${client}' AS word`;
      assert.deepEqual(await enter(client, "good", sql), { code: 0, stdout: `word\nby ${client}\n`, stderr: "" });
      const [start] = await recordingOf(gateway, sql);
      assert.ok(start?.kind === "session-start");
      assert.deepEqual([start.principal.name, start.principal.groups, start.label], [AGENT, ["data-agents"], "any-label"]);
    });

    test(`${client}: another's certificate, and one of another authority, do not do`, async () => {
      const other = await enter(client, "other", "SELECT 1");
      assert.equal(other.code, 1);
      assert.match(other.stderr, /1142|1044|access-not-granted/);
      const stranger = await enter(client, "stranger", "SELECT 1");
      assert.equal(stranger.code, 1);
      assert.doesNotMatch(stranger.stdout, /1/);
    });
  }

  test("mysql2: a certificate, and no password", async () => {
    const port = Number(/:(\d+)$/.exec(gateway.addresses["mysql"] ?? "")?.[1]);
    const [cert, key] = ["good.crt", "good.key"].map((name) => readFileSync(fileOf(name), "utf8"));
    const client = await mysql.createConnection({
      ...{ host: "localhost", port, user: "any-label", database: "shop" },
      ssl: { ca: gateway.ca, cert: cert ?? "", key: key ?? "" },
    });
    const [rows] = await client.query("SELECT 7 AS seven");
    assert.deepEqual(rows, [{ seven: 7 }]);
    await client.end();
  });
});
