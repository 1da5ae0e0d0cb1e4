/** The demo's issuer must speak as a real provider does: discovery, keys, and JWT access tokens with groups. */
import assert from "node:assert/strict";
import { get } from "node:https";
import { after, before, test } from "node:test";
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";
import { Secret } from "#protocols/wire/secret.ts";
import { type Issuer, startIssuer } from "#src/demo/issuer.ts";
import { issueCa, issueServer } from "#src/tls/issue.ts";

const agent = { name: "report-agent", secret: new Secret("not-a-real-secret"), groups: ["data-agents"] };
let issuer: Issuer;
let ca: string;

before(async () => {
  const lifetime = { from: new Date(), until: new Date(Date.now() + 3_600_000) };
  const authority = await issueCa("test authority", lifetime);
  const { cert, key } = await issueServer(authority, { hosts: ["localhost"], lifetime });
  ca = authority.cert;
  issuer = await startIssuer({ certificate: cert, key, audience: "sallyport", agents: [agent] });
});

after(() => issuer.stop());

function fetchJson<T>(url: string): Promise<T> {
  return new Promise((resolve, reject) => {
    get(url, { ca }, (response) => {
      let body = "";
      response.on("data", (chunk) => {
        body += String(chunk);
      });
      response.once("end", () => resolve(JSON.parse(body)));
    }).once("error", reject);
  });
}

test("a token verifies against the keys that discovery names, for the audience, with the agent's groups", async () => {
  const metadata = await fetchJson<{ issuer: string; jwks_uri: string }>(`${issuer.url}/.well-known/openid-configuration`);
  assert.equal(metadata.issuer, issuer.url);
  const keys = createLocalJWKSet(await fetchJson<JSONWebKeySet>(metadata.jwks_uri));
  const token = await issuer.tokenFor(agent, ca);
  const { payload, protectedHeader } = await jwtVerify(token.expose(), keys, { issuer: issuer.url, audience: "sallyport", typ: "at+jwt" });
  assert.equal(protectedHeader.alg, "ES256");
  assert.equal(payload.sub, "report-agent");
  assert.deepEqual(payload["groups"], ["data-agents"]);
  assert.ok((payload.exp ?? 0) > Date.now() / 1000);
});

test("a wrong secret and an unknown agent get no token, and the error holds no secret", async () => {
  const wrong = { ...agent, secret: new Secret("guessed-secret") };
  await assert.rejects(issuer.tokenFor(wrong, ca), (error: Error) => !error.message.includes("guessed-secret"));
  await assert.rejects(issuer.tokenFor({ ...agent, name: "nobody" }, ca));
});
