/** Certificates as handshake records show them: whole where they are as they should be, and never longer than a record can bear. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { describeCertificate } from "#src/tls/certificates.ts";
import { makeAuthority } from "#test/support/certificates.ts";

test("a certificate is shown with its names, serial number, digest and times", async () => {
  const agents = await makeAuthority("agents");
  const certificate = new X509Certificate((await agents.client({ commonName: "agent", units: ["data"] })).cert);
  const shown = describeCertificate(certificate);
  assert.match(shown.subject, /OU=data/);
  assert.match(shown.subject, /CN=agent/);
  assert.match(shown.issuer, /CN=agents/);
  assert.equal(shown.serial, certificate.serialNumber.toLowerCase());
  assert.equal(shown.validTo, certificate.validToDate.toISOString());
});

test("names of any length, whatever they are made of, cost a record no more than a few kilobytes", async () => {
  const names = ["x".repeat(90_000), "\u0085".repeat(30_000), "\u0001\n".repeat(20_000), "\u{1f600}".repeat(20_000)];
  for (const name of names) {
    const agents = await makeAuthority(name);
    const { cert } = await agents.client({ commonName: name });
    const shown = describeCertificate(new X509Certificate(cert));
    assert.ok(shown.subject.endsWith("…") && shown.issuer.endsWith("…"));
    assert.ok(JSON.stringify(shown).length < 16 * 1024, String(JSON.stringify(shown).length));
  }
});
