/**
 * Takes message bodies apart: those of clients that policy or the record need, and those of servers that the session
 * follows. Views into the body are valid as long as the body is.
 *
 * Source: PostgreSQL documentation, "Message Formats" (protocol-message-formats).
 */
import { Cursor } from "#protocols/wire/cursor.ts";
import { Fault } from "#protocols/wire/fault.ts";

/** @throws Fault `malformed-message` */
export function readQuery(body: Buffer): string {
  const cursor = new Cursor(body);
  const sql = cursor.cstring();
  cursor.end("Query");
  return sql;
}

export interface ParseMessage {
  readonly name: string;
  readonly sql: string;
  /** Count and OIDs of parameter types as they stood in the body: a view. */
  readonly types: Buffer;
}

/** @throws Fault `malformed-message` */
export function readParse(body: Buffer): ParseMessage {
  const cursor = new Cursor(body);
  const name = cursor.name();
  const sql = cursor.cstring();
  const types = cursor.rest();
  if (types.length < 2 || types.length !== 2 + 4 * types.readUInt16BE(0)) {
    throw new Fault("malformed-message", "Parse message has another number of parameter types than it announces");
  }
  return { name, sql, types };
}

export interface BindMessage {
  readonly portal: string;
  readonly statement: string;
  /** For each parameter whether it is binary. */
  readonly binary: readonly boolean[];
  /** Views; null is SQL NULL. Undefined entries do not occur; a cut body yields the values that were whole. */
  readonly values: readonly (Buffer | null)[];
  /** For each result column 0 text or 1 binary; one entry stands for all; empty: all text. */
  readonly resultFormats: readonly number[];
  /** False when the body was only the beginning of the message. */
  readonly whole: boolean;
}

/**
 * @param whole false when `body` is only the beginning of a message that is too large to be collected
 * @throws Fault `malformed-message`
 */
export function readBind(body: Buffer, whole: boolean): BindMessage {
  const cursor = new Cursor(body);
  const portal = cursor.name();
  const statement = cursor.name();
  const formats = readFormats(cursor);
  const count = cursor.uint16();
  const values: (Buffer | null)[] = [];
  const binary: boolean[] = [];
  for (let index = 0; index < count; index++) {
    if (!whole && cursor.left < 4) break;
    const length = cursor.int32();
    if (length < -1) throw new Fault("malformed-message", "a parameter in Bind has a negative length");
    if (!whole && length > cursor.left) break;
    values.push(length === -1 ? null : cursor.bytes(length));
    binary.push(formatAt(formats, index) === 1);
  }
  const resultFormats = whole ? readFormats(cursor) : [];
  if (whole) cursor.end("Bind");
  return { portal, statement, binary, values, resultFormats, whole };
}

function readFormats(cursor: Cursor): number[] {
  const count = cursor.uint16();
  const formats: number[] = [];
  for (let index = 0; index < count; index++) {
    const format = cursor.int16();
    if (format !== 0 && format !== 1) throw new Fault("malformed-message", `format code ${format} is neither text nor binary`);
    formats.push(format);
  }
  return formats;
}

/** One code stands for all columns, none for text. */
export function formatAt(formats: readonly number[], index: number): number {
  return formats.length === 1 ? (formats[0] ?? 0) : (formats[index] ?? 0);
}

export interface Named {
  readonly kind: "statement" | "portal";
  readonly name: string;
}

/** Describe and Close have the same body. @throws Fault `malformed-message` */
export function readNamed(body: Buffer, what: string): Named {
  const cursor = new Cursor(body);
  const type = cursor.uint8();
  const name = cursor.name();
  cursor.end(what);
  if (type !== 0x53 && type !== 0x50) throw new Fault("malformed-message", `${what} names neither a statement nor a portal`);
  return { kind: type === 0x53 ? "statement" : "portal", name };
}

/** @returns the portal's name; the row limit is the server's business. @throws Fault `malformed-message` */
export function readExecute(body: Buffer): string {
  const cursor = new Cursor(body);
  const portal = cursor.name();
  cursor.int32();
  cursor.end("Execute");
  return portal;
}

export interface Column {
  readonly name: string;
  readonly tableOid: number;
  readonly attribute: number;
  readonly typeOid: number;
  readonly binary: boolean;
}

/** @throws Fault `malformed-message` */
export function readRowDescription(body: Buffer): readonly Column[] {
  const cursor = new Cursor(body);
  const count = cursor.uint16();
  const columns: Column[] = [];
  for (let index = 0; index < count; index++) {
    const name = cursor.cstring();
    const tableOid = cursor.uint32();
    const attribute = cursor.int16();
    const typeOid = cursor.uint32();
    cursor.int16();
    cursor.int32();
    columns.push({ name, tableOid, attribute, typeOid, binary: cursor.int16() === 1 });
  }
  cursor.end("RowDescription");
  return columns;
}

/** Views of a DataRow's values; null is SQL NULL. @throws Fault `malformed-message` */
export function readDataRow(body: Buffer): readonly (Buffer | null)[] {
  const cursor = new Cursor(body);
  const count = cursor.uint16();
  const values: (Buffer | null)[] = [];
  for (let index = 0; index < count; index++) {
    const length = cursor.int32();
    values.push(length === -1 ? null : cursor.bytes(length));
  }
  cursor.end("DataRow");
  return values;
}

/** Fields of an ErrorResponse or NoticeResponse by their type byte. @throws Fault `malformed-message` */
export function readErrorFields(body: Buffer): ReadonlyMap<string, string> {
  const cursor = new Cursor(body);
  const fields = new Map<string, string>();
  for (;;) {
    const type = cursor.uint8();
    if (type === 0) break;
    fields.set(String.fromCharCode(type), cursor.cstring());
  }
  cursor.end("ErrorResponse");
  return fields;
}

/** @throws Fault `malformed-message` */
export function readParameterStatus(body: Buffer): { readonly name: string; readonly value: string } {
  const cursor = new Cursor(body);
  const name = cursor.cstring();
  const value = cursor.cstring();
  cursor.end("ParameterStatus");
  return { name, value };
}

/** @throws Fault `malformed-message` */
export function readNotification(body: Buffer): { readonly channel: string; readonly payload: string } {
  const cursor = new Cursor(body);
  cursor.int32();
  const channel = cursor.cstring();
  const payload = cursor.cstring();
  cursor.end("NotificationResponse");
  return { channel, payload };
}

/** The tag of CommandComplete, e.g. `INSERT 0 5`. Drivers and servers keep it ASCII. @throws Fault `malformed-message` */
export function readCommandTag(body: Buffer): string {
  const cursor = new Cursor(body);
  const tag = cursor.cstring();
  cursor.end("CommandComplete");
  return tag;
}
