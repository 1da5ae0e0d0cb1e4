/**
 * Reads a journal back, block by block, as far as its tags hold. What follows the last good block is a torn tail:
 * a write that the machine or a full disk cut short. Memory stays at one block, whatever the journal's size.
 */
import { hash, timingSafeEqual } from "node:crypto";
import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import {
  BLOCK_BYTES_MAX,
  CHAIN_START,
  createKeystream,
  deriveKeys,
  type JournalPaths,
  journalHeader,
  KEY_BYTES,
  KEYSTREAM_STEP,
  LENGTH_BYTES,
  TAG_BYTES,
  Tags,
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

/** Where reading ended. `tornBytes` is what stood behind the last good block, `head` the hash of the last event. */
export interface JournalEnd {
  readonly head: string;
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
  readonly #size: number;
  #bytes = Buffer.alloc(0);
  #begin = 0;
  /** Of the next byte not yet in the window. */
  #position = 0;

  /** `size` is the file's, a hint only: most journals are far smaller than a chunk. */
  constructor(fd: number, size: number) {
    this.#fd = fd;
    this.#size = size;
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
    const bytes = Buffer.allocUnsafe(Math.max(length, Math.min(CHUNK_BYTES, this.#size - this.#position + rest.length)));
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
  const window = new Window(fd, size);
  const found = window.peek(header.length);
  // A header cut short means that not one event was written: an empty journal, not a broken one.
  if (found === undefined) return { goodBytes: 0, tornBytes: size, head: CHAIN_START };
  if (!found.equals(header)) throw new JournalError("not-a-journal", "the journal's header is not this session's");
  window.skip(header.length);
  const keys = deriveKeys(key);
  const keystream = createKeystream(keys);
  const tags = new Tags(keys);
  let goodBytes = header.length;
  let head = CHAIN_START;
  for (;;) {
    const block = nextBlock(window);
    if (block === undefined) break;
    // Decrypts up to the next keystream step: the few bytes too many are the tag's, and go.
    const length = block.length - LENGTH_BYTES - TAG_BYTES;
    const stepped = Math.ceil(length / KEYSTREAM_STEP) * KEYSTREAM_STEP;
    const events = keystream.update(block.subarray(LENGTH_BYTES, LENGTH_BYTES + stepped)).subarray(0, length);
    const next = followChain(events, head);
    if (next === undefined) break;
    if (!timingSafeEqual(Buffer.from(tags.tag(next), "latin1"), block.subarray(-TAG_BYTES))) break;
    head = next;
    goodBytes += block.length;
    window.skip(block.length);
    yield events;
  }
  return { goodBytes, tornBytes: Math.max(0, size - goodBytes), head };
}

/** Length, ciphertext and tag of the next block; undefined when the file ends before, or the length cannot be one. */
function nextBlock(window: Window): Buffer | undefined {
  const length = window.peek(LENGTH_BYTES)?.readUInt32BE() ?? 0;
  if (length === 0 || length > BLOCK_BYTES_MAX) return undefined;
  return window.peek(LENGTH_BYTES + length + TAG_BYTES);
}

const NEWLINE = 0x0a;
/** How a journal's line begins; a sequence number has at most 16 digits. */
const LINE_START = /^\{"seq":\d{1,16},"prev":"([0-9a-f]{64})"/;
const LINE_START_BYTES_MAX = '{"seq":,"prev":""'.length + 16 + 64;

/**
 * The chain's head behind a block of lines, when it comes out of `head` without a gap; else undefined. The block's tag
 * covers the last head only, and each line's hash of the one before is what makes it cover them all.
 */
function followChain(events: Buffer, head: string): string | undefined {
  let next = head;
  let begin = 0;
  while (begin < events.length) {
    const end = events.indexOf(NEWLINE, begin);
    if (end < 0) return undefined;
    const prev = LINE_START.exec(events.toString("latin1", begin, Math.min(end, begin + LINE_START_BYTES_MAX)))?.[1];
    if (prev !== next) return undefined;
    next = hash("sha256", events.subarray(begin, end), "hex");
    begin = end + 1;
  }
  return next;
}
