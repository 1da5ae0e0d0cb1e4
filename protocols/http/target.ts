/**
 * Which target a request asks for, and under which path. The path is brought to one spelling, which is judged and sent; what
 * servers are known to read in more than one way is refused rather than repaired (RFC 3986, RFC 9110 section 7, RFC 9112
 * section 3.2).
 */
import { Fault } from "#protocols/wire/fault.ts";

export interface Addressed {
  /** The request target as it came: `/path?query`; of HTTP/1.1 also `https://host/path`. */
  readonly path: string;
  /** `:authority` of HTTP/2; null in HTTP/1.1, or where the client left it out. */
  readonly authority: string | null;
  /** Every Host field, in its order. */
  readonly hosts: readonly string[];
  /** The name in the TLS handshake; null when it had none, as with an address in place of a name. */
  readonly sni: string | null;
}

export interface KnownTargets {
  /** Names of hosts in lower case, and the target that each leads to. */
  readonly hosts: ReadonlyMap<string, string>;
  readonly names: ReadonlySet<string>;
}

export interface RequestedTarget {
  readonly target: string;
  /** What is judged: the target's own path in its one spelling, without query. */
  readonly path: string;
  /** Without `?`; null when there is none. */
  readonly query: string | null;
  /** What goes before the target's paths on the client's side: `/t/crm`, or nothing. */
  readonly prefix: string;
  /** As the client calls the gateway: host in lower case, and the port if it gave one. */
  readonly authority: string;
}

/** Of a request target, longer than servers take; Node's own limit on a whole head is 16 KiB. */
export const REQUEST_TARGET_BYTES_MAX = 16 * 1024;

/** @returns a fault `request-ambiguous`, `request-misdirected` or `target-unknown` */
export function requestedTarget(addressed: Addressed, known: KnownTargets): RequestedTarget | Fault {
  const called = calledAuthority(addressed);
  if (called instanceof Fault) return called;
  if (addressed.sni !== null && addressed.sni.toLowerCase() !== called.host) {
    return new Fault("request-misdirected", "the request names another host than the TLS handshake did", {
      hint: "connect anew for the other host",
    });
  }
  const cut = originForm(addressed.path, called.authority);
  if (cut instanceof Fault) return cut;
  const path = canonicalPath(cut.path);
  if (path instanceof Fault) return path;
  const { authority } = called;
  const [, name = "", rest = ""] = /^\/t\/([^/]+)(\/.*)?$/.exec(path) ?? [];
  if (known.names.has(name)) {
    return { target: name, path: rest === "" ? "/" : rest, query: cut.query, prefix: `/t/${name}`, authority };
  }
  const target = known.hosts.get(called.host);
  if (target === undefined) {
    return new Fault("target-unknown", "neither the host nor the path names a target", { hint: "begin the path with /t/<target>/" });
  }
  return { target, path, query: cut.query, prefix: "", authority };
}

interface Called {
  readonly host: string;
  readonly authority: string;
}

/** RFC 9112 section 3.2: exactly one Host; RFC 9113 section 8.3.1: where `:authority` is there too, the same. */
function calledAuthority({ authority, hosts }: Addressed): Called | Fault {
  const given = [...(authority === null ? [] : [authority]), ...hosts];
  const [first] = given;
  if (first === undefined || hosts.length > 1) return ambiguous("the request does not name its host exactly once");
  const calls = given.map(readAuthority);
  const [called] = calls;
  if (called === undefined || calls.some((one) => one === undefined || one.authority !== called.authority)) {
    return ambiguous("the host that the request names can be read in more than one way");
  }
  return called;
}

/** RFC 3986 section 3.2.2, without user information, percent-encoding and empty ports. */
const AUTHORITY = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9_](?:[a-z0-9_.-]{0,252}[a-z0-9_])?)\.?(?::([0-9]{1,5}))?$/;

function readAuthority(written: string): Called | undefined {
  const [, host, port] = AUTHORITY.exec(written.toLowerCase()) ?? [];
  if (host === undefined || host.includes("..")) return undefined;
  return { host, authority: port === undefined || port === "443" ? host : `${host}:${port}` };
}

interface Cut {
  readonly path: string;
  readonly query: string | null;
}

