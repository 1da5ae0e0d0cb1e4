/**
 * How a command says that it did not do what it was asked: a stable code for programs, a sentence and a way on for
 * people, and the exit code. Anything else that is thrown is a defect and reported as `internal-error`.
 */

/** 0 done; 1 failed; 2 usage or configuration; 3 verification found tampering. */
export type ExitCode = 0 | 1 | 2 | 3;

const EXIT_CODES = {
  usage: 2,
  "config-invalid": 2,
  "config-missing": 2,
  "source-missing": 2,
  "folder-in-use": 2,
  "target-unknown": 2,
  "protocol-unsupported": 2,
  "target-unreachable": 1,
  "catalogue-unreadable": 1,
  "nothing-masked": 2,
  "behind-wall": 2,
  "identity-missing": 2,
  "identity-wrong": 1,
  "session-unknown": 1,
  "session-ambiguous": 2,
  "recording-unreadable": 1,
  "platform-unsupported": 1,
  "port-in-use": 1,
  "already-running": 1,
  "start-failed": 1,
  "demo-failed": 1,
  tampered: 3,
  interrupted: 1,
  "internal-error": 1,
} as const satisfies Record<string, ExitCode>;

export type FailureCode = keyof typeof EXIT_CODES;

export class Failure extends Error {
  readonly code: FailureCode;
  /** What to do next; empty when there is nothing to add. */
  readonly hint: string;

  constructor(code: FailureCode, message: string, options: { readonly hint?: string; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Failure";
    this.code = code;
    this.hint = options.hint ?? "";
  }

  get exitCode(): ExitCode {
    return EXIT_CODES[this.code];
  }
}

/** What was thrown, as a failure: itself, or a defect of ours with the message it came with. */
export function asFailure(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new Failure("internal-error", message, { cause: thrown });
}
