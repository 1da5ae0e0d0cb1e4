/** Certificates near their end, short keys, old versions of TLS and of the server: what is said of each. */
import assert from "node:assert/strict";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { postgresRelease } from "#src/doctor/postgres/release.ts";
import { serverObservations } from "#src/doctor/server.ts";
import { transportObservations } from "#src/doctor/transport.ts";
import { issueCa, issueServer } from "#src/tls/issue.ts";

const NOW = Date.UTC(2026, 5, 15);
const DAY = 86_400_000;

async function certificate(days: number): Promise<X509Certificate> {
  const lifetime = { from: new Date(NOW - DAY), until: new Date(NOW + days * DAY) };
  const ca = await issueCa("Test CA", lifetime);
  const { cert } = await issueServer(ca, { hosts: ["localhost"], lifetime });
  return new X509Certificate(cert);
}

/** A real certificate but for its key: none with such a key can be issued here. */
function withKey(one: X509Certificate, publicKey: X509Certificate["publicKey"]): X509Certificate {
  return new Proxy(one, { get: (target, name) => (name === "publicKey" ? publicKey : Reflect.get(target, name, target)) });
}

const codes = (chain: readonly X509Certificate[], version = "TLSv1.3", own: X509Certificate | null = null) =>
  transportObservations({ version, chain, own }, NOW).map(({ code }) => code);

test("a certificate of ninety days and TLS 1.3 are fine", async () => {
  assert.deepEqual(codes([await certificate(90)]), ["tls-ok"]);
});

test("thirty days before its end a certificate is named, the gateway's own too", async () => {
  const [late, good] = [await certificate(30), await certificate(31.5)];
  assert.deepEqual(codes([late]), ["certificate-expires"]);
  assert.deepEqual(codes([good]), ["tls-ok"]);
  const [observation] = transportObservations({ version: "TLSv1.3", chain: [good], own: late }, NOW);
  assert.match(observation?.message ?? "", /^the gateway's own certificate ends on 2026-07-15, in 30 days/);
});

test("TLS 1.2 is named as what it is", async () => {
  assert.deepEqual(codes([await certificate(90)], "TLSv1.2"), ["tls-version"]);
});

test("short keys are told from weak ones", async () => {
  const good = await certificate(90);
  const rsa = (modulusLength: number) => generateKeyPairSync("rsa", { modulusLength }).publicKey;
  const ec = (namedCurve: string) => generateKeyPairSync("ec", { namedCurve }).publicKey;
  assert.deepEqual(codes([withKey(good, rsa(1024))]), ["key-weak"]);
  assert.deepEqual(codes([withKey(good, rsa(2048))]), ["key-short", "tls-ok"]);
  assert.deepEqual(codes([withKey(good, rsa(3072))]), ["tls-ok"]);
  assert.deepEqual(codes([withKey(good, ec("prime192v1"))]), ["key-weak"]);
  assert.deepEqual(codes([withKey(good, ec("secp384r1"))]), ["tls-ok"]);
  assert.deepEqual(codes([withKey(good, generateKeyPairSync("ed25519").publicKey)]), ["tls-ok"]);
});

test("a server is in support until its last release, and a version not listed yet is", () => {
  const code = (version: string) => serverObservations(postgresRelease(version), NOW)[0]?.code;
  assert.equal(code("9.6.24"), "server-out-of-support");
  assert.equal(code("12.22"), "server-out-of-support");
  assert.equal(code("13.22"), "server-out-of-support");
  assert.equal(code("14.19 (Debian 14.19-1)"), "server-ok");
  assert.equal(code("18.4"), "server-ok");
  assert.equal(code("19beta1"), "server-ok");
});
