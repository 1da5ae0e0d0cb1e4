/**
 * HTTP/2 to a target (RFC 9113), by Node's own client. Requests share connections up to what the target allows at the same time;
 * a connection that says good-bye (GOAWAY) or does not answer a PING gets no further ones.
 */
import http2 from "node:http2";
import type tls from "node:tls";
import { Fault } from "#protocols/wire/fault.ts";
import { exchangeFault, type HeaderPair, isSafe, pairsOf, resetCodeOf, type UpstreamRequest, type UpstreamResponse } from "./exchange.ts";

/** Of one response before it must be read: Node's 64 KiB would hold a fast target back to one window a round trip. */
const STREAM_WINDOW_BYTES = 1024 * 1024;
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;
const HEAD_BYTES_MAX = 128 * 1024;
const IDLE_MS = 60_000;
const PING_MS = 30_000;
const PING_ANSWER_MS = 10_000;
const SETTINGS_MS = 10_000;

const { NGHTTP2_REFUSED_STREAM } = http2.constants;

/** One connection with its streams. */
export class Http2Client {
  readonly #session: http2.ClientHttp2Session;
  readonly #authority: string;
  #active = 0;
  #over = false;
  #lastUse = performance.now();
  readonly #watch: NodeJS.Timeout;

  /** @throws Fault `upstream-out-of-step` when the target does not begin as RFC 9113 section 3.4 says */
  static open(socket: tls.TLSSocket, authority: string): Promise<Http2Client> {
    const session = http2.connect(`https://${authority}`, {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES, maxHeaderListSize: HEAD_BYTES_MAX },
    });
    return new Promise((resolve, reject) => {
      const fail = (cause: unknown): void => {
        clearTimeout(timer);
        session.destroy();
        reject(new Fault("upstream-out-of-step", "the target agreed to HTTP/2 and does not speak it", { cause }));
      };
      const timer = setTimeout(fail, SETTINGS_MS, undefined);
      session.once("error", fail);
      session.once("close", fail);
      session.once("remoteSettings", () => {
        clearTimeout(timer);
        session.off("error", fail);
        session.off("close", fail);
        session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
        resolve(new Http2Client(session, authority));
      });
    });
  }

  constructor(session: http2.ClientHttp2Session, authority: string) {
    this.#session = session;
    this.#authority = authority;
    const over = (): void => {
      this.#over = true;
      clearInterval(this.#watch);
    };
    session.on("error", over);
    session.on("close", over);
    session.on("goaway", over);
    this.#watch = setInterval(() => this.#look(), PING_MS).unref();
  }

  /** It takes no further requests, ever. */
  get over(): boolean {
    return this.#over || this.#session.closed || this.#session.destroyed;
  }

  get hasRoom(): boolean {
    return !this.over && this.#active < (this.#session.remoteSettings.maxConcurrentStreams ?? Number.POSITIVE_INFINITY);
  }

  /**
   * @throws UnansweredError when the target has not looked at the request (RFC 9113 section 8.7), or it has no effect
   * @throws Fault, as the pool does
   */
  request(request: UpstreamRequest): Promise<UpstreamResponse> {
    return new Promise((resolve, reject) => {
      const { body, signal } = request;
      const stream = this.#session.request(headOf(request, this.#authority) as unknown as http2.OutgoingHttpHeaders, {
        endStream: body === null,
        waitForTrailers: body !== null,
        // Node resets the stream with CANCEL. Its `close` would tell whoever reads the answer first, and be overtaken by what they do.
        signal,
      });
      this.#hold(stream);
      const abort = (): void => reject(exchangeFault(undefined, signal));
      if (signal.aborted) return abort();
      signal.addEventListener("abort", abort, { once: true });
      stream.once("close", () => {
        signal.removeEventListener("abort", abort);
        reject(this.#failure(undefined, request));
      });
      stream.on("error", (error) => {
        const unread = body === null && resetCodeOf(coded(error, stream)) === NGHTTP2_REFUSED_STREAM;
        reject(unread ? new UnansweredError() : this.#failure(error, request));
      });
      stream.on("headers", (head, _flags, ...rest: unknown[]) => request.onInformation(Number(head[":status"]), pairsOf(rawOf(rest[0]))));
      stream.once("response", (head, _flags, ...rest: unknown[]) => resolve(answer(stream, head, rawOf(rest[0]))));
      if (body !== null) send(stream, request);
    });
  }

  close(): void {
    clearInterval(this.#watch);
    this.#session.close();
  }

  /** Lost with its connection, a request without a body and without effect may be sent again. */
  #failure(error: unknown, { method, body, signal }: UpstreamRequest): Error {
    return this.over && body === null && isSafe(method) && !signal.aborted ? new UnansweredError() : exchangeFault(error, signal);
  }

  #hold(stream: http2.ClientHttp2Stream): void {
    this.#active++;
    stream.once("close", () => {
      this.#active--;
      this.#lastUse = performance.now();
    });
  }

  /** A connection without streams is given up after a while; one with them must answer. */
  #look(): void {
    if (this.over) return;
    if (this.#active === 0) {
      if (performance.now() - this.#lastUse >= IDLE_MS) this.close();
      return;
    }
    const late = setTimeout(() => this.#session.destroy(new Error("no answer to a PING")), PING_ANSWER_MS).unref();
    this.#session.ping(() => clearTimeout(late));
  }
}

/** Nothing of an answer came, and the request may be sent again on another connection. */
export class UnansweredError extends Error {}

/** RFC 9113 section 8.2: names in lower case, the authority in place of Host. */
function headOf({ method, path, headers }: UpstreamRequest, authority: string): readonly string[] {
  const host = headers.find(([name]) => name.toLowerCase() === "host")?.[1] ?? authority;
  const fields = headers.flatMap(([name, value]) => (name.toLowerCase() === "host" ? [] : [name.toLowerCase(), value]));
  return [":method", method, ":scheme", "https", ":authority", host, ":path", path, ...fields];
}

function send(stream: http2.ClientHttp2Stream, { body, trailers }: UpstreamRequest): void {
  if (body === null) return;
  stream.once("wantTrailers", () => stream.sendTrailers(grouped(trailers())));
  // With an error, so that the stream is reset and half a body never passes for a whole one.
  body.on("error", () => stream.destroy(new Error("the request's body broke off")));
  body.pipe(stream);
  stream.once("close", () => body.unpipe(stream));
}

function grouped(pairs: readonly HeaderPair[]): Record<string, string[]> {
  const trailers: Record<string, string[]> = Object.create(null);
  for (const [name, value] of pairs) {
    const values = trailers[name.toLowerCase()];
    if (values === undefined) trailers[name.toLowerCase()] = [value];
    else values.push(value);
  }
  return trailers;
}

function answer(stream: http2.ClientHttp2Stream, head: http2.IncomingHttpHeaders, raw: readonly string[]): UpstreamResponse {
  let trailers: readonly HeaderPair[] = [];
  stream.once("trailers", (_head, _flags, ...rest: unknown[]) => {
    trailers = pairsOf(rawOf(rest[0]));
  });
  return {
    status: Number(head[":status"]),
    statusText: "",
    headers: pairsOf(raw),
    body: stream,
    trailers: () => trailers,
    httpVersion: "2",
  };
}

/** Node hands it over behind what its types name. */
function rawOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value : [];
}

/** The code of a reset stands on the stream alone. */
function coded(error: Error, stream: http2.ClientHttp2Stream): Error {
  return Object.assign(error, { rstCode: stream.rstCode ?? null });
}
