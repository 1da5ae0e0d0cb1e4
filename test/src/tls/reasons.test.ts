/** Stable words for what ended a handshake: one for every error that OpenSSL, Node or the network may give. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { HANDSHAKE_REASONS, handshakeReason, PIN_MISMATCH, verificationReason } from "#src/tls/reasons.ts";

function withCode(code: string, rest: object = {}): Error {
  return Object.assign(new Error("words"), { code, ...rest });
}

describe("handshakeReason", () => {
  for (const [code, reason] of [
    ["ERR_SSL_UNSUPPORTED_PROTOCOL", "protocol-version"],
    ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "protocol-version"],
    ["ERR_SSL_NO_SHARED_CIPHER", "no-shared-cipher"],
    ["ERR_SSL_TLSV1_ALERT_INSUFFICIENT_SECURITY", "no-shared-cipher"],
    ["ERR_SSL_NO_SUITABLE_KEY_SHARE", "no-shared-group"],
    ["ERR_SSL_NO_APPLICATION_PROTOCOL", "no-shared-alpn"],
    ["ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL", "no-shared-alpn"],
    ["ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE", "handshake-failure"],
    ["ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR", "handshake-failure"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "protocol-error"],
    ["ERR_SSL_BAD_RECORD_TYPE", "protocol-error"],
    ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "client-certificate-required"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "unknown-ca"],
    ["CERT_HAS_EXPIRED", "certificate-expired"],
    ["CERT_REVOKED", "certificate-revoked"],
    ["INVALID_PURPOSE", "certificate-invalid"],
    ["EE_KEY_TOO_SMALL", "certificate-invalid"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "name-mismatch"],
    [PIN_MISMATCH, "pin-mismatch"],
    ["ECONNRESET", "reset"],
    ["ERR_TLS_HANDSHAKE_TIMEOUT", "timeout"],
    ["ECONNREFUSED", "unreachable"],
    ["SOMETHING_NEW", "internal-error"],
  ] as const) {
    test(`${code} is ${reason}`, () => assert.equal(handshakeReason(withCode(code), "client").reason, reason));
  }

  for (const alert of [
    "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA",
    "ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE",
    "ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED",
    "ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN",
    "ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
  ]) {
    test(`${alert} says that the other side judged a certificate, on either leg`, () => {
      assert.equal(handshakeReason(withCode(alert), "client").reason, "client-rejected-certificate");
      assert.equal(handshakeReason(withCode(alert), "upstream").reason, "upstream-rejected-certificate");
    });
  }

  test("the detail is OpenSSL's reason, in one short printable line", () => {
    const error = withCode("ERR_SSL_NO_SHARED_CIPHER", { reason: "no shared cipher" });
    assert.equal(handshakeReason(error, "client").detail, "ERR_SSL_NO_SHARED_CIPHER: no shared cipher");
    const forged = handshakeReason(withCode("X", { reason: `a\r\n\u001b]0;b${"c".repeat(500)}` }), "client").detail;
    assert.match(forged, /^[\x20-\x7e]{1,200}$/);
  });

  test("anything that is thrown gets a reason", () => {
    for (const thrown of [undefined, null, "text", 7, {}, { code: 7 }]) {
      assert.equal(handshakeReason(thrown, "upstream").reason, "internal-error");
    }
  });

  test("a verification result that has no word of its own is certificate-invalid", () => {
    assert.equal(verificationReason("CERT_CHAIN_TOO_LONG"), "certificate-invalid");
    assert.equal(verificationReason("UNABLE_TO_VERIFY_LEAF_SIGNATURE"), "unknown-ca");
  });
});

test("docs/handshake-reasons.md explains exactly the reasons that exist", () => {
  const page = readFileSync(new URL("../../../docs/handshake-reasons.md", import.meta.url), "utf8");
  const explained = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map((row) => row[1]);
  assert.deepEqual(explained, [...HANDSHAKE_REASONS]);
});
