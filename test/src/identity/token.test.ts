/** Tokens as the password, against a real OpenID provider: what is accepted, and every forgery that must not be. */
import assert from "node:assert/strict";
import { createHmac, generateKeyPairSync } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { startTestIssuer, type TestIssuer } from "#test/support/issuer.ts";
import { faultOf, issuerConfig, type World, worldFor } from "./world.ts";

let issuer: TestIssuer;
let world: World;

before(async () => {
  issuer = await startTestIssuer();
  world = worldFor([issuerConfig(issuer)]);
});

after(async () => {
  await issuer.stop();
});

const seconds = (offset: number): number => Math.floor(Date.now() / 1000) + offset;
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

async function refusal(token: string): Promise<string> {
  const fault = await faultOf(world.login(token), token);
  assert.equal(fault.code, "identity-refused", fault.message);
  return fault.message;
}

describe("a good token", () => {
  test("names the principal, its groups and when the proof ends", async () => {
    const exp = seconds(300);
    const proof = await world.login(await issuer.mint({ groups: ["data-agents", "fraud-desk"], exp }));
    assert.deepEqual(proof.principal, { issuer: issuer.url, name: "agent-1", groups: ["data-agents", "fraud-desk"], actor: null });
    assert.equal(proof.via, "oidc-token");
    assert.ok(proof.expiresAtMs >= exp * 1000 && proof.expiresAtMs <= (exp + 60) * 1000);
  });

  for (const alg of ["ES256", "RS256", "PS256", "EdDSA"] as const) {
    test(`signed with ${alg} is accepted`, async () => {
      assert.equal((await world.login(await issuer.mint({}, { alg }))).principal.name, "agent-1");
    });
  }

  test("may name several audiences, and carry each type that access tokens have", async () => {
    await world.login(await issuer.mint({ aud: ["other", "sallyport"] }));
    for (const typ of ["at+jwt", "application/at+jwt", "AT+JWT", "JWT", null]) {
      await world.login(await issuer.mint({}, { typ }));
    }
  });

  test("without groups has none; with act names the actor", async () => {
    const proof = await world.login(await issuer.mint({ act: { sub: "copilot-7", act: { sub: "earlier" } } }));
    assert.deepEqual(proof.principal.groups, []);
    assert.equal(proof.principal.actor, "copilot-7");
  });

  test("is accepted within the allowed clock skew on either side, and the user name is only a label", async () => {
    await world.login(await issuer.mint({ exp: seconds(-20) }), "someone-else");
    await world.login(await issuer.mint({ iat: seconds(20), nbf: seconds(20) }));
  });

  test("takes name and groups from the configured claims", async () => {
    const other = worldFor([issuerConfig(issuer, { claims: { name: "email", groups: "roles" } })]);
    const proof = await other.login(await issuer.mint({ email: "a@example.com", roles: ["dba"], groups: 7 }));
    assert.equal(proof.principal.name, "a@example.com");
    assert.deepEqual(proof.principal.groups, ["dba"]);
  });
});

describe("forged signatures", () => {
  for (const alg of ["none", "None", "NONE", "nOnE"]) {
    test(`alg ${alg} is refused, with and without a signature`, async () => {
      const [, payload, signature] = (await issuer.mint()).split(".");
      const header = encode({ alg, typ: "at+jwt" });
      for (const forged of [`${header}.${payload}.`, `${header}.${payload}.${signature}`]) {
        assert.match(await refusal(forged), /algorithm|malformed/);
      }
    });
  }

  for (const alg of ["HS256", "HS384", "HS512"] as const) {
    test(`${alg} keyed with the public key is refused`, async () => {
      for (const form of ["pem", "der"] as const) {
        const secret = issuer.publicKey("RS256").export({ type: "spki", format: form } as { type: "spki"; format: "pem" });
        const [header, payload] = (await issuer.mint({}, { alg: "RS256" })).split(".");
        const kid: unknown = JSON.parse(Buffer.from(header ?? "", "base64url").toString()).kid;
        const signed = `${encode({ alg, typ: "at+jwt", kid })}.${payload}`;
        const signature = createHmac(alg.replace("HS", "sha"), secret).update(signed).digest("base64url");
        assert.equal(await refusal(`${signed}.${signature}`), "token algorithm is not accepted");
      }
    });
  }

  test("another key under the issuer's kid is refused", async () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    assert.equal(await refusal(await issuer.mint({}, { key: privateKey })), "token signature is wrong");
  });

  test("a header that brings its own key is refused", async () => {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const [header, ...rest] = (await issuer.mint({}, { key: privateKey })).split(".");
    const own = { ...JSON.parse(Buffer.from(header ?? "", "base64url").toString()), jwk: publicKey.export({ format: "jwk" }) };
    assert.equal(await refusal([encode(own), ...rest].join(".")), "token signature is wrong");
  });

  test("changed claims, a cut signature and an unknown crit are refused", async () => {
    const [header, payload, signature] = (await issuer.mint()).split(".");
    const claims = JSON.parse(Buffer.from(payload ?? "", "base64url").toString());
    assert.equal(await refusal(`${header}.${encode({ ...claims, groups: ["dba"] })}.${signature}`), "token signature is wrong");
    assert.match(await refusal(`${header}.${payload}.${signature?.slice(0, -4)}`), /signature|malformed/);
    const critical = encode({ alg: "ES256", crit: ["x-unknown"], "x-unknown": 1 });
    assert.match(await refusal(`${critical}.${payload}.${signature}`), /not supported|malformed/);
  });

  test("another certified issuer's token, right in all but its keys, is refused", async () => {
    const other = await startTestIssuer();
    try {
      const token = await other.mint({ iss: issuer.url });
      assert.equal(await refusal(token), "token is signed with a key that the issuer does not publish");
    } finally {
      await other.stop();
    }
  });
});

