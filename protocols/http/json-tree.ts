/**
 * A strict reader of a whole JSON text (RFC 8259) that keeps what JSON.parse loses: which names stand twice in an object. For
 * messages that are judged by what they name, where parsers differ in which of two counts.
 */
import { isUtf8Bytes } from "#protocols/wire/digest.ts";

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;

export interface JsonObject {
  readonly members: readonly (readonly [name: string, value: JsonValue])[];
}

const DEPTH_MAX = 128;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const BLANKS = /[ \t\n\r]*/y;

/** @returns undefined for what is no JSON in UTF-8, or nests too deeply */
export function readJson(bytes: Buffer): JsonValue | undefined {
  if (!isUtf8Bytes(bytes)) return undefined;
  try {
    return new Reader(bytes.toString("utf8")).document();
  } catch (error) {
    if (error instanceof NotJson || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

class NotJson extends Error {}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): JsonValue {
    const value = this.#value(0);
    this.#blanks();
    if (this.#at !== this.#text.length) throw new NotJson();
    return value;
  }

  #value(depth: number): JsonValue {
    if (depth > DEPTH_MAX) throw new NotJson();
    this.#blanks();
    switch (this.#text[this.#at]) {
      case "{":
        return this.#object(depth);
      case "[":
        return this.#array(depth);
      case '"':
        return this.#string();
      case "t":
        return this.#word("true", true);
      case "f":
        return this.#word("false", false);
      case "n":
        return this.#word("null", null);
      default:
        return Number(this.#matched(NUMBER));
    }
  }

  #object(depth: number): JsonObject {
    const members: (readonly [string, JsonValue])[] = [];
    this.#at++;
    if (this.#taken("}")) return { members };
    do {
      this.#blanks();
      const name = this.#string();
      if (!this.#taken(":")) throw new NotJson();
      members.push([name, this.#value(depth + 1)]);
    } while (this.#taken(","));
    if (!this.#taken("}")) throw new NotJson();
    return { members };
  }

  #array(depth: number): readonly JsonValue[] {
    const elements: JsonValue[] = [];
    this.#at++;
    if (this.#taken("]")) return elements;
    do elements.push(this.#value(depth + 1));
    while (this.#taken(","));
    if (!this.#taken("]")) throw new NotJson();
    return elements;
  }

  /** Where it ends is looked for here, what is in it is for JSON.parse to judge. */
  #string(): string {
    let end = this.#at + 1;
    while (end < this.#text.length && this.#text[end] !== '"') end += this.#text[end] === "\\" ? 2 : 1;
    if (this.#text[this.#at] !== '"' || end >= this.#text.length) throw new NotJson();
    const written = this.#text.slice(this.#at, end + 1);
    this.#at = end + 1;
    const plain: unknown = JSON.parse(written);
    if (typeof plain !== "string") throw new NotJson();
    return plain;
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw new NotJson();
    this.#at += word.length;
    return value;
  }

  #matched(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) throw new NotJson();
    this.#at += found.length;
    return found;
  }

  #blanks(): void {
    this.#matched(BLANKS);
  }

  #taken(sign: string): boolean {
    this.#blanks();
    if (this.#text[this.#at] !== sign) return false;
    this.#at++;
    return true;
  }
}
