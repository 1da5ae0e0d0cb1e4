/**
 * Addresses in header fields: their query parameters masked as rules say, and those that lead to the target turned into
 * ones that lead through the gateway.
 */
import type { HttpMask } from "#policies/question.ts";
import type { Fault } from "#protocols/wire/fault.ts";
import { maskedText } from "./masked-text.ts";
import { isLookup, writeRefused } from "./method.ts";

/** A parameter of a query or a form that a rule names; where two do, the first rule counts. */
export function maskOfParameter(name: string, masks: readonly HttpMask[], list: "query" | "form"): HttpMask | undefined {
  const plain = decodedParameter(name).toLowerCase();
  // `ssn[]`, `ssn[0]` and `ssn.x` are how frameworks spell several values, or parts, of one parameter.
  const base = plain.replace(/[[.].*$/s, "");
  return masks.find((mask) => mask[list].includes(plain) || (base !== "" && mask[list].includes(base)));
}

/** WHATWG URL, section 5.1: a plus is a blank, an escape that is none stays. */
export function decodedParameter(text: string): string {
  return text.replaceAll("+", " ").replace(/(?:%[0-9A-Fa-f]{2})+/g, (run) => Buffer.from(run.replaceAll("%", ""), "hex").toString("utf8"));
}

/** With masked values in place of those that rules name; every other byte as it was. Both `&` and `;` part parameters. */
export function maskedQuery(query: string, masks: readonly HttpMask[]): string {
  if (masks.every((mask) => mask.query.length === 0)) return query;
  return replacedParameters(query, (name, value) => {
    const mask = maskOfParameter(name, masks, "query");
    return mask === undefined ? null : maskedText(mask.mask, decodedParameter(value));
  });
}

/** @param shown the value to stand in place of a parameter's, both given as they are written; null: it stays */
export function replacedParameters(query: string, shown: (name: string, value: string) => string | null): string {
  return query.replace(/[^&;]+/g, (pair) => {
    const equals = pair.indexOf("=");
    const name = pair.slice(0, equals);
    const value = equals === -1 ? null : shown(name, pair.slice(equals + 1));
    return value === null ? pair : `${name}=${encodeURIComponent(value)}`;
  });
}

/**
 * The query as it is sent on. A lookup sees what the mask shows, as a condition on a masked column does; a request that writes
 * gives a value of the client's own.
 *
 * @returns a fault `masked-request` where a rule lets no request give one
 */
export function sentQuery(method: string, query: string, masks: readonly HttpMask[]): string | Fault {
  if (isLookup(method)) return maskedQuery(query, masks);
  const named = query.split(/[&;]/).flatMap((pair) => maskOfParameter(pair.split("=")[0] ?? "", masks, "query") ?? []);
  const refused = named.find(({ assign }) => assign === "none");
  return refused === undefined ? query : writeRefused(refused.rule);
}

export interface AddressContext {
  /** Of the target: `https://crm.internal`, and all else under which it may call itself. */
  readonly origins: readonly string[];
  /** Of the target, without a slash at its end. */
  readonly basePath: string;
  /** `https://gateway.example/t/crm`, or without prefix. */
  readonly resource: string;
  readonly prefix: string;
  readonly masks: readonly HttpMask[];
}

/**
 * A URI reference as it shows to the client. One of the target's own origin, or without one, leads through the gateway;
 * those elsewhere are left to the client, which the gateway never follows.
 */
export function translatedAddress(reference: string, context: AddressContext): string {
  const [, before = "", query, fragment = ""] = /^([^?#]*)(?:\?([^#]*))?(#.*)?$/s.exec(reference) ?? [];
  const shown = query === undefined ? "" : `?${maskedQuery(query, context.masks)}`;
  return `${throughGateway(before, context)}${shown}${maskedFragment(fragment, context.masks)}`;
}

/** OAuth hands values over in fragments written as queries (RFC 6749 section 4.2.2). */
function maskedFragment(fragment: string, masks: readonly HttpMask[]): string {
  return fragment.includes("=") ? `#${maskedQuery(fragment.slice(1), masks)}` : fragment;
}

function throughGateway(address: string, { origins, basePath, resource, prefix }: AddressContext): string {
  const [, origin, path = ""] = /^((?:[A-Za-z][A-Za-z0-9+.-]*:)?\/\/[^/]*)(\/.*)?$/s.exec(address) ?? [];
  if (origin !== undefined) {
    const named = originOf(origin);
    if (named === undefined || !origins.includes(named)) return address;
    return `${resource}${withoutBase(path === "" ? "/" : path, basePath)}`;
  }
  return address.startsWith("/") ? `${prefix}${withoutBase(address, basePath)}` : address;
}

/** A path outside the base is not reachable through the gateway; it stays recognisable as what it is. */
export function withoutBase(path: string, basePath: string): string {
  if (basePath === "") return path;
  if (path === basePath) return "/";
  return path.startsWith(`${basePath}/`) ? path.slice(basePath.length) : path;
}

function originOf(text: string): string | undefined {
  const whole = text.startsWith("//") ? `https:${text}` : text;
  return URL.canParse(whole) ? new URL(whole).origin : undefined;
}