describe("wrong claims", () => {
  for (const [what, claims, message] of [
    ["another audience", { aud: "other" }, /audience/],
    ["an audience that only begins alike", { aud: "sallyport-dev" }, /audience/],
    ["an audience that ends alike", { aud: "x-sallyport" }, /audience/],
    ["an audience in other case", { aud: "Sallyport" }, /audience/],
    ["an audience that is an object", { aud: { sallyport: true } }, /audience/],
    ["audiences in a nested list", { aud: [["sallyport"]] }, /audience/],
    ["no audience", { aud: undefined }, /audience/],
    ["no expiry", { exp: undefined }, /expiry/],
    ["an expiry that is text", { exp: "9999999999" }, /expiry/],
    ["an expiry that is no date", { exp: 1e300 }, /expiry/],
    ["a not-before in the future", { nbf: seconds(300) }, /not valid yet/],
    ["a not-before that is text", { nbf: "0" }, /not valid yet/],
    ["an issue time in the future", { iat: seconds(300) }, /issued in the future/],
    ["an issue time that is text", { iat: "0" }, /time of issue/],
    ["no name", { sub: undefined }, /"sub"/],
    ["an empty name", { sub: "" }, /"sub"/],
    ["a name with a line end", { sub: "agent\nroot" }, /"sub"/],
    ["a name with a bidirectional override", { sub: "agent\u202e" }, /"sub"/],
    ["a name that is a number", { sub: 7 }, /"sub"|malformed|claim/],
    ["groups that are one text", { groups: "dba" }, /"groups"/],
    ["groups that are an object", { groups: { dba: true } }, /"groups"/],
    ["groups that hold a number", { groups: ["dba", 7] }, /"groups"/],
    ["groups that are null", { groups: null }, /"groups"/],
    ["an actor without a name", { act: { iss: "x" } }, /"act"/],
    ["an actor that is text", { act: "copilot" }, /"act"/],
    ["a confirmation key", { cnf: { jkt: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" } }, /bound to a key/],
  ] as const) {
    test(`${what} is refused`, async () => assert.match(await refusal(await issuer.mint(claims)), message));
  }

  test("another issuer is refused, whatever its spelling", async () => {
    for (const iss of ["https://elsewhere.example", `${issuer.url}/`, issuer.url.toUpperCase(), [issuer.url], undefined]) {
      assert.equal(await refusal(await issuer.mint({ iss })), "token issuer is not accepted");
    }
  });

  test("an expired token has its own code", async () => {
    for (const exp of [seconds(-61), seconds(-3600), 0]) {
      const token = await issuer.mint({ exp });
      assert.deepEqual(await faultOf(world.login(token), token), { code: "identity-expired", message: "token has expired" });
    }
  });

  test("other kinds of JWT are refused", async () => {
    for (const typ of ["logout+jwt", "dpop+jwt", "secevent+jwt", "id+jwt"]) {
      assert.equal(await refusal(await issuer.mint({}, { typ })), "token type is not that of an access token");
    }
    for (const claims of [{ nonce: "n" }, { at_hash: "h" }, { c_hash: "h" }, { token_use: "id" }, { typ: "ID" }, { typ: "Refresh" }]) {
      assert.equal(await refusal(await issuer.mint(claims, { typ: "JWT" })), "token is an ID token, not an access token");
    }
    await world.login(await issuer.mint({ typ: "Bearer", nonce: "n" }, { typ: "JWT" }));
  });
});

describe("what is no token", () => {
  test("an empty password is a missing proof", async () => {
    assert.equal((await faultOf(world.login(""), "")).code, "identity-missing");
  });

  test("a password without pairs being accepted", async () => {
    for (const password of [
      "hunter2hunter2",
      "a.b.c",
      "..",
      "eyJhbGciOiJFUzI1NiJ9",
      `${"x".repeat(20)}.${"y".repeat(20)}.${"z".repeat(20)}`,
    ]) {
      assert.equal(await refusal(password), "the password is not a token");
    }
  });

  test("an encrypted token and an endless one", async () => {
    const encrypted = [encode({ alg: "RSA-OAEP", enc: "A256GCM" }), "aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc", "dddddddddd"].join(".");
    assert.equal(await refusal(encrypted), "token is encrypted, which is not accepted");
    assert.match(await refusal(`${"x".repeat(40_000)}`), /longer than 32768/);
  });

  test("a token whose parts are not JSON", async () => {
    const [header, , signature] = (await issuer.mint()).split(".");
    assert.equal(await refusal(`${header}.${Buffer.from("[1]").toString("base64url")}.${signature}`), "token is malformed");
    assert.equal(await refusal(`${header}.AAAAAAAAAAAA.${signature}`), "token is malformed");
  });
});
