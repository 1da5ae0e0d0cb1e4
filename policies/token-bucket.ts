/**
 * A token bucket as a function: what is left of a rate after one more request. Time is given, state is handed back; who
 * keeps it for whom is the caller's matter.
 */
export interface Bucket {
  /** When as many requests as the rate allows may be made at once again; in the past: now. */
  readonly fullAtMs: number;
}

export interface Taken {
  readonly bucket: Bucket;
  /** 0: the request may be made. Otherwise the milliseconds after which one may. */
  readonly waitMs: number;
}

/**
 * @param bucket undefined: full, as nothing was asked before
 * @param nowMs of a clock that does not go back; should it, nothing comes back meanwhile
 */
export function take(rate: { readonly requests: number; readonly perMs: number }, bucket: Bucket | undefined, nowMs: number): Taken {
  const fullAtMs = Math.max(bucket?.fullAtMs ?? nowMs, nowMs) + rate.perMs / rate.requests;
  const waitMs = Math.ceil(fullAtMs - nowMs - rate.perMs);
  return waitMs <= 0 || bucket === undefined ? { bucket: { fullAtMs }, waitMs: 0 } : { bucket, waitMs };
}
