/**
 * Column definitions of a result or of parameters. Source: MySQL source documentation, "Protocol::ColumnDefinition41".
 */
import { BINARY_COLLATION, COLUMN_FLAG } from "./constants.ts";
import { PayloadCursor } from "./cursor.ts";

export interface Column {
  /** The name under which the client sees it. */
  readonly name: string;
  /** Database, table and column that the server says it comes from; empty where it is computed. A statement can forge them. */
  readonly schema: string;
  readonly table: string;
  readonly originalTable: string;
  readonly originalName: string;
  readonly collation: number;
  readonly type: number;
  readonly unsigned: boolean;
  /** Bytes that are no text. */
  readonly binary: boolean;
}

/** @throws Fault `malformed-message` */
export function readColumn(payload: Buffer): Column {
  return read(new PayloadCursor(payload));
}

/** A definition that COM_FIELD_LIST brought, without the column's default. @throws Fault `malformed-message` */
export function withoutDefault(payload: Buffer): Buffer {
  const cursor = new PayloadCursor(payload);
  read(cursor);
  cursor.bytes(3); // decimals and a filler
  return Buffer.concat([payload.subarray(0, cursor.at), NULL]);
}

/** How a text that is NULL is written. */
const NULL = Buffer.from([0xfb]);

function read(cursor: PayloadCursor): Column {
  cursor.lenencBytes(); // catalog, always "def"
  const schema = text(cursor);
  const table = text(cursor);
  const originalTable = text(cursor);
  const name = text(cursor);
  const originalName = text(cursor);
  cursor.lenenc(); // length of what follows
  const collation = cursor.uint16();
  cursor.uint32(); // display width
  const type = cursor.uint8();
  const flags = cursor.uint16();
  return {
    name,
    schema,
    table,
    originalTable,
    originalName,
    collation,
    type,
    unsigned: (flags & COLUMN_FLAG.unsigned) !== 0,
    binary: collation === BINARY_COLLATION,
  };
}

function text(cursor: PayloadCursor): string {
  return cursor.lenencBytes().toString("utf8");
}
