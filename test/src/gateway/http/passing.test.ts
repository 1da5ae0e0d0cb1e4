/** What passes through a whole gateway, over both versions of HTTP on both legs: methods, bodies, trailers, streams. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import https from "node:https";
import { after, before, describe, test } from "node:test";
import { makeAuthority } from "#test/support/certificates.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { type HttpTarget, startHttpTarget } from "#test/support/http-target.ts";
import { inTime } from "#test/support/waiting.ts";
import { type Ask, type Got, get1, get2, raw, session2 } from "./client.ts";

let h2: HttpTarget;
let h1: HttpTarget;
let gateway: TestGateway;
let authorization: string;
before(async () => {
  const authority = await makeAuthority();
  h2 = await startHttpTarget(authority, "2");
  h1 = await startHttpTarget(authority, "1.1");
  const basic = { credential: { header: "x-key", value: { env: "CRM_KEY" } } };
  gateway = await startGateway({
    apis: {
      two: { ...h2, hosts: ["two.example"] },
      one: h1,
      keyed: { ...h2, section: basic },
      based: { ...h1, section: { address: `https://127.0.0.1:${h1.port}/echo` } },
    },
    env: { CRM_KEY: "a-long-secret-key" },
  });
  authorization = `Bearer ${await gateway.token()}`;
});
after(async () => {
  await gateway?.stop();
  await h1?.close();
  await h2?.close();
});

/** The client's version, the target, and how to ask. */
const WAYS: readonly (readonly [string, string, (ask: Ask) => Promise<Got>])[] = [
  ["HTTP/1.1 to HTTP/1.1", "one", (ask) => over1(ask)],
  ["HTTP/1.1 to HTTP/2", "two", (ask) => over1(ask)],
  ["HTTP/2 to HTTP/1.1", "one", (ask) => over2(ask)],
  ["HTTP/2 to HTTP/2", "two", (ask) => over2(ask)],
];

function over1(ask: Ask): Promise<Got> {
  return get1(gateway, { ...ask, headers: { authorization, ...ask.headers } });
}

async function over2(ask: Ask): Promise<Got> {
  const session = session2(gateway);
  try {
    return await get2(session, { ...ask, headers: { authorization, ...ask.headers } });
  } finally {
    session.close();
  }
}

