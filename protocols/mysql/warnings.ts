/**
 * The rows of SHOW WARNINGS and SHOW ERRORS, which hold the server's own sentences: under a mask each is told as the error of
 * its number would be.
 *
 * Source: MySQL manual, "SHOW WARNINGS Statement"; MySQL source documentation, "Binary Protocol Resultset".
 */
import { Fault } from "#protocols/wire/fault.ts";
import type { Column } from "./column.ts";
import { TYPE } from "./constants.ts";
import { PayloadCursor } from "./cursor.ts";
import { rebuiltError } from "./rebuilt-errors.ts";
import { PayloadWriter } from "./writer.ts";

const NAMES = ["level", "code", "message"];

/** Whatever result has such columns; the server's own has no others. */
export function tellsWarnings(columns: readonly Column[]): boolean {
  return columns.length === NAMES.length && columns.every(({ name }, index) => name.toLowerCase() === NAMES[index]);
}

/** @param columns as `tellsWarnings` has seen them. @throws Fault `masking-tripwire` when a row has another form */
export function rebuiltWarning(payload: Buffer, columns: readonly Column[], binary: boolean): Buffer {
  return binary ? rebuiltBinary(payload, columns) : rebuiltText(payload);
}

function rebuiltText(payload: Buffer): Buffer {
  const cursor = new PayloadCursor(payload);
  const level = cursor.lenencBytes();
  const code = cursor.lenencBytes();
  const message = sentence(Number(code.toString("latin1")), cursor.lenencBytes());
  return new PayloadWriter(payload.length).lenencBytes(level).lenencBytes(code).lenencBytes(message).done();
}

function rebuiltBinary(payload: Buffer, columns: readonly Column[]): Buffer {
  const cursor = new PayloadCursor(payload, 1);
  const nulls = cursor.bytes(1);
  if (nulls[0] !== 0 || columns[1]?.type !== TYPE.long) throw strange();
  const level = cursor.lenencBytes();
  const code = cursor.uint32();
  const message = sentence(code, cursor.lenencBytes());
  return new PayloadWriter(payload.length).uint8(0).bytes(nulls).lenencBytes(level).uint32(code).lenencBytes(message).done();
}

function sentence(errno: number, written: Buffer): Buffer {
  if (!Number.isInteger(errno)) throw strange();
  return Buffer.from(rebuiltError({ errno, sqlState: "HY000", message: written.toString("utf8") }).message);
}

function strange(): Fault {
  return new Fault("masking-tripwire", "the target told warnings in a form that is not known; the session ends");
}
