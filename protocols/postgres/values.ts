/**
 * Values of parameters and rows as a recording holds them: text as text, the common binary types as the text of
 * their value, other bytes as hex.
 *
 * Source of the type ids: PostgreSQL's pg_type.dat; binary forms: each type's `send` function.
 */

import { RECORDED_VALUE_BYTES_MAX } from "#protocols/wire/limits.ts";
import { bytesValue, textValue } from "#protocols/wire/recorded.ts";
import type { RecordedValue } from "#protocols/wire/transcript.ts";

/** Types whose binary form is the text itself. */
const TEXT_TYPES = new Set([18, 19, 25, 114, 1042, 1043, 705, 142]);

export function recordedValue(bytes: Buffer | null, binary: boolean, typeOid: number): RecordedValue {
  if (bytes === null) return null;
  if (binary && !TEXT_TYPES.has(typeOid)) return binaryValue(bytes, typeOid);
  return textValue(bytes, RECORDED_VALUE_BYTES_MAX);
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
  return bytesValue(bytes);
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
