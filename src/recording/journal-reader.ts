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
  HMAC_PAD_BYTES,
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

const EMPTY = Buffer.alloc(0);
const ZEROS = Buffer.alloc(KEYSTREAM_STEP);

/**
 * Yields the events of one good block after the other: whole lines of JSON, each with its newline. A yielded buffer is
 * the caller's to keep. Returns where the journal ended.
 *
 * @throws JournalError before the first block, never later
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

/** Reads exactly `length` bytes at `position`; undefined when the file ends before. */
function readExactly(fd: number, into: Buffer, offset: number, length: number, position: number): boolean {
  let done = 0;
  while (done < length) {
    const count = readSync(fd, into, offset + done, length - done, position + done);
    if (count === 0) return false;
    done += count;
  }
  return true;
}

function* readBlocks(fd: number, sessionId: string, key: Buffer): Generator<Buffer, JournalEnd, undefined> {
  const size = fstatSync(fd).size;
  const header = journalHeader(sessionId);
  const found = Buffer.alloc(header.length);
  // A header cut short means that not one event was written: an empty journal, not a broken one.
  if (size < header.length) return { goodBytes: 0, tornBytes: size };
  if (!readExactly(fd, found, 0, header.length, 0) || !found.equals(header)) {
    throw new JournalError("not-a-journal", "the journal's header is not this session's");
  }
  const keys = deriveKeys(key);
  const keystream = createKeystream(keys);
  const scratch = hmacScratch(keys);
  let mac = headerMac(keys, header);
  let position = header.length;
  const fixed = LENGTH_BYTES + MAC_BYTES;
  const start = HMAC_PAD_BYTES + MAC_BYTES;
  for (;;) {
    const length = blockLength(fd, position, size);
    if (length === undefined) break;
    const padded = Buffer.allocUnsafe(start + fixed + length);
    padded.set(keys.inner, 0);
    padded.write(mac, HMAC_PAD_BYTES, MAC_BYTES, "latin1");
    if (!readExactly(fd, padded, start, fixed + length, position)) break;
    const end = start + LENGTH_BYTES + length;
    const computed = hmac(padded.subarray(0, end), scratch);
    if (!timingSafeEqual(Buffer.from(computed, "latin1"), padded.subarray(end))) break;
    mac = computed;
    position += fixed + length;
    const events = keystream.update(padded.subarray(start + LENGTH_BYTES, end));
    const over = length % KEYSTREAM_STEP;
    keystream.update(over === 0 ? EMPTY : ZEROS.subarray(over));
    yield events;
  }
  return { goodBytes: position, tornBytes: size - position };
}

/** The announced length of the block at `position`, judged against what the file can hold before any of it is read. */
function blockLength(fd: number, position: number, size: number): number | undefined {
  const bytes = Buffer.alloc(LENGTH_BYTES);
  if (position + LENGTH_BYTES + MAC_BYTES > size || !readExactly(fd, bytes, 0, LENGTH_BYTES, position)) return undefined;
  const length = bytes.readUInt32BE();
  const fits = length > 0 && length <= BLOCK_BYTES_MAX && position + LENGTH_BYTES + length + MAC_BYTES <= size;
  return fits ? length : undefined;
}
