/**
 * Answers to a server's scramble: proofs that one knows a password, by the plugins that targets ask for.
 * Sources: MySQL source documentation, "caching_sha2_password" and "Native Authentication"; MariaDB documentation,
 * "Authentication Plugin - ed25519".
 */
import { createHash } from "node:crypto";

/** XOR(SHA256(password), SHA256(SHA256(SHA256(password)) + scramble)): 32 bytes. */
export function cachingSha2Answer(password: string, scramble: Buffer): Buffer {
  const once = digest("sha256", Buffer.from(password));
  const mixed = digest("sha256", digest("sha256", once), scramble);
  return xor(once, mixed);
}

/** XOR(SHA1(password), SHA1(scramble + SHA1(SHA1(password)))): 20 bytes. */
export function nativeAnswer(password: string, scramble: Buffer): Buffer {
  const once = digest("sha1", Buffer.from(password));
  const mixed = digest("sha1", scramble, digest("sha1", once));
  return xor(once, mixed);
}

function digest(algorithm: string, ...parts: readonly Buffer[]): Buffer {
  const hash = createHash(algorithm);
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function xor(left: Buffer, right: Buffer): Buffer {
  return Buffer.from(left.map((byte, index) => byte ^ (right[index] ?? 0)));
}
