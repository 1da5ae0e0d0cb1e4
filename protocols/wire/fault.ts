/**
 * Every reason, outside policy, for which a client is told no. A fault is a stable code for machines, a sentence
 * for people, and its cause; each protocol maps the codes to its own wire errors in one table.
 */
export const FAULT_CODES = [
  "tls-required",
  "tls-early-bytes",
  "tls-refused",
  "alpn-refused",
  "malformed-message",
  "message-too-large",
  "statement-too-large",
  "unexpected-message",
  "unsupported-protocol",
  "replication-refused",
  "startup-option-refused",
  "login-timeout",
  "too-many-connections",
  "identity-missing",
  "identity-refused",
  "identity-expired",
  "identity-unavailable",
  "token-expired",
  "target-unknown",
  "upstream-unreachable",
  "upstream-tls-refused",
  "upstream-login-failed",
  "upstream-out-of-step",
  "upstream-lost",
  "catalogue-unavailable",
  "masking-rules-unfit",
  "masking-tripwire",
  "recording-failed",
  "evidence-failed",
  "row-limit",
  "statement-timeout",
  "outcome-unknown",
  "session-budget",
  "idle-timeout",
  "session-limit",
  "shutting-down",
  "request-ambiguous",
  "request-misdirected",
  "method-refused",
  "request-too-large",
  "response-too-large",
  "rate-limited",
  "mcp-unreadable",
  "masked-request",
  "masked-body-type",
  "masked-body-encoding",
  "masked-body-malformed",
  "internal-error",
] as const;

export type FaultCode = (typeof FAULT_CODES)[number];

/** Thrown where bad input or a broken peer ends an attempt. The message names things, never values or secrets. */
export class Fault extends Error {
  readonly code: FaultCode;
  /** What the client may do next; empty when there is nothing. */
  readonly hint: string;

  constructor(code: FaultCode, message: string, options: { readonly hint?: string; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Fault";
    this.code = code;
    this.hint = options.hint ?? "";
  }
}
