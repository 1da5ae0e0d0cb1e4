/**
 * HTTP/1.1 to a target (RFC 9112), by Node's own client over connections that are kept for the next request. What may have been
 * carried out is never sent twice: only a request without a body and without effect is tried again, once, where a kept
 * connection turned out to be closed.
 */
import http from "node:http";
import type { Duplex } from "node:stream";
import { Fault } from "#protocols/wire/fault.ts";
import type { Connections } from "./connections.ts";
import {
  exchangeFault,
  type HeaderPair,
  isSafe,
  pairsOf,
  type UpgradeResult,
  type UpstreamRequest,
  type UpstreamResponse,
} from "./exchange.ts";

/** Connections that wait for a request are closed after this long: below what servers commonly allow. */
const KEPT_MS = 30_000;
const CONNECTIONS_MAX = 256;
const HEAD_BYTES_MAX = 128 * 1024;
/** How long a request that asks for 100 (Continue) waits before its body goes out all the same, RFC 9110 section 10.1.1. */
const CONTINUE_MS = 1_000;

interface ExchangeOptions extends http.ClientRequestArgs {
  /** Whose request it is. */
  readonly sessionId?: string;
}

class VerifiedAgent extends http.Agent {
  readonly #connections: Connections;
  /** A connection that was opened before it was known which version it would speak. */
  #spare: Duplex | null = null;

  constructor(connections: Connections, keepAlive: boolean) {
    super({ keepAlive, maxSockets: CONNECTIONS_MAX, timeout: KEPT_MS, scheduling: "lifo" });
    this.#connections = connections;
  }

  offer(socket: Duplex): void {
    this.#spare?.destroy();
    this.#spare = socket;
    socket.once("close", () => {
      if (this.#spare === socket) this.#spare = null;
    });
  }

  override createConnection(options: ExchangeOptions, callback?: (error: Error | null, stream: Duplex) => void): undefined {
    const spare = this.#spare;
    this.#spare = null;
    const opened = spare === null ? this.#connections.open(["http/1.1"], options.sessionId ?? "") : Promise.resolve(spare);
    opened.then(
      (socket) => callback?.(null, socket),
      // Node's types want a stream beside the error; its agent looks at the error first.
      (error: unknown) => (callback as ((error: unknown) => void) | undefined)?.(error),
    );
    return undefined;
  }

  override destroy(): void {
    this.#spare?.destroy();
    super.destroy();
  }
}

export class Http1Client {
  readonly #kept: VerifiedAgent;
  readonly #fresh: VerifiedAgent;

  constructor(connections: Connections) {
    this.#kept = new VerifiedAgent(connections, true);
    this.#fresh = new VerifiedAgent(connections, false);
  }

  /** Takes over a connection on which the target has chosen HTTP/1.1. */
  offer(socket: Duplex): void {
    this.#kept.offer(socket);
  }

