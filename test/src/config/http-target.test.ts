/** Targets that are APIs, as sallyport.yaml writes them: what they become, and what is wrong with the others. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { inspect } from "node:util";
import type { HttpTarget } from "#src/config/config.ts";
import { ENV, type Folder, makeFolder, told } from "./folder.ts";

const SECRETS = { ...ENV, CRM_TOKEN: "Bearer a-token", BROKEN: "two\nlines" } as const;

let folder: Folder;
before(async () => {
  folder = await makeFolder();
});
after(() => folder.remove());

const LISTEN = "{ https: 127.0.0.1:0, http: 127.0.0.1:0 }";

function yaml(targets: string, more: Readonly<Record<string, string>> = {}): string {
  return folder.yaml({ listen: LISTEN, targets, access: "{ rules: [] }", ...more });
}

async function loaded(target: string): Promise<HttpTarget> {
  const result = await folder.load(yaml(`{ crm: { protocol: http, ${target} } }`), SECRETS);
  assert.ok(result.kind === "loaded", inspect(result, { depth: 5 }));
  const crm = result.config.targets.get("crm");
  assert.ok(crm?.protocol === "http");
  return crm;
}

async function refused(targets: string, more: Readonly<Record<string, string>> = {}): Promise<readonly string[]> {
  const result = await folder.load(yaml(targets, more), SECRETS);
  assert.ok(result.kind === "refused", "the configuration must be refused");
  return told(result.problems);
}

const one = (rest: string): string => `{ crm: { protocol: http, address: "https://crm.internal", ${rest} } }`;

describe("a target that is an API", () => {
  test("in its shortest form has the documented defaults", async () => {
    const crm = await loaded("address: https://crm.internal");
    assert.deepEqual(crm, {
      ...{ name: "crm", protocol: "http", address: { host: "crm.internal", port: 443 }, basePath: "", hosts: [], versions: "auto" },
      tls: { ca: null, serverName: "crm.internal", pins: [], certificate: null, minVersion: "TLSv1.2" },
      ...{ credential: { kind: "none" }, mcpPath: null },
      limits: {
        ...{ statementTimeoutMs: null, bytesPerSession: null, statementsPerSession: null, idleMs: null, sessionMs: 28_800_000 },
        ...{ requestBytes: null, responseBytes: null },
      },
    });
  });

  test("in full is taken apart: port, base path, names in lower case, versions, limits", async () => {
    const crm = await loaded(
      `address: "https://[2001:db8::1]:8443/base/v1/", hosts: [CRM.gateway.example, crm2], http: 1.1, mcp: { path: /mcp },
       limits: { requestBytes: 1MiB, responseBytes: 5TiB, statementTimeout: 30s, idle: 1m }`,
    );
    assert.deepEqual(crm.address, { host: "2001:db8::1", port: 8443 });
    assert.equal(crm.basePath, "/base/v1");
    assert.deepEqual(crm.hosts, ["crm.gateway.example", "crm2"]);
    assert.equal(crm.versions, "1.1");
    assert.equal(crm.mcpPath, "/mcp");
    const { requestBytes, responseBytes, statementTimeoutMs, idleMs } = crm.limits;
    assert.deepEqual([requestBytes, responseBytes, statementTimeoutMs, idleMs], [2 ** 20, 5 * 2 ** 40, 30_000, 60_000]);
  });

  test("logs in by a header, by Basic, or by a token of its own issuer", async () => {
    const of = async (credential: string) => (await loaded(`address: https://crm.internal, credential: ${credential}`)).credential;
    const header = await of("{ header: Authorization, value: { env: CRM_TOKEN } }");
    assert.ok(header.kind === "header" && header.name === "authorization" && header.value.expose() === "Bearer a-token");
    const basic = await of("{ basic: { user: app, password: { env: ORDERS_PASSWORD } } }");
    assert.ok(basic.kind === "basic" && basic.user === "app" && basic.password.expose() === "a-password");
    const oauth = await of(
      "{ oauth: { tokenEndpoint: https://idp/token, clientId: x, clientSecret: { env: ORDERS_PASSWORD }, scope: a b, ca: certs/ca.crt } }",
    );
    assert.ok(oauth.kind === "oauth" && oauth.clientSecret.expose() === "a-password" && oauth.ca === folder.authority.ca);
    assert.deepEqual([oauth.tokenEndpoint, oauth.clientId, oauth.scope, oauth.audience], ["https://idp/token", "x", "a b", null]);
  });
});

describe("what is wrong with a target that is an API", () => {
  test("addresses that are no plain https origin", async () => {
    const of = async (address: string) => (await refused(`{ crm: { protocol: http, address: "${address}" } }`)).join();
    for (const address of ["http://crm", "crm:443", "https://", "https://a@crm", "https://crm?x=1", "https://crm#x", "https://crm:x", ""])
      assert.match(await of(address), /targets.crm.address: expected an https address/, address);
    for (const port of [0, 70_000]) assert.match(await of(`https://crm:${port}`), /port must be between/);
    for (const path of ["/a/../b", "/./a", "/%2e%2e/a", "//a", "/a b", "/a\\\\b", "/a?b", "/a#b"])
      assert.match(await of(`https://crm${path}`), /targets.crm.address: the base path is not written plainly/, path);
  });

  test("names of clients' side: no names, listed twice, or of two targets", async () => {
    for (const host of ["https://a", "a:443", "a/b", "a b", '""'])
      assert.match((await refused(one(`hosts: [${host}]`))).join(), /targets.crm.hosts.0: expected a host name/, host);
    assert.match((await refused(one("hosts: [a, A]"))).join(), /targets.crm.hosts.1: is listed twice/);
    const two = "{ crm: { protocol: http, address: https://a, hosts: [x, y] }, erp: { protocol: http, address: https://b, hosts: [Y] } }";
    assert.deepEqual(await refused(two), ["targets.erp.hosts.0: is a name of target crm too"]);
  });

  test("credentials: none or two kinds, half of one, headers of the connection, secrets that break a header", async () => {
    const of = async (credential: string) => (await refused(one(`credential: ${credential}`))).join();
    const value = "value: { env: CRM_TOKEN }";
    assert.match(await of("{}"), /targets.crm.credential: expected one of/);
    assert.match(await of(`{ header: x, ${value}, basic: { user: a, password: { env: CRM_TOKEN } } }`), /expected one of/);
    assert.match(await of("{ header: x }"), /credential.value: header and value come together/);
    assert.match(await of(`{ ${value} }`), /credential.header: header and value come together/);
    for (const name of ["Host", "content-length", "Transfer-Encoding", "connection", "te", "proxy-authorization", "forwarded"])
      assert.match(await of(`{ header: ${name}, ${value} }`), /credential.header: is a header of the connection/, name);
    for (const name of ['"a b"', '"a:"', '""', '":path"'])
      assert.match(await of(`{ header: ${name}, ${value} }`), /the name of a header/, name);
    assert.match(await of("{ header: x, value: { env: BROKEN } }"), /credential.value: the secret is no value of a header/);
    assert.match(await of("{ basic: { user: 'a:b', password: { env: CRM_TOKEN } } }"), /basic.user: holds a colon/);
    assert.match(await of("{ basic: { user: a, password: { env: BROKEN } } }"), /basic.password: the secret holds a control/);
    assert.match(await of("{ user: a }"), /credential.user: unknown key/);
    const oauth = "clientId: x, clientSecret: { env: CRM_TOKEN }";
    for (const endpoint of ["http://idp/token", "idp", "https://u@idp/", "https://idp/#x"])
      assert.match(await of(`{ oauth: { tokenEndpoint: "${endpoint}", ${oauth} } }`), /oauth.tokenEndpoint: expected an https/, endpoint);
  });

  test("keys of databases, versions that are none, a path of MCP that is not plain", async () => {
    assert.match((await refused(one("database: x"))).join(), /targets.crm.database: unknown key/);
    assert.match((await refused(one("limits: { rowsPerStatement: 5 }"))).join(), /limits.rowsPerStatement: unknown key/);
    assert.match((await refused(one("http: 3"))).join(), /targets.crm.http: expected auto, "1.1" or "2"/);
    assert.match((await refused(one("mcp: { path: mcp }"))).join(), /targets.crm.mcp.path: expected a path/);
    const of = async (target: string) => (await refused(`{ crm: ${target} }`)).join();
    assert.match(await of("{ protocol: gopher }"), /targets.crm.protocol: expected postgres, mysql or http/);
    assert.match(await of("{ address: x }"), /targets.crm.protocol: is missing; expected postgres, mysql or http/);
    assert.match(await of("x"), /targets.crm: expected a map of keys/);
  });

  test("a clear-text listener alone has nowhere to show clients to", async () => {
    const problems = await refused(one(""), { listen: "{ http: 127.0.0.1:0, postgres: 127.0.0.1:0 }" });
    assert.deepEqual(problems, ["listen.http: shows clients the way to listen.https, which is not there"]);
  });
});
