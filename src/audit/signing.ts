/**
 * The key that signs the evidence log's checkpoints: Ed25519, PEM PKCS#8. Auditors get the public half (PEM SPKI) and
 * compare its fingerprint over another channel.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, hash, type KeyObject, sign, verify } from "node:crypto";
import { Secret } from "#protocols/wire/secret.ts";

/** Signs; the private half never leaves it. */
export interface SigningKey {
  /** PEM, SPKI. */
  readonly publicKeyPem: string;
  readonly fingerprint: string;
  sign(message: Uint8Array): Buffer;
}

/** Makes a new key; the PEM is to be written to a 0600 file. */
export function createSigningKey(): { readonly privateKeyPem: Secret<string>; readonly publicKeyPem: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return {
    privateKeyPem: new Secret(privateKey.export({ format: "pem", type: "pkcs8" }).toString()),
    publicKeyPem: publicKeyPem(publicKey),
  };
}

/** @throws Error if the PEM is no Ed25519 private key; the message holds nothing of it. */
export function loadSigningKey(pem: Secret<string>): SigningKey {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem.expose(), format: "pem" });
  } catch {
    // The cause is left out on purpose: OpenSSL's error may quote its input.
    throw new Error("the evidence signing key is not a PEM private key");
  }
  if (key.asymmetricKeyType !== "ed25519") throw new Error(`the evidence signing key is ${key.asymmetricKeyType}, not ed25519`);
  const publicKey = createPublicKey(key);
  return {
    publicKeyPem: publicKeyPem(publicKey),
    fingerprint: publicKeyFingerprint(publicKey),
    sign: (message) => sign(null, message, key),
  };
}

/** @throws Error if the PEM is no Ed25519 public key. A private key is refused: an auditor should not hold one. */
export function loadPublicKey(pem: string): KeyObject {
  if (pem.includes("PRIVATE KEY")) throw new Error("this is a private key; verification takes the public one");
  let key: KeyObject;
  try {
    key = createPublicKey({ key: pem, format: "pem" });
  } catch (cause) {
    throw new Error("the evidence public key is not PEM", { cause });
  }
  if (key.asymmetricKeyType !== "ed25519") throw new Error(`the evidence public key is ${key.asymmetricKeyType}, not ed25519`);
  return key;
}

export function publicKeyPem(key: KeyObject): string {
  return key.export({ format: "pem", type: "spki" }).toString();
}

/** `SHA256:` and the Base64 (no padding) of the SHA-256 of the DER SubjectPublicKeyInfo. */
export function publicKeyFingerprint(key: KeyObject): string {
  const der = key.export({ format: "der", type: "spki" });
  return `SHA256:${hash("sha256", der, "base64").replace(/=+$/, "")}`;
}

export function verifySignature(message: Uint8Array, signature: Uint8Array, key: KeyObject): boolean {
  return verify(null, message, key, signature);
}
