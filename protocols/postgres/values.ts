/**
 * Values of parameters and rows as a recording holds them: text as text, the common binary types as the text of
 * their value, other bytes as hex, long ones as their beginning with length and digest.
 *
 * Source of the type ids: PostgreSQL's pg_type.dat; binary forms: each type's `send` function.
 */

import { RECORDED_VALUE_BYTES_MAX } from "#protocols/wire/limits.ts";
import type { RecordedText, RecordedValue } from "#protocols/wire/transcript.ts";
import { hash, isUtf8Bytes } from "./digest.ts";

/** Of a value over the limit, kept as its beginning. */
const HEAD_BYTES = 1024;

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
  if (!isUtf8Bytes(bytes)) return binaryBeginning(bytes);
  return { head: beginning(bytes, Math.min(limit, HEAD_BYTES)), bytes: bytes.length, sha256: hash(bytes) };
}

/** As many whole characters as fit. */
function beginning(bytes: Buffer, limit: number): string {
  let end = limit;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end);
}

function binaryBeginning(bytes: Buffer): RecordedValue {
  return { hex: bytes.toString("hex", 0, HEAD_BYTES / 2), bytes: bytes.length, sha256: hash(bytes) };
}

/** Of a statement text; the whole where it fits. */
export function recordedText(text: string, limit: number): RecordedText {
  if (text.length * 3 <= limit || Buffer.byteLength(text) <= limit) return text;
  const bytes = Buffer.from(text);
  return { head: beginning(bytes, HEAD_BYTES), bytes: bytes.length, sha256: hash(bytes) };
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
      if (bytes.length === 4) return floatText(shortestSingle(bytes.readFloatBE()));
      break;
    case 701: // float8
      if (bytes.length === 8) return floatText(bytes.readDoubleBE());
      break;
    case 2950: // uuid
      if (bytes.length === 16) return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
      break;
    default:
      break;
  }
  if (bytes.length <= RECORDED_VALUE_BYTES_MAX / 2) return { hex: bytes.toString("hex") };
  return binaryBeginning(bytes);
}

/** The shortest decimal that is this value in single precision: 0.1, where the double next to it is 0.10000000149011612. */
function shortestSingle(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Object.is(Math.fround(short), value)) return short;
  }
  return value;
}

function floatText(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}
