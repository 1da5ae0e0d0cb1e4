/**
 * Reads a journal back, block by block, as far as its MACs hold. What follows the last good block is a torn tail:
 * a write that the machine or a full disk cut short. Memory stays at one block, whatever the journal's size.
 */
import { timingSafeEqual } from "node:crypto";
import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import {
  BLOCK_BYTES_MAX,
  createKeystream,
  deriveKeys,
  headerMac,
  hmac,
  hmacScratch,
  type JournalPaths,
  journalHeader,
  KEY_BYTES,
  KEYSTREAM_STEP,
  LENGTH_BYTES,
  MAC_BYTES,
} from "./journal-format.ts";

export type JournalProblem = "key-missing" | "key-damaged" | "journal-missing" | "not-a-journal" | "unreadable";

/** The journal cannot be read at all. Damage behind its header is no error: reading ends before it. */
export class JournalError extends Error {
  readonly problem: JournalProblem;

  constructor(problem: JournalProblem, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "JournalError";
    this.problem = problem;
  }
}

/** Where reading ended. `tornBytes` is what stood behind the last good block. */
export interface JournalEnd {
  readonly goodBytes: number;
  readonly tornBytes: number;
}

/**
 * Yields the events of one good block after the other: whole lines of JSON, each with its newline. A yielded buffer is
 * the caller's to keep. Returns where the journal ended.
 *
 * @throws JournalError when there is nothing to read, or the disk fails; never for what the bytes are behind the header
 */
export function* readJournal(paths: JournalPaths): Generator<Buffer, JournalEnd, undefined> {
  const key = readKey(paths.key);
  let fd: number;
  try {
    fd = openSync(paths.journal, "r");
  } catch (cause) {
    throw new JournalError(isMissing(cause) ? "journal-missing" : "unreadable", "the journal cannot be opened", cause);
  }
  try {
    return yield* readBlocks(fd, paths.sessionId, key);
  } finally {
    closeSync(fd);
  }
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && cause.code === "ENOENT";
}

function readKey(path: string): Buffer {
  let key: Buffer;
  try {
    key = readFileSync(path);
  } catch (cause) {
    throw new JournalError(isMissing(cause) ? "key-missing" : "unreadable", "the journal's key cannot be read", cause);
  }
  if (key.length !== KEY_BYTES) throw new JournalError("key-damaged", `the journal's key has ${key.length} bytes, not ${KEY_BYTES}`);
  return key;
}

/** Reads ahead, so that a journal of small blocks costs few calls. */
const CHUNK_BYTES = 1024 * 1024;

/** A window on the file that moves forward only. */
class Window {
  readonly #fd: number;
  #bytes = Buffer.alloc(0);
  #begin = 0;
  /** Of the next byte not yet in the window. */
  #position = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** A view of the next `length` bytes without moving on, valid until the next call; undefined when the file ends before. */
  peek(length: number): Buffer | undefined {
    if (this.#bytes.length - this.#begin < length) this.#fill(length);
    return this.#bytes.length - this.#begin < length ? undefined : this.#bytes.subarray(this.#begin, this.#begin + length);
  }

  skip(length: number): void {
    this.#begin += length;
  }

  #fill(length: number): void {
    const rest = this.#bytes.subarray(this.#begin);
    const bytes = Buffer.allocUnsafe(Math.max(length, CHUNK_BYTES));
    let end = rest.copy(bytes);
    while (end < bytes.length) {
      const count = this.#read(bytes, end);
      if (count === 0) break;
      end += count;
    }
    this.#bytes = bytes.subarray(0, end);
    this.#begin = 0;
  }

  #read(into: Buffer, offset: number): number {
    try {
      const count = readSync(this.#fd, into, offset, into.length - offset, this.#position);
      this.#position += count;
      return count;
    } catch (cause) {
      throw new JournalError("unreadable", "the journal cannot be read", cause);
    }
  }
}

function* readBlocks(fd: number, sessionId: string, key: Buffer): Generator<Buffer, JournalEnd, undefined> {
  const size = fstatSync(fd).size;
  const header = journalHeader(sessionId);
  const window = new Window(fd);
  const found = window.peek(header.length);
  // A header cut short means that not one event was written: an empty journal, not a broken one.
  if (found === undefined) return { goodBytes: 0, tornBytes: size };
  if (!found.equals(header)) throw new JournalError("not-a-journal", "the journal's header is not this session's");
  window.skip(header.length);
  const keys = deriveKeys(key);
  const keystream = createKeystream(keys);
  const scratch = hmacScratch(keys);
  let mac = headerMac(keys, header);
  let goodBytes = header.length;
  for (;;) {
    const block = nextBlock(window);
    if (block === undefined) break;
    const end = block.length - MAC_BYTES;
    const computed = hmac(Buffer.concat([keys.inner, Buffer.from(mac, "latin1"), block.subarray(0, end)]), scratch);
    if (!timingSafeEqual(Buffer.from(computed, "latin1"), block.subarray(end))) break;
    mac = computed;
    goodBytes += block.length;
    window.skip(block.length);
    // Decrypts up to the next keystream step: the few bytes too many are the MAC's, and go.
    const length = end - LENGTH_BYTES;
    const stepped = Math.ceil(length / KEYSTREAM_STEP) * KEYSTREAM_STEP;
    yield keystream.update(block.subarray(LENGTH_BYTES, LENGTH_BYTES + stepped)).subarray(0, length);
  }
  return { goodBytes, tornBytes: Math.max(0, size - goodBytes) };
}

/** Length, ciphertext and MAC of the next block; undefined when the file ends before, or the length cannot be one. */
function nextBlock(window: Window): Buffer | undefined {
  const length = window.peek(LENGTH_BYTES)?.readUInt32BE() ?? 0;
  if (length === 0 || length > BLOCK_BYTES_MAX) return undefined;
  return window.peek(LENGTH_BYTES + length + MAC_BYTES);
}
