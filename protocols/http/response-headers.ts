/**
 * The header fields that go to the client: what the target sent, without what was meant for one connection, without what
 * would lead the client around the gateway or tell of masked values, with addresses that lead through the gateway and the
 * gateway's credential blanked.
 */
import type { HttpMask } from "#policies/question.ts";
import { blankedText, type Literals } from "./blanker.ts";
import { endToEnd, type HeaderPair, HSTS } from "./header-pairs.ts";
import { maskedText } from "./masked-text.ts";
import { readsBodies } from "./request-headers.ts";
import { type AddressContext, translatedAddress, withoutBase } from "./urls.ts";

export interface ResponseContext extends AddressContext {
  readonly status: number;
  readonly requestId: string;
  readonly masks: readonly HttpMask[];
  readonly literals: Literals;
  /** The body's length will differ from what the target announced: it is masked, or decoded. */
  readonly bodyChanges: boolean;
  /** The body goes on without the coding that the target gave it. */
  readonly decoded: boolean;
  /** The target was shown the gateway's credential: its challenge is not for the client. */
  readonly credentialSent: boolean;
  readonly upgrade: "websocket" | null;
}

/** Other ways to the target, and what only it may have said of its own host name. */
const DROPPED: ReadonlySet<string> = new Set(["alt-svc", "strict-transport-security", "public-key-pins", "x-request-id", "via", "server"]);

/** Computed over the true document, they would let a guess be checked without asking. */
const TELLING: ReadonlySet<string> = new Set([
  "accept-ranges",
  "content-digest",
  "content-md5",
  "content-range",
  "digest",
  "etag",
  "repr-digest",
  "signature",
  "signature-input",
  "x-amz-checksum-crc32",
  "x-amz-checksum-sha1",
  "x-amz-checksum-sha256",
  "x-goog-hash",
]);

const ADDRESSES: ReadonlySet<string> = new Set(["location", "content-location", "refresh", "link", "uri"]);

export function responseHeaders(raw: readonly HeaderPair[], context: ResponseContext): readonly HeaderPair[] {
  const underMask = readsBodies(context.masks);
  const kept = endToEnd(raw).filter(([name]) => {
    const folded = name.toLowerCase();
    if (DROPPED.has(folded) || (underMask && TELLING.has(folded))) return false;
    if (folded === "content-length" && context.bodyChanges) return false;
    if (folded === "content-encoding" && context.decoded) return false;
    return !(folded === "www-authenticate" && context.credentialSent);
  });
  return [
    ...kept.map((pair) => shown(pair, context)),
    ["strict-transport-security", HSTS],
    ["via", "1.1 sallyport"],
    ["x-request-id", context.requestId],
    ...(context.upgrade === null ? [] : [["connection", "Upgrade"] as const, ["upgrade", context.upgrade] as const]),
  ];
}

/** The same of trailers, and of the fields of an informational answer: nothing is added. */
export function passedFields(raw: readonly HeaderPair[], context: ResponseContext): readonly HeaderPair[] {
  const underMask = readsBodies(context.masks);
  return endToEnd(raw)
    .filter(([name]) => !DROPPED.has(name.toLowerCase()) && !(underMask && TELLING.has(name.toLowerCase())))
    .map((pair) => shown(pair, context));
}

function shown([name, value]: HeaderPair, context: ResponseContext): HeaderPair {
  const folded = name.toLowerCase();
  const mask = context.masks.find(({ headers }) => headers.includes(folded));
  const masked = mask === undefined ? translated(folded, value, context) : Buffer.from(maskedText(mask.mask, value)).toString("latin1");
  return [name, blankedText(masked, context.literals)];
}

function translated(name: string, value: string, context: ResponseContext): string {
  if (name === "set-cookie") return ownCookie(value, context);
  if (!ADDRESSES.has(name)) return value;
  if (name === "link") return value.replace(/<([^>]*)>/g, (_, reference: string) => `<${translatedAddress(reference, context)}>`);
  if (name === "refresh") {
    return value.replace(
      /^(\s*[\d.]+\s*[;,]\s*(?:url\s*=\s*)?["']?)([^"']*)/is,
      (_, before: string, address: string) => before + translatedAddress(address, context),
    );
  }
  return translatedAddress(value, context);
}

/**
 * A cookie of the target is for the gateway's host, and behind its prefix only: another target must not be sent it
 * (RFC 6265 section 5.2).
 */
function ownCookie(cookie: string, { prefix, basePath }: AddressContext): string {
  const [pair = "", ...attributes] = cookie.split(";");
  const kept = attributes.flatMap((attribute) => {
    const [, name = "", value = ""] = /^\s*([^=]*?)\s*(?:=\s*(.*?)\s*)?$/s.exec(attribute) ?? [];
    if (name.toLowerCase() === "domain") return [];
    if (name.toLowerCase() !== "path") return [attribute];
    return [` Path=${prefix}${value.startsWith("/") ? withoutBase(value, basePath) : "/"}`];
  });
  return [pair, ...kept].join(";");
}
