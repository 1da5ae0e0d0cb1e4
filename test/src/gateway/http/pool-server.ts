/** A target for tests of the HTTP pool: Node's own server over TLS, in both versions of HTTP or HTTP/1.1 alone. */
import { once } from "node:events";
import http2 from "node:http2";
import https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { text } from "node:stream/consumers";
import type { Authority } from "#test/support/certificates.ts";

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly raw: readonly string[];
  readonly body: string;
}

export interface Server {
  readonly port: number;
  readonly seen: Seen[];
  readonly sockets: Set<Socket>;
  close(): Promise<void>;
}

export type Answer = (request: http2.Http2ServerRequest, response: http2.Http2ServerResponse) => void;

/** Tells what it has seen, and answers as `answer` says; an echo without it. */
export async function startServer(
  authority: Authority,
  options: { readonly h2?: boolean; readonly answer?: Answer; readonly settings?: http2.Settings } = {},
): Promise<Server> {
  const { cert, key } = await authority.server(["localhost"]);
  const seen: Seen[] = [];
  const echo: Answer = (request, response) => {
    text(request).then(
      (body) => {
        seen.push({ method: request.method, path: request.url, raw: request.rawHeaders, body });
        response.setHeader("X-Kind", ["one", "two"]);
        response.end(body === "" ? "nothing" : body);
      },
      () => undefined,
    );
  };
  const { h2 = true, answer = echo, settings = {} } = options;
  const pair = { cert, key: key.expose() };
  const server = h2
    ? http2.createSecureServer({ ...pair, allowHTTP1: true, settings }, answer)
    : https.createServer(pair, answer as unknown as Parameters<typeof https.createServer>[1]);
  const sockets = new Set<Socket>();
  server.on("secureConnection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    sockets,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
