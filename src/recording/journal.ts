/**
 * The open journal of one session: events are appended to a slab in memory and reach the kernel, encrypted, with one
 * write at `flush`. The gateway flushes before it forwards a statement, so nothing runs that is not on record; whoever
 * kills the process afterwards loses no event that was flushed. Sealing is another process's work.
 */
import { type Cipheriv, hash, randomBytes } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from "node:fs";
import { Fault } from "#protocols/wire/fault.ts";
import type { Clock } from "./clock.ts";
import type { EventBody } from "./events.ts";
import {
  BLOCK_BYTES_MAX,
  CHAIN_START,
  createKeystream,
  deriveKeys,
  type JournalKeys,
  type JournalPaths,
  journalHeader,
  journalPaths,
  KEY_BYTES,
  KEYSTREAM_STEP,
  LENGTH_BYTES,
  TAG_BYTES,
  Tags,
} from "./journal-format.ts";
import { escapeControls, LineWriter } from "./lines.ts";
import { fitsLarge, isSmall, type Slab, type Slabs } from "./slabs.ts";

/** Where a block's parts lie in a slab: length, events, room for the tag. */
const EVENTS_AT = LENGTH_BYTES;
const TRAILER_BYTES = TAG_BYTES + KEYSTREAM_STEP;
/** Keystream made in one call: a call costs 2.5 µs whatever its size, an XOR in JavaScript 0.2 ns a byte. */
const KEYSTREAM_BYTES = 4096;
const ZEROS = Buffer.alloc(KEYSTREAM_BYTES);

export interface JournalOptions {
  /** Where open journals lie; made by `prepareJournals`. */
  readonly directory: string;
  readonly sessionId: string;
  readonly clock: Clock;
  /** `clock.monotonicMs()` when the session began: `sinceStartMs` counts from it. */
  readonly startedAtMonotonicMs: number;
  /** Shared by all journals of a process. */
  readonly slabs: Slabs;
}

