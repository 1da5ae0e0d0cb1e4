/**
 * One COPY under way, in either direction: its data are recorded up to the statement's limit, beyond it counted and
 * digested. The digest covers the CopyData messages whole, headers included, as they came one after the other. Data that
 * may hold values of masked columns are recorded as a keyed digest of that digest alone.
 */
import { createHash, type Hash } from "node:crypto";
import { isUtf8Bytes } from "#protocols/wire/digest.ts";
import type { Append } from "#protocols/wire/run.ts";
import type { RecordedBinary, RecordedText } from "#protocols/wire/transcript.ts";
import { HEADER_BYTES } from "./frame.ts";

/** Keyed digest of a value that must not stand in the record. */
export type CopyDigest = (value: Buffer) => string;

export class CopyRecord {
  readonly #direction: "in" | "out";
  readonly #limit: number;
  readonly #digestOf: CopyDigest | null;
  readonly #kept: Buffer[] = [];
  #keptBytes = 0;
  #bytes = 0;
  #keeping = true;
  #beyondMessages = 0;
  #beyondBytes = 0;
  #digest: Hash | null = null;

  /** @param digestOf set where the data may hold protected values: then none of them are kept */
  constructor(direction: "in" | "out", limit: number, digestOf: CopyDigest | null) {
    this.#direction = direction;
    this.#limit = limit;
    this.#digestOf = digestOf;
    this.#keeping = digestOf === null;
  }

  /** A CopyData message begins. @returns whether its data are kept; if not, it goes to `beyond` */
  begin(bodyBytes: number): boolean {
    this.#bytes += bodyBytes;
    this.#keeping &&= this.#keptBytes + bodyBytes <= this.#limit;
    if (this.#keeping) this.#keptBytes += bodyBytes;
    else this.#beyondMessages++;
    return this.#keeping;
  }

  /** @param frame a whole CopyData message: a view, copied */
  keep(frame: Buffer): void {
    this.#kept.push(Buffer.from(frame.subarray(HEADER_BYTES)));
  }

  beyond(region: Buffer): void {
    this.#digest ??= createHash("sha256");
    this.#digest.update(region);
    this.#beyondBytes += region.length;
  }

  /** @param statement sequence number of the statement that the data belong to, where it is known */
  end(append: Append, statement: number | null, outcome: "done" | "failed" | "cut"): void {
    const [direction, bytes] = [this.#direction, this.#bytes];
    if (this.#digestOf !== null) {
      const data = this.#digest === null ? "" : this.#digestOf(this.#digest.digest());
      append({ kind: "copy", statement, direction, data, bytes, beyond: null, outcome });
      return;
    }
    const beyond =
      this.#digest === null ? null : { rows: this.#beyondMessages, bytes: this.#beyondBytes, sha256: this.#digest.digest("hex") };
    append({ kind: "copy", statement, direction, data: this.#data(), bytes, beyond, outcome });
  }

  #data(): RecordedText | RecordedBinary {
    const bytes = Buffer.concat(this.#kept);
    return isUtf8Bytes(bytes) ? bytes.toString("utf8") : { hex: bytes.toString("hex") };
  }
}
