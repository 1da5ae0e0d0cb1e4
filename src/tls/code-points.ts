/**
 * Names of the numbers in a ClientHello, from the IANA registry "Transport Layer Security (TLS) Parameters".
 * Groups and signature schemes carry the names that OpenSSL reports, so that records of both legs read alike.
 */

const VERSIONS: ReadonlyMap<number, string> = new Map([
  [0x0304, "TLSv1.3"],
  [0x0303, "TLSv1.2"],
  [0x0302, "TLSv1.1"],
  [0x0301, "TLSv1"],
  [0x0300, "SSLv3"],
]);

const GROUPS: ReadonlyMap<number, string> = new Map([
  [0x0017, "prime256v1"],
  [0x0018, "secp384r1"],
  [0x0019, "secp521r1"],
  [0x001d, "X25519"],
  [0x001e, "X448"],
  [0x001f, "brainpoolP256r1tls13"],
  [0x0020, "brainpoolP384r1tls13"],
  [0x0021, "brainpoolP512r1tls13"],
  [0x0100, "ffdhe2048"],
  [0x0101, "ffdhe3072"],
  [0x0102, "ffdhe4096"],
  [0x0103, "ffdhe6144"],
  [0x0104, "ffdhe8192"],
  [0x0200, "MLKEM512"],
  [0x0201, "MLKEM768"],
  [0x0202, "MLKEM1024"],
  [0x11eb, "SecP256r1MLKEM768"],
  [0x11ec, "X25519MLKEM768"],
  [0x11ed, "SecP384r1MLKEM1024"],
]);

const SIGNATURE_ALGORITHMS: ReadonlyMap<number, string> = new Map([
  [0x0201, "rsa_pkcs1_sha1"],
  [0x0203, "ecdsa_sha1"],
  [0x0401, "rsa_pkcs1_sha256"],
  [0x0403, "ecdsa_secp256r1_sha256"],
  [0x0501, "rsa_pkcs1_sha384"],
  [0x0503, "ecdsa_secp384r1_sha384"],
  [0x0601, "rsa_pkcs1_sha512"],
  [0x0603, "ecdsa_secp521r1_sha512"],
  [0x0804, "rsa_pss_rsae_sha256"],
  [0x0805, "rsa_pss_rsae_sha384"],
  [0x0806, "rsa_pss_rsae_sha512"],
  [0x0807, "ed25519"],
  [0x0808, "ed448"],
  [0x0809, "rsa_pss_pss_sha256"],
  [0x080a, "rsa_pss_pss_sha384"],
  [0x080b, "rsa_pss_pss_sha512"],
  [0x0904, "mldsa44"],
  [0x0905, "mldsa65"],
  [0x0906, "mldsa87"],
]);

/** Only the suites that this gateway can choose; any other stays a number. */
const CIPHER_SUITES: ReadonlyMap<number, string> = new Map([
  [0x1301, "TLS_AES_128_GCM_SHA256"],
  [0x1302, "TLS_AES_256_GCM_SHA384"],
  [0x1303, "TLS_CHACHA20_POLY1305_SHA256"],
  [0xc02b, "ECDHE-ECDSA-AES128-GCM-SHA256"],
  [0xc02c, "ECDHE-ECDSA-AES256-GCM-SHA384"],
  [0xc02f, "ECDHE-RSA-AES128-GCM-SHA256"],
  [0xc030, "ECDHE-RSA-AES256-GCM-SHA384"],
  [0xcca8, "ECDHE-RSA-CHACHA20-POLY1305"],
  [0xcca9, "ECDHE-ECDSA-CHACHA20-POLY1305"],
]);

export function versionName(code: number): string {
  return VERSIONS.get(code) ?? hex(code);
}

export function groupName(code: number): string {
  return GROUPS.get(code) ?? hex(code);
}

export function signatureAlgorithmName(code: number): string {
  return SIGNATURE_ALGORITHMS.get(code) ?? hex(code);
}

export function cipherSuiteName(code: number): string {
  return CIPHER_SUITES.get(code) ?? hex(code);
}

/** RFC 8701: reserved values of the form 0x?A?A, both bytes alike, that clients send to keep servers tolerant. */
export function isGrease(code: number): boolean {
  return (code & 0x0f0f) === 0x0a0a && code >> 8 === (code & 0xff);
}

function hex(code: number): string {
  return `0x${code.toString(16).padStart(4, "0")}`;
}