/** Makes the directory of open journals, mode 0700, and makes its own entry durable. */
export function prepareJournals(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const fd = openSync(directory, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Begins a session's journal: its key file, then the journal with its header. Both are new, mode 0600.
 *
 * @throws Fault `recording-failed` if either cannot be made; the session must then not be served.
 */
export function openJournal(options: JournalOptions): Journal {
  const paths = journalPaths(options.directory, options.sessionId);
  const key = randomBytes(KEY_BYTES);
  const header = journalHeader(options.sessionId);
  try {
    const keyFile = openSync(paths.key, "wx", 0o600);
    try {
      writeAll(keyFile, key, 0, key.length);
    } finally {
      closeSync(keyFile);
    }
    const fd = openSync(paths.journal, "wx", 0o600);
    try {
      writeAll(fd, header, 0, header.length);
    } catch (cause) {
      closeSync(fd);
      throw cause;
    }
    const keys = deriveKeys(key);
    return new Journal(options, paths, fd, keys);
  } catch (cause) {
    throw new Fault("recording-failed", "the session's journal could not be made", { cause });
  } finally {
    key.fill(0);
  }
}

/** Writes the whole range or throws: a short write is continued, and the kernel then names what is wrong. */
function writeAll(fd: number, bytes: Uint8Array, offset: number, length: number): void {
  let written = 0;
  while (written < length) {
    const count = writeSync(fd, bytes, offset + written, length - written);
    if (count === 0) throw new Error("the kernel accepted no byte");
    written += count;
  }
}

export class Journal {
  readonly sessionId: string;
  readonly paths: JournalPaths;
  readonly #clock: Clock;
  readonly #startedAtMs: number;
  readonly #slabs: Slabs;
  readonly #lines = new LineWriter();
  readonly #keystream: Cipheriv;
  readonly #tags: Tags;
  readonly #fd: number;
  #phase: "open" | "closed" | "failed" = "open";
  #cause: unknown;
  #events = 0;
  #head = CHAIN_START;
  #slab: Slab | undefined;
  /** End of the events in the slab. */
  #end = EVENTS_AT;
  /** Keystream made and not used yet, as words; a position counts words. */
  #pad = new Uint32Array(0);
  #padAt = 0;

  /** @internal use `openJournal` */
  constructor(options: JournalOptions, paths: JournalPaths, fd: number, keys: JournalKeys) {
    this.sessionId = options.sessionId;
    this.paths = paths;
    this.#clock = options.clock;
    this.#startedAtMs = options.startedAtMonotonicMs;
    this.#slabs = options.slabs;
    this.#keystream = createKeystream(keys);
    this.#tags = new Tags(keys);
    this.#fd = fd;
  }

  /** Hash of the last event appended, hex; `CHAIN_START` before the first. */
  get head(): string {
    return this.#head;
  }

  /** Events appended. */
  get events(): number {
    return this.#events;
  }

  /** Bytes of events that no flush has written yet. */
  get pendingBytes(): number {
    return this.#slab === undefined ? 0 : this.#end - EVENTS_AT;
  }

  /**
   * Adds an event to the slab and returns its `seq`, counted from 0. Writes only when the slab is full.
   * The event is read before this returns; nothing of it is kept.
   *
   * @throws Fault `recording-failed` if the journal is closed or failed, or a full slab cannot be written.
   */
  append(event: EventBody): number {
    this.#assertOpen();
    const seq = this.#events;
    const since = this.#clock.monotonicMs() - this.#startedAtMs;
    let line = this.#lines.line(seq, this.#head, this.#clock.now(), since, event);
    const { plain } = this.#lines;
    if (!plain) line = escapeControls(line);
    const slab = this.#room(plain ? line.length : Buffer.byteLength(line));
    const start = this.#end;
    const end = start + slab.bytes.write(line, start, plain ? "latin1" : "utf8");
    this.#head = hash("sha256", slab.bytes.subarray(start, end), "hex");
    slab.bytes[end] = 0x0a;
    this.#end = end + 1;
    this.#events = seq + 1;
    return seq;
  }

  /**
   * Hands everything appended to the kernel, as one block with one write. Nothing to do when nothing is pending.
   *
   * @throws Fault `recording-failed` if that fails. The journal is dead then: every later call throws too, and what stands
   *   on disk up to the last whole block is sealed by recovery.
   */
  flush(): void {
    this.#assertOpen();
    const slab = this.#slab;
    if (slab === undefined || this.#end === EVENTS_AT) return;
    const end = this.#end;
    this.#encrypt(slab, EVENTS_AT, end);
    slab.bytes.writeUInt32BE(end - EVENTS_AT, 0);
    slab.bytes.write(this.#tags.tag(this.#head), end, TAG_BYTES, "latin1");
    try {
      writeAll(this.#fd, slab.bytes, 0, end + TAG_BYTES);
    } catch (cause) {
      throw this.#fail(cause);
    }
    this.#end = EVENTS_AT;
    this.#slab = undefined;
    this.#slabs.give(slab, this);
  }

  /** Flushes and closes. Closing twice does nothing; a failed journal is only let go of. */
  close(): void {
    if (this.#phase !== "open") return;
    this.flush();
    this.#phase = "closed";
    closeSync(this.#fd);
  }

  #assertOpen(): void {
    if (this.#phase === "open") return;
    const message = this.#phase === "failed" ? "the session's journal failed before" : "the session's journal is closed";
    throw new Fault("recording-failed", message, { cause: this.#cause });
  }

  #fail(cause: unknown): Fault {
    this.#phase = "failed";
    this.#cause = cause;
    this.#slab = undefined;
    this.#slabs.drop(this);
    try {
      closeSync(this.#fd);
    } catch (closing) {
      this.#cause = new AggregateError([cause, closing], "writing and closing the journal both failed");
    }
    return new Fault("recording-failed", "the session's journal could not be written", { cause: this.#cause });
  }

  /** A slab with room for `length` bytes and a newline at `#end`; a full one is written first. */
  #room(length: number): Slab {
    if (length + 1 > BLOCK_BYTES_MAX) {
      throw new Fault("recording-failed", `an event has ${length} bytes where ${BLOCK_BYTES_MAX} are the most`);
    }
    const held = this.#slab;
    const needed = (held === undefined ? EVENTS_AT : this.#end) + length + 1 + TRAILER_BYTES;
    if (held !== undefined) {
      if (needed <= held.bytes.length) return held;
      if (isSmall(held) && fitsLarge(needed)) {
        this.#slabs.give(held, this);
        const larger = this.#slabs.take(needed, this);
        larger.bytes.set(held.bytes.subarray(0, this.#end));
        this.#slab = larger;
        return larger;
      }
      this.flush();
    }
    this.#slab = this.#slabs.take(EVENTS_AT + length + 1 + TRAILER_BYTES, this);
    this.#end = EVENTS_AT;
    return this.#slab;
  }

  /** Encrypts a range of the slab in place. The next range starts at the next keystream step. */
  #encrypt(slab: Slab, start: number, end: number): void {
    let word = start >>> 2;
    // Reaches over the end by at most 12 bytes, where the tag is written later: a step is four words.
    const wordEnd = word + Math.ceil((end - start) / KEYSTREAM_STEP) * 4;
    while (word < wordEnd) {
      if (this.#padAt === this.#pad.length) {
        if (wordEnd - word >= ZEROS.length / 4) {
          slab.bytes.set(this.#keystream.update(slab.bytes.subarray(word << 2, wordEnd << 2)), word << 2);
          return;
        }
        const made = this.#keystream.update(ZEROS);
        this.#pad = new Uint32Array(made.buffer, made.byteOffset, made.length >>> 2);
        this.#padAt = 0;
      }
      const count = Math.min(wordEnd - word, this.#pad.length - this.#padAt);
      xor(slab.words, word, this.#pad, this.#padAt, count);
      word += count;
      this.#padAt += count;
    }
  }
}

function xor(into: Uint32Array, at: number, from: Uint32Array, fromAt: number, count: number): void {
  for (let index = 0; index < count; index++) {
    into[at + index] = (into[at + index] ?? 0) ^ (from[fromAt + index] ?? 0);
  }
}
