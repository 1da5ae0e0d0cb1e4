/**
 * TLS handshakes of clients: a socket goes to the server that has its certificate, and the outcome comes back to whoever sent
 * it. Which attempt an event belongs to travels with its async context.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type net from "node:net";
import type tls from "node:tls";
import type { TlsServers } from "#src/tls/contexts.ts";

export type HandshakeOutcome =
  | { readonly kind: "secure"; readonly socket: tls.TLSSocket }
  | { readonly kind: "failed"; readonly error: Error };

const attempts = new AsyncLocalStorage<(outcome: HandshakeOutcome) => void>();

/** To be called once for each server that `TlsServers` holds. */
export function watchHandshakes(servers: TlsServers): void {
  for (const server of servers.all) {
    server.on("secureConnection", (socket) => {
      socket.allowHalfOpen = true;
      attempts.getStore()?.({ kind: "secure", socket });
    });
    server.on("tlsClientError", (error, socket) => {
      attempts.getStore()?.({ kind: "failed", error });
      socket.destroy();
    });
  }
}

/** @param sni of the ClientHello, which `raw` has not given out yet */
export function shakeHands(raw: net.Socket, servers: TlsServers, sni: string | null): Promise<HandshakeOutcome> {
  return new Promise((resolve) => {
    const lost = (): void => resolve({ kind: "failed", error: Object.assign(new Error("connection lost"), { code: "ECONNRESET" }) });
    raw.once("close", lost);
    // Whoever closes its side in the middle of a handshake has given up; once TLS is up, it may still read.
    raw.allowHalfOpen = false;
    attempts.run(resolve, () => servers.serverFor(sni).emit("connection", raw));
  });
}
