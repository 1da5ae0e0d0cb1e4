/** Certificates of our own making, judged by OpenSSL's strict verification and by Node. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { KeyPair } from "#src/config/config.ts";
import { type Authority, makeAuthority } from "#test/support/certificates.ts";

let authority: Authority;
const folder = mkdtempSync(join(tmpdir(), "sallyport-issue-"));
before(async () => {
  authority = await makeAuthority("Ünïcode & Söhne, CA");
  writeFileSync(join(folder, "ca.crt"), authority.ca);
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Throws with OpenSSL's words when it does not verify. */
function verify(pair: KeyPair, purpose: "sslserver" | "sslclient", ...more: readonly string[]): void {
  const file = join(folder, "leaf.crt");
  writeFileSync(file, pair.cert);
  execFileSync("openssl", ["verify", "-x509_strict", "-CAfile", join(folder, "ca.crt"), "-purpose", purpose, ...more, file], {
    stdio: "pipe",
  });
}

describe("issued certificates", () => {
  test("the authority can sign leaves and nothing below them", () => {
    const certificate = new X509Certificate(authority.ca);
    assert.equal(certificate.ca, true);
    assert.equal(certificate.subject, "CN=Ünïcode & Söhne\\, CA");
    assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1");
    const text = execFileSync("openssl", ["x509", "-in", join(folder, "ca.crt"), "-noout", "-text"]).toString();
    assert.match(text, /CA:TRUE, pathlen:0/);
    assert.match(text, /Certificate Sign, CRL Sign/);
  });

  for (const key of ["ecdsa", "rsa"] as const) {
    test(`a server's (${key}) verifies strictly for its names and addresses, and for nothing else`, async () => {
      const pair = await authority.server(["db.example", "127.0.0.1", "::1"], { key });
      verify(pair, "sslserver", "-verify_hostname", "db.example");
      verify(pair, "sslserver", "-verify_ip", "127.0.0.1");
      verify(pair, "sslserver", "-verify_ip", "::1");
      assert.throws(() => verify(pair, "sslserver", "-verify_hostname", "other.example"));
      assert.throws(() => verify(pair, "sslclient"));
      assert.ok(new X509Certificate(pair.cert).checkPrivateKey(createPrivateKey(pair.key.expose())));
    });
  }

  test("a client's verifies for clients only, and carries its names", async () => {
    const pair = await authority.client({ commonName: "agent", units: ["a", "b"], uris: ["spiffe://x/y"], emails: ["a@b.example"] });
    verify(pair, "sslclient");
    assert.throws(() => verify(pair, "sslserver"));
    const certificate = new X509Certificate(pair.cert);
    assert.equal(certificate.subject, "OU=a\nOU=b\nCN=agent");
    assert.equal(certificate.subjectAltName, "URI:spiffe://x/y, email:a@b.example");
  });

  test("serial numbers are positive, 16 bytes, and differ", async () => {
    const serials = await Promise.all(
      Array.from({ length: 5 }, async () => new X509Certificate((await authority.server(["a"])).cert).serialNumber),
    );
    assert.equal(new Set(serials).size, 5);
    for (const serial of serials) assert.match(serial, /^[4-7][0-9A-F]{31}$/);
  });

  test("another authority's leaf does not verify", async () => {
    const stranger = await (await makeAuthority("Ünïcode & Söhne, CA")).server(["db.example"]);
    assert.throws(() => verify(stranger, "sslserver"), /unable to get local issuer|signature failure/);
  });
});
