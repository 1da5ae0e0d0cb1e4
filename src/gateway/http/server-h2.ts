/**
 * HTTP/2 to clients: one session of node:http2 for each connection that TLS has secured. What a client can make the gateway
 * hold or do for nothing is bounded: heads, streams, resets, settings, pings.
 */
import http2 from "node:http2";
import type { Duplex } from "node:stream";
import { Http2Exchange } from "./exchange-h2.ts";
import {
  CONNECTION_MEMORY_MB,
  CONNECTION_WINDOW_BYTES,
  HEAD_BYTES_MAX,
  HEADER_FIELDS_MAX,
  IDLE_MS,
  INVALID_FRAMES_MAX,
  PINGS_MAX,
  REJECTED_STREAMS_MAX,
  RESET_BURST,
  RESETS_PER_SECOND,
  SETTINGS_MAX,
  STREAM_WINDOW_BYTES,
  STREAMS_MAX,
} from "./limits.ts";
import type { Receive, Served } from "./served.ts";

const OPTIONS: http2.ServerOptions = {
  maxSessionMemory: CONNECTION_MEMORY_MB,
  // Pseudo-headers count too.
  maxHeaderListPairs: HEADER_FIELDS_MAX + 4,
  maxOutstandingPings: PINGS_MAX,
  maxSettings: SETTINGS_MAX,
  maxSessionInvalidFrames: INVALID_FRAMES_MAX,
  maxSessionRejectedStreams: REJECTED_STREAMS_MAX,
  streamResetBurst: RESET_BURST,
  streamResetRate: RESETS_PER_SECOND,
  // What a target sends twice is the client's to judge, as in HTTP/1.1.
  strictSingleValueFields: false,
  settings: {
    maxConcurrentStreams: STREAMS_MAX,
    maxHeaderListSize: HEAD_BYTES_MAX,
    initialWindowSize: STREAM_WINDOW_BYTES,
    enableConnectProtocol: false,
    enablePush: false,
  },
};

export class Http2Connection implements Served {
  readonly #session: http2.ServerHttp2Session;
  #busy = 0;

  constructor(socket: Duplex, receive: Receive) {
    const session = http2.performServerHandshake(socket, OPTIONS);
    this.#session = session;
    session.on("error", ignore);
    session.on("frameError", ignore);
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    session.setTimeout(IDLE_MS, () => {
      if (this.#busy === 0) session.close();
    });
    session.on("stream", (stream, _fields, flags, ...rest: unknown[]) => {
      const raw = rest[0];
      const texts = Array.isArray(raw) ? raw.filter((one) => typeof one === "string") : [];
      this.#serve(new Http2Exchange(stream, texts, flags), receive);
    });
    // The listener lets clients say that they will send no more and go on reading; over HTTP/2 that means that they are gone.
    socket.once("end", () => socket.end());
    session.once("close", () => socket.destroy());
  }

  get busy(): number {
    return this.#busy;
  }

  /** GOAWAY (RFC 9113 section 6.8): streams that are there go on. */
  finish(): void {
    if (!this.#session.destroyed && !this.#session.closed) this.#session.close();
  }

  cut(): void {
    this.#session.destroy();
  }

  #serve(exchange: Http2Exchange, receive: Receive): void {
    this.#busy++;
    const over = (): void => {
      this.#busy--;
    };
    receive(exchange)
      .then(() => exchange.closed)
      .then(over, over);
  }
}

function ignore(): void {
  // An error of a session is followed by `close`, and that is what is waited for.
}
