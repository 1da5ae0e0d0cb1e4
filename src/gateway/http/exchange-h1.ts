/**
 * A request of HTTP/1.1 and its answer (RFC 9112), over node:http's own parser and writer. A body that nobody wants is read for
 * a moment behind the answer, so that the answer is not lost to a reset of the connection; then the connection is closed.
 */
import { type IncomingMessage, ServerResponse } from "node:http";
import type { Duplex, Readable, Writable } from "node:stream";
import { type HeaderPair, valuesOf } from "#protocols/http/protocol.ts";
import type { Exchange, Handover, ResponseHead } from "./exchange.ts";
import { UNWANTED_MS } from "./limits.ts";
import { flat } from "./pairs.ts";
import { pairsOf } from "./upstream/exchange.ts";

export interface Http1Parts {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** Null where the client asks for another protocol: the answer is then made here. */
  readonly response: ServerResponse | null;
  readonly expectsContinue: boolean;
  /** What came behind a request for another protocol. */
  readonly head: Buffer;
  /** The connection takes no further request. */
  readonly isLast: () => boolean;
  /** To be called where this is the last. */
  readonly onLast: () => void;
}

export class Http1Exchange implements Exchange {
  readonly version = "1.1";
  readonly method: string;
  readonly path: string;
  readonly authority = null;
  readonly headers: readonly HeaderPair[];
  readonly body: Readable | null;
  readonly expectsContinue: boolean;
  readonly signal: AbortSignal;
  readonly handover: Handover | null;
  /** When the answer is complete, or the connection is lost. */
  readonly closed: Promise<void>;
  readonly #parts: Http1Parts;
  readonly #response: ServerResponse;
  readonly #abort = new AbortController();
  #switched = false;
  #failed = false;

  constructor(parts: Http1Parts) {
    const { request, socket, expectsContinue } = parts;
    this.#parts = parts;
    this.method = request.method ?? "";
    this.path = request.url ?? "";
    this.headers = pairsOf(request.rawHeaders);
    this.body = hasBody(this.headers) ? request : null;
    this.expectsContinue = expectsContinue;
    this.signal = this.#abort.signal;
    this.handover = parts.response === null ? { head: parts.head, accept: (fields) => this.#switch(fields) } : null;
    this.#response = parts.response ?? ownResponse(request, socket);
    // Whoever reads the body is told as well; who does not must not bring the process down.
    request.on("error", ignore);
    this.#response.on("error", ignore);
    this.closed = new Promise((resolve) => {
      const end = (): void => {
        if (!this.#response.writableFinished && !this.#switched && !this.#failed) this.#abort.abort();
        resolve();
      };
      this.#response.once("close", end);
      socket.once("close", end);
      this.#response.once("finish", () => this.#finished());
    });
  }

  get answered(): boolean {
    return this.#response.headersSent || this.#switched;
  }

  trailers(): readonly HeaderPair[] {
    return pairsOf(this.#parts.request.rawTrailers);
  }

  information(status: number, headers: readonly HeaderPair[]): void {
    if (this.answered || this.#parts.socket.destroyed) return;
    if (status === 100) this.#response.writeContinue();
    else if (status === 103 && headers.length > 0) this.#response.writeEarlyHints(hintsOf(headers));
  }

  respond({ status, statusText, headers, closes }: ResponseHead, bodyless: boolean): Writable | null {
    if (closes === true) this.#parts.onLast();
    const last = this.#parts.isLast() || this.#parts.response === null;
    const fields = last ? [...headers, ["connection", "close"] as const] : headers;
    this.#response.writeHead(status, reasonPhrase(statusText), flat(fields));
    if (bodyless) this.#response.end();
    else this.#response.flushHeaders();
    return bodyless ? null : this.#response;
  }

  trail(trailers: readonly HeaderPair[]): void {
    // Without chunks there is no place for them: RFC 9112 section 7.1.2.
    if (trailers.length > 0) this.#response.addTrailers(trailers.map(([name, value]): [string, string] => [name, value]));
  }

  fail(): void {
    this.#failed = true;
    this.#parts.socket.destroy();
  }

  #finished(): void {
    const { request, socket, response } = this.#parts;
    if (response === null) {
      socket.end();
      return;
    }
    if (request.complete) return;
    request.resume();
    setTimeout(() => {
      if (!request.complete) socket.destroy();
    }, UNWANTED_MS).unref();
  }

  #switch(headers: readonly HeaderPair[]): Duplex {
    this.#switched = true;
    const lines = ["HTTP/1.1 101 Switching Protocols", ...headers.map(([name, value]) => `${name}: ${value}`)];
    const { socket } = this.#parts;
    this.#response.detachSocket(this.#parts.request.socket);
    socket.write(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
    return socket;
  }
}

/** node:http has let go of a connection that asks for another protocol. */
function ownResponse(request: IncomingMessage, _socket: Duplex): ServerResponse {
  const response = new ServerResponse(request);
  response.assignSocket(request.socket);
  return response;
}

/** RFC 9112 section 6.3: framing says whether there is one. */
function hasBody(headers: readonly HeaderPair[]): boolean {
  const lengths = valuesOf(headers, "content-length");
  return valuesOf(headers, "transfer-encoding").length > 0 || lengths.some((length) => Number(length) !== 0);
}

/** RFC 9112 section 4: what else a target says there must not end the line. */
function reasonPhrase(text: string): string {
  return /^[\t\x20-\x7e]*$/.test(text) ? text : "";
}

function hintsOf(headers: readonly HeaderPair[]): Record<string, string | string[]> {
  const links = valuesOf(headers, "link");
  return { link: [...links] };
}

function ignore(): void {
  // An error of a stream is followed by `close`, and that is what is waited for.
}
