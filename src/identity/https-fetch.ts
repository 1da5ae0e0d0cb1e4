/**
 * A `fetch` for talking to issuers, on node:https: verified https only, with a private authority where the
 * configuration names one (Node's global fetch cannot take any), no redirects, and limits on time and size.
 */
import https from "node:https";
import tls from "node:tls";
import { systemAuthorities } from "#src/tls/authorities.ts";

/** One request in all, from connecting to the last byte. Logins wait for it, so it must be well below their own 30 s. */
export const FETCH_TIMEOUT_MS = 5_000;
/** A JWKS with a dozen RSA keys and their certificates is about 40 kB. */
export const FETCH_BYTES_MAX = 256 * 1024;

export interface FetchInit {
  readonly method?: string;
  readonly headers?: Record<string, string> | Headers;
  readonly body?: unknown;
  readonly signal?: AbortSignal | null | undefined;
}

/** @throws Error for anything but an answer: not https, not verified, redirected, too late, too large. */
export type HttpsFetch = (url: string, init?: FetchInit) => Promise<Response>;

export interface FetchLimits {
  readonly timeoutMs: number;
  readonly bytesMax: number;
}

/**
 * @param ca PEM of the authorities to trust instead of the system's; null for the system's.
 *
 * Connections are not kept: requests are rare, and one that the issuer closed meanwhile would look like an outage. So
 * there is nothing to close: a request that runs ends within its own limits.
 */
export function httpsFetch(
  ca: string | null,
  limits: FetchLimits = { timeoutMs: FETCH_TIMEOUT_MS, bytesMax: FETCH_BYTES_MAX },
): HttpsFetch {
  const secureContext = tls.createSecureContext({ ca: ca ?? systemAuthorities(), minVersion: "TLSv1.2" });
  const agent = new https.Agent({ secureContext, rejectUnauthorized: true, keepAlive: false, maxSockets: 64 });
  return (url, init = {}) => request(agent, limits, url, init);
}

async function request(agent: https.Agent, limits: FetchLimits, address: string, init: FetchInit): Promise<Response> {
  const url = new URL(address);
  if (url.protocol !== "https:") {
    throw new Error("the issuer's address is not https");
  }
  const timeout = AbortSignal.timeout(limits.timeoutMs);
  const signal = init.signal === undefined || init.signal === null ? timeout : AbortSignal.any([init.signal, timeout]);
  const body = bodyText(init.body);
  const headers = Object.fromEntries(new Headers(init.headers).entries());
  if (body !== undefined) {
    headers["content-length"] = String(Buffer.byteLength(body));
  }
  const options = { agent, method: init.method ?? "GET", headers, signal };
  const { status, responseHeaders, chunks } = await exchange(url, options, body, limits.bytesMax);
  if (status >= 300 && status < 400) {
    throw new Error("the issuer answered with a redirect, which is not followed");
  }
  const bodyless = status === 204 || status === 205;
  return new Response(bodyless ? null : Buffer.concat(chunks), { status, headers: responseHeaders });
}

interface Answer {
  readonly status: number;
  readonly responseHeaders: [string, string][];
  readonly chunks: Buffer[];
}

function exchange(url: URL, options: https.RequestOptions, body: string | undefined, bytesMax: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = https.request(url, options, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes > bytesMax) {
          call.destroy(new Error("the issuer's answer is larger than this gateway reads"));
        }
      });
      response.once("error", reject);
      response.once("end", () => resolve({ status: response.statusCode ?? 0, responseHeaders: headerList(response.headers), chunks }));
    });
    call.once("error", reject);
    call.end(body);
  });
}

function headerList(headers: NodeJS.Dict<string | string[]>): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]) => {
    const values = value === undefined ? [] : [value].flat();
    return values.map((one): [string, string] => [name, one]);
  });
}

function bodyText(body: unknown): string | undefined {
  if (body === undefined || body === null) {
    return undefined;
  }
  if (typeof body === "string" || body instanceof URLSearchParams) {
    return body.toString();
  }
  throw new TypeError("only text and forms are sent to issuers");
}
