/**
 * What an HTTP client is told for each reason: the status code, in one table that the compiler checks. Sentence, reason and
 * way on stand in the problem document (RFC 9457).
 *
 * Source of the codes: RFC 9110 section 15; RFC 6585 (429, 431).
 */
import type { DenyReason } from "#policies/decision.ts";
import type { FaultCode } from "#protocols/wire/fault.ts";

export interface WireError {
  readonly status: number;
}

const BAD = { status: 400 } as const;
const UNPROVED = { status: 401 } as const;
const FORBIDDEN = { status: 403 } as const;
const TOO_LARGE = { status: 413 } as const;
const TOO_MANY = { status: 429 } as const;
const OURS = { status: 500 } as const;
const GATEWAY = { status: 502 } as const;
const UNAVAILABLE = { status: 503 } as const;

export const WIRE_ERRORS = {
  "tls-required": { status: 426 },
  "tls-early-bytes": BAD,
  "tls-refused": BAD,
  "alpn-refused": BAD,
  "malformed-message": BAD,
  "message-too-large": TOO_LARGE,
  "statement-too-large": TOO_LARGE,
  "unexpected-message": BAD,
  "unsupported-protocol": { status: 505 },
  "replication-refused": FORBIDDEN,
  "startup-option-refused": FORBIDDEN,
  "login-timeout": { status: 408 },
  "too-many-connections": UNAVAILABLE,
  "identity-missing": UNPROVED,
  "identity-refused": UNPROVED,
  "identity-expired": UNPROVED,
  "identity-unavailable": UNAVAILABLE,
  "token-expired": UNPROVED,
  "target-unknown": { status: 404 },
  "upstream-unreachable": GATEWAY,
  "upstream-tls-refused": GATEWAY,
  "upstream-login-failed": GATEWAY,
  "upstream-out-of-step": GATEWAY,
  "upstream-lost": GATEWAY,
  "catalogue-unavailable": UNAVAILABLE,
  "masking-rules-unfit": UNAVAILABLE,
  "masking-tripwire": FORBIDDEN,
  "recording-failed": UNAVAILABLE,
  "evidence-failed": UNAVAILABLE,
  "row-limit": FORBIDDEN,
  "statement-timeout": { status: 504 },
  "outcome-unknown": GATEWAY,
  "session-budget": TOO_MANY,
  "idle-timeout": { status: 408 },
  "session-limit": TOO_MANY,
  "shutting-down": UNAVAILABLE,
  "request-ambiguous": BAD,
  "request-misdirected": { status: 421 },
  "method-refused": { status: 405 },
  "request-too-large": TOO_LARGE,
  "response-too-large": GATEWAY,
  "rate-limited": TOO_MANY,
  "mcp-unreadable": BAD,
  "masked-request": FORBIDDEN,
  "masked-body-type": FORBIDDEN,
  "masked-body-encoding": FORBIDDEN,
  "masked-body-malformed": GATEWAY,
  "internal-error": OURS,
  "access-not-granted": FORBIDDEN,
  "target-not-granted": FORBIDDEN,
  "statement-unparsed": BAD,
  "function-call-refused": FORBIDDEN,
  "name-refused": FORBIDDEN,
  "command-refused": FORBIDDEN,
  "statement-guarded": FORBIDDEN,
  "approval-required": FORBIDDEN,
  "masked-statement-kind": FORBIDDEN,
  "masked-write": FORBIDDEN,
  "masked-view": FORBIDDEN,
  "masked-catalogue": FORBIDDEN,
  "masked-function": FORBIDDEN,
  "masked-setting": FORBIDDEN,
  "masked-undefined-table": { status: 404 },
  "masked-unresolved": FORBIDDEN,
  "masked-unsupported": FORBIDDEN,
  "masked-unparsed": BAD,
} as const satisfies Record<FaultCode | DenyReason, WireError>;
