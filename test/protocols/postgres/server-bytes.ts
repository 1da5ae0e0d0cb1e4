/** Messages of a server, built by hand and apart from the gateway's own encoder, so that one does not vouch for the other. */
import { frame, word } from "#test/protocols/postgres/bytes.ts";

export interface ColumnBytes {
  readonly name: string;
  readonly tableOid?: number;
  readonly attribute?: number;
  readonly typeOid?: number;
  readonly binary?: boolean;
}

const short = (value: number): Buffer => word(value).subarray(2);
const text = (value: string): Buffer => Buffer.from(`${value}\0`);

export const PARSE_COMPLETE = frame("1");
export const BIND_COMPLETE = frame("2");
export const CLOSE_COMPLETE = frame("3");
export const NO_DATA = frame("n");
export const EMPTY_QUERY = frame("I");
export const PORTAL_SUSPENDED = frame("s");
export const SERVER_COPY_DONE = frame("c");
export const COPY_IN = frame("G", Buffer.from([0, 0, 1, 0, 0]));
export const COPY_OUT = frame("H", Buffer.from([0, 0, 1, 0, 0]));
export const COPY_BOTH = frame("W", Buffer.from([0, 0, 0]));

export const complete = (tag: string): Buffer => frame("C", text(tag));
export const ready = (status = "I"): Buffer => frame("Z", status);
export const serverCopyData = (data: string | Uint8Array): Buffer => frame("d", data);
export const parameterTypes = (...oids: readonly number[]): Buffer => frame("t", Buffer.concat([short(oids.length), ...oids.map(word)]));
export const setting = (name: string, value: string): Buffer => frame("S", Buffer.concat([text(name), text(value)]));
export const keyData = (processId: number, secret: Uint8Array): Buffer => frame("K", Buffer.concat([word(processId), secret]));
export const notification = (channel: string, payload: string): Buffer =>
  frame("A", Buffer.concat([word(7), text(channel), text(payload)]));
export const authentication = (code: number, rest: string | Uint8Array = ""): Buffer =>
  frame("R", Buffer.concat([word(code), Buffer.from(rest as string)]));

export function columns(...list: readonly (string | ColumnBytes)[]): Buffer {
  const parts = list.map((item) => {
    const column = typeof item === "string" ? { name: item } : item;
    return Buffer.concat([
      text(column.name),
      word(column.tableOid ?? 0),
      short(column.attribute ?? 0),
      word(column.typeOid ?? 25),
      short(0xffff),
      word(0xffffffff),
      short(column.binary ? 1 : 0),
    ]);
  });
  return frame("T", Buffer.concat([short(list.length), ...parts]));
}

export function row(...values: readonly (string | Uint8Array | null)[]): Buffer {
  const parts = values.map((value) => {
    if (value === null) return word(0xffffffff);
    const bytes = Buffer.from(value as string);
    return Buffer.concat([word(bytes.length), bytes]);
  });
  return frame("D", Buffer.concat([short(values.length), ...parts]));
}

/** @param fields by their type byte, in order */
export const fields = (list: Readonly<Record<string, string>>): Buffer =>
  Buffer.concat([...Object.entries(list).map(([type, value]) => Buffer.concat([Buffer.from(type), text(value)])), Buffer.alloc(1)]);

export const error = (code: string, message = "no", more: Readonly<Record<string, string>> = {}): Buffer =>
  frame("E", fields({ S: "ERROR", V: "ERROR", C: code, M: message, ...more }));
export const fatal = (code: string, message = "gone"): Buffer => frame("E", fields({ S: "FATAL", V: "FATAL", C: code, M: message }));
export const notice = (message: string, more: Readonly<Record<string, string>> = {}): Buffer =>
  frame("N", fields({ S: "NOTICE", V: "NOTICE", C: "00000", M: message, ...more }));
