/**
 * MariaDB's ed25519 authentication: an Ed25519 signature of the server's scramble whose key is hashed from a password of
 * any length, where RFC 8032 has a seed of 32 bytes, so that the platform's own Ed25519 can't make it.
 */
import { createHash } from "node:crypto";
import { ed25519 } from "@noble/curves/ed25519.js";

const { Point } = ed25519;
const ORDER = Point.Fn.ORDER;

/** @returns the signature, 64 bytes (RFC 8032, section 5.1.6, with the password in the seed's place) */
export function ed25519Answer(password: string, scramble: Buffer): Buffer {
  const hashed = sha512(Buffer.from(password));
  const secret = Buffer.from(hashed.subarray(0, 32));
  secret[0] = (secret[0] ?? 0) & 0xf8;
  secret[31] = ((secret[31] ?? 0) & 0x3f) | 0x40;
  const scalar = littleEndian(secret) % ORDER;
  const publicKey = Point.BASE.multiply(scalar).toBytes();
  const nonce = littleEndian(sha512(hashed.subarray(32), scramble)) % ORDER;
  const commitment = Point.BASE.multiply(nonce).toBytes();
  const challenge = littleEndian(sha512(commitment, publicKey, scramble)) % ORDER;
  return Buffer.concat([commitment, toBytes((nonce + challenge * scalar) % ORDER)]);
}

function sha512(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash("sha512");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
}

function toBytes(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, "0"), "hex").reverse();
}
