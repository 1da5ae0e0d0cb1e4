/** Issuers that rotate keys, go away, lie, or are several: real https servers, with the clock moved by hand. */
import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import { after, describe, test } from "node:test";
import { httpsFetch } from "#src/identity/https-fetch.ts";
import { KEY_AGES } from "#src/identity/issuer.ts";
import { makeAuthority } from "#test/support/certificates.ts";
import { startTestIssuer, type TestIssuer } from "#test/support/issuer.ts";
import { inTime } from "#test/support/waiting.ts";
import { faultOf, issuerConfig, type World, worldFor } from "./world.ts";

const cleanups: (() => unknown)[] = [];
after(async () => {
  for (const cleanup of cleanups) await cleanup();
});

async function opened(): Promise<{ issuer: TestIssuer; world: World }> {
  const issuer = await startTestIssuer();
  const world = worldFor([issuerConfig(issuer)]);
  let up = true;
  const stop = issuer.stop;
  cleanups.push(() => (up ? stop() : undefined));
  return {
    world,
    issuer: {
      ...issuer,
      stop: () => {
        up = false;
        return stop();
      },
      start: () => {
        up = true;
        return issuer.start();
      },
    },
  };
}

async function codeOf(world: World, token: string): Promise<string> {
  return (await faultOf(world.login(token), token)).code;
}

describe("keys", () => {
  test("are fetched once for many logins at once", async () => {
    const { issuer, world } = await opened();
    const tokens = await Promise.all(Array.from({ length: 20 }, () => issuer.mint()));
    await Promise.all(tokens.map((token) => world.login(token)));
    await world.login(await issuer.mint());
    assert.equal(issuer.requests.get("/jwks"), 1);
    assert.equal(issuer.requests.get("/.well-known/openid-configuration"), 1);
  });

  test("an unknown key asks for the key set again, once for all, and rotation is followed", async () => {
    const { issuer, world } = await opened();
    const old = await issuer.mint();
    await world.login(old);
    await issuer.rotate();
    const fresh = await Promise.all(Array.from({ length: 10 }, () => issuer.mint()));
    await Promise.all(fresh.map((token) => world.login(token)));
    assert.equal(issuer.requests.get("/jwks"), 2);
    assert.equal(await codeOf(world, old), "identity-refused");
  });

  test("unknown keys do not make the gateway ask without end", async () => {
    const { issuer, world } = await opened();
    await world.login(await issuer.mint());
    for (let count = 0; count < 20; count += 1) {
      assert.equal(await codeOf(world, await issuer.mint({}, { kid: `unknown-${count}` })), "identity-refused");
    }
    assert.equal(issuer.requests.get("/jwks"), 1 + KEY_AGES.renewals);
    world.pass(KEY_AGES.renewalPeriodMs);
    assert.equal(await codeOf(world, await issuer.mint({}, { kid: "unknown" })), "identity-refused");
    assert.equal(issuer.requests.get("/jwks"), 2 + KEY_AGES.renewals);
    await world.login(await issuer.mint());
  });

  test("a key that was withdrawn is refused once the cached set is no longer fresh", async () => {
    const { issuer, world } = await opened();
    const token = await issuer.mint({ exp: Math.floor(Date.now() / 1000) + 86_400 });
    await world.login(token);
    await issuer.rotate();
    await world.login(token);
    world.pass(KEY_AGES.freshMs);
    assert.equal(await codeOf(world, token), "identity-refused");
  });
});

describe("an issuer that is away", () => {
  test("does not keep identity from being created; logins say so until it is back", async () => {
    const { issuer, world } = await opened();
    const token = await issuer.mint();
    await issuer.stop();
    assert.equal(await codeOf(world, token), "identity-unavailable");
    await issuer.start();
    assert.equal(await codeOf(world, token), "identity-unavailable", "right after a failure nothing is asked");
    world.pass(KEY_AGES.retryMs);
    assert.equal((await world.login(token)).principal.name, "agent-1");
  });

  test("is bridged by cached keys, for a bounded time; unknown keys fail closed", async () => {
    const { issuer, world } = await opened();
    const token = await issuer.mint({ exp: Math.floor(Date.now() / 1000) + 86_400 });
    await world.login(token);
    await issuer.stop();
    world.pass(KEY_AGES.freshMs + 1);
    await world.login(token);
    assert.equal(await codeOf(world, await issuer.mint({}, { kid: "unknown" })), "identity-refused");
    world.pass(KEY_AGES.usableMs);
    assert.equal(await codeOf(world, token), "identity-unavailable");
  });
});

