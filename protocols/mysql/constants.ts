/**
 * Byte constants of the MySQL client/server protocol, version 10, as MySQL 9 and MariaDB 10 and 11 speak it.
 * Source: MySQL source documentation, "Client/Server Protocol"; MariaDB documentation, "Protocol".
 */

export const PROTOCOL_VERSION = 10;

/** Capability flags (page_protocol_basic_capabilities_flags, "Capabilities Flags"), lower 32 bits. */
export const CAPABILITY = {
  /** MySQL's CLIENT_LONG_PASSWORD; MariaDB's CLIENT_MYSQL: a server without it has MariaDB's capabilities in the reserved bytes. */
  longPassword: 1 << 0,
  foundRows: 1 << 1,
  longFlag: 1 << 2,
  connectWithDatabase: 1 << 3,
  noSchema: 1 << 4,
  compress: 1 << 5,
  odbc: 1 << 6,
  localFiles: 1 << 7,
  ignoreSpace: 1 << 8,
  protocol41: 1 << 9,
  interactive: 1 << 10,
  ssl: 1 << 11,
  ignoreSigpipe: 1 << 12,
  transactions: 1 << 13,
  reserved: 1 << 14,
  secureConnection: 1 << 15,
  multiStatements: 1 << 16,
  multiResults: 1 << 17,
  psMultiResults: 1 << 18,
  pluginAuth: 1 << 19,
  connectAttributes: 1 << 20,
  pluginAuthLenencData: 1 << 21,
  canHandleExpiredPasswords: 1 << 22,
  sessionTrack: 1 << 23,
  deprecateEof: 1 << 24,
  optionalResultsetMetadata: 1 << 25,
  zstdCompression: 1 << 26,
  queryAttributes: 1 << 27,
  multiFactorAuthentication: 1 << 28,
} as const;

/** First byte of a command (page_protocol_command_phase). */
export const COMMAND = {
  sleep: 0x00,
  quit: 0x01,
  initDb: 0x02,
  query: 0x03,
  fieldList: 0x04,
  createDb: 0x05,
  dropDb: 0x06,
  refresh: 0x07,
  shutdown: 0x08,
  statistics: 0x09,
  processInfo: 0x0a,
  connect: 0x0b,
  processKill: 0x0c,
  debug: 0x0d,
  ping: 0x0e,
  time: 0x0f,
  delayedInsert: 0x10,
  changeUser: 0x11,
  binlogDump: 0x12,
  tableDump: 0x13,
  connectOut: 0x14,
  registerSlave: 0x15,
  stmtPrepare: 0x16,
  stmtExecute: 0x17,
  stmtSendLongData: 0x18,
  stmtClose: 0x19,
  stmtReset: 0x1a,
  setOption: 0x1b,
  stmtFetch: 0x1c,
  daemon: 0x1d,
  binlogDumpGtid: 0x1e,
  resetConnection: 0x1f,
  clone: 0x20,
  subscribeGroupReplicationStream: 0x21,
  /** MariaDB: one EXECUTE with many rows of parameters. */
  stmtBulkExecute: 0xfa,
} as const;

/** First byte of an answer, where it is not a column count or a row. */
export const ANSWER = {
  ok: 0x00,
  authMoreData: 0x01,
  localInfile: 0xfb,
  /** EOF, an OK that stands for one (CLIENT_DEPRECATE_EOF), or AuthSwitchRequest during login. */
  eof: 0xfe,
  error: 0xff,
} as const;

/** Server status flags (enum SERVER_STATUS_flags_enum, include/mysql_com.h). */
export const STATUS = {
  inTransaction: 1 << 0,
  autocommit: 1 << 1,
  moreResults: 1 << 3,
  noGoodIndexUsed: 1 << 4,
  noIndexUsed: 1 << 5,
  cursorExists: 1 << 6,
  lastRowSent: 1 << 7,
  noBackslashEscapes: 1 << 9,
  queryWasSlow: 1 << 11,
  psOutParameters: 1 << 12,
  inReadOnlyTransaction: 1 << 13,
  sessionStateChanged: 1 << 14,
  /** MariaDB and MySQL both: the sql_mode has ANSI_QUOTES set (MariaDB only sends it). */
  ansiQuotes: 1 << 15,
} as const;

/** Column types (enum_field_types, include/field_types.h). */
export const TYPE = {
  decimal: 0x00,
  tiny: 0x01,
  short: 0x02,
  long: 0x03,
  float: 0x04,
  double: 0x05,
  null: 0x06,
  timestamp: 0x07,
  longlong: 0x08,
  int24: 0x09,
  date: 0x0a,
  time: 0x0b,
  datetime: 0x0c,
  year: 0x0d,
  varchar: 0x0f,
  bit: 0x10,
  vector: 0xf2,
  json: 0xf5,
  newdecimal: 0xf6,
  enum: 0xf7,
  set: 0xf8,
  tinyBlob: 0xf9,
  mediumBlob: 0xfa,
  longBlob: 0xfb,
  blob: 0xfc,
  varString: 0xfd,
  string: 0xfe,
  geometry: 0xff,
} as const;

/** Flag bits of a column definition that change how its values are read. */
export const COLUMN_FLAG = { unsigned: 1 << 5 } as const;

/** Collation id of `binary`: bytes that are no text. */
export const BINARY_COLLATION = 63;
/** utf8mb4_general_ci: what every MySQL and MariaDB since 5.5 knows by this number. */
export const UTF8MB4_COLLATION = 45;

/** Cursor types of COM_STMT_EXECUTE, and its flag for query attributes. */
export const EXECUTE_FLAG = { readOnlyCursor: 1, parameterCountAvailable: 8 } as const;

/** Payload of one packet; a packet of exactly this size is followed by another, if only an empty one. */
export const PACKET_PAYLOAD_MAX = 0xffffff;
export const HEADER_BYTES = 4;
