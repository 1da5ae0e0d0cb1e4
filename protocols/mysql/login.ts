/**
 * The client's first packets: SSLRequest, and HandshakeResponse41 behind TLS. Read from clients, made for targets.
 * Source: MySQL source documentation, "Protocol::SSLRequest", "Protocol::HandshakeResponse41", "Protocol::AuthSwitchRequest".
 */
import { Fault } from "#protocols/wire/fault.ts";
import { ANSWER, CAPABILITY } from "./constants.ts";
import { PayloadCursor } from "./cursor.ts";
import { PayloadWriter } from "./writer.ts";

/** SSLRequest is the beginning of a HandshakeResponse41, cut off behind its filler. */
const SSL_REQUEST_BYTES = 32;
/** Connection attributes that a client may send; performance_schema keeps 64 KiB of them. */
const ATTRIBUTES_MAX = 512;

export interface SslRequest {
  readonly capabilities: number;
  readonly maxPacketBytes: number;
  readonly collation: number;
}

export interface HandshakeResponse extends SslRequest {
  readonly user: string;
  /** Answer to the greeting's scramble, for `plugin`. A copy. */
  readonly authentication: Buffer;
  readonly database: string | null;
  /** Null where the client names none. */
  readonly plugin: string | null;
  readonly attributes: ReadonlyMap<string, string>;
}

/**
 * The first packet of a client.
 *
 * @returns `cleartext` for anything that is not a request for TLS: a login without it
 */
export function readSslRequest(payload: Buffer): SslRequest | "cleartext" {
  if (payload.length !== SSL_REQUEST_BYTES) return "cleartext";
  const request = readBeginning(new PayloadCursor(payload));
  return (request.capabilities & CAPABILITY.ssl) === 0 ? "cleartext" : request;
}

/** @throws Fault `unsupported-protocol` for clients older than MySQL 4.1, `malformed-message` */
export function readHandshakeResponse(payload: Buffer): HandshakeResponse {
  const cursor = new PayloadCursor(payload);
  const beginning = readBeginning(cursor);
  const { capabilities } = beginning;
  const has = (flag: number): boolean => (capabilities & flag) !== 0;
  const user = cursor.nulBytes().toString("utf8");
  const authentication = Buffer.from(
    has(CAPABILITY.pluginAuthLenencData)
      ? cursor.lenencBytes()
      : has(CAPABILITY.secureConnection)
        ? cursor.bytes(cursor.uint8())
        : cursor.nulBytes(),
  );
  // Some clients leave the database out although they announce it, when nothing follows.
  const database = has(CAPABILITY.connectWithDatabase) && cursor.left > 0 ? cursor.nulBytes().toString("utf8") : "";
  const plugin = has(CAPABILITY.pluginAuth) && cursor.left > 0 ? cursor.nulBytes().toString("latin1") : null;
  const attributes = has(CAPABILITY.connectAttributes) && cursor.left > 0 ? readAttributes(cursor) : new Map<string, string>();
  return { ...beginning, user, authentication, database: database === "" ? null : database, plugin, attributes };
}

function readBeginning(cursor: PayloadCursor): SslRequest {
  const capabilities = cursor.uint32();
  if ((capabilities & CAPABILITY.protocol41) === 0) {
    throw new Fault("unsupported-protocol", "clients older than MySQL 4.1 are not served");
  }
  const maxPacketBytes = cursor.uint32();
  const collation = cursor.uint8();
  cursor.bytes(23);
  return { capabilities, maxPacketBytes, collation };
}

function readAttributes(cursor: PayloadCursor): ReadonlyMap<string, string> {
  const pairs = new PayloadCursor(cursor.lenencBytes());
  const attributes = new Map<string, string>();
  while (pairs.left > 0) {
    if (attributes.size >= ATTRIBUTES_MAX) throw new Fault("malformed-message", "the client sends too many connection attributes");
    attributes.set(pairs.lenencBytes().toString("utf8"), pairs.lenencBytes().toString("utf8"));
  }
  return attributes;
}

export function sslRequestPayload({ capabilities, maxPacketBytes, collation }: SslRequest): Buffer {
  return new PayloadWriter().uint32(capabilities).uint32(maxPacketBytes).uint8(collation).zeros(23).done();
}

/** Optional parts are written as the capabilities say. */
export function handshakeResponsePayload(response: HandshakeResponse): Buffer {
  const { capabilities } = response;
  const writer = new PayloadWriter(256)
    .uint32(capabilities)
    .uint32(response.maxPacketBytes)
    .uint8(response.collation)
    .zeros(23)
    .nulString(response.user);
  if ((capabilities & CAPABILITY.pluginAuthLenencData) !== 0) writer.lenencBytes(response.authentication);
  else writer.uint8(response.authentication.length).bytes(response.authentication);
  if ((capabilities & CAPABILITY.connectWithDatabase) !== 0) writer.nulString(response.database ?? "");
  if ((capabilities & CAPABILITY.pluginAuth) !== 0) writer.nulString(response.plugin ?? "");
  if ((capabilities & CAPABILITY.connectAttributes) !== 0) {
    const pairs = new PayloadWriter(256);
    for (const [name, value] of response.attributes) pairs.lenencBytes(Buffer.from(name)).lenencBytes(Buffer.from(value));
    writer.lenencBytes(pairs.done());
  }
  return writer.done();
}

/** @param data NUL included where the plugin expects it */
export function authSwitchPayload(plugin: string, data: Buffer): Buffer {
  return new PayloadWriter().uint8(ANSWER.eof).nulString(plugin).bytes(data).done();
}

export interface AuthSwitch {
  readonly plugin: string;
  /** As it came, a NUL at its end included. A view. */
  readonly data: Buffer;
}

/** @returns null for the old form without a plugin's name, which asks for pre-4.1 authentication */
export function readAuthSwitch(payload: Buffer): AuthSwitch | null {
  if (payload.length === 1) return null;
  const cursor = new PayloadCursor(payload, 1);
  return { plugin: cursor.nulBytes().toString("latin1"), data: cursor.rest() };
}
