/**
 * Byte constants of the PostgreSQL frontend/backend protocol, version 3.
 * Source: PostgreSQL documentation, "Message Formats" (protocol-message-formats).
 */

/** Request codes in the place of a protocol version: 1234 in the high 16 bits. */
export const REQUEST = {
  ssl: 80877103,
  gssenc: 80877104,
  cancel: 80877102,
} as const;

export const PROTOCOL_MAJOR = 3;
/** Newest minor version spoken: 3.2, which brings cancel keys of up to 256 bytes. */
export const PROTOCOL_MINOR_MAX = 2;

/** First byte of a TLS record of type handshake (RFC 8446, section 5.1): a direct TLS start. */
export const TLS_HANDSHAKE_RECORD = 0x16;

/** PostgreSQL's own MAX_STARTUP_PACKET_LENGTH (src/include/libpq/pqcomm.h), length word excluded. */
export const STARTUP_BYTES_MAX = 10_000;

/** Tags that a client sends. */
export const CLIENT = {
  bind: 0x42, // B
  close: 0x43, // C
  copyData: 0x64, // d
  copyDone: 0x63, // c
  copyFail: 0x66, // f
  describe: 0x44, // D
  execute: 0x45, // E
  flush: 0x48, // H
  functionCall: 0x46, // F
  parse: 0x50, // P
  password: 0x70, // p, also SASL responses
  query: 0x51, // Q
  sync: 0x53, // S
  terminate: 0x58, // X
} as const;

/** Tags that a server sends. */
export const SERVER = {
  authentication: 0x52, // R
  backendKeyData: 0x4b, // K
  bindComplete: 0x32, // 2
  closeComplete: 0x33, // 3
  commandComplete: 0x43, // C
  copyBothResponse: 0x57, // W
  copyData: 0x64, // d
  copyDone: 0x63, // c
  copyInResponse: 0x47, // G
  copyOutResponse: 0x48, // H
  dataRow: 0x44, // D
  emptyQueryResponse: 0x49, // I
  errorResponse: 0x45, // E
  negotiateProtocolVersion: 0x76, // v
  noData: 0x6e, // n
  noticeResponse: 0x4e, // N
  notificationResponse: 0x41, // A
  parameterDescription: 0x74, // t
  parameterStatus: 0x53, // S
  parseComplete: 0x31, // 1
  portalSuspended: 0x73, // s
  readyForQuery: 0x5a, // Z
  rowDescription: 0x54, // T
} as const;

/** Codes of an Authentication message. */
export const AUTHENTICATION = {
  ok: 0,
  cleartextPassword: 3,
  md5Password: 5,
  sasl: 10,
  saslContinue: 11,
  saslFinal: 12,
} as const;

/** One look-up per message: 1 for each of these tags, 0 for the others. */
export function tagTable(tags: Iterable<number>): Uint8Array {
  const table = new Uint8Array(256);
  for (const tag of tags) table[tag] = 1;
  return table;
}
