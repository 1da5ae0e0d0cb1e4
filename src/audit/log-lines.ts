/**
 * Reads an evidence log line by line in flat memory, and can go on later from where it stopped: a log that is being
 * written ends in the middle of a batch every now and then.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { LINE_BYTES_MAX } from "./evidence-lines.ts";

const CHUNK_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

/** One line without its newline, counted from 1. `text` is undefined when it is too long or not UTF-8. */
export interface LogLine {
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly text: string | undefined;
}

export class LogLines {
  readonly #fd: number;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #offset = 0;
  #number = 0;
  /** The beginning of a line whose end was not there yet; cut at the limit. */
  #held: Buffer = Buffer.alloc(0);

  /** @throws the file system's error when there is no such file */
  constructor(path: string) {
    this.#fd = openSync(path, "r");
  }

  /** Bytes read. */
  get offset(): number {
    return this.#offset;
  }

  /** Bytes behind the last newline: a line not finished, or nothing. */
  get tornBytes(): number {
    return this.#held.length;
  }

  /** The whole lines from where the last call stopped to the file's present end. A line's bytes are valid until the next. */
  *more(): Generator<LogLine, void, undefined> {
    for (;;) {
      const chunk = Buffer.alloc(CHUNK_BYTES);
      const count = readSync(this.#fd, chunk, 0, chunk.length, this.#offset);
      if (count === 0) return;
      this.#offset += count;
      let begin = 0;
      for (let end = chunk.indexOf(NEWLINE); end >= 0 && end < count; end = chunk.indexOf(NEWLINE, begin)) {
        const piece = chunk.subarray(begin, end);
        const bytes = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece]);
        this.#held = Buffer.alloc(0);
        this.#number += 1;
        begin = end + 1;
        yield { number: this.#number, bytes, text: bytes.length > LINE_BYTES_MAX ? undefined : this.#decode(bytes) };
      }
      // One byte over the limit is kept, so that the line is known to be too long however much of it follows.
      this.#held = Buffer.concat([this.#held, chunk.subarray(begin, count)]).subarray(0, LINE_BYTES_MAX + 1);
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  #decode(bytes: Uint8Array): string | undefined {
    try {
      return this.#decoder.decode(bytes);
    } catch {
      // Not UTF-8: the caller names the line.
      return undefined;
    }
  }
}
