/**
 * Puts what went over the wire into the shapes that events hold: text as text, other bytes as hex, and what is over a
 * limit as its beginning, length and digest. Whoever reads a recording can then tell a short value from a cut one.
 */
import { isUtf8 } from "node:buffer";
import { hash } from "node:crypto";
import type { RecordedBinary, RecordedExcess, RecordedText, RecordedValue } from "#protocols/wire/transcript.ts";

/** Limits of one piece of a recording, in bytes. */
export interface RecordedLimits {
  readonly sqlBytes: number;
  readonly valueBytes: number;
}

/** A statement may be a megabyte; a value or parameter keeps enough to be recognised. */
export const RECORDED_LIMITS: RecordedLimits = { sqlBytes: 1024 * 1024, valueBytes: 64 * 1024 };

/**
 * Text as the wire brought it. Bytes that are not UTF-8, or hold a NUL, become `{hex}`; more than `limitBytes` become
 * `{head, bytes, sha256}` (binary: `{hex, bytes, sha256}`), the head cut between characters.
 */
export function recordedText(bytes: Uint8Array, limitBytes: number): RecordedText | RecordedBinary {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const binary = buffer.includes(0) || !isUtf8(buffer);
  if (binary) {
    if (buffer.length <= limitBytes) return { hex: buffer.toString("hex") };
    return { hex: buffer.toString("hex", 0, limitBytes), bytes: buffer.length, sha256: hash("sha256", buffer, "hex") };
  }
  if (buffer.length <= limitBytes) return buffer.toString("utf8");
  return excess(buffer, limitBytes);
}

/** The same for text already decoded. Lone surrogates stay what they are: JSON writes them as escapes. */
export function recordedString(text: string, limitBytes: number): RecordedText | RecordedBinary {
  // Three bytes at most for a UTF-16 unit: short text needs no counting.
  if (!text.includes("\0") && (text.length * 3 <= limitBytes || Buffer.byteLength(text) <= limitBytes)) return text;
  return recordedText(Buffer.from(text), limitBytes);
}

/** A parameter or a cell; null is SQL NULL. `binary` when the protocol says that the format is not text. */
export function recordedValue(bytes: Uint8Array | null, limitBytes: number, binary: boolean): RecordedValue {
  if (bytes === null) return null;
  if (!binary) return recordedText(bytes, limitBytes);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length <= limitBytes) return { hex: buffer.toString("hex") };
  return { hex: buffer.toString("hex", 0, limitBytes), bytes: buffer.length, sha256: hash("sha256", buffer, "hex") };
}

function excess(buffer: Buffer, limitBytes: number): RecordedExcess {
  let cut = limitBytes;
  // Back to the start of a character: UTF-8's continuation bytes are 10xxxxxx.
  while (cut > 0 && ((buffer[cut] ?? 0) & 0xc0) === 0x80) cut -= 1;
  return { head: buffer.toString("utf8", 0, cut), bytes: buffer.length, sha256: hash("sha256", buffer, "hex") };
}
