/**
 * Builds one message body. Growth is by doubling; a NUL inside a NUL-terminated string is refused, since the peer
 * would read two strings where we meant one.
 */
import { Fault } from "./fault.ts";

export class Writer {
  #bytes: Buffer;
  #at = 0;

  constructor(size = 256) {
    this.#bytes = Buffer.allocUnsafe(size);
  }

  uint8(value: number): this {
    this.#room(1);
    this.#at = this.#bytes.writeUInt8(value, this.#at);
    return this;
  }

  int16(value: number): this {
    this.#room(2);
    this.#at = this.#bytes.writeInt16BE(value, this.#at);
    return this;
  }

  int32(value: number): this {
    this.#room(4);
    this.#at = this.#bytes.writeInt32BE(value, this.#at);
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#room(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
    return this;
  }

  cstring(value: string): this {
    if (value.includes("\0")) throw new Fault("malformed-message", "a string to be sent contains NUL");
    const length = Buffer.byteLength(value);
    this.#room(length + 1);
    this.#bytes.write(value, this.#at);
    this.#bytes[this.#at + length] = 0;
    this.#at += length + 1;
    return this;
  }

  /** The bytes written so far: a view, to be sent before the writer is used again. */
  done(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  #room(length: number): void {
    if (this.#at + length <= this.#bytes.length) return;
    const bytes = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + length));
    this.#bytes.copy(bytes, 0, 0, this.#at);
    this.#bytes = bytes;
  }
}
