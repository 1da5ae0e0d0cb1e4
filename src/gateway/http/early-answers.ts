/**
 * What is told to clients that do not speak TLS: whole responses of HTTP/1.1, as bytes, behind which the connection closes.
 * Of a request only a host that the gateway knows and a path of plain characters come back.
 */
import { STATUS_CODES } from "node:http";

/** A request's head in clear text, read no further than an answer needs. */
export interface ClearRequest {
  readonly method: string;
  readonly target: string;
  /** In lower case, without port; null where there is none, or more than one. */
  readonly host: string | null;
}

/** RFC 9112 sections 3 and 5, and nothing beside them: a head that is written in any other way is not read. */
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([\x21-\x7e]{1,16384}) HTTP\/1\.[01]$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/;
const HOST = /^([A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?)(?::\d{1,5})?$/;
/** RFC 3986 section 3.3 and 3.4: origin-form. `//` in front would name another host. */
const ORIGIN_FORM = /^\/(?!\/)[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*$/;

/** @param head up to the empty line, without it. @returns null where it is no head of HTTP/1.1 */
export function readClearRequest(head: string): ClearRequest | null {
  const [first = "", ...lines] = head.split("\r\n");
  const [, method, target] = REQUEST_LINE.exec(first) ?? [];
  if (method === undefined || target === undefined) return null;
  const fields = lines.map((line) => FIELD.exec(line));
  if (fields.some((field) => field === null)) return null;
  const hosts = fields.flatMap((field) => (field?.[1]?.toLowerCase() === "host" ? [field[2] ?? ""] : []));
  const [host = ""] = hosts;
  return { method, target, host: hosts.length === 1 ? (HOST.exec(host.trim())?.[1]?.toLowerCase() ?? null) : null };
}

/**
 * To the same place by https where that is safe to say (RFC 9110 section 15.4.9), else that TLS is required (RFC 2817
 * section 4.2, RFC 9110 section 15.5.22).
 *
 * @param port of the https listener
 */
export function clearAnswer(request: ClearRequest, isKnown: (host: string) => boolean, port: number): Buffer {
  const { method, target, host } = request;
  const safe = method === "GET" || method === "HEAD";
  if (!safe || host === null || !isKnown(host) || !ORIGIN_FORM.test(target)) return upgradeRequired(method);
  const location = `https://${host}${port === 443 ? "" : `:${port}`}${target}`;
  return response("308 Permanent Redirect", [`Location: ${location}`, "Connection: close"], method, "");
}

function upgradeRequired(method: string): Buffer {
  const body = problemBody(426, "Upgrade Required", "this port serves nothing: TLS is required", "tls-required");
  return response("426 Upgrade Required", ["Upgrade: TLS/1.3", "Connection: Upgrade, close"], method, body);
}

/** In the place of a response, where node:http could read no request. */
export function plainProblem(status: number, message: string, reason: string): Buffer {
  const title = STATUS_CODES[status] ?? "Refused";
  return response(`${status} ${title}`, ["Connection: close"], "GET", problemBody(status, title, message, reason));
}

function problemBody(status: number, title: string, detail: string, reason: string): string {
  return `${JSON.stringify({ type: "about:blank", title, status, detail, reason })}\n`;
}

/** RFC 9110 section 9.3.2: the answer to HEAD is that to GET without the content. */
function response(status: string, fields: readonly string[], method: string, body: string): Buffer {
  const type = body === "" ? [] : ["Content-Type: application/problem+json"];
  const lines = [`HTTP/1.1 ${status}`, ...fields, ...type, `Content-Length: ${Buffer.byteLength(body)}`, "Cache-Control: no-store"];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${method === "HEAD" ? "" : body}`);
}

/** RFC 9113 sections 6.5 and 6.8: an empty SETTINGS frame, then GOAWAY with its reason as debug data. */
export function goAway(message: string): Buffer {
  const INADEQUATE_SECURITY = 0x0c;
  const words = Buffer.from(message.slice(0, 200));
  const frame = Buffer.alloc(9 + 9 + 8);
  frame[3] = 0x04;
  frame.writeUIntBE(8 + words.length, 9, 3);
  frame[12] = 0x07;
  frame.writeUInt32BE(INADEQUATE_SECURITY, 22);
  return Buffer.concat([frame, words]);
}
