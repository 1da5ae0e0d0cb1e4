/**
 * The target's answer on its way to the client: decoded where it must be read, masked, blanked, recorded as it is shown, and
 * passed on as it comes. What cannot be judged is refused before a byte of it has gone out.
 */
import { STATUS_CODES } from "node:http";
import type { Readable, Transform, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import {
  type BodyFilter,
  type HeaderPair,
  passedFields,
  type ResponseContext,
  readsBodies,
  resourceOf,
  responseBody,
  responseHeaders,
  valuesOf,
} from "#protocols/http/protocol.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { type Decoding, decodingOf } from "./decoding.ts";
import type { Forwarding } from "./forwarding.ts";
import { LateSink } from "./late-sink.ts";
import { UNREAD_MS } from "./limits.ts";
import { Refusal } from "./refusal.ts";
import { responseLimit, Showing } from "./response-body.ts";
import type { UpstreamResponse } from "./upstream/exchange.ts";

/** @throws Fault, Refusal where no answer has begun; else the exchange has been broken off */
export async function respond(forwarding: Forwarding, response: UpstreamResponse, credentialSent: boolean): Promise<void> {
  const { exchange, record } = forwarding;
  if (response.status < 200 || response.status > 599) {
    response.body.destroy();
    throw new Fault("upstream-out-of-step", `the target answers with ${response.status}, which is no status`);
  }
  const bodyless = isBodyless(exchange.method, response);
  const decoding = bodyless ? null : decodingFor(forwarding, response);
  const filter = filterFor(forwarding, response, bodyless, decoding);
  const context = contextOf(forwarding, response.status, decoding, credentialSent);
  const headers = responseHeaders(response.headers, context);
  const limit = responseLimit(forwarding, response);
  if (filter instanceof Fault || limit instanceof Fault) {
    response.body.destroy();
    throw filter instanceof Fault ? withheld(filter, response.status) : limit;
  }
  // Of the target's own words none is shown: a phrase may quote what is masked, or the credential.
  const statusText = STATUS_CODES[response.status] ?? "";
  const tag = `${response.status} ${statusText}`.trim();
  const begin = (): Writable | null => {
    record.head("out", response.status, headers);
    return exchange.respond({ status: response.status, statusText, headers }, bodyless);
  };
  if (bodyless) {
    response.body.on("error", () => undefined).resume();
    begin();
    record.done(tag, 0);
    return;
  }
  const sink = waits(forwarding, response, decoding) ? new LateSink(() => placeOf(begin())) : placeOf(begin());
  const showing = new Showing({ forwarding, filter, limit, trailers: () => exchange.trail(passedFields(response.trailers(), context)) });
  await passOn(forwarding, [response.body, ...(decoding === null ? [] : [decoding.stream()])], showing, sink);
  record.done(tag, filter.maskedCells);
}

function placeOf(sink: Writable | null): Writable {
  if (sink === null) throw new Error("broken invariant: an answer with a body has no place for it");
  return sink;
}

/** Events are waited for, and so is the head before them. */
function waits({ masks }: Forwarding, { headers }: UpstreamResponse, decoding: Decoding | null): boolean {
  if (!readsBodies(masks) && decoding === null) return false;
  return !valuesOf(headers, "content-type").some((type) => /^\s*(text\/event-stream|application\/grpc)/i.test(type));
}

/** That something failed at the target is told, though what it says of it cannot be shown. */
function withheld(fault: Fault, status: number): Fault | Refusal {
  return status >= 400 ? new Refusal(fault, { status }) : fault;
}

/** @param sources the target's body, and what decodes it */
async function passOn(
  { exchange, stopper }: Forwarding,
  sources: readonly (Readable | Transform)[],
  showing: Showing,
  sink: Writable,
): Promise<void> {
  // Before the pipeline hears of it, which would end some sinks in good order.
  const failed = (): void => {
    if (exchange.answered) exchange.fail();
  };
  for (const stream of [...sources, showing]) stream.once("error", failed);
  const watch = watchStall(showing, () => stopper.stop(unread()));
  try {
    await pipeline([...sources, showing, sink]);
  } catch (error) {
    const { reason } = stopper.signal;
    if (reason instanceof Fault) throw reason;
    if (error instanceof Fault) throw error;
    if (sources[1]?.errored === error) throw undecodable(error);
    throw cutOff(error, exchange.signal.aborted);
  } finally {
    clearInterval(watch);
  }
}

/** A client that leaves an answer unread holds a connection of the target's, too. */
function watchStall(showing: Showing, stalled: () => void): NodeJS.Timeout {
  let before = -1;
  return setInterval(() => {
    if (showing.readableLength > 0 && showing.bytes === before) stalled();
    before = showing.bytes;
  }, UNREAD_MS).unref();
}

function unread(): Fault {
  return new Fault("idle-timeout", `the client has read nothing for ${UNREAD_MS / 1000} s`);
}

function undecodable(cause: unknown): Fault {
  return new Fault("masked-body-encoding", "the target's answer is not coded as it says, and must be read", { cause });
}

function cutOff(cause: unknown, byClient: boolean): Fault {
  return byClient
    ? new Fault("unexpected-message", "the client has given the request up", { cause })
    : new Fault("upstream-lost", "the target broke off before its answer was complete", { cause });
}

/** RFC 9112 section 6.3; of gRPC, an answer of trailers alone. */
function isBodyless(method: string, { status, headers }: UpstreamResponse): boolean {
  if (method === "HEAD" || status === 204 || status === 304) return true;
  return valuesOf(headers, "grpc-status").length > 0 || valuesOf(headers, "content-length").some((length) => Number(length) === 0);
}

/** Null where it is passed on as it is coded. */
function decodingFor({ masks, api }: Forwarding, { headers }: UpstreamResponse): Decoding | null {
  return readsBodies(masks) || !api.literals.isEmpty ? decodingOf(valuesOf(headers, "content-encoding")) : null;
}

function filterFor(
  { masks, api }: Forwarding,
  { status, headers }: UpstreamResponse,
  empty: boolean,
  decoding: Decoding | null,
): BodyFilter | Fault {
  const codings = valuesOf(headers, "content-encoding").join(",");
  const contentEncoding = decoding === null ? codings || null : decoding.left;
  return responseBody({ status, contentTypes: valuesOf(headers, "content-type"), contentEncoding, empty, masks, literals: api.literals });
}

function contextOf(forwarding: Forwarding, status: number, decoding: Decoding | null, credentialSent: boolean): ResponseContext {
  const { api, requested, masks, record } = forwarding;
  const { basePath } = api.target;
  return {
    status,
    requestId: record.requestId,
    masks,
    literals: api.literals,
    bodyChanges: readsBodies(masks) || decoding !== null,
    decoded: decoding !== null,
    credentialSent,
    upgrade: null,
    origins: [`https://${api.authority}`],
    basePath,
    resource: resourceOf(requested),
    prefix: requested.prefix,
  };
}

/** Links that a target hints at before it answers (RFC 8297), as they may be shown. */
export function hintsOf(forwarding: Forwarding, fields: readonly HeaderPair[]): readonly HeaderPair[] {
  const links = valuesOf(fields, "link").map((value) => ["link", value] as const);
  return passedFields(links, contextOf(forwarding, 103, null, false));
}

/** Of an answer that is handed over to another protocol. */
export function switchedHeaders(forwarding: Forwarding, headers: readonly HeaderPair[], credentialSent: boolean): readonly HeaderPair[] {
  return responseHeaders(headers, { ...contextOf(forwarding, 101, null, credentialSent), upgrade: "websocket" });
}
