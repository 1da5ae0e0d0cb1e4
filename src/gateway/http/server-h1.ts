/**
 * HTTP/1.1 to clients: one node:http server of each worker, which listens nowhere and is handed connections that TLS has
 * secured. Its parser is the strict one. Requests that were sent ahead wait for their turn.
 */
import http from "node:http";
import type { Duplex } from "node:stream";
import { valuesOf } from "#protocols/http/protocol.ts";
import { plainProblem } from "./early-answers.ts";
import { Http1Exchange, type Http1Parts } from "./exchange-h1.ts";
import { CHECK_MS, HEAD_BYTES_MAX, HEAD_MS, IDLE_MS, PIPELINE_MAX } from "./limits.ts";
import type { Receive, Served } from "./served.ts";
import { pairsOf } from "./upstream/exchange.ts";

export class Http1Server {
  readonly #server: http.Server;
  readonly #connections = new WeakMap<Duplex, Http1Connection>();

  constructor() {
    this.#server = http.createServer({
      insecureHTTPParser: false,
      maxHeaderSize: HEAD_BYTES_MAX,
      headersTimeout: HEAD_MS,
      // Bodies may take as long as they keep coming: see `pace.ts`.
      requestTimeout: 0,
      keepAliveTimeout: IDLE_MS,
      connectionsCheckingInterval: CHECK_MS,
      requireHostHeader: false,
      joinDuplicateHeaders: false,
      noDelay: true,
      shouldUpgradeCallback: isWebSocket,
    });
    // Node would drop what goes beyond such a count without a word; the whole head is bounded, and fields are counted later.
    this.#server.maxHeadersCount = 0;
    this.#server.on("request", (request, response) => this.#receive(request, { response }));
    this.#server.on("checkContinue", (request, response) => this.#receive(request, { response, expectsContinue: true }));
    this.#server.on("checkExpectation", (_request, response) => {
      response.writeHead(417, { "content-length": 0, connection: "close" }).end();
    });
    this.#server.on("upgrade", (request, _socket, head) => this.#receive(request, { response: null, head }));
    this.#server.on("connect", (_request, socket) => refuse(socket, plainProblem(405, "CONNECT is refused everywhere", "method-refused")));
    this.#server.on("clientError", (error, socket) => refuse(socket, answerTo(error)));
    // Starts node:http's watch over heads that are late: it never listens by itself.
    this.#server.emit("listening");
  }

  serve(socket: Duplex, receive: Receive): Served {
    const connection = new Http1Connection(socket, receive);
    this.#connections.set(socket, connection);
    this.#server.emit("connection", socket);
    return connection;
  }

  #receive(request: http.IncomingMessage, parts: Partial<Pick<Http1Parts, "response" | "expectsContinue" | "head">>): void {
    const connection = this.#connections.get(request.socket);
    if (connection === undefined) request.socket.destroy();
    else if (request.httpVersion !== "1.1")
      refuse(request.socket, plainProblem(505, "HTTP/1.1 or HTTP/2 is spoken here", "unsupported-protocol"));
    else connection.take({ response: null, expectsContinue: false, head: Buffer.alloc(0), ...parts, request });
  }
}

/** Requests of one connection, one after the other. */
class Http1Connection implements Served {
  readonly #socket: Duplex;
  readonly #receive: Receive;
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();
  #finishing = false;
  /** Requests that wait are not served any more. */
  #refusing = false;

  constructor(socket: Duplex, receive: Receive) {
    this.#socket = socket;
    this.#receive = receive;
  }

  get busy(): number {
    return this.#waiting;
  }

  take(parts: Omit<Http1Parts, "socket" | "isLast" | "onLast">): void {
    if (this.#waiting >= PIPELINE_MAX) {
      this.#socket.destroy();
      return;
    }
    this.#waiting++;
    const onLast = (): void => {
      this.#finishing = true;
      this.#refusing = true;
    };
    const exchange = new Http1Exchange({ ...parts, socket: this.#socket, isLast: () => this.#finishing, onLast });
    const serve = async (): Promise<void> => {
      if (!exchange.signal.aborted && !this.#refusing) {
        await this.#receive(exchange);
        await exchange.closed;
      }
      this.#waiting--;
      if (this.#finishing && this.#waiting === 0) this.#socket.end();
    };
    this.#last = this.#last.then(serve);
  }

  finish(): void {
    this.#finishing = true;
    if (this.#waiting === 0) this.#socket.end();
  }

  cut(): void {
    this.#socket.destroy();
  }
}

/** RFC 6455 section 4.1. Any other protocol that a client offers is passed over, as RFC 9110 section 7.8 lets a server do. */
function isWebSocket(request: http.IncomingMessage): boolean {
  const offered = valuesOf(pairsOf(request.rawHeaders), "upgrade");
  return request.method === "GET" && offered.length === 1 && offered[0]?.trim().toLowerCase() === "websocket";
}

function answerTo(error: Error): Buffer {
  const code = "code" in error ? error.code : "";
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return plainProblem(408, "the request's head did not come in time", "login-timeout");
  // Of line and fields together; a target that is too long by itself has an answer of its own.
  if (code === "HPE_HEADER_OVERFLOW") return plainProblem(431, "the request's head is too large", "message-too-large");
  return plainProblem(400, "the request is not HTTP/1.1 as it should be", "malformed-message");
}

function refuse(socket: Duplex, answer: Buffer): void {
  if (socket.writable && !socket.destroyed) socket.end(answer);
  socket.on("error", () => undefined);
  setTimeout(() => socket.destroy(), 1000).unref();
}
