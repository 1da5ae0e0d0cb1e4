/**
 * What a PostgreSQL client is told for each reason: SQLSTATE and severity, in one table that the compiler checks. The
 * sentence comes with the fault or the denial; DETAIL carries the stable reason, HINT the way on.
 *
 * Source of the codes: PostgreSQL documentation, appendix "PostgreSQL Error Codes".
 */
import type { Denial, DenyReason } from "#policies/decision.ts";
import type { Fault, FaultCode } from "#protocols/wire/fault.ts";
import { errorResponse } from "./encode.ts";

export interface WireError {
  readonly sqlState: string;
  readonly severity: "ERROR" | "FATAL";
}

const HTTP_ONLY = { sqlState: "XX000", severity: "FATAL" } as const;

export const WIRE_ERRORS = {
  "tls-required": { sqlState: "28000", severity: "FATAL" },
  "tls-early-bytes": { sqlState: "08P01", severity: "FATAL" },
  "tls-refused": { sqlState: "28000", severity: "FATAL" },
  "alpn-refused": { sqlState: "08P01", severity: "FATAL" },
  "malformed-message": { sqlState: "08P01", severity: "FATAL" },
  "message-too-large": { sqlState: "08P01", severity: "FATAL" },
  "statement-too-large": { sqlState: "54000", severity: "ERROR" },
  "unexpected-message": { sqlState: "08P01", severity: "FATAL" },
  "unsupported-protocol": { sqlState: "0A000", severity: "FATAL" },
  "replication-refused": { sqlState: "0A000", severity: "FATAL" },
  "startup-option-refused": { sqlState: "42501", severity: "FATAL" },
  "login-timeout": { sqlState: "57014", severity: "FATAL" },
  "too-many-connections": { sqlState: "53300", severity: "FATAL" },
  "identity-missing": { sqlState: "28000", severity: "FATAL" },
  "identity-refused": { sqlState: "28P01", severity: "FATAL" },
  "identity-expired": { sqlState: "28P01", severity: "FATAL" },
  "identity-unavailable": { sqlState: "28000", severity: "FATAL" },
  "token-expired": { sqlState: "57P01", severity: "FATAL" },
  "target-unknown": { sqlState: "3D000", severity: "FATAL" },
  "upstream-unreachable": { sqlState: "08001", severity: "FATAL" },
  "upstream-tls-refused": { sqlState: "08006", severity: "FATAL" },
  "upstream-login-failed": { sqlState: "08004", severity: "FATAL" },
  "upstream-out-of-step": { sqlState: "08P01", severity: "FATAL" },
  "upstream-lost": { sqlState: "08006", severity: "FATAL" },
  "catalogue-unavailable": { sqlState: "57P03", severity: "FATAL" },
  "masking-rules-unfit": { sqlState: "F0000", severity: "FATAL" },
  "masking-tripwire": { sqlState: "42501", severity: "FATAL" },
  "recording-failed": { sqlState: "58030", severity: "FATAL" },
  "evidence-failed": { sqlState: "58030", severity: "FATAL" },
  "row-limit": { sqlState: "54000", severity: "ERROR" },
  "statement-timeout": { sqlState: "57014", severity: "ERROR" },
  "outcome-unknown": { sqlState: "08007", severity: "FATAL" },
  "session-budget": { sqlState: "54000", severity: "FATAL" },
  "idle-timeout": { sqlState: "57P05", severity: "FATAL" },
  "session-limit": { sqlState: "57P01", severity: "FATAL" },
  "shutting-down": { sqlState: "57P01", severity: "FATAL" },
  // These come of HTTP requests alone.
  "request-ambiguous": HTTP_ONLY,
  "request-misdirected": HTTP_ONLY,
  "method-refused": HTTP_ONLY,
  "request-too-large": HTTP_ONLY,
  "response-too-large": HTTP_ONLY,
  "rate-limited": HTTP_ONLY,
  "mcp-unreadable": HTTP_ONLY,
  "masked-request": HTTP_ONLY,
  "masked-body-type": HTTP_ONLY,
  "masked-body-encoding": HTTP_ONLY,
  "masked-body-malformed": HTTP_ONLY,
  "internal-error": { sqlState: "XX000", severity: "FATAL" },
  "access-not-granted": { sqlState: "42501", severity: "ERROR" },
  "target-not-granted": { sqlState: "42501", severity: "FATAL" },
  "statement-unparsed": { sqlState: "42601", severity: "ERROR" },
  "function-call-refused": { sqlState: "0A000", severity: "ERROR" },
  "name-refused": { sqlState: "0A000", severity: "ERROR" },
  "command-refused": { sqlState: "0A000", severity: "ERROR" },
  "statement-guarded": { sqlState: "42501", severity: "ERROR" },
  "approval-required": { sqlState: "42501", severity: "ERROR" },
  "masked-statement-kind": { sqlState: "42501", severity: "ERROR" },
  "masked-write": { sqlState: "42501", severity: "ERROR" },
  "masked-view": { sqlState: "42501", severity: "ERROR" },
  "masked-catalogue": { sqlState: "42501", severity: "ERROR" },
  "masked-function": { sqlState: "42501", severity: "ERROR" },
  "masked-setting": { sqlState: "42501", severity: "ERROR" },
  "masked-undefined-table": { sqlState: "42P01", severity: "ERROR" },
  "masked-unresolved": { sqlState: "42501", severity: "ERROR" },
  "masked-unsupported": { sqlState: "42501", severity: "ERROR" },
  "masked-unparsed": { sqlState: "42601", severity: "ERROR" },
} as const satisfies Record<FaultCode | DenyReason, WireError>;

/** The message that ends a connection, whatever its reason does to a statement elsewhere. */
export function faultMessage(fault: Fault): Buffer {
  const { sqlState } = WIRE_ERRORS[fault.code];
  return errorResponse({ severity: "FATAL", sqlState, message: fault.message, detail: `reason=${fault.code}`, hint: fault.hint });
}

/** The message in the place of a statement's answer. */
export function denialMessage(denial: Denial): Buffer {
  const { sqlState, severity } = WIRE_ERRORS[denial.reason];
  const rule = denial.rule === null ? "" : ` rule=${denial.rule}`;
  return errorResponse({
    severity,
    sqlState,
    message: denial.message,
    detail: `reason=${denial.reason}${rule}`,
    hint: denial.hint,
    position: denial.position,
  });
}
