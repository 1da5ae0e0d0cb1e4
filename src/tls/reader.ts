/** Reads TLS structures (RFC 8446 section 3) forward, inside their own bytes and nowhere else: numbers, vectors, lists of code points. */

/** The bytes are not what the announced lengths say. The message names the place, never the bytes. */
export class Malformed extends Error {}

/** Each step throws `Malformed` rather than reach beyond the end. Readers and arrays it gives are views of the input. */
export class Reader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  expectEnd(what: string): void {
    if (!this.atEnd()) {
      throw new Malformed(`${what} has bytes behind its end`);
    }
  }

  take(length: number): Uint8Array {
    if (this.#bytes.length - this.#at < length) {
      throw new Malformed("a length reaches beyond the client hello");
    }
    const taken = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return taken;
  }

  rest(): Uint8Array {
    return this.take(this.#bytes.length - this.#at);
  }

  uint8(): number {
    const at = this.#at;
    this.take(1);
    return this.#view.getUint8(at);
  }

  uint16(): number {
    const at = this.#at;
    this.take(2);
    return this.#view.getUint16(at);
  }

  uint24(): number {
    return this.uint8() * 0x1_0000 + this.uint16();
  }

  vector8(min: number, max: number): Reader {
    const length = this.uint8();
    if (length < min || length > max) {
      throw new Malformed("a vector's length is out of bounds");
    }
    return new Reader(this.take(length));
  }

  vector16(min: number): Reader {
    const length = this.uint16();
    if (length < min) {
      throw new Malformed("a vector's length is out of bounds");
    }
    return new Reader(this.take(length));
  }

  /** Everything that is left, as 16-bit code points. */
  codes(): number[] {
    const codes: number[] = [];
    while (!this.atEnd()) {
      codes.push(this.uint16());
    }
    return codes;
  }
}
