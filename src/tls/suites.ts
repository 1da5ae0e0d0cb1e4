/**
 * What this gateway speaks on both legs: versions, cipher suites and key-exchange groups. Configuration can raise the
 * minimum version and narrow the suites; nothing below TLS 1.2 and nothing without forward secrecy can be named.
 */

/** In our order of preference: AES-256 first, because it is what records show and ChaCha20 costs half as much again in bulk. */
export const DEFAULT_SUITES = [
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "TLS_AES_128_GCM_SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
] as const;

/** Groups in our order of preference, as OpenSSL spells them; the first is post-quantum. */
export const GROUPS = ["X25519MLKEM768", "X25519", "prime256v1", "secp384r1"] as const;

/** Signature algorithms in our order of preference: no SHA-1, no DSA. RFC 8446 section 4.2.3. */
export const SIGNATURE_ALGORITHMS = [
  "ecdsa_secp256r1_sha256",
  "ecdsa_secp384r1_sha384",
  "ecdsa_secp521r1_sha512",
  "ed25519",
  "rsa_pss_rsae_sha256",
  "rsa_pss_rsae_sha384",
  "rsa_pss_rsae_sha512",
  "rsa_pss_pss_sha256",
  "rsa_pss_pss_sha384",
  "rsa_pss_pss_sha512",
  "rsa_pkcs1_sha256",
  "rsa_pkcs1_sha384",
  "rsa_pkcs1_sha512",
] as const;

export const MAX_VERSION = "TLSv1.3";

/** The list as OpenSSL takes it; an empty configuration means all of ours. */
export function suiteList(configured: readonly string[]): string {
  return (configured.length === 0 ? DEFAULT_SUITES : configured).join(":");
}

/** Whether a suite may be configured: only what is in our own list, so that narrowing is all that can be done. */
export function isAllowedSuite(name: string): boolean {
  return DEFAULT_SUITES.some((suite) => suite === name);
}
