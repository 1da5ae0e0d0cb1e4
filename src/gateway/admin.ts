/** The admin listener: whether the gateway lives and whether it serves. No identities, no statements; loopback by default. */
import http from "node:http";
import type { HostPort } from "#src/config/config.ts";

export interface AdminState {
  /** Why new sessions are refused; null when they are served. */
  readonly notReady: () => string | null;
}

const REQUEST_MS = 5_000;

export class Admin {
  readonly #server: http.Server;

  constructor(state: AdminState) {
    this.#server = http.createServer(
      { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, maxHeaderSize: 8192 },
      (request, response) => {
        const reply = (status: number, body: Record<string, unknown>): void => {
          response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
          response.end(`${JSON.stringify(body)}\n`);
        };
        if (request.method !== "GET" && request.method !== "HEAD") return reply(405, { error: "only GET is answered here" });
        if (request.url === "/healthz") return reply(200, { status: "ok" });
        if (request.url !== "/readyz") return reply(404, { error: "there are /healthz and /readyz" });
        const reason = state.notReady();
        return reason === null ? reply(200, { status: "ready" }) : reply(503, { status: "not ready", reason });
      },
    );
  }

  listen(address: HostPort): Promise<HostPort> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host: address.host, port: address.port }, () => {
        const bound = this.#server.address();
        if (bound === null || typeof bound === "string") reject(new Error("broken invariant: a TCP listener without an address"));
        else resolve({ host: bound.address, port: bound.port });
      });
    });
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
