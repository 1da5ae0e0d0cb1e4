/**
 * A body as it goes on record: its beginning up to the recording's limit, in pieces as it comes, and beyond it length and
 * digest. Of a request each piece is in the kernel before it goes on, so that a target acts on nothing that is not on record.
 */
import { createHash, type Hash } from "node:crypto";
import { isUtf8Bytes } from "#protocols/wire/digest.ts";
import type { RecordedBinary } from "#protocols/wire/transcript.ts";
import type { HttpSession } from "./session.ts";

/** Of one event: the record grows in steps, so that a session cut short keeps what came. */
const PIECE_BYTES = 64 * 1024;
/** A stream that trickles is written down as it goes, not at its end. */
const PIECE_MS = 1_000;

export interface BodyRecordParts {
  readonly session: HttpSession;
  readonly statement: number;
  readonly direction: "in" | "out";
  readonly digestOnly: boolean;
  /** Monotonic. */
  readonly nowMs: () => number;
}

export class BodyRecord {
  readonly #parts: BodyRecordParts;
  readonly #limit: number;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #keptBytes = 0;
  #bytes = 0;
  #beyond: Hash | null = null;
  #beyondBytes = 0;
  #writtenMs: number;
  #over = false;

  constructor(parts: BodyRecordParts) {
    this.#parts = parts;
    this.#limit = parts.digestOnly ? 0 : parts.session.results.bytesPerStatement;
    this.#writtenMs = parts.nowMs();
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @param chunk a view, copied where it is kept. @throws Fault `recording-failed` */
  write(chunk: Buffer): void {
    this.#bytes += chunk.length;
    const room = Math.max(0, this.#limit - this.#keptBytes);
    if (room > 0) this.#keep(chunk.subarray(0, room));
    if (chunk.length <= room) return;
    this.#beyond ??= createHash("sha256");
    this.#beyond.update(chunk.subarray(room));
    this.#beyondBytes += chunk.length - room;
  }

  /** To be called before what was written goes on. @throws Fault `recording-failed` */
  settle(): void {
    if (this.#pendingBytes > 0) this.#put("part");
    this.#parts.session.flush();
  }

  /** @throws Fault `recording-failed` */
  end(outcome: "done" | "cut"): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#bytes > 0 || outcome === "cut") this.#put(outcome);
  }

  #keep(chunk: Buffer): void {
    this.#keptBytes += chunk.length;
    this.#pending.push(Buffer.from(chunk));
    this.#pendingBytes += chunk.length;
    if (this.#parts.direction === "in") return;
    if (this.#pendingBytes >= PIECE_BYTES || this.#parts.nowMs() - this.#writtenMs >= PIECE_MS) this.#put("part");
  }

  #put(outcome: "part" | "done" | "cut"): void {
    const { session, statement, direction, nowMs } = this.#parts;
    const held = Buffer.concat(this.#pending);
    // A character that is cut in two stands whole in the next piece.
    const end = outcome === "part" ? wholeCharacters(held) : held.length;
    const piece = held.subarray(0, end);
    this.#pending = end === held.length ? [] : [held.subarray(end)];
    this.#pendingBytes = held.length - end;
    this.#writtenMs = nowMs();
    const beyond =
      outcome === "part" || this.#beyond === null ? null : { rows: 0, bytes: this.#beyondBytes, sha256: this.#beyond.digest("hex") };
    session.append({
      kind: "copy",
      statement,
      direction,
      data: recorded(piece),
      bytes: piece.length + (beyond?.bytes ?? 0),
      beyond,
      outcome,
    });
  }
}

function recorded(bytes: Buffer): string | RecordedBinary {
  return isUtf8Bytes(bytes) ? bytes.toString("utf8") : { hex: bytes.toString("hex") };
}

/** Where the last character begins that is not complete, RFC 3629; the end where all are, or it is no text. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
