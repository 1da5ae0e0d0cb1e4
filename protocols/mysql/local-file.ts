/** The content of a file that a client sends for LOAD DATA LOCAL: recorded up to the statement's limit, and by its digest. */
import { createHash } from "node:crypto";
import { isUtf8Bytes } from "#protocols/wire/digest.ts";
import type { SessionState } from "./session.ts";

export class LocalFile {
  readonly #limit: number;
  readonly #digest = createHash("sha256");
  readonly #kept: Buffer[] = [];
  #keptBytes = 0;
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @param payload a view, copied as far as it is kept */
  add(payload: Buffer): void {
    this.#digest.update(payload);
    this.#bytes += payload.length;
    const room = this.#limit - this.#keptBytes;
    if (room <= 0) return;
    this.#kept.push(Buffer.from(payload.subarray(0, room)));
    this.#keptBytes += Math.min(room, payload.length);
  }

  end({ append, answer }: SessionState): void {
    const bytes = Buffer.concat(this.#kept);
    const data = isUtf8Bytes(bytes) ? bytes.toString("utf8") : { hex: bytes.toString("hex") };
    const statement = answer?.kind === "query" ? answer.run.statement : null;
    const whole = { rows: 0, bytes: this.#bytes, sha256: this.#digest.digest("hex") };
    append({ kind: "copy", statement, direction: "in", data, bytes: this.#bytes, beyond: whole, outcome: "done" });
  }
}
