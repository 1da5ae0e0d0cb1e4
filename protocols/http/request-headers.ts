/**
 * The header fields that go to the target: what the client sent, without what was meant for the gateway or for one
 * connection, what could make a server take the request for another than the one that was judged, and what the gateway
 * alone may say (RFC 9110 sections 7.6 and 10.1, RFC 7239).
 */
import type { HttpMask } from "#policies/question.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { endToEnd, type HeaderPair, members, valuesOf } from "./header-pairs.ts";
import { maskedText } from "./masked-text.ts";
import { isLookup, writeRefused } from "./method.ts";

export interface RequestContext {
  readonly method: string;
  readonly requestId: string;
  /** Of the target, as its address says it: the Host field. */
  readonly host: string;
  /** Of the gateway, as the client calls it. */
  readonly authority: string;
  readonly clientAddress: string;
  readonly version: "1.1" | "2";
  /** Where the caller's proof stood; that field never travels on. */
  readonly proof: "authorization" | "proxy-authorization" | "certificate";
  /** The gateway's own; fields of these names that the client sent are dropped. */
  readonly credential: readonly HeaderPair[];
  /** The connection is to be handed over: RFC 6455 alone. */
  readonly upgrade: "websocket" | null;
  /** The gateway will read the answer: a mask applies, or a credential could be echoed. */
  readonly readsResponse: boolean;
  /** In force on this path. */
  readonly masks: readonly HttpMask[];
}

/** Names of the field in which frameworks let a request change its method or its path, or that say where it came from. */
const DROPPED: ReadonlySet<string> = new Set([
  "client-ip",
  "cf-connecting-ip",
  "expect",
  "fastly-client-ip",
  "forwarded",
  "host",
  "true-client-ip",
  "via",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-host",
  "x-http-host-override",
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  "x-override-url",
  "x-proxyuser-ip",
  "x-real-ip",
  "x-request-id",
]);

/**
 * By which servers take a proxy's word: where a request came from, which certificate it showed, who sends it (oauth2-proxy, Grafana,
 * Envoy, load balancers of clouds, RFC 9440), and which of their own checks to leave out.
 */
const WORD_OF_A_PROXY =
  /^(x-forwarded-|x-envoy-|x-original-|x-rewrite-|x-middleware-|x-remote-|x-auth-request-|x-webauth-|x-authenticated-|x-goog-authenticated-user|x-goog-iap-jwt|x-ms-client-principal|x-amzn-oidc-|x-amzn-mtls-|x-ssl-|ssl-client-|x-client-cert|x-arr-|client-cert|remote-(user|name|email|groups?|addr|host)$|x-custom-ip-authorization$|x-url-scheme$|front-end-https$)/;

/** What is compressed, in a WebSocket too, can't be looked through for a credential. */
const CODINGS: ReadonlySet<string> = new Set(["accept-encoding", "grpc-accept-encoding", "sec-websocket-extensions"]);

/** Under a mask: a range is no document, and an answer "not changed" to a guessed validator would confirm the guess. */
const DROPPED_UNDER_MASK: ReadonlySet<string> = new Set(["if-modified-since", "if-none-match", "if-range", "range"]);

/**
 * @returns a fault `masked-request` where a validator or a value may not travel under the masks, `request-ambiguous` where the
 *   fields contradict each other
 */
export function requestHeaders(raw: readonly HeaderPair[], context: RequestContext): readonly HeaderPair[] | Fault {
  const fault = contradiction(raw) ?? maskedFault(raw, context);
  if (fault !== undefined) return fault;
  const replaced = new Set(context.credential.map(([name]) => name.toLowerCase()));
  const underMask = readsBodies(context.masks);
  const kept = endToEnd(raw).filter(([name]) => {
    const folded = name.toLowerCase().replaceAll("_", "-");
    if (DROPPED.has(folded) || WORD_OF_A_PROXY.test(folded) || replaced.has(folded)) return false;
    if (folded === context.proof) return false;
    if (context.readsResponse && CODINGS.has(folded)) return false;
    return !(underMask && DROPPED_UNDER_MASK.has(folded));
  });
  return [["host", context.host], ...kept.map((pair) => maskedHeader(pair, context)), ...context.credential, ...own(raw, context)];
}

/** Whether a mask has to read bodies; others look at header fields and addresses alone. */
export function readsBodies(masks: readonly HttpMask[]): boolean {
  return masks.some(({ fields, form }) => fields.length > 0 || form.length > 0);
}