interface Echo {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

function echoed({ body }: Got): Echo {
  return JSON.parse(body.toString());
}

for (const [name, target, over] of WAYS) {
  describe(name, () => {
    test("method, path, query and body arrive as they were sent", async () => {
      const body = JSON.stringify({ text: "ü".repeat(1000) });
      for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
        const got = await over({
          method,
          path: `/t/${target}/echo/a%20b?q=%C3%BC&q=2`,
          body,
          headers: { "content-type": "application/json" },
        });
        assert.equal(got.status, 200, got.body.toString());
        const seen = echoed(got);
        assert.deepEqual([seen.method, seen.url, seen.body], [method, "/echo/a%20b?q=%C3%BC&q=2", body]);
      }
    });

    test("the caller's token does not travel on, and the gateway alone says where the request comes from", async () => {
      const headers = { "x-forwarded-for": "10.0.0.1", forwarded: "for=10.0.0.1", "x-own": "kept", "x-request-id": "forged" };
      const got = await over({ path: `/t/${target}/echo`, headers });
      const seen = new Map(echoed(got).headers);
      assert.equal(seen.get("authorization"), undefined);
      assert.equal(seen.get("x-forwarded-for"), "127.0.0.1");
      assert.match(seen.get("forwarded") ?? "", /^for=127\.0\.0\.1;host="localhost:\d+";proto=https$/);
      assert.equal(seen.get("x-own"), "kept");
      assert.equal(seen.get("x-request-id"), got.headers["x-request-id"]);
      assert.ok(!got.body.includes(authorization.slice(-40)));
    });

    test("HEAD, 204 and 304 have no body, and what stands behind them is answered", async () => {
      assert.equal((await over({ method: "HEAD", path: `/t/${target}/bytes/1000` })).headers["content-length"], "1000");
      for (const status of [204, 304]) {
        const got = await over({ path: `/t/${target}/status/${status}` });
        assert.deepEqual([got.status, got.body.length], [status, 0]);
      }
      for (const status of [201, 404, 418, 503]) assert.equal((await over({ path: `/t/${target}/status/${status}` })).status, status);
    });

    test("large bodies pass both ways, with and without a length", async () => {
      const body = Buffer.alloc(5_000_000, "abc");
      const up = await over({ method: "POST", path: `/t/${target}/upload`, body });
      assert.deepEqual(JSON.parse(up.body.toString()), { length: body.length, sha256: createHash("sha256").update(body).digest("hex") });
      for (const path of ["/bytes/3000000", "/bytes/3000000?chunked"]) {
        const down = await over({ path: `/t/${target}${path}` });
        assert.deepEqual([down.status, down.body.length], [200, 3_000_000]);
      }
    });

    test("a range is a range, trailers come behind the body", async () => {
      const part = await over({ path: `/t/${target}/bytes/1000`, headers: { range: "bytes=10-19" } });
      assert.deepEqual([part.status, part.body.length, part.headers["content-range"]], [206, 10, "bytes 10-19/1000"]);
      const trailed = await over({ path: `/t/${target}/trailers` });
      assert.deepEqual([trailed.body.toString(), trailed.trailers["x-sum"]], ["with trailers", "42"]);
    });

    test("fields that come twice do so to the client", async () => {
      const got = await over({ path: `/t/${target}/echo` });
      assert.equal(got.headers["x-two"], "one, other");
    });

    test("an answer that the target breaks off is broken off, never completed", async () => {
      await assert.rejects(over({ path: `/t/${target}/cut` }));
    });

    test("an answer that comes before the body was read gets through", async () => {
      const got = await over({ method: "POST", path: `/t/${target}/early`, body: Buffer.alloc(3_000_000) });
      assert.deepEqual([got.status, got.body.toString()], [413, "too much"]);
    });
  });
}

describe("what stands around a request", () => {
  const options = () => ({ host: "127.0.0.1", port: gateway.httpsPort, servername: "localhost", ca: gateway.ca, agent: false }) as const;

  test("a client that waits to be asked for its body is asked once the request is permitted, and never when it is not", async () => {
    for (const [bearer, status, asked] of [
      [authorization, 200, true],
      ["Bearer nonsense", 401, false],
    ] as const) {
      for (const target of ["one", "two"]) {
        const headers = { host: "localhost", authorization: bearer, expect: "100-continue", "content-length": "5" };
        const call = https.request({ ...options(), method: "POST", path: `/t/${target}/echo`, headers });
        let continued = false;
        call.on("continue", () => {
          continued = true;
          call.end("hello");
        });
        call.on("error", () => undefined);
        call.flushHeaders();
        const [response] = await once(call, "response");
        assert.deepEqual([response.statusCode, continued], [status, asked]);
        response.resume();
        call.destroy();
      }
    }
    const odd = await raw(gateway, "GET / HTTP/1.1\r\nhost: localhost\r\nexpect: wonders\r\n\r\n");
    assert.match(odd.toString(), /^HTTP\/1\.1 417 /);
  });

  test("links that a target hints at come before its answer", async () => {
    for (const target of ["one", "two"]) {
      const call = https.get({ ...options(), path: `/t/${target}/hints`, headers: { host: "localhost", authorization } });
      const hinted = once(call, "information");
      const [response] = await once(call, "response");
      response.resume();
      const [information] = await hinted;
      assert.equal(information.statusCode, 103);
      assert.equal(information.headers.link, `<https://localhost/t/${target}/a.css>; rel=preload`.replace("https://localhost", ""));
    }
  });

  test("trailers behind a body reach the target, but none that could let anybody in", async () => {
    const session = session2(gateway);
    const stream = session.request({ ":method": "POST", ":path": "/t/two/echo", authorization }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "42", authorization: "Bearer x", "x-forwarded-for": "10.0.0.1" }));
    stream.end("body");
    let body = "";
    for await (const chunk of stream) body += chunk;
    assert.deepEqual(JSON.parse(body).trailers, [["x-sum", "42"]]);
    session.close();
  });

  test("an absolute request target is one if it says the same host", async () => {
    const ask = (host: string) =>
      raw(
        gateway,
        `GET https://${host}/t/one/status/201 HTTP/1.1\r\nhost: localhost\r\nauthorization: ${authorization}\r\nconnection: close\r\n\r\n`,
      );
    assert.match((await ask("localhost")).toString(), /^HTTP\/1\.1 201 /);
    assert.match((await ask("other")).toString(), /^HTTP\/1\.1 400 /);
  });

  test("requests that are sent ahead are answered in their order, one after the other", async () => {
    const one = (path: string, close = "") =>
      `GET /t/two${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: ${authorization}\r\n${close}\r\n`;
    const answers = (
      await raw(gateway, one("/events?count=3&ms=50") + one("/status/201") + one("/status/202", "connection: close\r\n"))
    ).toString();
    assert.deepEqual(answers.match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 200", "HTTP/1.1 201", "HTTP/1.1 202"]);
  });
});

