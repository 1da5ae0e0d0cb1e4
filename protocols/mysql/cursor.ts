/**
 * Reads the little-endian numbers and length-encoded strings of MySQL off one packet's payload and cannot leave it.
 * Source: MySQL source documentation, "Protocol Basics: Data Types".
 */
import { Fault } from "#protocols/wire/fault.ts";

export class PayloadCursor {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** Index of the next byte in the payload. */
  get at(): number {
    return this.#at;
  }

  /** The next byte, which stays; undefined at the end. */
  get peek(): number | undefined {
    return this.#bytes[this.#at];
  }

  uint8(): number {
    this.#need(1);
    return this.#bytes.readUInt8(this.#at++);
  }

  uint16(): number {
    return this.#uint(2);
  }

  uint24(): number {
    return this.#uint(3);
  }

  uint32(): number {
    return this.#uint(4);
  }

  uint64(): bigint {
    this.#need(8);
    const value = this.#bytes.readBigUInt64LE(this.#at);
    this.#at += 8;
    return value;
  }

  /** A length-encoded integer that counts or measures something. @throws Fault for NULL (0xfb), and beyond 2^53 */
  lenenc(): number {
    const first = this.uint8();
    if (first < 0xfb) return first;
    if (first === 0xfc) return this.#uint(2);
    if (first === 0xfd) return this.#uint(3);
    if (first !== 0xfe) throw new Fault("malformed-message", `0x${first.toString(16)} begins no length`);
    const value = this.uint64();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Fault("malformed-message", "a length is larger than any message");
    return Number(value);
  }

  /** As `lenenc`, whatever its size: row counts and ids. */
  lenencBig(): bigint {
    if (this.peek !== 0xfe) return BigInt(this.lenenc());
    this.#at++;
    return this.uint64();
  }

  /** A view of the next `length` bytes: valid as long as the payload is. */
  bytes(length: number): Buffer {
    this.#need(length);
    const view = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return view;
  }

  lenencBytes(): Buffer {
    return this.bytes(this.lenenc());
  }

  /** Null for 0xfb, which stands for NULL in a row. */
  lenencBytesOrNull(): Buffer | null {
    if (this.peek !== 0xfb) return this.lenencBytes();
    this.#at++;
    return null;
  }

  /** The bytes up to the next NUL, without it; the NUL is consumed. */
  nulBytes(): Buffer {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) throw new Fault("malformed-message", "a string in the packet has no terminating NUL");
    const view = this.#bytes.subarray(this.#at, end);
    this.#at = end + 1;
    return view;
  }

  rest(): Buffer {
    return this.bytes(this.left);
  }

  /** @throws Fault `malformed-message` when something is left of the payload */
  end(what: string): void {
    if (this.left !== 0) throw new Fault("malformed-message", `${what} has ${this.left} bytes more than its fields`);
  }

  #uint(length: number): number {
    this.#need(length);
    const value = this.#bytes.readUIntLE(this.#at, length);
    this.#at += length;
    return value;
  }

  #need(length: number): void {
    if (length < 0 || length > this.left) {
      throw new Fault("malformed-message", `the packet ends ${length - this.left} bytes before its fields do`);
    }
  }
}
