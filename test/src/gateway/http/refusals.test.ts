/** What is refused over HTTP, how it is said, and that nothing of it reaches the target. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { makeAuthority } from "#test/support/certificates.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { type HttpTarget, startHttpTarget } from "#test/support/http-target.ts";
import { until } from "#test/support/waiting.ts";
import { type Ask, clear, type Got, get1, get2, raw, session2 } from "./client.ts";

let target: HttpTarget;
let gateway: TestGateway;
let authorization: string;
let guest: string;
before(async () => {
  target = await startHttpTarget(await makeAuthority());
  gateway = await startGateway({
    apis: {
      crm: { ...target, hosts: ["crm.example"] },
      erp: target,
      small: { ...target, section: { limits: { requestBytes: 10, responseBytes: 100, statementTimeout: "500ms" } } },
    },
    agents: { agent: ["data-agents"], guest: ["guests"] },
    configure: (sections) => ({
      ...sections,
      access: {
        rules: [
          { who: { names: ["agent"] }, targets: ["crm", "erp", "small"], may: ["read", "write"] },
          { name: "readers", who: { names: ["guest"] }, targets: ["crm"], may: ["read"], paths: ["/echo/**", "/echo"] },
        ],
      },
      guardrails: { rules: [{ name: "slowly", target: "erp", rate: { requests: 2, per: "1h" } }] },
    }),
  });
  authorization = `Bearer ${await gateway.token()}`;
  guest = `Bearer ${await gateway.token("guest")}`;
});
after(async () => {
  await gateway?.stop();
  await target?.close();
});

function problemOf({ body, headers }: Got): {
  readonly status: number;
  readonly reason: string;
  readonly rule?: string;
  readonly requestId: string;
} {
  assert.equal(headers["content-type"], "application/problem+json");
  return JSON.parse(body.toString());
}

/** The refusal, over both versions, of what must not reach the target. */
async function refused(ask: Ask, status: number, reason: string): Promise<Got> {
  const before = target.asked.length;
  const session = session2(gateway);
  const over2 = await get2(session, ask);
  session.close();
  const over1 = await get1(gateway, ask);
  for (const got of [over2, over1]) {
    const problem = problemOf(got);
    assert.deepEqual([got.status, problem.status, problem.reason], [status, status, reason], got.body.toString());
    assert.equal(got.headers["x-request-id"], problem.requestId);
  }
  assert.equal(target.asked.length, before, "the target must not have heard of it");
  return over1;
}

describe("who sends a request", () => {
  test("is asked for where nobody is named: 401 with the way to the issuer, and nothing at the target", async () => {
    const got = await refused({ path: "/t/crm/echo" }, 401, "identity-missing");
    const metadata = `https://localhost:${gateway.httpsPort}/.well-known/oauth-protected-resource/t/crm`;
    assert.equal(got.headers["www-authenticate"], `Bearer realm="sallyport", resource_metadata="${metadata}"`);
    const found = await get1(gateway, { path: new URL(metadata).pathname });
    const document = JSON.parse(found.body.toString());
    assert.deepEqual([found.status, document.resource], [200, `https://localhost:${gateway.httpsPort}/t/crm`]);
    assert.deepEqual(document.authorization_servers, [gateway.issuer.url]);
  });

  test("is not believed: nonsense, a token of nobody, another's signature", async () => {
    const [head = "", body = "", signature = ""] = authorization.slice(7).split(".");
    const forged = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(body, "base64url").toString()), sub: "admin" })).toString(
      "base64url",
    );
    for (const value of ["Bearer nonsense", `Bearer ${head}.${forged}.${signature}`, "Bearer", "Digest x", "Basic bm9jb2xvbg=="]) {
      const got = await refused({ path: "/t/crm/echo", headers: { authorization: value } }, 401, "identity-refused");
      assert.match(String(got.headers["www-authenticate"]), /error="invalid_token"/, value);
    }
  });

  test("a token of 200 kB is too much", async () => {
    const got = await get1(gateway, { path: "/t/crm/echo", headers: { authorization: `Bearer ${"x".repeat(200_000)}` } }).catch(() => null);
    assert.ok(got === null || got.status === 431);
  });

  test("Proxy-Authorization proves who asks where Authorization is the target's own", async () => {
    const got = await get1(gateway, {
      path: "/t/crm/echo",
      headers: { "proxy-authorization": authorization, authorization: "Bearer of-the-target" },
    });
    assert.equal(got.status, 200);
    const headers = new Map(target.asked.at(-1)?.headers);
    assert.equal(headers.get("authorization"), "Bearer of-the-target");
    assert.equal(headers.get("proxy-authorization"), undefined);
    const both = { "proxy-authorization": authorization, authorization: guest };
    await refused({ path: "/t/crm/echo", headers: both }, 400, "request-ambiguous");
  });

  test("an agent's id and secret do as Basic", async () => {
    const { user, password } = gateway.pair();
    const basic = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
    assert.equal((await get1(gateway, { path: "/t/crm/echo", headers: { authorization: basic } })).status, 200);
    const wrong = `Basic ${Buffer.from(`${user}:wrong`).toString("base64")}`;
    await refused({ path: "/t/crm/echo", headers: { authorization: wrong } }, 401, "identity-refused");
  });
});

