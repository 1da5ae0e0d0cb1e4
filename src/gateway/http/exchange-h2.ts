/** A request of HTTP/2 and its answer (RFC 9113): one stream of a connection that carries many. */
import http2 from "node:http2";
import type { Readable, Writable } from "node:stream";
import type { HeaderPair } from "#protocols/http/protocol.ts";
import type { Exchange, ResponseHead } from "./exchange.ts";
import { byName } from "./pairs.ts";
import { pairsOf } from "./upstream/exchange.ts";

const { NGHTTP2_NO_ERROR, NGHTTP2_FLAG_END_STREAM } = http2.constants;

export class Http2Exchange implements Exchange {
  readonly version = "2";
  readonly method: string;
  readonly path: string;
  readonly authority: string | null;
  readonly headers: readonly HeaderPair[];
  readonly body: Readable | null;
  readonly expectsContinue: boolean;
  readonly signal: AbortSignal;
  readonly handover = null;
  readonly closed: Promise<void>;
  readonly #stream: http2.ServerHttp2Stream;
  readonly #abort = new AbortController();
  #received: readonly HeaderPair[] = [];
  #trailers: readonly HeaderPair[] = [];
  #failed = false;

  constructor(stream: http2.ServerHttp2Stream, raw: readonly string[], flags: number) {
    this.#stream = stream;
    this.method = pseudo(raw, ":method") ?? "";
    this.path = pseudo(raw, ":path") ?? "";
    this.authority = pseudo(raw, ":authority");
    this.headers = pairsOf(raw);
    this.body = (flags & NGHTTP2_FLAG_END_STREAM) === 0 ? stream : null;
    this.expectsContinue = this.headers.some(([name, value]) => name === "expect" && value.toLowerCase() === "100-continue");
    this.signal = this.#abort.signal;
    stream.on("error", ignore);
    stream.on("trailers", (_fields, _flags, ...rest: unknown[]) => {
      this.#received = pairsOf(texts(rest[0]));
    });
    // Without any, Node ends the stream with an empty DATA frame.
    stream.on("wantTrailers", () => stream.sendTrailers(byName(this.#trailers)));
    stream.once("aborted", () => this.#gone());
    this.closed = new Promise((resolve) => {
      stream.once("close", () => {
        if (!stream.writableFinished || stream.rstCode !== NGHTTP2_NO_ERROR) this.#gone();
        resolve();
      });
    });
  }

  get answered(): boolean {
    return this.#stream.headersSent;
  }

  trailers(): readonly HeaderPair[] {
    return this.#received;
  }

  information(status: number, headers: readonly HeaderPair[]): void {
    // 101 has no meaning here: RFC 9113 section 8.6.
    if (this.answered || this.#stream.destroyed || this.#stream.closed || status === 101) return;
    this.#stream.additionalHeaders({ ...byName(headers), ":status": status });
  }

  respond({ status, headers }: ResponseHead, bodyless: boolean): Writable | null {
    const head = { ...byName(headers), ":status": status };
    this.#stream.respond(head, bodyless ? { endStream: true } : { waitForTrailers: true });
    if (!bodyless) this.#stream.once("finish", () => this.#leaveBody());
    else this.#leaveBody();
    return bodyless ? null : this.#stream;
  }

  trail(trailers: readonly HeaderPair[]): void {
    this.#trailers = trailers;
  }

  /**
   * INTERNAL_ERROR. Node's `close` with a code would end the stream in good order first, and half an answer would pass for a
   * whole one; so it would with CANCEL, which Node's own client tells nobody of.
   */
  fail(): void {
    this.#failed = true;
    this.#stream.destroy(new Error("the answer is broken off"));
  }

  #gone(): void {
    if (!this.#failed) this.#abort.abort();
  }

  /** RFC 9113 section 8.1: a client whose answer is complete is told that the rest of its body is not wanted. */
  #leaveBody(): void {
    if (this.body === null || this.body.readableEnded) return;
    this.body.resume();
    setImmediate(() => {
      if (!this.#stream.destroyed && !this.#stream.readableEnded) this.#stream.close(NGHTTP2_NO_ERROR);
    });
  }
}

function pseudo(raw: readonly string[], name: string): string | null {
  for (let at = 0; at + 1 < raw.length; at += 2) if (raw[at] === name) return raw[at + 1] ?? null;
  return null;
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

function ignore(): void {
  // An error of a stream is followed by `close`, and that is what is waited for.
}
