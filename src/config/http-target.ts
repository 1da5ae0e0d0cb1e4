/**
 * Targets that are HTTP APIs, as they are written: an origin, the names that clients know it by, one kind of credential. What
 * a key means is documented in `config.ts`; the parts that databases have too stand in `target-parts.ts`.
 */
import { z } from "zod";
import { expected, volume } from "#policies/quantities.ts";
import type { HostPort } from "./config.ts";
import type { LoadedSecret } from "./files.ts";
import type { Leaves } from "./leaves.ts";
import { sessionLimits, upstreamTlsSchema } from "./target-parts.ts";
import { distinct, HOST_NAME, text } from "./values.ts";

const ORIGIN_EXPECTED = expected("an https address such as https://api.internal or https://api.internal:8443/base");
const ORIGIN = /^https:\/\/(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?))(?::(\d{1,5}))?(\/.*)?$/;
const HTTPS_PORT = 443;

/** Written plainly: nothing percent-encoded, no empty or dot segment, so that every reader takes it for the same path. */
const PLAIN_PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._~!$&'()*+,;=:@-]+)+$/;

export interface Origin {
  readonly address: HostPort;
  readonly basePath: string;
}

/** `https://host[:port][/base]`. */
export const origin = z
  .string({ error: ORIGIN_EXPECTED })
  .regex(ORIGIN, { error: ORIGIN_EXPECTED })
  .transform((written, context): Origin => {
    const [, v6, name, port, path = "/"] = ORIGIN.exec(written) ?? [];
    const number = port === undefined ? HTTPS_PORT : Number(port);
    const basePath = path.replace(/\/$/, "");
    if (number < 1 || number > 65_535) return refuse(context, written, "port must be between 1 and 65535");
    if (basePath !== "" && !PLAIN_PATH.test(basePath)) return refuse(context, written, "the base path is not written plainly");
    return { address: { host: v6 ?? name ?? "", port: number }, basePath };
  });

interface Issues {
  readonly issues: { push(issue: { code: "custom"; message: string; input: unknown }): unknown };
}

function refuse(context: Issues, input: unknown, message: string): never {
  context.issues.push({ code: "custom", message, input });
  return z.NEVER;
}

/** A name that clients use, without port: lower case, since names of hosts have no case. */
const host = z
  .string()
  .refine((written) => HOST_NAME.test(written), { error: "expected a host name, without scheme, port or path" })
  .transform((written) => written.toLowerCase());

/** YAML reads a bare 1.1 as a number. */
const versions = z
  .union([z.enum(["auto", "1.1", "2"]), z.literal(1.1), z.literal(2)], { error: expected('auto, "1.1" or "2"') })
  .default("auto")
  .transform((written) => (typeof written === "number" ? (written === 2 ? "2" : "1.1") : written));

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~A-Za-z0-9-]+$/;
/** These frame a message, name its way or belong to one connection: the gateway alone writes them. */
const FRAMING: ReadonlySet<string> = new Set([
  ...["host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "expect"],
  ...["proxy-connection", "proxy-authorization", "proxy-authenticate", "forwarded", "via"],
]);

const headerName = z
  .string()
  .regex(TOKEN, { error: "expected the name of a header" })
  .transform((name) => name.toLowerCase())
  .refine((name) => !FRAMING.has(name), { error: "is a header of the connection, which no credential can be" });

/** RFC 9110 section 5.5, without what is not ASCII: servers disagree on how to read that. */
function isFieldValue({ value }: LoadedSecret): boolean {
  return /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value.expose());
}

function isPrintable({ value }: LoadedSecret): boolean {
  return !/\p{Cc}/u.test(value.expose());
}

const KINDS = "expected one of header with value, basic, or oauth";

/** One map with every kind's keys, so that a problem inside one of them is told as what it is. */
function credentialSchema(leaf: Leaves) {
  const value = leaf.secret.refine(isFieldValue, { error: "the secret is no value of a header: printable ASCII, no space at its ends" });
  const password = leaf.secret.refine(isPrintable, { error: "the secret holds a control character" });
  // RFC 7617 section 2: what stands before the first colon is the user.
  const user = text.refine((written) => !written.includes(":"), { error: "holds a colon" });
  const tokenEndpoint = z.string().refine(isEndpoint, { error: "expected an https address without fragment" });
  return z
    .strictObject({
      header: headerName.optional(),
      value: value.optional(),
      basic: z.strictObject({ user, password }).optional(),
      oauth: z
        .strictObject({
          tokenEndpoint,
          clientId: text,
          clientSecret: password,
          scope: text.optional(),
          audience: text.optional(),
          ca: leaf.certificates.optional(),
        })
        .optional(),
    })
    .superRefine(({ header, value: given, basic, oauth }, context) => {
      if ((header === undefined) !== (given === undefined)) {
        context.addIssue({ code: "custom", path: [header === undefined ? "header" : "value"], message: "header and value come together" });
      } else if ([header, basic, oauth].filter((kind) => kind !== undefined).length !== 1) {
        context.addIssue({ code: "custom", message: KINDS });
      }
    });
}

function isEndpoint(written: string): boolean {
  if (!URL.canParse(written)) return false;
  const { protocol, hash, username, password } = new URL(written);
  return protocol === "https:" && hash === "" && username === "" && password === "" && !/[#\s]/.test(written);
}

export function httpTargetSchema(leaf: Leaves) {
  return z.strictObject({
    protocol: z.literal("http"),
    address: origin,
    hosts: distinct(host).default([]),
    http: versions,
    tls: upstreamTlsSchema(leaf).prefault({}),
    credential: credentialSchema(leaf).optional(),
    mcp: z.strictObject({ path: z.string().regex(PLAIN_PATH, { error: "expected a path such as /mcp, written plainly" }) }).optional(),
    limits: z.strictObject({ ...sessionLimits, requestBytes: volume.optional(), responseBytes: volume.optional() }).prefault({}),
  });
}
