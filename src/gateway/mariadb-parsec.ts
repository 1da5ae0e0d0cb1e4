/**
 * MariaDB's PARSEC authentication: a key pair derived from the password with the account's own salt, and an Ed25519 signature of
 * what both sides have chosen at random.
 *
 * Source: MariaDB documentation, "Authentication Plugin - PARSEC"; RFC 8018 section 5.2 (PBKDF2), RFC 8410 section 7.
 */
import { createHash, createPrivateKey, type KeyObject, pbkdf2Sync, randomBytes, sign } from "node:crypto";
import type { ParsecSalt } from "#protocols/mysql/protocol.ts";

const SEED_BYTES = 32;
const NONCE_BYTES = 32;
/** PKCS #8 of an Ed25519 key, up to its 32 bytes. */
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");

/** Deriving one takes a millisecond and more, at each login; a gateway has few accounts. Oldest first. */
const KEYS_MAX = 100;
const keys = new Map<string, KeyObject>();

/** @returns our own random bytes and behind them the signature: 32 + 64 bytes */
export function parsecAnswer(password: string, scramble: Buffer, salt: ParsecSalt): Buffer {
  const own = randomBytes(NONCE_BYTES);
  return Buffer.concat([own, sign(null, Buffer.concat([scramble, own]), keyOf(password, salt))]);
}

function keyOf(password: string, { salt, iterations }: ParsecSalt): KeyObject {
  const name = createHash("sha256").update(salt).update(`${iterations} ${password}`).digest("base64");
  const known = keys.get(name);
  if (known !== undefined) return known;
  const seed = pbkdf2Sync(password, salt, iterations, SEED_BYTES, "sha512");
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: "der", type: "pkcs8" });
  const [oldest] = keys.keys();
  if (oldest !== undefined && keys.size >= KEYS_MAX) keys.delete(oldest);
  keys.set(name, key);
  return key;
}