/** RFC 9112 section 3.2.1 and 3.2.2; the absolute form has to say the same host. */
function originForm(requestTarget: string, authority: string): Cut | Fault {
  if (requestTarget.length > REQUEST_TARGET_BYTES_MAX) return ambiguous("the request target is longer than servers take");
  const absolute = /^https:\/\/([^/?#]*)(.*)$/is.exec(requestTarget);
  if (absolute !== null && readAuthority(absolute[1] ?? "")?.authority !== authority) {
    return ambiguous("the request target names another host than the Host field");
  }
  const rest = absolute === null ? requestTarget : (absolute[2] ?? "");
  const origin = absolute !== null && !rest.startsWith("/") ? `/${rest}` : rest;
  if (!origin.startsWith("/")) return ambiguous("the request target is not a path");
  const end = origin.indexOf("?");
  const query = end === -1 ? null : origin.slice(end + 1);
  // Beyond the characters of RFC 3986 some clients send brackets and braces as they are; none of these ends anything.
  if (query !== null && !/^[\x21\x22\x24-\x7e]*$/.test(query)) return ambiguous("the query holds a character that must be percent-encoded");
  return { path: end === -1 ? origin : origin.slice(0, end), query };
}

const UNRESERVED = /[A-Za-z0-9\-._~]/;

/**
 * Unreserved characters bare, every other escape in capitals (RFC 3986 section 6.2.2). Refused are dot segments, empty segments
 * but for the last, encoded slashes, backslashes, encoded percent signs (which a second decoding would turn into any of these),
 * path parameters on dots (`..;x`), controls, and what is not UTF-8.
 *
 * @param path begins with `/`
 */
export function canonicalPath(path: string): string | Fault {
  if (/%(?![0-9A-Fa-f]{2})/.test(path)) return ambiguous("the path holds a percent sign that begins no escape");
  if (!/^[A-Za-z0-9\-._~!$&'()*+,;=:@/%[\]{}|^]*$/.test(path)) return ambiguous("the path holds a character that must be percent-encoded");
  const canonical = path
    .replace(/%[0-9A-Fa-f]{2}/g, (written) => {
      const character = String.fromCharCode(Number.parseInt(written.slice(1), 16));
      return UNRESERVED.test(character) ? character : written.toUpperCase();
    })
    .replace(/[[\]{}|^]/g, (bare) => `%${bare.charCodeAt(0).toString(16).toUpperCase()}`);
  if (/%2F|%5C/.test(canonical)) return ambiguous("the path holds an encoded slash or backslash");
  if (/%25/.test(canonical)) return ambiguous("the path holds an encoded percent sign");
  if (/%[01][0-9A-F]|%7F/.test(canonical)) return ambiguous("the path holds an encoded control character");
  if (/\/\.\.?(?:\/|;|%3B|$)/.test(canonical)) return ambiguous("the path holds a dot segment");
  if (canonical.includes("//")) return ambiguous("the path holds an empty segment");
  if (!isUtf8Escaped(canonical)) return ambiguous("the path is not UTF-8");
  return canonical;
}

function isUtf8Escaped(path: string): boolean {
  try {
    // The letter that Windows takes for a slash in some code pages, and full-width forms that fold to the characters refused above.
    return !/[\u2215\u2044\uff0e\uff0f\uff3c\u2024-\u2026\u0080-\u009f]/.test(decodeURIComponent(path));
  } catch (error) {
    if (error instanceof URIError) return false;
    throw error;
  }
}

function ambiguous(message: string): Fault {
  return new Fault("request-ambiguous", message, { hint: "send the path plainly: servers differ in how they read this one" });
}

/** The request target on the target's side, behind the base path of its address. */
export function sentTarget({ path, query }: Pick<RequestedTarget, "path" | "query">, basePath: string): string {
  const base = basePath.replace(/\/$/, "");
  return `${base}${path}${query === null ? "" : `?${query}`}`;
}

/** `https://gateway.example/t/crm`: what clients call the target; the resource of its metadata. */
export function resourceOf({ authority, prefix }: Pick<RequestedTarget, "authority" | "prefix">): string {
  return `https://${authority}${prefix}`;
}
