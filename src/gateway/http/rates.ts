/** How often principals have asked lately, as rate rules count it. Each process counts for itself. */
import { type Bucket, take } from "#policies/token-bucket.ts";

interface Rate {
  readonly rule: string;
  readonly requests: number;
  readonly perMs: number;
}

/** Buckets kept; beyond it all are forgotten, which lets each principal ask anew. */
const BUCKETS_MAX = 100_000;

export class Rates {
  readonly #buckets = new Map<string, Bucket>();

  /**
   * Counts one request.
   *
   * @param who names principal and target
   * @param nowMs monotonic
   * @returns null where it may be made; else the rule that holds it back, and after how long it may be made
   */
  take(rates: readonly Rate[], who: string, nowMs: number): { readonly rule: string; readonly waitMs: number } | null {
    for (const rate of rates) {
      const key = JSON.stringify([rate.rule, who]);
      const { bucket, waitMs } = take(rate, this.#buckets.get(key), nowMs);
      if (this.#buckets.size >= BUCKETS_MAX) this.#buckets.clear();
      this.#buckets.set(key, bucket);
      if (waitMs > 0) return { rule: rate.rule, waitMs };
    }
    return null;
  }
}
