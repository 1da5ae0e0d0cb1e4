/**
 * Masks values of a JSON document while it streams: a strict tokenizer of RFC 8259 that passes every byte on as it came but for
 * the values that rules mean. It keeps the stack of places, the key and the masked value at hand, and nothing else. What is not
 * JSON, or not UTF-8, is a fault: another parser might see other names in it.
 */
import type { HttpMask } from "#policies/question.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { BARE, FieldPaths, type Place } from "./field-paths.ts";
import { continues, isNumberEnd, NUMBER_START, type NumberState } from "./json-number.ts";
import { JsonString } from "./json-string.ts";
import { looksAt, MASKED_VALUE_BYTES_MAX, maskedValue, replacesWhole, type Scalar } from "./masked-value.ts";

/** What one side of a relay does to a body, whatever its type. Synchronous; memory does not grow with the body. */
export interface BodyFilter {
  /**
   * What may go on; views of the chunk where it can be.
   *
   * @throws Fault `masked-body-malformed`; what was handed out before is masked rightly
   */
  write(chunk: Buffer): readonly Buffer[];
  /** The body has ended. */
  end(): readonly Buffer[];
  /** What may go on where nothing has come for a moment: whoever has sent a message waits for the answer to all of it. */
  pause(): readonly Buffer[];
  /** Values that were replaced so far. */
  readonly maskedCells: number;
}

/** RFC 8259 sets none; deeper documents than this are made to break parsers. */
const DEPTH_MAX = 512;

/** A longer name is none that a rule could have: six bytes (`\u0073`) for each of its 256 characters. */
const NAME_BYTES_MAX = 6 * 256;

/** `lines`: newline-delimited JSON; `records`: each behind a record separator (RFC 7464). */
export type Framing = "one" | "lines" | "records";

type Mode =
  | "value"
  | "first-element"
  | "first-key"
  | "key"
  | "colon"
  | "after"
  | "in-key"
  | "in-string"
  | "in-number"
  | "in-literal"
  | "between";

interface Frame {
  readonly array: boolean;
  readonly place: Place;
  index: number;
}

const LITERALS: ReadonlyMap<number, Buffer> = new Map(["true", "false", "null"].map((word) => [word.charCodeAt(0), Buffer.from(word)]));
const RS = 0x1e;
const LF = 0x0a;

export class JsonFilter implements BodyFilter {
  maskedCells = 0;
  readonly #paths: FieldPaths;
  readonly #framing: Framing;
  readonly #stack: Frame[] = [];
  readonly #string = new JsonString();
  #mode: Mode;
  /** Of the value that is next, or being read. */
  #place: Place;
  #number: NumberState = NUMBER_START;
  #literal: Buffer = Buffer.alloc(0);
  #literalAt = 0;
  /** Bytes of the key or the masked value so far; null where it is too long, or nobody looks. */
  #kept: Buffer[] | null = null;
  #keptBytes = 0;
  /** Depth of the object or array that was replaced and is being skipped; 0: none. */
  #skipping = 0;
  #masking = false;
  #seen = 0;
  #out: Buffer[] = [];
  /** Where in the chunk begins what was not handed out; -1: it is not to be. */
  #from = 0;

  constructor(masks: readonly HttpMask[], framing: Framing = "one", paths: FieldPaths = new FieldPaths(masks)) {
    this.#paths = paths;
    this.#framing = framing;
    this.#place = paths.root;
    this.#mode = framing === "records" ? "between" : "value";
  }

  write(chunk: Buffer): readonly Buffer[] {
    this.#out = [];
    this.#from = this.#suppresses() ? -1 : 0;
    let at = 0;
    while (at < chunk.length) at = this.#step(chunk, at);
    this.#emitUpTo(chunk, chunk.length);
    this.#seen += chunk.length;
    return this.#out;
  }

  end(): readonly Buffer[] {
    this.#out = [];
    this.#from = -1;
    if (this.#mode === "in-number" && this.#stack.length === 0) this.#endNumber(Buffer.alloc(0), 0);
    const whole = this.#mode === "between" || (this.#stack.length === 0 && (this.#mode === "after" || this.#mode === "value"));
    if (!whole) throw malformed("ends in the middle of a value", this.#seen);
    return this.#out;
  }

  pause(): readonly Buffer[] {
    return [];
  }

  #suppresses(): boolean {
    return this.#masking || this.#skipping > 0;
  }

  #emitUpTo(chunk: Buffer, end: number): void {
    if (this.#from !== -1 && this.#from < end) this.#out.push(chunk.subarray(this.#from, end));
  }

  /** One token, or as much of it as is there; the place behind it. */
  #step(chunk: Buffer, at: number): number {
    switch (this.#mode) {
      case "in-string":
      case "in-key":
        return this.#inString(chunk, at);
      case "in-number":
        return this.#inNumber(chunk, at);
      case "in-literal":
        return this.#inLiteral(chunk, at);
      case "value":
      case "first-element":
      case "first-key":
      case "key":
      case "colon":
      case "after":
      case "between":
        return this.#structure(chunk, at);
    }
  }

