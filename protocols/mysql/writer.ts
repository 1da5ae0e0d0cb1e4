/**
 * Builds one packet's payload in MySQL's little-endian numbers and length-encoded strings. A NUL inside a
 * NUL-terminated string is refused, since the peer would read two strings where we meant one.
 */
import { Fault } from "#protocols/wire/fault.ts";

export class PayloadWriter {
  #bytes: Buffer;
  #at = 0;

  constructor(size = 128) {
    this.#bytes = Buffer.allocUnsafe(size);
  }

  uint8(value: number): this {
    return this.#uint(value, 1);
  }

  uint16(value: number): this {
    return this.#uint(value, 2);
  }

  uint32(value: number): this {
    return this.#uint(value, 4);
  }

  zeros(count: number): this {
    this.#room(count);
    this.#bytes.fill(0, this.#at, this.#at + count);
    this.#at += count;
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#room(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
    return this;
  }

  lenenc(value: number): this {
    if (value < 0xfb) return this.uint8(value);
    if (value <= 0xffff) return this.uint8(0xfc).uint16(value);
    if (value <= 0xffffff) return this.uint8(0xfd).#uint(value, 3);
    this.uint8(0xfe).#room(8);
    this.#at = this.#bytes.writeBigUInt64LE(BigInt(value), this.#at);
    return this;
  }

  lenencBytes(value: Uint8Array): this {
    return this.lenenc(value.length).bytes(value);
  }

  nulBytes(value: Uint8Array): this {
    if (value.includes(0)) throw new Fault("malformed-message", "a string to be sent contains NUL");
    return this.bytes(value).uint8(0);
  }

  nulString(value: string): this {
    return this.nulBytes(Buffer.from(value));
  }

  /** The bytes written so far: a view, to be sent before the writer is used again. */
  done(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  #uint(value: number, length: number): this {
    this.#room(length);
    this.#at = this.#bytes.writeUIntLE(value, this.#at, length);
    return this;
  }

  #room(length: number): void {
    if (this.#at + length <= this.#bytes.length) return;
    const bytes = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + length));
    this.#bytes.copy(bytes, 0, 0, this.#at);
    this.#bytes = bytes;
  }
}