function own(raw: readonly HeaderPair[], context: RequestContext): readonly HeaderPair[] {
  const { clientAddress, authority, requestId, version, upgrade, readsResponse } = context;
  const node = clientAddress.includes(":") ? `"[${clientAddress}]"` : clientAddress;
  const trailers = valuesOf(raw, "te").flatMap(members).includes("trailers");
  const grpc = valuesOf(raw, "content-type").some((type) => type.toLowerCase().startsWith("application/grpc"));
  return [
    ["forwarded", `for=${node};host="${authority}";proto=https`],
    ["x-forwarded-for", clientAddress],
    ["x-forwarded-host", authority],
    ["x-forwarded-proto", "https"],
    ["via", `${version} sallyport`],
    ["x-request-id", requestId],
    ...(trailers ? [["te", "trailers"] as const] : []),
    ...(readsResponse ? [["accept-encoding", "identity"] as const] : []),
    ...(readsResponse && grpc ? [["grpc-accept-encoding", "identity"] as const] : []),
    ...(upgrade === null ? [] : [["connection", "Upgrade"] as const, ["upgrade", upgrade] as const]),
  ];
}

/** Of these a second one would leave open which counts. Node's parsers refuse most; that both legs agree is not left to them. */
const SINGLE = ["authorization", "content-length", "content-type", "host", "mcp-method", "mcp-name", "proxy-authorization"];

function contradiction(raw: readonly HeaderPair[]): Fault | undefined {
  const twice = SINGLE.find((name) => valuesOf(raw, name).length > 1);
  if (twice !== undefined) return new Fault("request-ambiguous", `the header field ${twice} is there more than once`);
  const length = valuesOf(raw, "content-length")[0];
  const codings = valuesOf(raw, "transfer-encoding").flatMap(members);
  if (length !== undefined && !/^\d{1,15}$/.test(length)) return new Fault("request-ambiguous", "the content length is not a number");
  if (length !== undefined && codings.length > 0)
    return new Fault("request-ambiguous", "both a content length and a transfer coding are given");
  if (codings.some((coding) => coding !== "chunked") || codings.length > 1) {
    return new Fault("request-ambiguous", "a transfer coding other than chunked is given");
  }
  // A CGI-like server cannot tell `X_Forwarded_For` from the gateway's own field.
  const mistaken = raw.find(
    ([name]) =>
      name.includes("_") &&
      (DROPPED.has(dashed(name)) || /^(x-forwarded-|authorization$|content-length$|transfer-encoding$)/.test(dashed(name))),
  );
  return mistaken === undefined
    ? undefined
    : new Fault("request-ambiguous", "a header field with an underscore reads like one that the gateway sets");
}

function dashed(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}

function maskedFault(raw: readonly HeaderPair[], { method, masks }: RequestContext): Fault | undefined {
  if (masks.length === 0) return undefined;
  // Dropped, a condition would let a write through that was meant to fail; kept, it would tell whether a guess is right.
  const conditional = raw.some(([name, value]) => /^if-(match|unmodified-since)$/i.test(name) && value.trim() !== "*");
  if (conditional && readsBodies(masks)) {
    return new Fault("masked-request", "a condition on the stored document could tell of masked fields", {
      hint: "send the request without If-Match",
    });
  }
  const refused = masks.find(
    ({ assign, headers }) => assign === "none" && !isLookup(method) && raw.some(([name]) => headers.includes(name.toLowerCase())),
  );
  return refused === undefined ? undefined : writeRefused(refused.rule);
}

/** As they may be written down: masked whatever the method, as it is the target that a write gives values to. */
export function recordedFields(pairs: readonly HeaderPair[], masks: readonly HttpMask[]): readonly HeaderPair[] {
  return pairs.map(([name, value]) => {
    const mask = masks.find(({ headers }) => headers.includes(name.toLowerCase()));
    return mask === undefined ? [name, value] : [name, maskedText(mask.mask, value)];
  });
}

/** A lookup sees what the mask shows; a write gives a value of the client's own. */
function maskedHeader([name, value]: HeaderPair, { method, masks }: RequestContext): HeaderPair {
  const mask = masks.find(({ headers }) => headers.includes(name.toLowerCase()));
  return mask === undefined || !isLookup(method) ? [name, value] : [name, maskedText(mask.mask, value)];
}
