/**
 * Reads numbers and strings off one message body and cannot leave it. A body that ends early, or is not read to its
 * end where the message has one, is a fault.
 */
import { isUtf8 } from "node:buffer";
import { Fault } from "./fault.ts";

export class Cursor {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  uint8(): number {
    this.#need(1);
    return this.#bytes.readUInt8(this.#at++);
  }

  int16(): number {
    this.#need(2);
    const value = this.#bytes.readInt16BE(this.#at);
    this.#at += 2;
    return value;
  }

  uint16(): number {
    this.#need(2);
    const value = this.#bytes.readUInt16BE(this.#at);
    this.#at += 2;
    return value;
  }

  int32(): number {
    this.#need(4);
    const value = this.#bytes.readInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  uint32(): number {
    this.#need(4);
    const value = this.#bytes.readUInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  /** A view of the next `length` bytes: valid as long as the body is. */
  bytes(length: number): Buffer {
    this.#need(length);
    const view = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return view;
  }

  /** The bytes up to the next NUL, without it; the NUL is consumed. */
  cstringBytes(): Buffer {
    const start = this.#at;
    return this.#bytes.subarray(start, this.#passNul());
  }

  cstring(): string {
    const start = this.#at;
    return decodeText(this.#bytes, start, this.#passNul());
  }

  /** A name that is compared: different bytes always give different strings. */
  name(): string {
    const start = this.#at;
    return decodeName(this.#bytes, start, this.#passNul());
  }

  /** @returns where the next NUL stands */
  #passNul(): number {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) throw new Fault("malformed-message", "a string in the message has no terminating NUL");
    this.#at = end + 1;
    return end;
  }

  rest(): Buffer {
    return this.bytes(this.left);
  }

  /** @throws Fault `malformed-message` when something is left of the body. */
  end(what: string): void {
    if (this.left !== 0) throw new Fault("malformed-message", `${what} message has ${this.left} bytes more than its fields`);
  }

  #need(length: number): void {
    if (length < 0 || length > this.left) {
      throw new Fault("malformed-message", `the message ends ${length - this.left} bytes before its fields do`);
    }
  }
}

/**
 * Text of a peer whose encoding is a superset of ASCII: UTF-8 where it is valid, else one character a byte, so that
 * every ASCII byte keeps its meaning.
 */
export function decodeText(bytes: Buffer, start = 0, end = bytes.length): string {
  const text = bytes.toString("utf8", start, end);
  return text.includes("\ufffd") && !isUtf8(bytes.subarray(start, end)) ? bytes.toString("latin1", start, end) : text;
}

/**
 * As text, but what is not UTF-8 begins with a NUL, which no string on the wire holds: the byte e9 and the bytes c3 a9
 * would else be the same name to us and two names to a server whose client speaks LATIN1.
 */
export function decodeName(bytes: Buffer, start = 0, end = bytes.length): string {
  const text = bytes.toString("utf8", start, end);
  return text.includes("\ufffd") && !isUtf8(bytes.subarray(start, end)) ? `\0${bytes.toString("latin1", start, end)}` : text;
}