  #structure(chunk: Buffer, at: number): number {
    const byte = chunk[at] ?? 0;
    if (byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === LF) {
      if (byte === LF && this.#framing === "lines") this.#line(at);
      return at + 1;
    }
    switch (this.#mode) {
      case "colon":
        if (byte !== 0x3a) throw this.#unexpected(at);
        this.#mode = "value";
        return at + 1;
      case "after":
        return this.#after(chunk, at, byte);
      case "key":
      case "first-key":
        if (byte === 0x7d && this.#mode === "first-key") return this.#close(chunk, at);
        if (byte !== 0x22) throw this.#unexpected(at);
        this.#begin("in-key", true);
        return at + 1;
      case "between":
        if (byte !== RS) throw this.#unexpected(at);
        this.#mode = "value";
        return at + 1;
      default:
        if (byte === 0x5d && this.#mode === "first-element") return this.#close(chunk, at);
        return this.#value(chunk, at, byte);
    }
  }

  /** A line end stands between values; within one, whoever reads line by line would see something else. */
  #line(at: number): void {
    if (this.#stack.length > 0) throw malformed("has a line end within a value", this.#seen + at);
    if (this.#mode === "after") this.#mode = "value";
  }

  #after(chunk: Buffer, at: number, byte: number): number {
    const frame = this.#stack.at(-1);
    if (frame === undefined) {
      if (byte !== RS || this.#framing !== "records") throw this.#unexpected(at);
      this.#mode = "value";
      return at + 1;
    }
    if (byte === 0x2c) {
      this.#mode = frame.array ? "value" : "key";
      if (frame.array) this.#place = this.#paths.element(frame.place, ++frame.index);
      return at + 1;
    }
    if (byte !== (frame.array ? 0x5d : 0x7d)) throw this.#unexpected(at);
    return this.#close(chunk, at);
  }

  #value(chunk: Buffer, at: number, byte: number): number {
    const masked = this.#skipping === 0 && this.#place.rule !== BARE;
    if (byte === 0x7b || byte === 0x5b) return this.#open(chunk, at, byte === 0x5b, masked);
    const literal = LITERALS.get(byte);
    // Null stays null under every mask, so that it passes as it is.
    if (masked && byte !== 0x6e) this.#mask(chunk, at);
    if (byte === 0x22) {
      this.#begin("in-string", this.#masking && this.#looks());
      this.#keep(chunk, at, at + 1);
      return at + 1;
    }
    if (literal !== undefined) {
      this.#literal = literal;
      this.#literalAt = 0;
      this.#mode = "in-literal";
      return at;
    }
    this.#number = NUMBER_START;
    this.#begin("in-number", this.#masking && this.#looks());
    return at;
  }

  #looks(): boolean {
    const mask = this.#paths.masks[this.#place.rule];
    return mask !== undefined && looksAt(mask);
  }

  #open(chunk: Buffer, at: number, array: boolean, masked: boolean): number {
    if (this.#stack.length === DEPTH_MAX) throw malformed(`nests deeper than ${DEPTH_MAX}`, this.#seen + at);
    const frame: Frame = { array, place: this.#place, index: 0 };
    this.#stack.push(frame);
    const mask = masked ? this.#paths.masks[this.#place.rule] : undefined;
    if (mask !== undefined && replacesWhole(mask)) {
      this.#emitUpTo(chunk, at);
      this.#from = -1;
      this.#skipping = this.#stack.length;
      this.#out.push(Buffer.from(maskedValue(mask, "literal", null)));
      this.maskedCells++;
    }
    if (array) this.#place = this.#paths.element(frame.place, 0);
    this.#mode = array ? "first-element" : "first-key";
    return at + 1;
  }

  #close(_chunk: Buffer, at: number): number {
    if (this.#skipping === this.#stack.length) {
      this.#skipping = 0;
      this.#from = at + 1;
    }
    const frame = this.#stack.pop();
    if (frame !== undefined) this.#place = frame.place;
    this.#mode = "after";
    return at + 1;
  }

  #mask(chunk: Buffer, at: number): void {
    this.#emitUpTo(chunk, at);
    this.#from = -1;
    this.#masking = true;
  }

