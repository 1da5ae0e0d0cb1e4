/** TLS in front of a server that speaks clear text: targets of the gateway always speak TLS, example servers do not. */
import { once } from "node:events";
import net, { type AddressInfo, type Socket } from "node:net";
import tls from "node:tls";
import type { Authority } from "#test/support/certificates.ts";

export interface TlsFront {
  readonly port: number;
  readonly ca: string;
  close(): Promise<void>;
}

/** @param port of the server behind, on 127.0.0.1 */
export async function startTlsFront(authority: Authority, port: number, alpn: readonly string[] = ["http/1.1"]): Promise<TlsFront> {
  const { cert, key } = await authority.server(["localhost", "127.0.0.1"]);
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
  };
  const server = tls.createServer({ cert, key: key.expose(), ALPNProtocols: [...alpn] }, (outer) => {
    const inner = net.connect({ host: "127.0.0.1", port });
    keep(outer);
    keep(inner);
    outer.pipe(inner).pipe(outer);
    outer.once("close", () => inner.destroy());
    inner.once("close", () => outer.destroy());
  });
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    ca: authority.ca,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
