/**
 * Builds the messages that the gateway itself sends, on either leg. Every message is returned whole, ready to be written.
 *
 * Source: PostgreSQL documentation, "Message Formats" (protocol-message-formats) and "Error and Notice Message Fields".
 */
import { Writer } from "#protocols/wire/writer.ts";
import { AUTHENTICATION, CLIENT, PROTOCOL_MAJOR, REQUEST, SERVER } from "./constants.ts";
import type { CancelKey } from "./negotiation.ts";
import type { Negotiation } from "./startup.ts";

/** One message: tag, length of itself and the body, body. */
export function message(tag: number, body: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(5 + body.length);
  bytes[0] = tag;
  bytes.writeUInt32BE(4 + body.length, 1);
  bytes.set(body, 5);
  return bytes;
}

const EMPTY = new Uint8Array(0);

export interface ErrorFields {
  readonly severity: "ERROR" | "FATAL" | "WARNING" | "NOTICE";
  readonly sqlState: string;
  readonly message: string;
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
  /** Characters from 1. */
  readonly position?: number | null | undefined;
  /** Further fields by their type byte, e.g. `t` (table name). */
  readonly more?: readonly (readonly [string, string])[];
}

export function errorResponse(fields: ErrorFields): Buffer {
  return message(SERVER.errorResponse, errorBody(fields));
}

export function noticeResponse(fields: ErrorFields): Buffer {
  return message(SERVER.noticeResponse, errorBody(fields));
}

function errorBody(fields: ErrorFields): Buffer {
  const writer = new Writer();
  const put = (type: string, value: string) => writer.uint8(type.charCodeAt(0)).cstring(value.replaceAll("\0", ""));
  put("S", fields.severity);
  put("V", fields.severity);
  put("C", fields.sqlState);
  put("M", fields.message);
  if (fields.detail) put("D", fields.detail);
  if (fields.hint) put("H", fields.hint);
  if (fields.position) put("P", String(fields.position));
  for (const [type, value] of fields.more ?? []) put(type, value);
  return writer.uint8(0).done();
}

function authentication(code: number, rest: Uint8Array = EMPTY): Buffer {
  return message(SERVER.authentication, new Writer(4 + rest.length).int32(code).bytes(rest).done());
}

export const authenticationOk = (): Buffer => authentication(AUTHENTICATION.ok);
export const authenticationCleartextPassword = (): Buffer => authentication(AUTHENTICATION.cleartextPassword);

export function parameterStatus(name: string, value: string): Buffer {
  return message(SERVER.parameterStatus, new Writer().cstring(name).cstring(value).done());
}

export function backendKeyData(key: CancelKey): Buffer {
  return message(SERVER.backendKeyData, new Writer().int32(key.processId).bytes(key.secret).done());
}

export function readyForQuery(status: "I" | "T" | "E"): Buffer {
  return message(SERVER.readyForQuery, Buffer.from(status, "latin1"));
}

export function negotiateProtocolVersion({ minor, unknownOptions }: Negotiation): Buffer {
  const writer = new Writer().int32((PROTOCOL_MAJOR << 16) | minor).int32(unknownOptions.length);
  for (const name of unknownOptions) writer.cstring(name);
  return message(SERVER.negotiateProtocolVersion, writer.done());
}

/** The StartupMessage of the upstream leg: protocol 3.0, which every supported server and pooler speaks. */
export function startupMessage(parameters: ReadonlyMap<string, string>): Buffer {
  const writer = new Writer().int32(0).int32(PROTOCOL_MAJOR << 16);
  for (const [name, value] of parameters) writer.cstring(name).cstring(value);
  const bytes = writer.uint8(0).done();
  bytes.writeUInt32BE(bytes.length, 0);
  return bytes;
}

export function sslRequest(): Buffer {
  return new Writer(8).int32(8).int32(REQUEST.ssl).done();
}

export function cancelRequest(key: CancelKey): Buffer {
  return new Writer()
    .int32(12 + key.secret.length)
    .int32(REQUEST.cancel)
    .int32(key.processId | 0)
    .bytes(key.secret)
    .done();
}

export const query = (sql: string): Buffer => message(CLIENT.query, new Writer(sql.length + 16).cstring(sql).done());
export const terminate = (): Buffer => message(CLIENT.terminate, EMPTY);

/** A Parse with another text, its parameter types kept. `types` is the tail of the original body: count and OIDs. */
export function parse(name: string, sql: string, types: Uint8Array): Buffer {
  return message(CLIENT.parse, new Writer(sql.length + 64).cstring(name).cstring(sql).bytes(types).done());
}

export function describeStatement(name: string): Buffer {
  return message(CLIENT.describe, new Writer().uint8(0x53).cstring(name).done());
}

/** Password in clear, md5 digest, or a SASL message: all travel under tag `p`. */
export function describePortal(name: string): Buffer {
  return message(CLIENT.describe, new Writer(name.length + 8).uint8(0x50 /* P */).cstring(name).done());
}

export function passwordMessage(password: string): Buffer {
  return message(CLIENT.password, new Writer().cstring(password).done());
}

export function saslInitialResponse(mechanism: string, response: string): Buffer {
  const bytes = Buffer.from(response);
  return message(CLIENT.password, new Writer().cstring(mechanism).int32(bytes.length).bytes(bytes).done());
}

export function saslResponse(response: string): Buffer {
  return message(CLIENT.password, Buffer.from(response));
}
