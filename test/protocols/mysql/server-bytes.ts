/** Packets of a server and of a client, as few words as a test needs of them. */
import { COMMAND, STATUS, TYPE } from "#protocols/mysql/constants.ts";
import { eofPayload, errorPayload, okPayload } from "#protocols/mysql/outcome.ts";
import { packets } from "#protocols/mysql/packet.ts";
import { PayloadWriter } from "#protocols/mysql/writer.ts";

const UNCHANGED = { affectedRows: 0n, lastInsertId: 0n, warnings: 0, info: "", changes: Buffer.alloc(0) };

export const OK = okPayload({ ...UNCHANGED, status: STATUS.autocommit }, 0);

export function eof(status: number = STATUS.autocommit): Buffer {
  return eofPayload({ warnings: 0, status });
}

/** The OK packet that ends rows where EOF packets are left out. */
export const END = okPayload({ ...UNCHANGED, status: STATUS.autocommit }, 0, 0xfe);

export function failure(errno: number, message: string, sqlState = "HY000"): Buffer {
  return errorPayload({ errno, sqlState, message });
}

export interface ColumnSaid {
  readonly schema?: string;
  readonly originalTable?: string;
  readonly originalName?: string;
  readonly type?: number;
}

/** A definition; it comes from nowhere unless it says so. */
export function column(name: string, said: ColumnSaid = {}): Buffer {
  const { schema = "", originalTable = "", originalName = "", type = TYPE.varString } = said;
  const writer = new PayloadWriter();
  for (const text of ["def", schema, originalTable, originalTable, name, originalName]) writer.lenencBytes(Buffer.from(text));
  return writer.lenenc(12).uint16(45).uint32(100).uint8(type).uint16(0).uint8(0).zeros(2).done();
}

/** A row of the text protocol. */
export function row(...values: readonly string[]): Buffer {
  const writer = new PayloadWriter();
  for (const value of values) writer.lenencBytes(Buffer.from(value));
  return writer.done();
}

/** A row of strings of the binary protocol. */
export function binaryRow(...values: readonly string[]): Buffer {
  return Buffer.concat([Buffer.alloc(1 + ((values.length + 9) >> 3)), row(...values)]);
}

/** The first packet of the answer to COM_STMT_PREPARE. */
export function prepared(id: number, columns: number, parameters: number): Buffer {
  return new PayloadWriter().uint8(0).uint32(id).uint16(columns).uint16(parameters).zeros(3).done();
}

/** Packets one behind the other, numbered from 1 on. */
export function answer(...payloads: readonly Buffer[]): Buffer {
  return Buffer.concat(payloads.map((payload, index) => packets(payload, index + 1)));
}

/** A command in one packet, or in several where it is too long for that. */
export function command(code: number, ...rest: readonly (Buffer | string)[]): Buffer {
  return packets(Buffer.concat([Buffer.from([code]), ...rest.map((part) => Buffer.from(part))]), 0);
}

export function query(sql: string): Buffer {
  return command(COMMAND.query, sql);
}

export function prepare(sql: string): Buffer {
  return command(COMMAND.stmtPrepare, sql);
}

export interface Execution {
  /** Asks for a cursor. */
  readonly cursor?: boolean;
  /** Of strings, all of them; those that were sent ahead are null here. */
  readonly values?: readonly (string | null)[];
}

/** COM_STMT_EXECUTE with strings for parameters. */
export function execute(id: number, { cursor = false, values = [] }: Execution = {}): Buffer {
  const writer = new PayloadWriter()
    .uint32(id)
    .uint8(cursor ? 1 : 0)
    .uint32(1);
  if (values.length > 0) {
    writer.zeros((values.length + 7) >> 3).uint8(1);
    for (const _ of values) writer.uint8(TYPE.varString).uint8(0);
    for (const value of values) if (value !== null) writer.lenencBytes(Buffer.from(value));
  }
  return command(COMMAND.stmtExecute, writer.done());
}

/** COM_STMT_SEND_LONG_DATA, COM_STMT_FETCH and others that begin with a statement's id. */
export function ofStatement(code: number, id: number, ...rest: readonly (Buffer | string)[]): Buffer {
  return command(code, new PayloadWriter().uint32(id).done(), ...rest);
}
