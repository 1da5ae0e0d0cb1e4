/**
 * The inside of a JSON string, byte by byte and split anywhere: escapes, no raw controls (RFC 8259 section 7), and UTF-8 as
 * RFC 3629 has it, without overlong forms and surrogates.
 */
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** `"\/bfnrt`; `u` is followed by four digits. */
const ESCAPED: ReadonlySet<number> = new Set([...'"\\/bfnrt'].map((character) => character.charCodeAt(0)));
const U = 0x75;

export class JsonString {
  /** Whether the closing quote was the last byte read. */
  closed = false;
  #escape: "none" | "begun" | "digits" = "none";
  /** Hexadecimal digits, or bytes of a character, that are still to come. */
  #left = 0;
  /** Between which the next of these bytes has to lie. */
  #low = 0x80;
  #high = 0xbf;

  /** The opening quote has been read. */
  begin(): void {
    this.closed = false;
    this.#escape = "none";
    this.#left = 0;
  }

  /** The place behind the closing quote, or the chunk's end; of what is no string its place, as -1 - place. */
  read(chunk: Buffer, from: number): number {
    let at = from;
    while (at < chunk.length) {
      const byte = chunk[at] ?? 0;
      if (this.#escape === "none" && this.#left === 0 && byte >= 0x20 && byte < 0x80 && byte !== QUOTE && byte !== BACKSLASH) {
        at++;
        continue;
      }
      if (!this.#accepts(byte)) return -1 - at;
      at++;
      if (this.closed) return at;
    }
    return at;
  }

  #accepts(byte: number): boolean {
    if (this.#escape === "begun") {
      this.#escape = byte === U ? "digits" : "none";
      this.#left = byte === U ? 4 : 0;
      return byte === U || ESCAPED.has(byte);
    }
    if (this.#escape === "digits") {
      if (--this.#left === 0) this.#escape = "none";
      return isHex(byte);
    }
    if (this.#left > 0) {
      const fits = byte >= this.#low && byte <= this.#high;
      this.#left--;
      this.#low = 0x80;
      this.#high = 0xbf;
      return fits;
    }
    if (byte === QUOTE) this.closed = true;
    else if (byte === BACKSLASH) this.#escape = "begun";
    else return byte >= 0x80 && this.#leads(byte);
    return true;
  }

  /** RFC 3629 section 4. */
  #leads(byte: number): boolean {
    if (byte < 0xc2 || byte > 0xf4) return false;
    this.#left = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    this.#low = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80;
    this.#high = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf;
    return true;
  }
}

function isHex(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}
