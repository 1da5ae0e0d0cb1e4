/** What the gateway shows to an HTTP target, with a real token endpoint. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Fault } from "#protocols/wire/fault.ts";
import { Secret } from "#protocols/wire/secret.ts";
import type { OauthCredential } from "#src/config/config.ts";
import { targetCredential } from "#src/gateway/http/upstream/credential.ts";
import { startTestIssuer, type TestIssuer } from "#test/support/issuer.ts";

const clocks = { monotonicMs: () => 0 };

describe("a credential that is written in the configuration", () => {
  test("a header is added as it stands, and looked for with and without its scheme", async () => {
    const credential = targetCredential({ kind: "header", name: "authorization", value: new Secret("Bearer abc123def") }, clocks);
    assert.deepEqual(await credential.pairs(), [["authorization", "Bearer abc123def"]]);
    assert.deepEqual(credential.literals(), ["Bearer abc123def", "abc123def"]);
  });

  test("a key without a scheme is looked for as it is", () => {
    const credential = targetCredential({ kind: "header", name: "x-api-key", value: new Secret("k3y") }, clocks);
    assert.deepEqual(credential.literals(), ["k3y"]);
  });

  test("Basic is user and password in base64, and either spelling of the secret is looked for", async () => {
    const credential = targetCredential({ kind: "basic", user: "app", password: new Secret("pässword:1") }, clocks);
    const pair = Buffer.from("app:pässword:1").toString("base64");
    assert.deepEqual(await credential.pairs(), [["authorization", `Basic ${pair}`]]);
    assert.deepEqual(credential.literals(), [pair, "pässword:1"]);
  });

  test("none adds nothing", async () => {
    const credential = targetCredential({ kind: "none" }, clocks);
    assert.deepEqual(await credential.pairs(), []);
    assert.deepEqual(credential.literals(), []);
  });
});

describe("a token of the gateway's own", () => {
  let issuer: TestIssuer;
  before(async () => {
    issuer = await startTestIssuer({ clients: [{ id: "gateway", secret: "only-for-tests" }], tokenSeconds: 300 });
  });
  after(() => issuer.stop());

  const oauth = (changes: Partial<OauthCredential> = {}): OauthCredential => ({
    ...{ kind: "oauth", tokenEndpoint: `${issuer.url}/token`, clientId: "gateway", clientSecret: new Secret("only-for-tests") },
    ...{ scope: null, audience: null, ca: issuer.ca },
    ...changes,
  });
  const asked = (): number => issuer.requests.get("/token") ?? 0;
  const isLoginFailed = (error: unknown): boolean => error instanceof Fault && error.code === "upstream-login-failed";

  test("is fetched once for requests at the same time, and renewed before it ends", async () => {
    let now = 0;
    const before = asked();
    const credential = targetCredential(oauth(), { monotonicMs: () => now });
    const [first, second] = await Promise.all([credential.pairs(), credential.pairs()]);
    assert.deepEqual(first, second);
    assert.match(first[0]?.[1] ?? "", /^Bearer \S+$/);
    assert.equal(asked() - before, 1);
    now = 239_000;
    assert.deepEqual(await credential.pairs(), first);
    now = 241_000;
    const renewed = await credential.pairs();
    assert.notDeepEqual(renewed, first);
    assert.equal(asked() - before, 2);
    const literals = [first, renewed].map((pairs) => pairs[0]?.[1].slice(7));
    assert.deepEqual(credential.literals(), literals, "the one before may still be on its way back");
    now += 3_600_001;
    assert.deepEqual(credential.literals(), []);
  });

  test("that the target refuses is replaced, but not over and over", async () => {
    let now = 10_000;
    const credential = targetCredential(oauth(), { monotonicMs: () => now });
    const first = await credential.pairs();
    credential.refused(first);
    const second = await credential.pairs();
    assert.notDeepEqual(second, first);
    credential.refused(second);
    assert.deepEqual(await credential.pairs(), second);
    now += 1_001;
    credential.refused(first);
    assert.deepEqual(await credential.pairs(), second, "one that is not in use any more is none of its business");
    credential.refused(second);
    assert.notDeepEqual(await credential.pairs(), second);
  });

  test("that can't be had fails the request without a word of the secret, and the endpoint is left alone for a moment", async () => {
    let now = 0;
    const before = asked();
    const credential = targetCredential(oauth({ clientSecret: new Secret("not-the-secret") }), { monotonicMs: () => now });
    for (let count = 0; count < 3; count++) {
      await assert.rejects(
        credential.pairs(),
        (error) => isLoginFailed(error) && !String((error as Error).stack).includes("not-the-secret"),
      );
    }
    assert.equal(asked() - before, 1);
    now = 1_001;
    await assert.rejects(credential.pairs(), isLoginFailed);
    assert.equal(asked() - before, 2);
  });

  test("an endpoint whose certificate nobody vouches for is shown no secret", async () => {
    const before = asked();
    const credential = targetCredential(oauth({ ca: null }), clocks);
    await assert.rejects(credential.pairs(), isLoginFailed);
    assert.equal(asked(), before);
  });
});
