/** A refusal with more to say than its reason: another status, a time to wait. */
import type { Fault } from "#protocols/wire/fault.ts";

export class Refusal extends Error {
  readonly fault: Fault;
  readonly status: number | undefined;
  readonly retryAfter: number | undefined;

  constructor(fault: Fault, { status, retryAfter }: { readonly status?: number; readonly retryAfter?: number }) {
    super(fault.message);
    this.fault = fault;
    this.status = status;
    this.retryAfter = retryAfter;
  }
}
