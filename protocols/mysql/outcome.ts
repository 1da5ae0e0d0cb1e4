/**
 * OK, ERR and EOF packets: read from targets, made for clients.
 * Source: MySQL source documentation, "OK_Packet", "ERR_Packet", "EOF_Packet".
 */
import { Fault } from "#protocols/wire/fault.ts";
import { ANSWER, CAPABILITY, STATUS } from "./constants.ts";
import { PayloadCursor } from "./cursor.ts";
import { PayloadWriter } from "./writer.ts";

export interface OkPacket {
  readonly affectedRows: bigint;
  readonly lastInsertId: bigint;
  readonly status: number;
  readonly warnings: number;
  readonly info: string;
  /** Session state changes as they stand on the wire; empty when there are none. A view. */
  readonly changes: Buffer;
}

export interface ErrPacket {
  readonly errno: number;
  /** Five characters; `HY000` where the packet brings none. */
  readonly sqlState: string;
  readonly message: string;
}

export interface EofPacket {
  readonly warnings: number;
  readonly status: number;
}

/** An EOF packet has at most this many bytes of payload; longer ones beginning 0xfe are something else. */
const EOF_BYTES_MAX = 8;
/** MySQL cuts messages to this many bytes (MYSQL_ERRMSG_SIZE). */
const MESSAGE_BYTES_MAX = 512;

export function isEof(payload: Buffer): boolean {
  return payload[0] === ANSWER.eof && payload.length <= EOF_BYTES_MAX;
}

/** @param capabilities of the connection it came over */
export function readOk(payload: Buffer, capabilities: number): OkPacket {
  const cursor = new PayloadCursor(payload, 1);
  const affectedRows = cursor.lenencBig();
  const lastInsertId = cursor.lenencBig();
  const status = cursor.uint16();
  const warnings = cursor.uint16();
  // The documentation has it reach to the end without session tracking; servers write its length all the same, and PHP reads it.
  const info = cursor.left > 0 ? cursor.lenencBytes().toString("utf8") : "";
  const tracks = (capabilities & CAPABILITY.sessionTrack) !== 0;
  const tracked = tracks && (status & STATUS.sessionStateChanged) !== 0 && cursor.left > 0;
  return { affectedRows, lastInsertId, status, warnings, info, changes: tracked ? cursor.lenencBytes() : Buffer.alloc(0) };
}

/** @param ok `changes` are written where the capabilities have session tracking, and status flag follows them */
export function okPayload(ok: OkPacket, capabilities: number, first: number = ANSWER.ok): Buffer {
  const tracks = (capabilities & CAPABILITY.sessionTrack) !== 0;
  const tracked = tracks && ok.changes.length > 0;
  const status = tracked ? ok.status | STATUS.sessionStateChanged : ok.status & ~STATUS.sessionStateChanged;
  const writer = new PayloadWriter(32 + ok.info.length * 3 + ok.changes.length)
    .uint8(first)
    .lenenc(Number(ok.affectedRows))
    .lenenc(Number(ok.lastInsertId))
    .uint16(status)
    .uint16(ok.warnings);
  const info = Buffer.from(ok.info);
  if (info.length > 0 || tracked) writer.lenencBytes(info);
  if (tracked) writer.lenencBytes(ok.changes);
  return writer.done();
}

export function readEof(payload: Buffer): EofPacket {
  const cursor = new PayloadCursor(payload, 1);
  return { warnings: cursor.uint16(), status: cursor.uint16() };
}

export function eofPayload({ warnings, status }: EofPacket): Buffer {
  return new PayloadWriter(5).uint8(ANSWER.eof).uint16(warnings).uint16(status).done();
}

/** Before capabilities are agreed on an ERR packet has no SQLSTATE. */
export function readError(payload: Buffer, capabilities: number): ErrPacket {
  const cursor = new PayloadCursor(payload, 1);
  const errno = cursor.uint16();
  let sqlState = "HY000";
  if ((capabilities & CAPABILITY.protocol41) !== 0 && cursor.peek === 0x23) {
    sqlState = cursor.bytes(6).toString("latin1", 1);
  }
  return { errno, sqlState, message: cursor.rest().toString("utf8") };
}

/** @param withState false before the client has said that it speaks protocol 4.1 */
export function errorPayload({ errno, sqlState, message }: ErrPacket, withState = true): Buffer {
  if (!/^[0-9A-Z]{5}$/.test(sqlState)) throw new Fault("internal-error", "an error was to be told with an SQLSTATE that is none");
  const writer = new PayloadWriter(16 + MESSAGE_BYTES_MAX).uint8(ANSWER.error).uint16(errno);
  if (withState) writer.bytes(Buffer.from(`#${sqlState}`, "latin1"));
  return writer.bytes(Buffer.from(cut(message))).done();
}

/** Whole characters only. */
function cut(message: string): string {
  const bytes = Buffer.from(message);
  if (bytes.length < MESSAGE_BYTES_MAX) return message;
  return bytes.toString("utf8", 0, MESSAGE_BYTES_MAX - 4).replace(/�+$/, "");
}
