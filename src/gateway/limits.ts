/** Limits of connections, with the reason or the source of each number. docs/configuration.md names them. */

/** Time limits, ms. They are handed to a worker when it is made, so that a test can wait for them; no configuration changes them. */
export interface Deadlines {
  /** Accepted to authenticated, all steps together. */
  readonly loginMs: number;
  /** Connect, TLS and login to a target. */
  readonly upstreamLoginMs: number;
  /** How long a session may go on, once the gateway is told to stop, before it is cut off. */
  readonly drainMs: number;
  /**
   * How long what a client asked for may still run once it has closed its side without Terminate, which a killed process
   * does too. The server itself takes such a client for gone where it looks at all (client_connection_check_interval).
   */
  readonly halfClosedMs: number;
}

export const DEADLINES: Deadlines = { loginMs: 30_000, upstreamLoginMs: 15_000, drainMs: 10_000, halfClosedMs: 5_000 };

/** Of a password message: tokens of large organisations have some 16 kB; the threat model's limit before authentication is 64 KiB. */
export const PASSWORD_BYTES_MAX = 64 * 1024;

/** Connections from one address that have not authenticated; beyond it the oldest of them gives way. */
export const UNAUTHENTICATED_PER_ADDRESS = 1000;

/** Bytes waiting in one direction of one session before its source is not read any more; measured: 1 MiB beats 16 and 256 KiB. */
export const WATERMARK_BYTES = 1024 * 1024;

/** The same while all sessions of a process together hold more than the budget. */
export const WATERMARK_BYTES_SHORT = 64 * 1024;

/** Bytes waiting in all sessions of a process. */
export const BUFFER_BUDGET_BYTES = 256 * 1024 * 1024;

/** Several small pieces are joined below this and written apart above it: joining costs a copy, a write a system call. */
export const JOIN_BYTES_MAX = 64 * 1024;

/** Wrong cancel keys from one address within a minute; more are not looked at. A 3.0 key has 32 bits. */
export const WRONG_CANCELS_PER_MINUTE = 20;

/** How much later than a target that keeps the limit of a statement itself the gateway's clock strikes. */
export const TIMEOUT_SLACK_MS = 1_000;

/** Largest delay of a Node timer. */
export const TIMER_MS_MAX = 0x7fffffff;
