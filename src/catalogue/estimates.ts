/** Estimates of rows that differ by less than a tenth are the same: every change makes judgements of its own. */
const SAME_WITHIN = 0.1;

/** @param before null: never estimated */
export function sameSize(before: number | null, now: number | null): boolean {
  return before === null || now === null ? before === now : Math.abs(now - before) <= SAME_WITHIN * Math.max(before, now);
}
