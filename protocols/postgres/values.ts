/**
 * Values of parameters and rows as a recording holds them: text as text, the common binary types as the text that the
 * server would have shown, other bytes as hex, long ones as their beginning with length and digest.
 *
 * Source of the type ids: PostgreSQL's pg_type.dat; binary forms: each type's `send` function.
 */

import { RECORDED_VALUE_BYTES_MAX } from "#protocols/wire/limits.ts";
import type { RecordedText, RecordedValue } from "#protocols/wire/transcript.ts";
import { hash, isUtf8Bytes } from "./digest.ts";

/** Types whose binary form is the text itself. */
const TEXT_TYPES = new Set([18, 19, 25, 114, 1042, 1043, 705, 142]);

export function recordedValue(bytes: Buffer | null, binary: boolean, typeOid: number): RecordedValue {
  if (bytes === null) return null;
  if (binary && !TEXT_TYPES.has(typeOid)) return binaryValue(bytes, typeOid);
  return textValue(bytes, RECORDED_VALUE_BYTES_MAX);
}

/** Text up to `limit` bytes; bytes that are not UTF-8 as hex. */
export function textValue(bytes: Buffer, limit: number): RecordedValue {
  if (bytes.length <= limit) {
    const text = bytes.toString("utf8");
    return text.includes("\ufffd") && !isUtf8Bytes(bytes) ? { hex: bytes.toString("hex") } : text;
  }
  return { head: bytes.toString("utf8", 0, Math.min(limit, 1024)), bytes: bytes.length, sha256: hash(bytes) };
}

/** Of a statement text; the whole where it fits. */
export function recordedText(text: string, limit: number): RecordedText {
  if (text.length * 3 <= limit || Buffer.byteLength(text) <= limit) return text;
  const bytes = Buffer.from(text);
  return { head: text.slice(0, 1024), bytes: bytes.length, sha256: hash(bytes) };
}

function binaryValue(bytes: Buffer, typeOid: number): RecordedValue {
  switch (typeOid) {
    case 16: // bool
      if (bytes.length === 1) return bytes[0] === 0 ? "f" : "t";
      break;
    case 21: // int2
      if (bytes.length === 2) return String(bytes.readInt16BE());
      break;
    case 23: // int4
      if (bytes.length === 4) return String(bytes.readInt32BE());
      break;
    case 26: // oid
      if (bytes.length === 4) return String(bytes.readUInt32BE());
      break;
    case 20: // int8
      if (bytes.length === 8) return String(bytes.readBigInt64BE());
      break;
    case 700: // float4
      if (bytes.length === 4) return String(bytes.readFloatBE());
      break;
    case 701: // float8
      if (bytes.length === 8) return String(bytes.readDoubleBE());
      break;
    case 2950: // uuid
      if (bytes.length === 16) return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
      break;
    default:
      break;
  }
  if (bytes.length <= RECORDED_VALUE_BYTES_MAX / 2) return { hex: bytes.toString("hex") };
  return { head: bytes.toString("hex", 0, 512), bytes: bytes.length, sha256: hash(bytes) };
}
