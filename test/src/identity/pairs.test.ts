/** Client-credentials pairs, against a real token endpoint: verified like any token, asked for once in a storm. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { type IssuerOptions, startTestIssuer, type TestIssuer } from "#test/support/issuer.ts";
import { faultOf, issuerConfig, type World, worldFor } from "./world.ts";

const ANALYST = { id: "analyst", secret: "an-analysts-secret:with/odd=chars%&+", groups: ["data-agents"] } as const;
const FRAUD = { id: "fraud agent", secret: "another-secret", groups: ["fraud-desk"] } as const;

const cleanups: (() => unknown)[] = [];
after(async () => {
  for (const cleanup of cleanups) await cleanup();
});

async function opened(options: IssuerOptions = {}): Promise<{ issuer: TestIssuer; world: World; tokensAsked: () => number }> {
  const issuer = await startTestIssuer({ clients: [ANALYST, FRAUD], ...options });
  const world = worldFor([issuerConfig(issuer, { clientCredentials: true })]);
  cleanups.push(() => issuer.stop().catch(() => undefined));
  return { issuer, world, tokensAsked: () => issuer.requests.get("/token") ?? 0 };
}

describe("a pair", () => {
  test("is exchanged for a token whose principal counts", async () => {
    const { issuer, world } = await opened();
    const proof = await world.login(ANALYST.secret, ANALYST.id);
    assert.deepEqual(proof.principal, { issuer: issuer.url, name: "analyst", groups: ["data-agents"], actor: null });
    assert.equal(proof.via, "client-credentials");
    assert.deepEqual((await world.login(FRAUD.secret, FRAUD.id)).principal.groups, ["fraud-desk"]);
  });

  test("works where the issuer takes secrets in the form only", async () => {
    const { world } = await opened({ clientAuthMethods: ["client_secret_post"] });
    assert.equal((await world.login(ANALYST.secret, ANALYST.id)).principal.name, "analyst");
  });

  test("is asked for once by many logins at once, and not again within a minute", async () => {
    const { world, tokensAsked } = await opened();
    await Promise.all(Array.from({ length: 50 }, () => world.login(ANALYST.secret, ANALYST.id)));
    await world.login(ANALYST.secret, ANALYST.id);
    assert.equal(tokensAsked(), 1);
    world.pass(59_000);
    await world.login(ANALYST.secret, ANALYST.id);
    assert.equal(tokensAsked(), 1);
    world.pass(2_000);
    await world.login(ANALYST.secret, ANALYST.id);
    assert.equal(tokensAsked(), 2);
  });

  test("is not remembered beyond its token", async () => {
    const { world, tokensAsked } = await opened({ tokenSeconds: 5 });
    await world.login(ANALYST.secret, ANALYST.id);
    world.pass(36_000);
    const late = await faultOf(world.login(ANALYST.secret, ANALYST.id), ANALYST.secret);
    assert.equal(late.code, "identity-expired", "the issuer's clock stands still in this test, so its new token is old as well");
    assert.equal(tokensAsked(), 2);
  });

  test("still needs the right audience in the token", async () => {
    const { world } = await opened({ audience: "sallyport" });
    const issuer = await startTestIssuer({ clients: [ANALYST], audience: "elsewhere" });
    const other = worldFor([issuerConfig(issuer, { clientCredentials: true, audience: "sallyport" })]);
    cleanups.push(() => issuer.stop());
    const fault = await faultOf(other.login(ANALYST.secret, ANALYST.id), ANALYST.secret);
    assert.deepEqual(fault, { code: "identity-refused", message: "token audience is not accepted" });
    await world.login(ANALYST.secret, ANALYST.id);
  });

  test("stands beside tokens: what looks like one is verified as one", async () => {
    const { issuer, world, tokensAsked } = await opened();
    assert.equal((await world.login(await issuer.mint(), ANALYST.id)).via, "oidc-token");
    assert.equal(tokensAsked(), 0);
  });
});

describe("a wrong pair", () => {
  test("is refused, and asked for again only after a moment", async () => {
    const { world, tokensAsked } = await opened();
    for (let count = 0; count < 5; count += 1) {
      const fault = await faultOf(world.login("wrong-secret-of-someone", ANALYST.id), "wrong-secret-of-someone");
      assert.deepEqual(fault, { code: "identity-refused", message: "the issuer does not accept this client id and secret" });
    }
    assert.equal(tokensAsked(), 1);
    world.pass(5_001);
    await faultOf(world.login("wrong-secret-of-someone", ANALYST.id), "wrong-secret-of-someone");
    assert.equal(tokensAsked(), 2);
  });

  test("does not shut the right one out", async () => {
    const { world } = await opened();
    await Promise.all(Array.from({ length: 5 }, (_, count) => faultOf(world.login(`wrong-secret-${count}`, ANALYST.id), "wrong-secret")));
    assert.equal((await world.login(ANALYST.secret, ANALYST.id)).principal.name, "analyst");
  });

  test("another client's secret, an unknown client, no user, and endless ones are refused", async () => {
    const { world, tokensAsked } = await opened();
    // What is remembered of the right pair is no other's, though the two run together into the same text.
    await world.login(ANALYST.secret, ANALYST.id);
    for (const [user, password] of [
      [ANALYST.id, FRAUD.secret],
      ["nobody", ANALYST.secret],
      [`${ANALYST.id}an`, ANALYST.secret.slice(2)],
    ] as const) {
      assert.equal((await faultOf(world.login(password, user), password)).code, "identity-refused");
    }
    const asked = tokensAsked();
    for (const [user, password] of [
      ["", ANALYST.secret],
      [ANALYST.id, "x".repeat(2000)],
      [ANALYST.id, "a-secret-with-ü-in-it"],
      ["x".repeat(2000), "password-that-is-long"],
    ] as const) {
      assert.equal((await faultOf(world.login(password, user), password)).code, "identity-refused");
    }
    assert.equal(tokensAsked(), asked, "what cannot be a pair is not sent anywhere");
  });

  test("is not asked for where too many others are asked for at once, and may be tried again", async () => {
    const { world } = await opened();
    const logins = Array.from({ length: 66 }, (_, count) => faultOf(world.login(`wrong-secret-${count}`, ANALYST.id), "wrong-secret"));
    const codes = (await Promise.all(logins)).map(({ code }) => code);
    assert.deepEqual(codes.slice(64), ["identity-unavailable", "identity-unavailable"]);
    assert.ok(codes.slice(0, 64).every((code) => code === "identity-refused"));
    assert.equal((await world.login(ANALYST.secret, ANALYST.id)).principal.name, "analyst");
  });

  test("an issuer that is away is unavailable, and nothing of it is remembered", async () => {
    const { issuer, world } = await opened();
    await issuer.stop();
    assert.equal((await faultOf(world.login(ANALYST.secret, ANALYST.id), ANALYST.secret)).code, "identity-unavailable");
    await issuer.start();
    world.pass(1_000);
    assert.equal((await world.login(ANALYST.secret, ANALYST.id)).principal.name, "analyst");
  });
});
