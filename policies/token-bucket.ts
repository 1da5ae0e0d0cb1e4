/**
 * A token bucket as a function: what is left of a rate after one more request. Time is given, state is handed back; who
 * keeps it for whom is the caller's matter.
 */
export interface Bucket {
  /** Requests that may be made at once, fractions included. */
  readonly tokens: number;
  readonly atMs: number;
}

export interface Taken {
  readonly bucket: Bucket;
  /** 0: the request may be made. Otherwise the milliseconds after which one may. */
  readonly waitMs: number;
}

/**
 * @param bucket undefined: full, as nothing was asked before
 * @param nowMs of a clock that does not go back; should it, no time counts as passed
 */
export function take(rate: { readonly requests: number; readonly perMs: number }, bucket: Bucket | undefined, nowMs: number): Taken {
  const perRequestMs = rate.perMs / rate.requests;
  const passed = bucket === undefined ? 0 : Math.max(0, nowMs - bucket.atMs);
  const tokens = bucket === undefined ? rate.requests : Math.min(rate.requests, bucket.tokens + passed / perRequestMs);
  const atMs = bucket === undefined ? nowMs : Math.max(nowMs, bucket.atMs);
  if (tokens >= 1) return { bucket: { tokens: tokens - 1, atMs }, waitMs: 0 };
  return { bucket: { tokens, atMs }, waitMs: Math.ceil((1 - tokens) * perRequestMs) };
}
