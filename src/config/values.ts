/** Values of the configuration as people write them: durations, sizes, addresses, pins. Each fails with what was expected. */
import net from "node:net";
import { z } from "zod";
import type { HostPort } from "./config.ts";

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

const ADDRESS = /^(?:\[([0-9A-Fa-f:.]+(?:%\w+)?)\]|([A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?)):(\d{1,5})$/;
const ADDRESS_EXPECTED = expected("host:port, an IPv6 host in brackets as in [::1]:5432");

/** `host:port` or `[v6]:port`; port 0 only where `portMin` is 0. */
export function address(portMin: 0 | 1): z.ZodType<HostPort, string> {
  return z
    .string({ error: ADDRESS_EXPECTED })
    .regex(ADDRESS, { error: ADDRESS_EXPECTED })
    .transform((text, context) => {
      const parts = parseAddress(text);
      if (parts === undefined || parts.port < portMin || parts.port > 65_535) {
        context.issues.push({ code: "custom", message: `port must be between ${portMin} and 65535`, input: text });
        return z.NEVER;
      }
      return parts;
    });
}

/** Undefined for what is no address; the port may be any number of up to five digits. */
function parseAddress(text: string): HostPort | undefined {
  const [, v6, host, port] = ADDRESS.exec(text) ?? [];
  const name = v6 ?? host;
  return name === undefined ? undefined : { host: name, port: Number(port) };
}

/** A name or value that is passed on: not empty, no control characters, which protocols would read as an end. */
export const text = z
  .string()
  .min(1)
  .refine((written) => !/\p{Cc}/u.test(written), { error: "holds a control character" });

/** A host name as certificates carry it, or an address. */
export const serverName = z
  .string()
  .refine((written) => net.isIP(written) !== 0 || HOST_NAME.test(written), { error: "expected a host name or an address, without port" });
export const HOST_NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?$/;

/** A list in which nothing stands twice. */
export function distinct<T>(entry: z.ZodType<T, unknown>) {
  return z.array(entry).superRefine((entries, context) => {
    for (const [index, one] of entries.entries()) {
      if (entries.indexOf(one) < index) {
        context.addIssue({ code: "custom", path: [index], message: "is listed twice" });
      }
    }
  });
}

const PIN_EXPECTED = expected("the SHA-256 of a public key (SubjectPublicKeyInfo) in base64 or hex");
const PIN_HEX = /^[0-9a-fA-F]{64}$/;
const PIN_BASE64 = /^(?:sha256\/{1,2})?([A-Za-z0-9+/]{43}=)$/;

/** Lower-case hex. Base64 may carry the prefix `sha256/`, as curl and HPKP write it. */
export const pin = z
  .string({ error: PIN_EXPECTED })
  .refine((text) => PIN_HEX.test(text) || PIN_BASE64.test(text), { error: PIN_EXPECTED })
  .transform((text) => (PIN_HEX.test(text) ? text.toLowerCase() : Buffer.from(PIN_BASE64.exec(text)?.[1] ?? "", "base64").toString("hex")));

/** A name that can stand in a DSN: `orders/reporting` and `user@orders` must come apart. */
export const TARGET_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

export const minVersion = z.enum(["TLSv1.2", "TLSv1.3"]).default("TLSv1.2");

export const count = z.int().min(1);
