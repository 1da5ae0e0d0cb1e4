/**
 * What a journal is made of, shared by its writer and its reader: names of the two files, header, block layout,
 * keystream and tags. docs/formats/journal.md is the specification.
 */
import { type Cipheriv, createCipheriv, hash, hkdfSync } from "node:crypto";
import { join } from "node:path";
import { Fault } from "#protocols/wire/fault.ts";

/** First line of a journal; the session id and a newline follow. */
export const MAGIC = "sallyport-journal v1 ";
/** Bytes of the key file. */
export const KEY_BYTES = 32;
/** The tag behind a block. */
export const TAG_BYTES = 32;
export const LENGTH_BYTES = 4;
/** `prev` of the first event. */
export const CHAIN_START = "0".repeat(64);
/** AES block: every journal block starts at a multiple of it in the keystream. */
export const KEYSTREAM_STEP = 16;
/**
 * Most plaintext bytes in one block. Rows are limited to 1 MiB a statement by default and JSON can make six characters
 * of one byte, so an ordinary event fits with room; a length above it is damage, judged before memory is reserved.
 */
export const BLOCK_BYTES_MAX = 64 * 1024 * 1024;
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

/** The secrets of one journal. */
export interface JournalKeys {
  readonly cipherKey: Buffer;
  readonly tagKey: Buffer;
}

/** Derives cipher and tag key from the 32 bytes of the key file (HKDF-SHA-256, no salt, info `sallyport-journal v1`). */
export function deriveKeys(key: Uint8Array): JournalKeys {
  const derived = Buffer.from(hkdfSync("sha256", key, Buffer.alloc(0), "sallyport-journal v1", 64));
  return { cipherKey: derived.subarray(0, 32), tagKey: derived.subarray(32) };
}

/** The session's keystream: AES-256-CTR from counter 0. The key is used for one journal only, so no nonce is needed. */
export function createKeystream(keys: JournalKeys): Cipheriv {
  return createCipheriv("aes-256-ctr", keys.cipherKey, Buffer.alloc(16));
}

/** SHA-256 works on blocks of 64 bytes: the key fills the first one. */
const TAG_KEY_BLOCK_BYTES = 64;

/**
 * Computes the tags of a journal's blocks. A tag is a MAC of the chain's head behind the block: the head stands for every
 * event before it, so their bytes need not be hashed a second time, which halves the cost. It is one SHA-256 over a secret
 * block and a message that always has 64 characters: nothing to extend, and no two messages of which one begins the other.
 */
export class Tags {
  readonly #scratch: Buffer;

  constructor(keys: JournalKeys) {
    this.#scratch = Buffer.alloc(TAG_KEY_BLOCK_BYTES + HEAD_CHARACTERS);
    this.#scratch.set(keys.tagKey);
  }

  /** `head` is 64 hex digits; the tag comes as 32 Latin-1 characters, because a string is cheaper to pass on than a Buffer. */
  tag(head: string): string {
    this.#scratch.write(head, TAG_KEY_BLOCK_BYTES, HEAD_CHARACTERS, "latin1");
    return hash("sha256", this.#scratch, "binary");
  }
}

/** A SHA-256 in hex. */
const HEAD_CHARACTERS = 64;

export function journalHeader(sessionId: string): Buffer {
  return Buffer.from(`${MAGIC}${sessionId}\n`, "latin1");
}
