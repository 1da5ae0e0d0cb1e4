/**
 * Hashes columns of a DataRow (protocol-message-formats): count of values, then for each its length, -1 for NULL, and its bytes. Texts
 * are the same bytes in either format, and so are their hashes. NULL stays NULL.
 */
import { Fault } from "#protocols/wire/fault.ts";
import { SERVER } from "./constants.ts";
import type { HashValue } from "./session.ts";

/** For each column how it is hashed; null where it passes. */
export type Hashes = readonly (HashValue | null)[];

/**
 * @param body without the header
 * @returns the whole message
 * @throws Fault `malformed-message`, `masking-tripwire` when the row has other columns than were described
 */
export function hashedRow(body: Buffer, hashes: Hashes): Buffer {
  const values = valuesOf(body, hashes.length).map((value, index) => (value === null ? null : (hashes[index]?.(value) ?? value)));
  const length = values.reduce((sum, value) => sum + 4 + (value?.length ?? 0), 6);
  const row = Buffer.allocUnsafe(length + 1);
  row[0] = SERVER.dataRow;
  row.writeInt32BE(length, 1);
  row.writeInt16BE(values.length, 5);
  let at = 7;
  for (const value of values) {
    row.writeInt32BE(value === null ? -1 : value.length, at);
    at += 4;
    if (value !== null) at += value.copy(row, at);
  }
  return row;
}

function valuesOf(body: Buffer, columns: number): readonly (Buffer | null)[] {
  const malformed = (): Fault => new Fault("malformed-message", "a DataRow has another length than its values");
  if (body.length < 2) throw malformed();
  if (body.readUInt16BE(0) !== columns)
    throw new Fault("masking-tripwire", "a row has other columns than were described; the session ends");
  const values: (Buffer | null)[] = [];
  let at = 2;
  for (let index = 0; index < columns; index++) {
    if (at + 4 > body.length) throw malformed();
    const length = body.readInt32BE(at);
    at += 4;
    if (length < -1 || at + Math.max(length, 0) > body.length) throw malformed();
    values.push(length === -1 ? null : body.subarray(at, at + length));
    at += Math.max(length, 0);
  }
  if (at !== body.length) throw malformed();
  return values;
}
