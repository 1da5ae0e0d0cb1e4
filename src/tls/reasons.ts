/**
 * Why a handshake was refused, as a stable word for records, whatever OpenSSL and Node call it this year.
 * docs/handshake-reasons.md explains each; OpenSSL's own words stand beside it as `detail`.
 */
import type { Leg } from "#src/audit/records.ts";

export const HANDSHAKE_REASONS = [
  // Before TLS began.
  "cleartext",
  "not-tls",
  "early-bytes",
  "malformed-hello",
  "upstream-declined-tls",
  "unreachable",
  "too-many-connections",
  // While agreeing.
  "protocol-version",
  "no-shared-cipher",
  "no-shared-group",
  "no-shared-alpn",
  "handshake-failure",
  "protocol-error",
  // Certificates that this gateway judged.
  "unknown-ca",
  "certificate-expired",
  "certificate-not-yet-valid",
  "certificate-revoked",
  "certificate-invalid",
  "name-mismatch",
  "pin-mismatch",
  "client-certificate-required",
  // Certificates that the other side judged.
  "client-rejected-certificate",
  "upstream-rejected-certificate",
  // The connection itself.
  "reset",
  "timeout",
  "shutting-down",
  "internal-error",
] as const;

export type HandshakeReason = (typeof HANDSHAKE_REASONS)[number];

export interface Refusal {
  readonly reason: HandshakeReason;
  /** OpenSSL's or Node's own words, at most 200 characters; never anything the peer could use to forge a line. */
  readonly detail: string;
}

/** Thrown by our own check of the upstream's key; `handshakeReason` knows it by its code. */
export const PIN_MISMATCH = "SALLYPORT_PIN_MISMATCH";

/** Results of chain verification, X509_V_ERR_* as Node spells them. */
const VERIFICATION: ReadonlyMap<string, HandshakeReason> = new Map([
  ["CERT_HAS_EXPIRED", "certificate-expired"],
  ["CERT_NOT_YET_VALID", "certificate-not-yet-valid"],
  ["CERT_REVOKED", "certificate-revoked"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "unknown-ca"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "unknown-ca"],
  ["UNABLE_TO_GET_ISSUER_CERT", "unknown-ca"],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "unknown-ca"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "unknown-ca"],
  ["CERT_UNTRUSTED", "unknown-ca"],
  ["HOSTNAME_MISMATCH", "name-mismatch"],
]);

/** Node's own errors and those of the socket. */
const CODES: ReadonlyMap<string, HandshakeReason> = new Map([
  [PIN_MISMATCH, "pin-mismatch"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "name-mismatch"],
  ["ERR_TLS_CERT_ALTNAME_FORMAT", "name-mismatch"],
  ["ERR_TLS_HANDSHAKE_TIMEOUT", "timeout"],
  ["ETIMEDOUT", "timeout"],
  ["ABORT_ERR", "timeout"],
  ["ECONNRESET", "reset"],
  ["EPIPE", "reset"],
  ["ERR_STREAM_PREMATURE_CLOSE", "reset"],
  ["ERR_SSL_UNEXPECTED_EOF_WHILE_READING", "reset"],
  ["ECONNREFUSED", "unreachable"],
  ["EHOSTUNREACH", "unreachable"],
  ["ENETUNREACH", "unreachable"],
  ["ENOTFOUND", "unreachable"],
  ["EAI_AGAIN", "unreachable"],
  ["EADDRNOTAVAIL", "unreachable"],
  ["ERR_SSL_UNSUPPORTED_PROTOCOL", "protocol-version"],
  ["ERR_SSL_VERSION_TOO_LOW", "protocol-version"],
  ["ERR_SSL_NO_PROTOCOLS_AVAILABLE", "protocol-version"],
  ["ERR_SSL_INAPPROPRIATE_FALLBACK", "protocol-version"],
  ["ERR_SSL_NO_SHARED_CIPHER", "no-shared-cipher"],
  ["ERR_SSL_NO_CIPHERS_AVAILABLE", "no-shared-cipher"],
  ["ERR_SSL_NO_SUITABLE_KEY_SHARE", "no-shared-group"],
  ["ERR_SSL_NO_SUITABLE_GROUPS", "no-shared-group"],
  ["ERR_SSL_NO_SHARED_GROUPS", "no-shared-group"],
  ["ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM", "no-shared-cipher"],
  ["ERR_SSL_NO_APPLICATION_PROTOCOL", "no-shared-alpn"],
  ["ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE", "client-certificate-required"],
  ["ERR_SSL_HTTP_REQUEST", "not-tls"],
  ["ERR_SSL_HTTPS_PROXY_REQUEST", "not-tls"],
]);

/** An alert that the other side sent, by the end of OpenSSL's code for it; null where it depends on the leg. */
const ALERTS: readonly (readonly [RegExp, HandshakeReason | null])[] = [
  [/ALERT_PROTOCOL_VERSION$/, "protocol-version"],
  [/ALERT_INSUFFICIENT_SECURITY$/, "no-shared-cipher"],
  [/ALERT_NO_APPLICATION_PROTOCOL$/, "no-shared-alpn"],
  [/ALERT_CERTIFICATE_REQUIRED$/, "client-certificate-required"],
  [/(ALERT_(BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_\w+|UNSUPPORTED_CERTIFICATE|NO_CERTIFICATE)|BAD_CERTIFICATE_\w+)$/, null],
  [/ALERT_\w+$/, "handshake-failure"],
];

/** The stable reason for a verification result of OpenSSL, such as `CERT_HAS_EXPIRED`. */
export function verificationReason(code: string): HandshakeReason {
  return VERIFICATION.get(code) ?? "certificate-invalid";
}

/** Names what ended a handshake on `leg`. Any value may have been thrown. */
export function handshakeReason(error: unknown, leg: Leg): Refusal {
  const code = textField(error, "code");
  return { reason: reasonOf(code, leg), detail: detailOf(error, code) };
}

function reasonOf(code: string, leg: Leg): HandshakeReason {
  const known = CODES.get(code) ?? VERIFICATION.get(code);
  if (known !== undefined) {
    return known;
  }
  const alert = ALERTS.find(([pattern]) => pattern.test(code));
  if (alert !== undefined) {
    return alert[1] ?? (leg === "client" ? "client-rejected-certificate" : "upstream-rejected-certificate");
  }
  if (code.startsWith("ERR_SSL_")) {
    return "protocol-error";
  }
  return VERIFICATION_CODE.test(code) ? "certificate-invalid" : "internal-error";
}

/** The other X509_V_ERR_* that Node may hand on: `INVALID_PURPOSE`, `PATH_LENGTH_EXCEEDED`, `CA_MD_TOO_WEAK` ... */
const VERIFICATION_CODE = /^(INVALID_|PATH_LENGTH_|CERT_|CRL_|CA_|EE_|UNABLE_TO_|ERROR_IN_|UNSPECIFIED|OUT_OF_MEM|UNHANDLED_)/;

function detailOf(error: unknown, code: string): string {
  const words = textField(error, "reason") || (error instanceof Error ? error.message : "") || "no reason given";
  const text = code === "" || words.includes(code) ? words : `${code}: ${words}`;
  return text.replaceAll(/[^\x20-\x7e]+/g, " ").slice(0, 200);
}

function textField(error: unknown, name: "code" | "reason"): string {
  if (typeof error !== "object" || error === null || !(name in error)) {
    return "";
  }
  const value: unknown = Reflect.get(error, name);
  return typeof value === "string" ? value : "";
}