  /** @throws Fault, as the pool does */
  async request(request: UpstreamRequest, sessionId: string): Promise<UpstreamResponse> {
    try {
      return await exchange(this.#kept, request, sessionId);
    } catch (error) {
      if (!(error instanceof StaleConnectionError) || request.signal.aborted) throw exchangeFault(causeOf(error), request.signal);
    }
    try {
      return await exchange(this.#fresh, request, sessionId);
    } catch (error) {
      throw exchangeFault(causeOf(error), request.signal);
    }
  }

  /** A connection of its own, since what it becomes is no HTTP any more. @throws Fault, as the pool does */
  async upgrade(request: UpstreamRequest, sessionId: string): Promise<UpgradeResult> {
    try {
      return await new Promise<UpgradeResult>((resolve, reject) => {
        const call = start(this.#fresh, request, sessionId, reject);
        call.once("upgrade", (response, socket, head) =>
          resolve({ kind: "switched", headers: pairsOf(response.rawHeaders), socket, head }),
        );
        call.once("response", (response) => resolve({ kind: "response", response: answer(response) }));
        call.end();
      });
    } catch (error) {
      throw exchangeFault(causeOf(error), request.signal);
    }
  }

  close(): void {
    this.#kept.destroy();
    this.#fresh.destroy();
  }
}

/** A kept connection was closed before anything of an answer came, and the request may be sent again. */
class StaleConnectionError extends Error {}

function causeOf(error: unknown): unknown {
  return error instanceof StaleConnectionError ? error.cause : error;
}

function exchange(agent: VerifiedAgent, request: UpstreamRequest, sessionId: string): Promise<UpstreamResponse> {
  return new Promise((resolve, reject) => {
    const call = start(agent, request, sessionId, reject);
    call.once("response", (response) => resolve(answer(response)));
    // RFC 9110 section 15.2.2: another protocol is spoken only where the client has asked for it.
    call.once("upgrade", (_response, socket) => {
      socket.destroy();
      reject(new Fault("upstream-out-of-step", "the target changed to a protocol that nobody asked for"));
    });
    call.once("close", () => reject(new Error("the connection was closed before an answer came")));
    if (request.body === null) call.end();
    else if (asksFirst(request)) sendWhenAsked(call, request);
    else send(call, request);
  });
}

function start(agent: VerifiedAgent, request: UpstreamRequest, sessionId: string, reject: (error: unknown) => void): http.ClientRequest {
  const options: ExchangeOptions = {
    agent,
    method: request.method,
    path: request.path,
    headers: framed(request) as unknown as http.OutgoingHttpHeaders,
    setHost: false,
    insecureHTTPParser: false,
    maxHeaderSize: HEAD_BYTES_MAX,
    signal: request.signal,
    sessionId,
  };
  const call = http.request(options);
  call.on("information", ({ statusCode, rawHeaders }) => request.onInformation(statusCode, pairsOf(rawHeaders)));
  call.on("error", (error) => {
    const again = call.reusedSocket && request.body === null && isSafe(request.method) && isReset(error);
    reject(again ? new StaleConnectionError("stale", { cause: error }) : error);
  });
  return call;
}

/** The framing of the body is said in so many words: what Node does without them depends on the method. RFC 9112 section 6. */
function framed({ method, headers, body }: UpstreamRequest): readonly HeaderPair[] {
  const told = headers.some(([name]) => /^content-length$/i.test(name));
  if (body !== null) return told ? headers : [...headers, ["Transfer-Encoding", "chunked"]];
  return told || isSafe(method) ? headers : [...headers, ["Content-Length", "0"]];
}

function send(call: http.ClientRequest, { body, trailers }: UpstreamRequest): void {
  if (body === null) return;
  body.on("error", (error) => call.destroy(error));
  body.once("end", () => {
    const last = trailers();
    if (last.length > 0) call.addTrailers([...last] as [string, string][]);
    call.end();
  });
  body.pipe(call, { end: false });
  // Whoever has stopped reading it has nothing to wait for.
  call.once("close", () => body.unpipe(call));
}

function sendWhenAsked(call: http.ClientRequest, request: UpstreamRequest): void {
  let begun = false;
  const begin = (): void => {
    clearTimeout(timer);
    if (begun || call.destroyed) return;
    begun = true;
    send(call, request);
  };
  const timer = setTimeout(begin, CONTINUE_MS);
  call.once("continue", begin);
  call.once("response", () => clearTimeout(timer));
  call.once("close", () => clearTimeout(timer));
}

function asksFirst({ headers }: UpstreamRequest): boolean {
  return headers.some(([name, value]) => /^expect$/i.test(name) && /^100-continue$/i.test(value));
}

function isReset(error: Error): boolean {
  return "code" in error && (error.code === "ECONNRESET" || error.code === "EPIPE");
}

function answer(response: http.IncomingMessage): UpstreamResponse {
  // Whoever reads the body is told as well.
  response.on("error", () => undefined);
  return {
    status: response.statusCode ?? 0,
    statusText: response.statusMessage ?? "",
    headers: pairsOf(response.rawHeaders),
    body: response,
    trailers: () => pairsOf(response.rawTrailers),
    httpVersion: "1.1",
  };
}
