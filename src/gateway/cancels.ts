/**
 * Cancel keys of the gateway's own: who may cancel which session. A key names its worker, so that a request that reaches
 * another one finds its way; the secret is compared in constant time, and wrong guesses are counted by address.
 *
 * PostgreSQL documentation, "Canceling Requests in Progress" (protocol-flow-canceling-requests).
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { Principal } from "#policies/question.ts";
import { WRONG_CANCELS_PER_MINUTE } from "./limits.ts";

export interface CancelKey {
  readonly processId: number;
  readonly secret: Buffer;
}

/** Bits of the process id that count a worker's sessions; the ones above name the worker. */
const SESSION_BITS = 24;
const SECRET_BYTES_SHORT = 4;
const SECRET_BYTES_LONG = 32;
const MINUTE_MS = 60_000;

export function workerOf(processId: number): number {
  return processId >>> SESSION_BITS;
}

/** Who acts for another is not that other, nor who acts for the same one beside it. */
export function ownerOf({ issuer, name, actor }: Principal): string {
  return JSON.stringify([issuer, name, actor]);
}

/** Who may stop a session without its key: its own principal. */
export interface Owned {
  /** From `ownerOf`. */
  readonly owner: string;
  readonly cancel: (remote: string) => void;
  readonly end: () => void;
}

interface Entry extends Owned {
  readonly secret: Buffer;
}

export class Cancels {
  readonly #worker: number;
  readonly #entries = new Map<number, Entry>();
  /** Wrong keys by address, from the first one for a minute. */
  readonly #wrong = new Map<string, { readonly count: number; readonly untilMs: number }>();
  #next = 1;
  #forgetAtMs = 0;

  /** @param worker from 1 to 126 */
  constructor(worker: number) {
    this.#worker = worker;
  }

  /** A process id for a client that is told it before it logs in. */
  take(): number {
    const mask = (1 << SESSION_BITS) - 1;
    do this.#next = (this.#next + 1) & mask;
    while (this.#entries.has(this.#processId()));
    return this.#processId();
  }

  /**
   * @param long for PostgreSQL's protocol 3.2: a secret of 32 bytes instead of 4
   * @param reserved from `take`
   */
  issue(long: boolean, owned: Owned, reserved: number | null): CancelKey {
    const processId = reserved === null || this.#entries.has(reserved) ? this.take() : reserved;
    const secret = randomBytes(long ? SECRET_BYTES_LONG : SECRET_BYTES_SHORT);
    this.#entries.set(processId, { ...owned, secret });
    return { processId, secret };
  }

  withdraw(key: CancelKey): void {
    this.#entries.delete(key.processId);
  }

  /** @returns whether the key was right; nothing tells the sender */
  request(key: CancelKey, remote: string, nowMs: number): boolean {
    this.#forget(nowMs);
    const address = remote.slice(0, remote.lastIndexOf(":"));
    const seen = this.#wrong.get(address);
    const wrong = seen !== undefined && nowMs < seen.untilMs ? seen : { count: 0, untilMs: nowMs + MINUTE_MS };
    if (wrong.count >= WRONG_CANCELS_PER_MINUTE) return false;
    const entry = this.#entries.get(key.processId);
    if (entry === undefined || entry.secret.length !== key.secret.length || !timingSafeEqual(entry.secret, key.secret)) {
      this.#wrong.set(address, { count: wrong.count + 1, untilMs: wrong.untilMs });
      return false;
    }
    entry.cancel(remote);
    return true;
  }

  /** @returns whether this worker has such a session of that principal's */
  kill(processId: number, owner: string, connection: boolean, remote: string): boolean {
    const entry = this.#entries.get(processId);
    if (entry?.owner !== owner) return false;
    if (connection) entry.end();
    else entry.cancel(remote);
    return true;
  }

  #forget(nowMs: number): void {
    if (nowMs < this.#forgetAtMs) return;
    this.#forgetAtMs = nowMs + MINUTE_MS;
    for (const [address, { untilMs }] of this.#wrong) if (nowMs >= untilMs) this.#wrong.delete(address);
  }

  #processId(): number {
    return (this.#worker << SESSION_BITS) | this.#next;
  }
}
