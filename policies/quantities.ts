/** Durations and sizes as people write them in rules and in the configuration. Each fails with what was expected. */
import { z } from "zod";

/** What a schema says of a wrong value, and of one that is not there. */
export function expected(what: string): (issue: { readonly input?: unknown }) => string {
  return ({ input }) => (input === undefined ? `is missing; expected ${what}` : `expected ${what}`);
}

const DURATION_EXPECTED = expected("a duration such as 30s, 10m or 8h");
const DURATION = /^([1-9]\d{0,8})(ms|s|m|h|d)$/;
const DURATION_MS = new Map([
  ["ms", 1],
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);
/** Node's timers end at 2^31 - 1 ms, 24.8 days. */
const DURATION_MS_MAX = 24 * 86_400_000;

/** `30s`, `10m`, `8h`: milliseconds. */
export const duration = z
  .string({ error: DURATION_EXPECTED })
  .regex(DURATION, { error: DURATION_EXPECTED })
  .transform((text, context) => {
    const [, count, unit] = DURATION.exec(text) ?? [];
    const ms = Number(count) * (DURATION_MS.get(unit ?? "") ?? Number.NaN);
    if (!(ms <= DURATION_MS_MAX)) {
      context.issues.push({ code: "custom", message: "is longer than 24 days", input: text });
      return z.NEVER;
    }
    return ms;
  });

const SIZE = /^(\d{1,12})(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)$/;
const SIZE_BYTES = new Map([
  ["B", 1],
  ["kB", 1e3],
  ["MB", 1e6],
  ["GB", 1e9],
  ["TB", 1e12],
  ["KiB", 2 ** 10],
  ["MiB", 2 ** 20],
  ["GiB", 2 ** 30],
  ["TiB", 2 ** 40],
]);

function bytesUpTo(most: number, inWords: string) {
  return z
    .union([z.int().min(0), z.string().regex(SIZE)], { error: expected("a size such as 64KiB or 1MiB") })
    .transform((written, context) => {
      const [, count, unit] = SIZE.exec(String(written)) ?? [];
      const bytes = typeof written === "number" ? written : Number(count) * (SIZE_BYTES.get(unit ?? "") ?? Number.NaN);
      if (!(bytes <= most)) {
        context.issues.push({ code: "custom", message: `is more than ${inWords}`, input: written });
        return z.NEVER;
      }
      return bytes;
    });
}

/** `1MiB`, `500kB`, or a number of bytes. A limit on memory: beyond a gibibyte it would not be one. */
export const size = bytesUpTo(2 ** 30, "1GiB");

/** The same of what goes through, which may be more. */
export const volume = bytesUpTo(1024 * 2 ** 40, "1024TiB");