describe("an issuer that is not what it should be", () => {
  async function server(listener: http.RequestListener, ca = makeAuthority()): Promise<{ url: string; ca: string }> {
    const authority = await ca;
    const pair = await authority.server(["localhost"]);
    const one = https.createServer({ cert: pair.cert, key: pair.key.expose() }, listener);
    one.listen(0, "127.0.0.1");
    await once(one, "listening");
    cleanups.push(() => {
      one.closeAllConnections();
      one.close();
    });
    const address = one.address();
    assert.ok(address !== null && typeof address === "object");
    return { url: `https://localhost:${address.port}`, ca: authority.ca };
  }

  const answer = (body: unknown) => (response: http.ServerResponse) =>
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));

  async function loginVia(fake: { url: string; ca: string }): Promise<string> {
    const { issuer } = await opened();
    const world = worldFor([{ ...issuerConfig(issuer), issuer: fake.url, ca: fake.ca }]);
    return codeOf(world, await issuer.mint({ iss: fake.url }));
  }

  test("a certificate of an unknown authority, and plain http, are not talked to", async () => {
    const { issuer } = await opened();
    const stranger = await makeAuthority("Stranger");
    for (const ca of [null, stranger.ca]) {
      const world = worldFor([issuerConfig(issuer, { ca })]);
      assert.equal(await codeOf(world, await issuer.mint()), "identity-unavailable");
    }
    const plain = http.createServer((_request, response) => answer({})(response)).listen(0, "127.0.0.1");
    await once(plain, "listening");
    cleanups.push(() => plain.close());
    const address = plain.address();
    assert.ok(address !== null && typeof address === "object");
    const fetch = httpsFetch(null);
    await assert.rejects(fetch(`http://127.0.0.1:${address.port}/`), /not https/);
  });

  test("metadata of another issuer is refused", async () => {
    const fake = await server((_request, response) =>
      answer({ issuer: "https://elsewhere.example", jwks_uri: "https://elsewhere.example/jwks" })(response),
    );
    assert.equal(await loginVia(fake), "identity-unavailable");
  });

  test("a redirect, an error page, text, and an endless answer are refused", async () => {
    const listeners: http.RequestListener[] = [
      (_request, response) => response.writeHead(302, { location: "https://elsewhere.example/" }).end(),
      (_request, response) => response.writeHead(500).end("no"),
      (_request, response) => response.writeHead(200, { "content-type": "application/json" }).end("{"),
      (_request, response) => {
        response.writeHead(200, { "content-type": "application/json" });
        const more = () => response.write("x".repeat(65_536)) && setImmediate(more);
        response.on("drain", more);
        more();
      },
    ];
    for (const listener of listeners) assert.equal(await loginVia(await server(listener)), "identity-unavailable");
  });

  test("a shared secret in the key set verifies nothing", async () => {
    const secret = Buffer.alloc(32, 1).toString("base64url");
    const authority = makeAuthority();
    let url = "";
    const fake = await server((request, response) => {
      const metadata = { issuer: url, jwks_uri: `${url}/jwks`, authorization_endpoint: `${url}/a`, token_endpoint: `${url}/t` };
      answer(request.url === "/jwks" ? { keys: [{ kty: "oct", k: secret, alg: "HS256", kid: "s" }] } : metadata)(response);
    }, authority);
    url = fake.url;
    assert.equal(await loginVia(fake), "identity-refused");
  });
});

describe("fetching", () => {
  test("gives up on an issuer that does not answer, and on one that dribbles", async () => {
    const authority = await makeAuthority();
    const pair = await authority.server(["localhost"]);
    const fetch = httpsFetch(authority.ca, { timeoutMs: 300, bytesMax: 1000 });
    for (const listener of [
      () => undefined,
      (_request: http.IncomingMessage, response: http.ServerResponse) => {
        const dribble = setInterval(() => response.write(" "), 50);
        response.once("close", () => clearInterval(dribble));
      },
    ]) {
      const server = https.createServer({ cert: pair.cert, key: pair.key.expose() }, listener).listen(0, "127.0.0.1");
      await once(server, "listening");
      const address = server.address();
      assert.ok(address !== null && typeof address === "object");
      await inTime(2000, async () => {
        const before = performance.now();
        await assert.rejects(fetch(`https://localhost:${address.port}/`), { name: "AbortError" });
        return [performance.now() - before, undefined];
      });
      server.closeAllConnections();
      server.close();
    }
  });
});

test("several issuers stand side by side, each with its own keys and audience", async () => {
  const [one, two] = [await startTestIssuer(), await startTestIssuer({ audience: "other" })];
  const world = worldFor([issuerConfig(one), issuerConfig(two)]);
  cleanups.push(
    () => one.stop(),
    () => two.stop(),
  );
  assert.equal((await world.login(await one.mint())).principal.issuer, one.url);
  assert.equal((await world.login(await two.mint())).principal.issuer, two.url);
  assert.equal(await codeOf(world, await two.mint({ iss: one.url })), "identity-refused");
  assert.equal(await codeOf(world, await two.mint({ aud: "sallyport" })), "identity-refused");
});
