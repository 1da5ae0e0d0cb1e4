/**
 * What a journal is made of, shared by its writer and its reader: names of the two files, header, block layout,
 * keystream and MAC. docs/formats/journal.md is the specification.
 */
import { type Cipheriv, createCipheriv, hash, hkdfSync } from "node:crypto";
import { join } from "node:path";
import { Fault } from "#protocols/wire/fault.ts";

/** First line of a journal; the session id and a newline follow. */
export const MAGIC = "sallyport-journal v1 ";
/** Bytes of the key file. */
export const KEY_BYTES = 32;
export const MAC_BYTES = 32;
export const LENGTH_BYTES = 4;
/** AES block: every journal block starts at a multiple of it in the keystream. */
export const KEYSTREAM_STEP = 16;
/**
 * Most plaintext bytes in one block. Rows are limited to 1 MiB a statement by default and JSON can make six characters
 * of one byte, so an ordinary event fits with room; a length above it is damage, judged before memory is reserved.
 */
export const BLOCK_BYTES_MAX = 64 * 1024 * 1024;
/** SHA-256 is computed over 64-byte blocks: the size of HMAC's padded key (RFC 2104). */
export const HMAC_PAD_BYTES = 64;

/** The two files of an open session. */
export interface JournalPaths {
  readonly sessionId: string;
  readonly journal: string;
  readonly key: string;
}

const SESSION_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{7,63}$/;

/** True when the id may be part of a file name: 8 to 64 letters, digits, `-` and `_`, the first a letter or digit. */
export function isSessionId(id: string): boolean {
  return SESSION_ID.test(id);
}

/** @throws Fault `recording-failed` if the id could not be a file name. */
export function journalPaths(directory: string, sessionId: string): JournalPaths {
  if (!isSessionId(sessionId)) {
    throw new Fault("recording-failed", "the session id is not 8 to 64 letters, digits, hyphens or underscores");
  }
  return { sessionId, journal: join(directory, `${sessionId}.journal`), key: join(directory, `${sessionId}.key`) };
}

/** The secrets of one journal. `inner` and `outer` are HMAC-SHA-256's padded keys, `k ^ ipad` and `k ^ opad`. */
export interface JournalKeys {
  readonly cipherKey: Buffer;
  readonly inner: Buffer;
  readonly outer: Buffer;
}

/** Derives cipher and MAC key from the 32 bytes of the key file (HKDF-SHA-256, no salt, info `sallyport-journal v1`). */
export function deriveKeys(key: Uint8Array): JournalKeys {
  const derived = Buffer.from(hkdfSync("sha256", key, Buffer.alloc(0), "sallyport-journal v1", 64));
  const inner = Buffer.alloc(HMAC_PAD_BYTES, 0x36);
  const outer = Buffer.alloc(HMAC_PAD_BYTES, 0x5c);
  for (const [index, byte] of derived.subarray(32).entries()) {
    inner[index] = byte ^ 0x36;
    outer[index] = byte ^ 0x5c;
  }
  return { cipherKey: derived.subarray(0, 32), inner, outer };
}

/** The session's keystream: AES-256-CTR from counter 0. The key is used for one journal only, so no nonce is needed. */
export function createKeystream(keys: JournalKeys): Cipheriv {
  return createCipheriv("aes-256-ctr", keys.cipherKey, Buffer.alloc(16));
}

/**
 * HMAC-SHA-256 by two one-shot hashes: making an `Hmac` object costs seven times as much (15 against 2 µs).
 * `padded` is `inner` and the message behind it in one piece; `scratch` has room for `outer` and 32 bytes, and begins with `outer`.
 *
 * @returns the MAC as 32 Latin-1 characters: a string is cheaper to pass on than a Buffer.
 */
export function hmac(padded: Uint8Array, scratch: Buffer): string {
  scratch.write(hash("sha256", padded, "binary"), HMAC_PAD_BYTES, MAC_BYTES, "latin1");
  return hash("sha256", scratch, "binary");
}

/** A buffer for `hmac`'s second round. */
export function hmacScratch(keys: JournalKeys): Buffer {
  return Buffer.concat([keys.outer, Buffer.alloc(MAC_BYTES)]);
}

export function journalHeader(sessionId: string): Buffer {
  return Buffer.from(`${MAGIC}${sessionId}\n`, "latin1");
}

/** What the first block's MAC is chained to: the header under the MAC key. */
export function headerMac(keys: JournalKeys, header: Uint8Array): string {
  return hmac(Buffer.concat([keys.inner, header]), hmacScratch(keys));
}
