/**
 * A refusal as an HTTP response: a problem document (RFC 9457) with the stable reason, and for an unproved caller the
 * challenge of RFC 6750 with the way to the metadata of RFC 9728, by which MCP clients find the issuer.
 */
import type { Denial } from "#policies/decision.ts";
import type { Fault } from "#protocols/wire/fault.ts";
import { type HeaderPair, HSTS } from "./header-pairs.ts";
import { WIRE_ERRORS } from "./wire-errors.ts";

/** A whole response of the gateway's own. */
export interface Answer {
  readonly status: number;
  readonly headers: readonly HeaderPair[];
  readonly body: Buffer;
}

export interface ProblemContext {
  readonly requestId: string;
  /** Of this response; without it the reason's own. The target's status of an answer whose body had to be withheld. */
  readonly status?: number;
  /** Seconds, of `rate-limited`. */
  readonly retryAfter?: number;
}

/** `type` stays `about:blank`, so that `title` is the status in words (section 4.2.1); programs go by `reason`. */
export function problem(refusal: Fault | Denial, { requestId, status: given, retryAfter }: ProblemContext): Answer {
  const [reason, rule] = "verdict" in refusal ? [refusal.reason, refusal.rule] : [refusal.code, null];
  const status = given ?? WIRE_ERRORS[reason].status;
  const document = {
    type: "about:blank",
    title: TITLES.get(status) ?? "Refused",
    status,
    detail: refusal.message,
    reason,
    ...(rule === null ? {} : { rule }),
    ...(refusal.hint === "" ? {} : { hint: refusal.hint }),
    requestId,
  };
  const extra: readonly HeaderPair[] = [
    ...(retryAfter === undefined ? [] : [["retry-after", String(Math.max(1, Math.ceil(retryAfter)))] as const]),
    ...(status === 405 ? [["allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"] as const] : []),
  ];
  return answer(status, "application/problem+json", document, requestId, extra);
}

/** A JSON document that no cache keeps. */
export function answer(status: number, type: string, document: unknown, requestId: string, extra: readonly HeaderPair[] = []): Answer {
  const body = Buffer.from(`${JSON.stringify(document)}\n`);
  const headers: readonly HeaderPair[] = [
    ["content-type", type],
    ["content-length", String(body.length)],
    ["cache-control", "no-store"],
    ["x-content-type-options", "nosniff"],
    ["strict-transport-security", HSTS],
    ["x-request-id", requestId],
    ...extra,
  ];
  return { status, headers, body };
}

/** RFC 9110 section 15, of the statuses that are given here. */
const TITLES: ReadonlyMap<number, string> = new Map([
  [400, "Bad Request"],
  [401, "Unauthorized"],
  [403, "Forbidden"],
  [404, "Not Found"],
  [405, "Method Not Allowed"],
  [408, "Request Timeout"],
  [413, "Content Too Large"],
  [421, "Misdirected Request"],
  [426, "Upgrade Required"],
  [429, "Too Many Requests"],
  [500, "Internal Server Error"],
  [502, "Bad Gateway"],
  [503, "Service Unavailable"],
  [504, "Gateway Timeout"],
  [505, "HTTP Version Not Supported"],
]);

/** RFC 9728 section 3: between host and path, so that each target has its own. */
const METADATA_PATH = "/.well-known/oauth-protected-resource";

/**
 * `WWW-Authenticate` of a 401, or of a 403 null. A request without credentials is told no error (RFC 6750 section 3.1).
 *
 * @param resource origin and prefix by which the client reached the target, as `https://gateway.example/t/crm`
 */
export function challenge(fault: Fault, resource: string): HeaderPair | null {
  if (WIRE_ERRORS[fault.code].status !== 401) return null;
  const error = fault.code === "identity-missing" ? "" : `, error="invalid_token", error_description="${quotable(fault.message)}"`;
  return ["www-authenticate", `Bearer realm="sallyport"${error}, resource_metadata="${metadataUrl(resource)}"`];
}

/** RFC 6750 section 3: neither quotes nor backslashes nor controls. */
function quotable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?").replace(/["\\]/g, "'");
}

function metadataUrl(resource: string): string {
  const { origin, pathname } = new URL(resource);
  return `${origin}${METADATA_PATH}${pathname === "/" ? "" : pathname}`;
}

/**
 * The prefix behind which the metadata is asked for: `/t/crm` of `/.well-known/oauth-protected-resource/t/crm`.
 *
 * @returns undefined where the path asks for something else
 */
export function metadataAskedFor(path: string): string | undefined {
  if (path === METADATA_PATH || path === `${METADATA_PATH}/`) return "";
  return path.startsWith(`${METADATA_PATH}/`) ? path.slice(METADATA_PATH.length) : undefined;
}

/** RFC 9728 section 2. The issuers are public: a client has to find them before it can prove anything. */
export function protectedResourceMetadata(resource: string, issuers: readonly string[], requestId: string): Answer {
  const document = {
    resource,
    authorization_servers: issuers,
    bearer_methods_supported: ["header"],
    resource_name: "Sallyport",
  };
  return answer(200, "application/json", document, requestId, [["access-control-allow-origin", "*"]]);
}
