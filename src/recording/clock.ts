/**
 * Time as the recorder is told it. Wall time names the moment of an event; monotonic time measures the distance from
 * the start of its session, so that a stepped clock changes neither order nor durations.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds since an arbitrary moment; never goes back. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
};
