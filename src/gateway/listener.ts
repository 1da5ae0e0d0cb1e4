/**
 * Accepts connections and holds them until they end. Connections that have not authenticated are counted by address:
 * beyond the limit the oldest of that address gives way, never the newcomer, so that stalling shuts nobody out. Where the
 * process itself has no room left, a newcomer is turned away in words, unless somebody else is only stalling.
 */
import net from "node:net";
import type { HostPort } from "#src/config/config.ts";
import type { Connection } from "./connection.ts";

export interface ListenerOptions {
  readonly address: HostPort;
  /** Several processes bind the same port and the kernel shares connections out. */
  readonly reusePort: boolean;
  readonly unauthenticatedPerAddress: number;
  /** Sockets at the same time, of whatever kind. */
  readonly connectionsMax: number;
  /** Monotonic, ms. */
  readonly now: () => number;
  readonly open: (raw: net.Socket) => Connection;
  /** A connection ended by a defect of ours. */
  readonly onDefect: (error: unknown) => void;
}

const BACKLOG = 1024;
/** An honest login takes less than a second. */
const STALLED_MS = 5_000;

export class Listener {
  readonly #options: ListenerOptions;
  readonly #server: net.Server;
  readonly #connections = new Set<Connection>();
  /** Sockets that are not closed: some more than connections, since last words take a moment. */
  #open = 0;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#server = net.createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000, allowHalfOpen: true });
    this.#server.on("connection", (raw) => this.#accept(raw));
  }

  get connections(): ReadonlySet<Connection> {
    return this.#connections;
  }

  /** @returns the bound address. @throws the system's error when it can't be bound */
  listen(): Promise<HostPort> {
    const { address, reusePort } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host: address.host, port: address.port, backlog: BACKLOG, reusePort, exclusive: true }, () => {
        this.#server.off("error", reject);
        this.#server.on("error", this.#options.onDefect);
        const bound = this.#server.address();
        if (bound === null || typeof bound === "string") reject(new Error("broken invariant: a TCP listener without an address"));
        else resolve({ host: bound.address, port: bound.port });
      });
    });
  }

  /** No new connections; the ones that are there go on. */
  close(): void {
    this.#server.close();
  }

  #accept(raw: net.Socket): void {
    raw.on("error", ignore);
    this.#open++;
    raw.once("close", () => this.#open--);
    const connection = this.#options.open(raw);
    if (this.#open > this.#options.connectionsMax && !this.#dropStalled()) {
      connection.turnAway();
      return;
    }
    this.#makeRoom(connection);
    this.#connections.add(connection);
    connection
      .run()
      .catch(this.#options.onDefect)
      .finally(() => this.#connections.delete(connection));
  }

  /** @returns whether there was one who has had time enough to log in */
  #dropStalled(): boolean {
    const before = this.#options.now() - STALLED_MS;
    for (const connection of this.#connections) {
      if (connection.openedAtMs > before) return false;
      if (connection.authenticated) continue;
      connection.abandon("too-many-connections");
      return true;
    }
    return false;
  }

  #makeRoom(newcomer: Connection): void {
    const host = hostOf(newcomer);
    const stalled = [];
    if (this.#connections.size < this.#options.unauthenticatedPerAddress) return;
    for (const connection of this.#connections) if (!connection.authenticated && hostOf(connection) === host) stalled.push(connection);
    if (stalled.length >= this.#options.unauthenticatedPerAddress) stalled[0]?.abandon("too-many-connections");
  }
}

function hostOf(connection: Connection): string {
  return connection.remote.slice(0, connection.remote.lastIndexOf(":"));
}

function ignore(): void {
  // An error of a socket is followed by `close`, and that is what is waited for.
}
