/**
 * One request to an HTTP target and its answer, whichever version of HTTP carries them: heads are lists of pairs in the order
 * and spelling of the wire, bodies are streams, and trailers are known when a body has ended.
 */
import http2 from "node:http2";
import type { Duplex, Readable } from "node:stream";
import { Fault } from "#protocols/wire/fault.ts";

export type HeaderPair = readonly [name: string, value: string];

export interface UpstreamRequest {
  readonly method: string;
  /** As the target is to read it: path and query. */
  readonly path: string;
  /** Host and credential included; nothing that is about one connection alone, but `upgrade`. */
  readonly headers: readonly HeaderPair[];
  /** Null: the request has none. */
  readonly body: Readable | null;
  /** Asked for when the body has ended. */
  readonly trailers: () => readonly HeaderPair[];
  /** Aborted: the stream is reset, or the connection closed. A Fault as its reason is what is thrown then. */
  readonly signal: AbortSignal;
  /** Informational answers (RFC 9110 section 15.2), 100 and 103 among them. */
  readonly onInformation: (status: number, headers: readonly HeaderPair[]) => void;
}

export interface UpstreamResponse {
  readonly status: number;
  readonly statusText: string;
  readonly headers: readonly HeaderPair[];
  /** Fails with a Fault's cause when the target breaks off; destroying it breaks off the exchange. */
  readonly body: Readable;
  /** Complete when the body has ended. */
  readonly trailers: () => readonly HeaderPair[];
  readonly httpVersion: "1.1" | "2";
}

export type UpgradeResult =
  | {
      readonly kind: "switched";
      readonly headers: readonly HeaderPair[];
      readonly socket: Duplex;
      /** Of the new protocol, what has come already. */
      readonly head: Buffer;
    }
  | { readonly kind: "response"; readonly response: UpstreamResponse };

/** A list of names and values by turns, as Node hands over raw heads; pseudo-headers are left out. */
export function pairsOf(raw: readonly string[]): readonly HeaderPair[] {
  const pairs: HeaderPair[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const [name = "", value = ""] = [raw[at], raw[at + 1]];
    if (!name.startsWith(":")) pairs.push([name, value]);
  }
  return pairs;
}

/** RFC 9110 section 9.2.1: it changes nothing. */
export function isSafe(method: string): boolean {
  return method === "GET" || method === "HEAD" || method === "OPTIONS";
}

/** With which error code (RFC 9113 section 7) the target has reset the stream; null when it was no reset. */
export function resetCodeOf(error: unknown): number | null {
  if (!(error instanceof Error)) return null;
  if ("rstCode" in error && typeof error.rstCode === "number") return error.rstCode;
  return error.cause === undefined ? null : resetCodeOf(error.cause);
}

/** What the client is told of an exchange that failed. */
export function exchangeFault(error: unknown, signal: AbortSignal): Fault {
  if (signal.aborted && signal.reason instanceof Fault) return signal.reason;
  if (error instanceof Fault) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code.startsWith("HPE_") || code.startsWith("ERR_HTTP2_INVALID") || resetCodeOf(error) === http2.constants.NGHTTP2_PROTOCOL_ERROR) {
    return new Fault("upstream-out-of-step", "the target's answer is not HTTP as it should be", { cause: error });
  }
  return new Fault("upstream-lost", "the target broke off before its answer was complete", {
    cause: error,
    hint: "it may have been carried out",
  });
}
