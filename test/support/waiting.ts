/**
 * Waiting in tests for what other processes bring about. A condition is waited for, never a span of time: a machine that is
 * busy elsewhere may stand still for seconds, and then a test that counts on its speed fails without a fault.
 */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";

/** Longer than any machine stands still; who waits so long in vain waits for what does not come. */
export const PATIENCE_MS = 60_000;
const LOOK_MS = 20;
const ATTEMPTS = 6;

type Looked<T> = T | undefined | false;

/**
 * What `look` finds, once that is neither undefined nor false.
 *
 * @param what completes "waited in vain until …"
 * @throws Error when it finds nothing within the time
 */
export async function until<T>(look: () => Looked<T> | Promise<Looked<T>>, what: string | (() => string), ms = PATIENCE_MS): Promise<T> {
  for (const end = performance.now() + ms; ; await pause(LOOK_MS)) {
    const late = performance.now() > end;
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (late) throw new Error(`waited in vain until ${typeof what === "string" ? what : what()}`);
  }
}

/** What an attempt came to, and how long that took which is promised to take less. */
export type Timed<T> = readonly [tookMs: number, result: T];

/**
 * An attempt that is promised to be over within a time. A machine that stands still makes one late, and is given more; a gateway
 * that waits for what it should not makes all of them. What an attempt asserts besides, it asserts each time.
 *
 * @throws AssertionError when each of six takes longer
 */
export async function inTime<T>(limitMs: number, attempt: () => Promise<Timed<T>>): Promise<T> {
  const took: number[] = [];
  while (took.length < ATTEMPTS) {
    const [tookMs, result] = await attempt();
    if (tookMs < limitMs) return result;
    took.push(Math.round(tookMs));
  }
  assert.fail(`took ${took.join(", ")} ms where less than ${limitMs} ms are promised`);
}
