/** A configuration that is read anew, seen by those who log in meanwhile. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { get1 } from "#test/src/gateway/http/client.ts";
import { makeAuthority } from "#test/support/certificates.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import type { Sections } from "#test/support/gateway-files.ts";
import { type HttpTarget, startHttpTarget } from "#test/support/http-target.ts";
import { startTestIssuer, type TestIssuer } from "#test/support/issuer.ts";

let [target, issuer, gateway]: [HttpTarget?, TestIssuer?, TestGateway?] = [];

before(async () => {
  target = await startHttpTarget(await makeAuthority());
  issuer = await startTestIssuer();
  const { url, audience, ca } = issuer;
  gateway = await startGateway({
    apis: { crm: target },
    papers: { "certs/issuer.crt": ca },
    configure: (sections) => ({
      ...sections,
      identity: { oidc: [{ issuer: url, audience, ca: "certs/issuer.crt", claims: { name: "sub" } }] },
      access: { rules: [{ who: { issuers: [url] }, targets: ["crm"], may: ["read"] }] },
    }),
  });
});
after(async () => {
  await gateway?.stop();
  await issuer?.stop();
  await target?.close();
});

/** Another configuration for each `rows`, which says nothing else of whom to believe. */
const recording = (rows: number) => (sections: Sections) => ({
  ...sections,
  recording: { ...Object(sections["recording"]), results: { rowsPerStatement: rows } },
});

/** Requests that have reached the issuer. */
const total = ({ requests }: TestIssuer) => [...requests.values()].reduce((sum, count) => sum + count, 0);

async function statusFor(token: string): Promise<number> {
  assert.ok(gateway !== undefined);
  return (await get1(gateway, { path: "/t/crm/echo", headers: { authorization: `Bearer ${token}` } })).status;
}

test("a login that waits for the issuer meanwhile is let in, and issuers' keys outlast a reload", { timeout: 60_000 }, async () => {
  assert.ok(issuer !== undefined && gateway !== undefined);
  const token = await issuer.mint();
  const release = issuer.hold();
  const waiting = statusFor(token);
  while (total(issuer) === 0) await pause(10);
  assert.equal((await gateway.reconfigure(recording(1)))["event"], "reloaded");
  release();
  assert.equal(await waiting, 200);
  assert.equal(await statusFor(token), 200);
  await issuer.stop();
  try {
    assert.equal((await gateway.reconfigure(recording(2)))["event"], "reloaded");
    assert.equal(await statusFor(token), 200, "by the keys of before");
  } finally {
    await issuer.start();
  }
});

test("a login that waits for an issuer whose entry changes meanwhile is judged by what was in force when it came", {
  timeout: 60_000,
}, async () => {
  assert.ok(issuer !== undefined && gateway !== undefined);
  const token = await issuer.mint();
  const named = (name: string) => (sections: Sections) => {
    const { oidc } = Object(sections["identity"]);
    return { ...sections, identity: { oidc: [{ ...oidc[0], claims: { name } }] } };
  };
  assert.equal((await gateway.reconfigure(named("jti")))["event"], "reloaded");
  const asked = total(issuer);
  const release = issuer.hold();
  const waiting = statusFor(token);
  while (total(issuer) === asked) await pause(10);
  assert.equal((await gateway.reconfigure(named("sub")))["event"], "reloaded");
  release();
  assert.equal(await waiting, 200);
});

test("an issuer that is taken out of the configuration is no longer believed", { timeout: 60_000 }, async () => {
  assert.ok(issuer !== undefined && gateway !== undefined);
  const token = await issuer.mint();
  assert.equal(await statusFor(token), 200);
  const { url } = gateway.issuer;
  const came = await gateway.reconfigure((sections) => ({
    ...sections,
    identity: { oidc: [{ issuer: url, audience: "sallyport", ca: "certs/ca.crt", claims: { name: "sub" } }] },
    access: { rules: [{ who: { issuers: [url] }, targets: ["crm"], may: ["read"] }] },
  }));
  assert.equal(came["event"], "reloaded", JSON.stringify(came));
  assert.equal(await statusFor(token), 401);
  assert.equal(await statusFor(await gateway.token()), 200);
});
