/**
 * Masks values of an `application/x-www-form-urlencoded` body while it streams (WHATWG URL, section 5). Both `&` and `;` part
 * its pairs, as readers differ in that.
 */
import type { HttpMask } from "#policies/question.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { BodyFilter } from "./json-filter.ts";
import { maskedText } from "./masked-text.ts";
import { MASKED_VALUE_BYTES_MAX } from "./masked-value.ts";
import { decodedParameter, maskOfParameter } from "./urls.ts";

/** A longer one is none that a rule names, even with each of its bytes escaped and indexes behind it. */
const NAME_BYTES_MAX = 16 * 1024;
const AMPERSAND = 0x26;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;

export class FormFilter implements BodyFilter {
  maskedCells = 0;
  readonly #masks: readonly HttpMask[];
  #part: "name" | "value" | "masked" = "name";
  #mask: HttpMask | undefined;
  #kept: Buffer[] = [];
  #keptBytes = 0;

  constructor(masks: readonly HttpMask[]) {
    this.#masks = masks;
  }

  write(chunk: Buffer): readonly Buffer[] {
    const out: Buffer[] = [];
    let at = 0;
    while (at < chunk.length) {
      const end = this.#partEnd(chunk, at);
      this.#take(chunk.subarray(at, end), out);
      if (end === chunk.length) break;
      this.#turn(chunk.subarray(end, end + 1), out);
      at = end + 1;
    }
    return out;
  }

  end(): readonly Buffer[] {
    const out: Buffer[] = [];
    this.#close(out);
    return out;
  }

  pause(): readonly Buffer[] {
    return [];
  }

  #partEnd(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at];
      if (byte === AMPERSAND || byte === SEMICOLON || (byte === EQUALS && this.#part === "name")) return at;
    }
    return chunk.length;
  }

  #take(bytes: Buffer, out: Buffer[]): void {
    if (this.#part === "value") {
      if (bytes.length > 0) out.push(bytes);
      return;
    }
    this.#keptBytes += bytes.length;
    if (this.#part === "name" && this.#keptBytes > NAME_BYTES_MAX) {
      throw new Fault("masked-body-malformed", "a form that is to be masked has a field whose name does not end");
    }
    if (this.#keptBytes <= MASKED_VALUE_BYTES_MAX) this.#kept.push(Buffer.from(bytes));
  }

  /** What follows a part: `=` ends a name, `&` and `;` a pair. */
  #turn(sign: Buffer, out: Buffer[]): void {
    if (sign[0] === EQUALS && this.#part === "name") {
      const name = Buffer.concat(this.#kept);
      this.#mask = maskOfParameter(name.toString("latin1"), this.#masks, "form");
      out.push(name, sign);
      this.#part = this.#mask === undefined ? "value" : "masked";
      this.#forget();
      return;
    }
    this.#close(out);
    out.push(sign);
    this.#part = "name";
  }

  #close(out: Buffer[]): void {
    const kept = Buffer.concat(this.#kept);
    if (this.#part === "name" && kept.length > 0) out.push(kept);
    if (this.#part === "masked" && this.#mask !== undefined) {
      const value = this.#keptBytes > MASKED_VALUE_BYTES_MAX ? "" : decodedParameter(kept.toString("latin1"));
      out.push(Buffer.from(encodeURIComponent(maskedText(this.#mask.mask, value))));
      this.maskedCells++;
    }
    this.#forget();
  }

  #forget(): void {
    this.#kept = [];
    this.#keptBytes = 0;
  }
}
