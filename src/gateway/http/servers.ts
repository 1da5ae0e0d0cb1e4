/** What serves a client's connection, by the version of HTTP that TLS has agreed on (ALPN); HTTP/1.1 without. */
import type tls from "node:tls";
import { Rates } from "./rates.ts";
import type { Receive, Served } from "./served.ts";
import { Http1Server } from "./server-h1.ts";
import { Http2Connection } from "./server-h2.ts";

/** One for each worker, with what its connections share. */
export class HttpServers {
  readonly rates = new Rates();
  readonly #http1 = new Http1Server();

  serve(socket: tls.TLSSocket, receive: Receive): Served {
    return socket.alpnProtocol === "h2" ? new Http2Connection(socket, receive) : this.#http1.serve(socket, receive);
  }
}