  /** The masked value has ended before `at`. */
  #unmask(kind: Scalar, at: number): void {
    if (!this.#masking) return;
    const mask = this.#paths.masks[this.#place.rule];
    const written = this.#keptText();
    if (mask !== undefined) this.#out.push(Buffer.from(maskedValue(mask, kind, written)));
    this.maskedCells++;
    this.#masking = false;
    this.#from = at;
  }

  #begin(mode: Mode, keeps: boolean): void {
    this.#mode = mode;
    this.#kept = keeps ? [] : null;
    this.#keptBytes = 0;
    if (mode !== "in-number") this.#string.begin();
  }

  #keep(chunk: Buffer, from: number, to: number): void {
    if (this.#kept === null) return;
    this.#keptBytes += to - from;
    const most = this.#mode === "in-key" ? NAME_BYTES_MAX : MASKED_VALUE_BYTES_MAX;
    if (this.#keptBytes > most) this.#kept = null;
    // A copy: the chunk is the reader's again before the value ends.
    else this.#kept.push(Buffer.from(chunk.subarray(from, to)));
  }

  #inString(chunk: Buffer, at: number): number {
    const end = this.#string.read(chunk, at);
    if (end < 0) throw malformed("holds a string that is not JSON or not UTF-8", this.#seen - end - 1);
    const closed = this.#string.closed;
    if (this.#mode === "in-string") {
      this.#keep(chunk, at, end);
      if (closed) {
        this.#mode = "after";
        this.#unmask("string", end);
      }
      return end;
    }
    // Most names lie in one chunk, and need not be copied to be read.
    const whole = closed && this.#keptBytes === 0 && end - 1 - at <= NAME_BYTES_MAX;
    if (!whole) this.#keep(chunk, at, closed ? end - 1 : end);
    if (closed) this.#endName(whole ? chunk.toString("utf8", at, end - 1) : this.#keptText());
    return end;
  }

  #keptText(): string | null {
    return this.#kept === null ? null : Buffer.concat(this.#kept).toString("utf8");
  }

  /** @param spelled null: too long to be one of a rule's; it can still be any name */
  #endName(spelled: string | null): void {
    const frame = this.#stack.at(-1);
    if (frame !== undefined)
      this.#place = this.#paths.member(frame.place, spelled ?? "\n", () => (spelled === null ? "\n" : unescaped(spelled)));
    this.#mode = "colon";
  }

  #inNumber(chunk: Buffer, at: number): number {
    let end = at;
    while (end < chunk.length && !isNumberEnd(chunk[end] ?? 0)) {
      const next = continues(this.#number, chunk[end] ?? 0);
      if (next === undefined) throw this.#unexpected(end);
      this.#number = next;
      end++;
    }
    this.#keep(chunk, at, end);
    if (end === chunk.length) return end;
    this.#endNumber(chunk, end);
    return end;
  }

  #endNumber(_chunk: Buffer, end: number): void {
    if (!this.#number.whole) throw this.#unexpected(end);
    this.#mode = "after";
    this.#unmask("number", end);
  }

  #inLiteral(chunk: Buffer, at: number): number {
    let end = at;
    while (end < chunk.length && this.#literalAt < this.#literal.length) {
      if (chunk[end] !== this.#literal[this.#literalAt]) throw this.#unexpected(end);
      end++;
      this.#literalAt++;
    }
    if (this.#literalAt < this.#literal.length) return end;
    this.#mode = "after";
    this.#unmask("literal", end);
    return end;
  }

  #unexpected(at: number): Fault {
    return malformed("is not JSON", this.#seen + at);
  }
}

/** Escapes are what two spellings of a name differ in. The string has been read as JSON before. */
function unescaped(spelled: string): string {
  if (!spelled.includes("\\")) return spelled;
  const plain: unknown = JSON.parse(`"${spelled}"`);
  return typeof plain === "string" ? plain : spelled;
}

function malformed(what: string, at: number): Fault {
  return new Fault("masked-body-malformed", `a body that is to be masked ${what}, at byte ${at}`, {
    hint: "masked bodies must be strict JSON in UTF-8, as their type says",
  });
}