describe("what is asked for", () => {
  test("a target that is not there is told of to the proved alone", async () => {
    await refused({ path: "/t/nothing/x" }, 401, "identity-missing");
    await refused({ path: "/t/nothing/x", headers: { authorization } }, 404, "target-unknown");
    await refused({ path: "/", headers: { authorization } }, 404, "target-unknown");
  });

  test("targets, methods and paths that no rule grants", async () => {
    await refused({ path: "/t/erp/echo", headers: { authorization: guest } }, 403, "target-not-granted");
    await refused({ method: "POST", path: "/t/crm/echo", body: "x", headers: { authorization: guest } }, 403, "access-not-granted");
    await refused({ path: "/t/crm/bytes/1", headers: { authorization: guest } }, 403, "access-not-granted");
    assert.equal((await get1(gateway, { path: "/t/crm/echo/deeper", headers: { authorization: guest } })).status, 200);
  });

  test("paths that can be read in two ways", async () => {
    for (const path of ["/t/crm/a/../echo", "/t/crm/%2e%2e/x", "/t/crm/a%2fb", "/t/crm/a%5cb", "/t/crm//x", "/t/crm/%00", "/t/crm/%zz"]) {
      await refused({ path, headers: { authorization } }, 400, "request-ambiguous");
    }
  });

  test("another host than the handshake named", async () => {
    await refused({ path: "/t/crm/echo", headers: { authorization, host: "crm.example" } }, 421, "request-misdirected").catch((error) => {
      // HTTP/2 says the host in its own field, which the client sets: only HTTP/1.1 can differ here.
      if (!/200|400/.test(String(error))) throw error;
    });
    const got = await get1(gateway, { path: "/echo", headers: { authorization, host: "crm.example" } });
    assert.deepEqual([got.status, problemOf(got).reason], [421, "request-misdirected"]);
  });

  test("methods that lead around or show too much", async () => {
    await refused({ method: "TRACE", path: "/t/crm/echo", headers: { authorization } }, 405, "method-refused");
    const answer = await raw(gateway, "CONNECT db:5432 HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assert.match(answer.toString(), /^HTTP\/1\.1 405 /);
  });
});

describe("limits of a target", () => {
  test("a body that says or turns out to be longer than it may be", async () => {
    await refused({ method: "POST", path: "/t/small/upload", body: "x".repeat(11), headers: { authorization } }, 413, "request-too-large");
    const chunked = await raw(
      gateway,
      `POST /t/small/upload HTTP/1.1\r\nhost: localhost:${gateway.httpsPort}\r\nauthorization: ${authorization}\r\ntransfer-encoding: chunked\r\n\r\n8\r\nxxxxxxxx\r\n8\r\nxxxxxxxx\r\n0\r\n\r\n`,
      // The gateway closes it only once nothing more comes for a while.
      { quietMs: 20_000 },
    );
    assert.match(chunked.toString(), /^HTTP\/1\.1 413 .*request-too-large/s);
    assert.equal(
      (await get1(gateway, { method: "POST", path: "/t/small/upload", body: "x".repeat(10), headers: { authorization } })).status,
      200,
    );
  });

  test("an answer that says that it is longer is refused whole, one that turns out to be is broken off", async () => {
    const got = await get1(gateway, { path: "/t/small/bytes/101", headers: { authorization } });
    assert.deepEqual([got.status, problemOf(got).reason], [502, "response-too-large"]);
    await assert.rejects(get1(gateway, { path: "/t/small/bytes/100000?chunked", headers: { authorization } }));
    assert.equal((await get1(gateway, { path: "/t/small/bytes/100", headers: { authorization } })).status, 200);
  });

  test("a target that does not answer in time", async () => {
    const got = await get1(gateway, { path: "/t/small/silent", headers: { authorization } });
    assert.deepEqual([got.status, problemOf(got).reason], [504, "statement-timeout"]);
  });

  test("a rate: what goes beyond it is told when to come back", async () => {
    for (const status of [200, 200, 429]) {
      const got = await get1(gateway, { path: "/t/erp/echo", headers: { authorization } });
      assert.equal(got.status, status);
      if (status === 429) assert.ok(Number(got.headers["retry-after"]) > 60);
    }
  });

  test("a target that is down is a bad gateway", async () => {
    const own = await startHttpTarget(await makeAuthority());
    const other = await startGateway({ apis: { down: own } });
    const bearer = `Bearer ${await other.token()}`;
    assert.equal((await get1(other, { path: "/t/down/echo", headers: { authorization: bearer } })).status, 200);
    await own.close();
    const got = await get1(other, { path: "/t/down/echo", headers: { authorization: bearer } });
    assert.deepEqual([got.status, problemOf(got).reason], [502, "upstream-unreachable"]);
    await other.stop();
  });
});

describe("clear text", () => {
  const port = () => Number(/:(\d+)$/.exec(gateway.addresses["http"] ?? "")?.[1]);

  test("GET and HEAD are shown the way, on names that the gateway has", async () => {
    for (const [host, where] of [
      ["localhost", "localhost"],
      ["crm.example:80", "crm.example"],
      ["LOCALHOST", "localhost"],
    ] as const) {
      const answer = (await clear(port(), `GET /t/crm/x?a=b HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).toString();
      assert.match(answer, /^HTTP\/1\.1 308 Permanent Redirect\r\n/);
      assert.match(answer, new RegExp(`\\r\\nLocation: https://${where}:${gateway.httpsPort}/t/crm/x\\?a=b\\r\\n`));
    }
    assert.match((await clear(port(), "HEAD / HTTP/1.1\r\nhost: localhost\r\n\r\n")).toString(), /^HTTP\/1\.1 308 .*\r\n\r\n$/s);
  });

  test("everything else is told that TLS is required, and nothing of it comes back", async () => {
    for (const request of [
      "POST /t/crm/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc",
      "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "GET //evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
      'GET /"><script> HTTP/1.1\r\nHost: localhost\r\n\r\n',
    ]) {
      const answer = (await clear(port(), request)).toString();
      assert.match(answer, /^HTTP\/1\.1 426 Upgrade Required\r\nUpgrade: TLS\/1\.3\r\nConnection: Upgrade, close\r\n/, request);
      assert.doesNotMatch(answer, /evil|script|Location/i);
    }
    for (const junk of ["\x16\x03\x01\0\0\r\n\r\n", "GET / HTTP/1.1\nHost: localhost\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n"]) {
      assert.match((await clear(port(), junk)).toString(), /^HTTP\/1\.1 400 /);
    }
  });

  test("each attempt is one refused handshake record, on either port", async () => {
    // From places of their own, which tell their records from those of the attempts before.
    const attempts = [
      ["127.0.0.7", port(), "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", /^HTTP\/1\.1 308 /],
      [
        "127.0.0.8",
        gateway.httpsPort,
        `GET /t/crm/echo HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${authorization}\r\n\r\n`,
        /^HTTP\/1\.1 400 /,
      ],
    ] as const;
    const records = () =>
      attempts.map(
        ([place]) =>
          gateway
            .log()
            .filter(
              ({ event, reason, remote }) => event === "handshake" && reason === "cleartext" && String(remote).startsWith(`${place}:`),
            ).length,
      );
    for (const [place, at, request, answer] of attempts) assert.match((await clear(at, request, place)).toString(), answer);
    await until(() => !records().includes(0), "each is on record");
    assert.deepEqual(records(), [1, 1]);
  });
});
