/**
 * Values of rows and parameters as a recording holds them: text as text, numbers and times of the binary protocol as the
 * server would write them in text, other bytes as hex.
 *
 * Source: MySQL source documentation, "Binary Protocol Value" and "Text Resultset Row".
 */
import { Fault } from "#protocols/wire/fault.ts";
import { RECORDED_VALUE_BYTES_MAX } from "#protocols/wire/limits.ts";
import { bytesValue, textValue } from "#protocols/wire/recorded.ts";
import type { RecordedValue } from "#protocols/wire/transcript.ts";
import { TYPE } from "./constants.ts";
import { PayloadCursor } from "./cursor.ts";

/** What of a column or parameter decides how its value reads. */
export interface ValueType {
  readonly type: number;
  readonly unsigned: boolean;
  /** Bytes that are no text. */
  readonly binary: boolean;
}

/** In text, these are digits and dashes whatever the collation says, which is `binary` for them. */
const ALWAYS_TEXT: ReadonlySet<number> = new Set([
  TYPE.decimal,
  TYPE.tiny,
  TYPE.short,
  TYPE.long,
  TYPE.float,
  TYPE.double,
  TYPE.timestamp,
  TYPE.longlong,
  TYPE.int24,
  TYPE.date,
  TYPE.time,
  TYPE.datetime,
  TYPE.year,
  TYPE.newdecimal,
  TYPE.json,
]);

/** @throws Fault `malformed-message` when the row has another number of values than there are columns */
export function readTextRow(payload: Buffer, columns: readonly ValueType[]): RecordedValue[] {
  const cursor = new PayloadCursor(payload);
  const values = columns.map((column) => recorded(cursor.lenencBytesOrNull(), column));
  cursor.end("a row");
  return values;
}

/** Header 0x00, NULL bitmap with an offset of two bits, values. @throws Fault `malformed-message` */
export function readBinaryRow(payload: Buffer, columns: readonly ValueType[]): RecordedValue[] {
  const cursor = new PayloadCursor(payload, 1);
  const nulls = cursor.bytes((columns.length + 9) >> 3);
  const values = columns.map((column, index) => (isNull(nulls, index + 2) ? null : readBinaryValue(cursor, column)));
  cursor.end("a row");
  return values;
}

export function isNull(bitmap: Buffer, bit: number): boolean {
  return ((bitmap[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0;
}

/** One value of a binary row or of a statement's parameters. @throws Fault `malformed-message` */
export function readBinaryValue(cursor: PayloadCursor, column: ValueType): RecordedValue {
  const { type, unsigned } = column;
  switch (type) {
    case TYPE.tiny:
      return integer(cursor.bytes(1), unsigned);
    case TYPE.short:
    case TYPE.year:
      return integer(cursor.bytes(2), unsigned);
    case TYPE.long:
    case TYPE.int24:
      return integer(cursor.bytes(4), unsigned);
    case TYPE.longlong: {
      const bytes = cursor.bytes(8);
      return String(unsigned ? bytes.readBigUInt64LE(0) : bytes.readBigInt64LE(0));
    }
    case TYPE.float:
      return String(shortestSingle(cursor.bytes(4).readFloatLE(0)));
    case TYPE.double:
      return String(cursor.bytes(8).readDoubleLE(0));
    case TYPE.date:
    case TYPE.datetime:
    case TYPE.timestamp:
      return moment(new PayloadCursor(cursor.bytes(cursor.uint8())), type === TYPE.date);
    case TYPE.time:
      return duration(new PayloadCursor(cursor.bytes(cursor.uint8())));
    case TYPE.null:
      return null;
    default:
      return recorded(cursor.lenencBytes(), column);
  }
}

function recorded(bytes: Buffer | null, { type, binary }: ValueType): RecordedValue {
  if (bytes === null) return null;
  if (binary && !ALWAYS_TEXT.has(type)) return bytesValue(bytes);
  return textValue(bytes, RECORDED_VALUE_BYTES_MAX);
}

function integer(bytes: Buffer, unsigned: boolean): string {
  return String(unsigned ? bytes.readUIntLE(0, bytes.length) : bytes.readIntLE(0, bytes.length));
}

/** Length 0, 4 (date), 7 (with time) or 11 (with microseconds): what is left out is zero. */
function moment(cursor: PayloadCursor, dateOnly: boolean): string {
  if (cursor.left === 0) return dateOnly ? "0000-00-00" : "0000-00-00 00:00:00";
  const date = `${digits(cursor.uint16(), 4)}-${digits(cursor.uint8(), 2)}-${digits(cursor.uint8(), 2)}`;
  if (cursor.left === 0) return dateOnly ? date : `${date} 00:00:00`;
  const time = `${digits(cursor.uint8(), 2)}:${digits(cursor.uint8(), 2)}:${digits(cursor.uint8(), 2)}`;
  const fraction = cursor.left > 0 ? `.${digits(cursor.uint32(), 6)}` : "";
  cursor.end("a point in time");
  return `${date} ${time}${fraction}`;
}

/** Length 0, 8 or 12: sign, days, hours, minutes, seconds, microseconds. */
function duration(cursor: PayloadCursor): string {
  if (cursor.left === 0) return "00:00:00";
  const sign = cursor.uint8() === 0 ? "" : "-";
  const hours = cursor.uint32() * 24 + cursor.uint8();
  const time = `${digits(hours, 2)}:${digits(cursor.uint8(), 2)}:${digits(cursor.uint8(), 2)}`;
  const fraction = cursor.left > 0 ? `.${digits(cursor.uint32(), 6)}` : "";
  cursor.end("a time");
  return `${sign}${time}${fraction}`;
}

function digits(value: number, count: number): string {
  return String(value).padStart(count, "0");
}

/** The shortest decimal that is this value in single precision. */
function shortestSingle(value: number): number {
  for (let precision = 1; precision < 9; precision++) {
    const short = Number(value.toPrecision(precision));
    if (Object.is(Math.fround(short), value)) return short;
  }
  return value;
}

/** @throws Fault for a type that no server sends: how long its value is can't be told */
export function checkType(type: number): void {
  if (!KNOWN_TYPES.has(type)) throw new Fault("malformed-message", `column type 0x${type.toString(16)} is not known`);
}

const KNOWN_TYPES: ReadonlySet<number> = new Set(Object.values(TYPE));
