/**
 * What a MySQL client is told for each reason: errno and SQLSTATE, in one table that the compiler checks. The sentence comes
 * with the fault or the denial; the stable reason stands in brackets at its end.
 *
 * Source: MySQL manual, "Server Error Message Reference" and "Client Error Message Reference".
 */
import type { Denial, DenyReason } from "#policies/decision.ts";
import type { Fault, FaultCode } from "#protocols/wire/fault.ts";
import { STATEMENT_BYTES_MAX } from "#protocols/wire/limits.ts";
import type { ErrPacket } from "./outcome.ts";

export interface WireError {
  readonly errno: number;
  readonly sqlState: string;
}

const DENIED = { errno: 1142, sqlState: "42000" } as const; // ER_TABLEACCESS_DENIED_ERROR
const MASKED = { errno: 1143, sqlState: "42000" } as const; // ER_COLUMNACCESS_DENIED_ERROR
const REFUSED_LOGIN = { errno: 1045, sqlState: "28000" } as const; // ER_ACCESS_DENIED_ERROR
const HANDSHAKE = { errno: 1043, sqlState: "08S01" } as const; // ER_HANDSHAKE_ERROR
const TOO_LARGE = { errno: 1153, sqlState: "08S01" } as const; // ER_NET_PACKET_TOO_LARGE
const ADMINISTRATION = { errno: 1227, sqlState: "42000" } as const; // ER_SPECIFIC_ACCESS_DENIED_ERROR
const UPSTREAM = { errno: 1429, sqlState: "HY000" } as const; // ER_CONNECT_TO_FOREIGN_DATA_SOURCE
const SHUTDOWN = { errno: 1053, sqlState: "08S01" } as const; // ER_SERVER_SHUTDOWN
const RESOURCES = { errno: 1226, sqlState: "42000" } as const; // ER_USER_LIMIT_REACHED
const UNKNOWN = { errno: 1105, sqlState: "HY000" } as const; // ER_UNKNOWN_ERROR

export const WIRE_ERRORS = {
  "tls-required": { errno: 3159, sqlState: "HY000" }, // ER_SECURE_TRANSPORT_REQUIRED
  "tls-early-bytes": HANDSHAKE,
  "tls-refused": HANDSHAKE,
  "alpn-refused": HANDSHAKE,
  "malformed-message": { errno: 1835, sqlState: "HY000" }, // ER_MALFORMED_PACKET
  "message-too-large": TOO_LARGE,
  "statement-too-large": TOO_LARGE,
  "unexpected-message": { errno: 1047, sqlState: "08S01" }, // ER_UNKNOWN_COM_ERROR
  "unsupported-protocol": { errno: 1251, sqlState: "08004" }, // ER_NOT_SUPPORTED_AUTH_MODE
  "replication-refused": ADMINISTRATION,
  "startup-option-refused": { errno: 1231, sqlState: "42000" }, // ER_WRONG_VALUE_FOR_VAR
  "login-timeout": { errno: 1159, sqlState: "08S01" }, // ER_NET_READ_INTERRUPTED
  "too-many-connections": { errno: 1040, sqlState: "08004" }, // ER_CON_COUNT_ERROR
  "identity-missing": REFUSED_LOGIN,
  "identity-refused": REFUSED_LOGIN,
  "identity-expired": REFUSED_LOGIN,
  "identity-unavailable": REFUSED_LOGIN,
  "token-expired": REFUSED_LOGIN,
  "target-unknown": { errno: 1049, sqlState: "42000" }, // ER_BAD_DB_ERROR
  "upstream-unreachable": UPSTREAM,
  "upstream-tls-refused": UPSTREAM,
  "upstream-login-failed": UPSTREAM,
  "upstream-out-of-step": { errno: 1158, sqlState: "08S01" }, // ER_NET_READ_ERROR
  "upstream-lost": { errno: 1158, sqlState: "08S01" },
  "catalogue-unavailable": UNKNOWN,
  "masking-rules-unfit": UNKNOWN,
  "masking-tripwire": MASKED,
  "recording-failed": UNKNOWN,
  "evidence-failed": UNKNOWN,
  "row-limit": RESOURCES,
  "statement-timeout": { errno: 3024, sqlState: "HY000" }, // ER_QUERY_TIMEOUT
  "outcome-unknown": UNKNOWN,
  "session-budget": RESOURCES,
  "idle-timeout": { errno: 4031, sqlState: "HY000" }, // ER_CLIENT_INTERACTION_TIMEOUT
  "session-limit": SHUTDOWN,
  "shutting-down": SHUTDOWN,
  // These come of HTTP requests alone.
  "request-ambiguous": UNKNOWN,
  "request-misdirected": UNKNOWN,
  "method-refused": UNKNOWN,
  "request-too-large": UNKNOWN,
  "response-too-large": UNKNOWN,
  "rate-limited": UNKNOWN,
  "mcp-unreadable": UNKNOWN,
  "masked-request": UNKNOWN,
  "masked-body-type": UNKNOWN,
  "masked-body-encoding": UNKNOWN,
  "masked-body-malformed": UNKNOWN,
  "internal-error": UNKNOWN,
  "access-not-granted": DENIED,
  "target-not-granted": { errno: 1044, sqlState: "42000" }, // ER_DBACCESS_DENIED_ERROR
  "statement-unparsed": { errno: 1064, sqlState: "42000" }, // ER_PARSE_ERROR
  "function-call-refused": ADMINISTRATION,
  "name-refused": ADMINISTRATION,
  "command-refused": ADMINISTRATION,
  "statement-guarded": { errno: 1290, sqlState: "HY000" }, // ER_OPTION_PREVENTS_STATEMENT
  "approval-required": DENIED,
  "masked-statement-kind": MASKED,
  "masked-write": MASKED,
  "masked-view": MASKED,
  "masked-catalogue": MASKED,
  "masked-function": MASKED,
  "masked-setting": MASKED,
  "masked-unresolved": MASKED,
  "masked-undefined-table": { errno: 1146, sqlState: "42S02" }, // ER_NO_SUCH_TABLE
  "masked-unsupported": MASKED,
  "masked-unparsed": { errno: 1064, sqlState: "42000" },
} as const satisfies Record<FaultCode | DenyReason, WireError>;

/** The packet that ends a connection. */
export function faultError(fault: Fault): ErrPacket {
  const hint = fault.hint === "" ? "" : ` (${fault.hint})`;
  return { ...WIRE_ERRORS[fault.code], message: `${fault.message}${hint} [reason=${fault.code}]` };
}

/** The packet in the place of a statement's answer. */
export function denialError(denial: Denial): ErrPacket {
  const rule = denial.rule === null ? "" : ` rule=${denial.rule}`;
  const place = denial.position === null ? "" : ` at character ${denial.position}`;
  const hint = denial.hint === "" ? "" : ` (${denial.hint})`;
  return { ...WIRE_ERRORS[denial.reason], message: `${denial.message}${place}${hint} [reason=${denial.reason}${rule}]` };
}

/** For a text that would have to be judged and is too large for it. */
export function tooLargeError(): ErrPacket {
  const message = `the statement is larger than the ${STATEMENT_BYTES_MAX} bytes that can be judged [reason=statement-too-large]`;
  return { ...WIRE_ERRORS["statement-too-large"], message };
}
