/**
 * A permitted request on its way to the target, and the answer on its way back. The record comes first: nothing of the request
 * leaves before its event is in the kernel, and no piece of its body before that piece is.
 */
import type { Readable } from "node:stream";
import { endToEnd, type HeaderPair, readsBodies, recordedFields, requestHeaders, sentQuery, sentTarget } from "#protocols/http/protocol.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { hintsOf, respond } from "./answer.ts";
import type { Forwarding } from "./forwarding.ts";
import { bodyForTarget } from "./request-body.ts";
import type { UpstreamRequest } from "./upstream/exchange.ts";
import { handOver } from "./websocket.ts";

/** @throws Fault, Refusal: the client is to be told where no answer has begun */
export async function forward(forwarding: Forwarding): Promise<void> {
  const { exchange, api, record, session, stopper } = forwarding;
  const credential = await api.credential.pairs();
  const headers = headersFor(forwarding, credential);
  record.head(
    "in",
    null,
    recordedFields(
      headers.filter((pair) => !credential.includes(pair)),
      forwarding.masks,
    ),
  );
  record.flush();
  const body = bodyForTarget(forwarding);
  const request = requestOf(forwarding, headers, body);
  stopper.awaitHead(api.target.limits.statementTimeoutMs);
  if (exchange.handover !== null) return handOver(forwarding, request, exchange.handover, credential);
  if (exchange.expectsContinue && body !== null) exchange.information(100, []);
  try {
    const response = await api.pool.request(request, session.id);
    stopper.headCame();
    if (response.status === 401) api.credential.refused(credential);
    await respond(forwarding, response, credential.length > 0);
  } finally {
    body?.destroy();
  }
}

/** @throws Fault `request-ambiguous`, `masked-request` */
function headersFor(
  { exchange, arrival, api, requested, place, masks, record }: Forwarding,
  credential: readonly HeaderPair[],
): readonly HeaderPair[] {
  const headers = requestHeaders(exchange.headers, {
    method: exchange.method,
    requestId: record.requestId,
    host: api.authority,
    authority: requested.authority,
    clientAddress: addressOf(arrival.remote),
    version: exchange.version,
    proof: place,
    credential,
    upgrade: exchange.handover === null ? null : "websocket",
    readsResponse: readsBodies(masks) || !api.literals.isEmpty,
    masks,
  });
  if (headers instanceof Fault) throw headers;
  return headers;
}

function requestOf(forwarding: Forwarding, headers: readonly HeaderPair[], body: Readable | null): UpstreamRequest {
  const { exchange, api, requested, masks, stopper } = forwarding;
  const query = requested.query === null ? null : sentQuery(exchange.method, requested.query, masks);
  if (query instanceof Fault) throw query;
  return {
    method: exchange.method,
    path: sentTarget({ path: requested.path, query }, api.target.basePath),
    headers,
    body,
    trailers: () => trailersOf(exchange.trailers()),
    signal: stopper.signal,
    onInformation: (status, fields) => {
      // 100 has been said already; of the others only 103 means anything to a client.
      if (status === 103) exchange.information(status, hintsOf(forwarding, fields));
    },
  };
}

/** RFC 9110 section 6.5.1: what frames, routes or lets somebody in must not come behind a body. */
const NO_TRAILER =
  /^(authorization|proxy-.*|cookie|set-cookie|host|content-.*|transfer-encoding|te|trailer|connection|upgrade|keep-alive|expect|forwarded|via|x-forwarded-.*|x-request-id|cache-control|max-forwards|range|if-.*)$/i;

function trailersOf(pairs: readonly HeaderPair[]): readonly HeaderPair[] {
  return endToEnd(pairs).filter(([name]) => !NO_TRAILER.test(name));
}

/** Of `address:port`, an IPv6 address without its brackets. */
function addressOf(remote: string): string {
  return remote.slice(0, remote.lastIndexOf(":")).replace(/^\[|\]$/g, "");
}