describe("a stream of events", () => {
  test("shows each event as it comes, over HTTP/1.1 and HTTP/2", async () => {
    for (const target of ["one", "two"]) {
      const options = { host: "127.0.0.1", port: gateway.httpsPort, servername: "localhost", ca: gateway.ca, agent: false } as const;
      const headers = { host: "localhost", authorization, accept: "text/event-stream" };
      // Each comes by itself, before the next is sent.
      await inTime(80, async () => {
        const waits: number[] = [];
        const call = https.get({ ...options, path: `/t/${target}/events?count=5&ms=100`, headers });
        const [response] = await once(call, "response");
        let text = "";
        for await (const chunk of response) {
          text += String(chunk);
          waits.push(Date.now() - Number(/"at":(\d+)/.exec(String(chunk))?.[1]));
        }
        assert.equal(text.match(/"token"/g)?.length, 5);
        return [waits.length < 5 ? Number.POSITIVE_INFINITY : Math.max(...waits), undefined];
      });
    }
  });
});

describe("the target's own world", () => {
  test("a base path stands before each path, and is taken off where the target points to itself", async () => {
    const got = await over1({ path: "/t/based/x?y" });
    assert.equal(echoed(got).url, "/echo/x?y");
  });

  test("a redirect of the target to itself leads through the gateway; elsewhere it is left alone", async () => {
    const inside = await over1({ path: `/t/two/redirect?to=${encodeURIComponent(`https://127.0.0.1:${h2.port}/next?a=b`)}` });
    assert.equal(inside.headers["location"], `https://localhost:${gateway.httpsPort}/t/two/next?a=b`);
    const outside = await over1({ path: "/t/two/redirect?to=https%3A%2F%2Felsewhere.example%2F" });
    assert.equal(outside.headers["location"], "https://elsewhere.example/");
  });

  test("the gateway's credential goes to the target, and comes back as stars of the same length", async () => {
    const got = await over1({ path: "/t/keyed/echo", headers: { "x-key": "of the client" } });
    assert.equal(
      h2.asked
        .at(-1)
        ?.headers.filter(([name]) => name === "x-key")
        .map(([, value]) => value)
        .join(),
      "a-long-secret-key",
    );
    assert.equal(new Map(echoed(got).headers).get("x-key"), "*".repeat("a-long-secret-key".length));
  });

  test("a name of its own leads to a target, when handshake and request agree on it", async () => {
    const got = await get1(gateway, { path: "/echo", host: "two.example", headers: { authorization } });
    assert.equal(got.status, 200, got.body.toString());
    const other = await get1(gateway, { path: "/echo", host: "two.example", headers: { authorization, host: "localhost" } });
    assert.deepEqual([other.status, JSON.parse(other.body.toString()).reason], [421, "request-misdirected"]);
  });
});
