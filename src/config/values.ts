/** Values of the configuration as people write them: addresses, names, pins. Each fails with what was expected. */
import net from "node:net";
import { z } from "zod";
import { expected } from "#policies/quantities.ts";
import type { HostPort } from "./config.ts";

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
