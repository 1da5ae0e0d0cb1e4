/**
 * An HTTP API for tests: Node's own server over TLS, HTTP/2 and HTTP/1.1 side by side. What a path does is said in its name, so
 * that a test reads by itself.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import http2 from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { Readable } from "node:stream";
import zlib from "node:zlib";
import type { Authority } from "#test/support/certificates.ts";

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly version: string;
  readonly headers: readonly (readonly [string, string])[];
}

export interface HttpTarget {
  readonly port: number;
  readonly ca: string;
  /** Heads of requests, in the order they came. */
  readonly asked: Asked[];
  /** Requests whose body was broken off. */
  readonly aborted: string[];
  readonly sockets: Set<Socket>;
  close(): Promise<void>;
}

type Request = http2.Http2ServerRequest;
type Response = http2.Http2ServerResponse;

/** Answers to paths that begin so; the first that fits. */
const PATHS: readonly (readonly [string, (request: Request, response: Response, url: URL, target: HttpTarget) => void])[] = [
  ["/echo", echo],
  ["/upload", upload],
  ["/bytes/", bytes],
  ["/status/", (_request, response, url) => void response.writeHead(Number(url.pathname.slice(8))).end()],
  [
    "/json",
    (_request, response, url) =>
      void response.writeHead(200, { "content-type": "application/json" }).end(url.searchParams.get("body") ?? "{}"),
  ],
  [
    "/gzip",
    (_request, response) =>
      void response
        .writeHead(200, { "content-type": "text/plain", "content-encoding": "gzip" })
        .end(zlib.gzipSync("a text that was compressed")),
  ],
  ["/events", events],
  ["/trailers?", trailers],
  ["/silent", () => undefined],
  ["/early", (_request, response) => void response.writeHead(413, { "content-type": "text/plain" }).end("too much")],
  ["/cut", cut],
  ["/redirect", (_request, response, url) => void response.writeHead(302, { location: url.searchParams.get("to") ?? "/" }).end()],
  ["/hints", hints],
  ["/duplex", duplex],
  [
    "/trailers-only",
    (_request, response) =>
      void response.stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": "5" }, { endStream: true }),
  ],
  ["/reset", (request) => request.stream.close(8)],
];

/** @param only versions of HTTP that it offers */
export async function startHttpTarget(authority: Authority, only: "both" | "1.1" | "2" = "both"): Promise<HttpTarget> {
  const { cert, key } = await authority.server(["localhost"]);
  const alpn = only === "both" ? ["h2", "http/1.1"] : only === "2" ? ["h2"] : ["http/1.1"];
  const options = { cert, key: key.expose(), allowHTTP1: only !== "2", ALPNProtocols: alpn, settings: { initialWindowSize: 1024 * 1024 } };
  const server = http2.createSecureServer(options);
  const sockets = new Set<Socket>();
  const target: HttpTarget = {
    get port() {
      return (server.address() as AddressInfo).port;
    },
    ...{ ca: authority.ca, asked: [], aborted: [], sockets },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
  server.on("request", (request, response) => {
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    const url = new URL(request.url, "https://target");
    target.asked.push({ method: request.method, url: request.url, version: request.httpVersion, headers: pairs(request.rawHeaders) });
    const gone = () => {
      if (!response.writableFinished) target.aborted.push(url.pathname);
    };
    if (request.httpVersion === "2.0")
      request.stream.once("close", () => request.stream.rstCode !== 0 && target.aborted.push(url.pathname));
    else response.once("close", gone);
    const answer = PATHS.find(([prefix]) => `${url.pathname}?`.startsWith(prefix))?.[1];
    if (answer === undefined) response.writeHead(404, { "content-type": "text/plain" }).end("nothing here");
    else answer(request, response, url, target);
  });
  server.on("secureConnection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("session", (session) => session.on("error", () => undefined));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return target;
}

function pairs(raw: readonly string[]): readonly (readonly [string, string])[] {
  return raw.flatMap((name, index) => (index % 2 === 0 ? [[name.toLowerCase(), raw[index + 1] ?? ""] as const] : []));
}

/** What was asked, as JSON. */
function echo(request: Request, response: Response): void {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks).toString("utf8");
    const { method, url, httpVersion, rawHeaders } = request;
    const seen = { method, url, version: httpVersion, headers: pairs(rawHeaders), body, trailers: pairs(request.rawTrailers) };
    response.writeHead(200, { "content-type": "application/json", "x-two": ["one", "other"] }).end(JSON.stringify(seen));
  });
}

/** Length and digest of what was sent. */
function upload(request: Request, response: Response): void {
  const digest = createHash("sha256");
  let length = 0;
  request.on("data", (chunk: Buffer) => {
    digest.update(chunk);
    length += chunk.length;
  });
  request.on("end", () => {
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ length, sha256: digest.digest("hex") }));
  });
}

/** So many of them, generated as they are read; `?chunked` leaves their number unsaid. */
function bytes(request: Request, response: Response, url: URL): void {
  const total = Number(url.pathname.slice("/bytes/".length));
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(String(request.headers.range ?? "")) ?? [];
  const length = from === undefined ? total : Number(to) - Number(from) + 1;
  const range = from === undefined ? {} : { "content-range": `bytes ${from}-${to}/${total}` };
  const size = url.searchParams.has("chunked") ? {} : { "content-length": String(length) };
  response.writeHead(from === undefined ? 200 : 206, { "content-type": "application/octet-stream", ...range, ...size });
  const piece = Buffer.alloc(64 * 1024, "x");
  Readable.from(
    (function* () {
      for (let left = length; left > 0; left -= piece.length) yield left < piece.length ? piece.subarray(0, left) : piece;
    })(),
  ).pipe(response);
}

/** As many events as `?count` says, one each `?ms`. */
function events(_request: Request, response: Response, url: URL): void {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  const [count, ms] = [Number(url.searchParams.get("count") ?? 3), Number(url.searchParams.get("ms") ?? 10)];
  let sent = 0;
  const timer = setInterval(() => {
    if (sent >= count || response.destroyed) {
      clearInterval(timer);
      response.end();
      return;
    }
    response.write(`data: {"token":${sent++},"at":${Date.now()}}\n\n`);
  }, ms);
  response.once("close", () => clearInterval(timer));
}

function trailers(_request: Request, response: Response): void {
  response.writeHead(200, { "content-type": "text/plain", trailer: "x-sum" });
  response.write("with trailers");
  response.addTrailers({ "x-sum": "42" });
  response.end();
}

/** Breaks off in the middle of what it announced. */
function cut(request: Request, response: Response): void {
  response.writeHead(200, { "content-type": "text/plain", "content-length": "1000" });
  response.write("half of", () => (request.httpVersion === "2.0" ? request.stream.close(2) : request.socket.destroy()));
}

/** Sends back each piece as it comes, and how many there were behind them all. */
function duplex(request: Request, response: Response): void {
  let pieces = 0;
  response.writeHead(200, { "content-type": "application/grpc", trailer: "grpc-status" });
  request.on("data", (chunk: Buffer) => {
    pieces++;
    response.write(chunk);
  });
  request.on("end", () => {
    response.addTrailers({ "grpc-status": "0", "x-pieces": String(pieces) });
    response.end();
  });
}

function hints(_request: Request, response: Response): void {
  response.writeEarlyHints({ link: "</a.css>; rel=preload" });
  response.writeHead(200, { "content-type": "text/plain" }).end("hinted");
}
