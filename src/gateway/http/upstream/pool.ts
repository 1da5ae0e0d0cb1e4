/**
 * What requests to one HTTP target go over: connections that are shared and kept, in the version of HTTP that the target chooses
 * (ALPN). It knows nothing of principals: who may send what has been decided before.
 */
import { Fault } from "#protocols/wire/fault.ts";
import type { HostPort, HttpTarget } from "#src/config/config.ts";
import { type Alpn, type ConnectionParts, Connections } from "./connections.ts";
import type { UpgradeResult, UpstreamRequest, UpstreamResponse } from "./exchange.ts";
import { exchangeFault } from "./exchange.ts";
import { Http1Client } from "./http1.ts";
import { Http2Client, UnansweredError } from "./http2.ts";

const OFFERS: Readonly<Record<HttpTarget["versions"], readonly Alpn[]>> = { auto: ["h2", "http/1.1"], "1.1": ["http/1.1"], "2": ["h2"] };

/** HTTP/2 connections to one target: with the hundred streams that servers commonly allow, thousands of requests at the same time. */
const CONNECTIONS_MAX = 64;

export class HttpPool {
  readonly #connections: Connections;
  readonly #offer: readonly Alpn[];
  readonly #authority: string;
  readonly #http1: Http1Client;
  #http2: readonly Http2Client[] = [];
  /** One at a time: those that wait for a connection share it. */
  #opening: Promise<Http2Client | null> | null = null;
  /** What the target chose last. */
  #speaks: Alpn | null = null;
  #closed = false;

  constructor(parts: ConnectionParts) {
    const { versions, address } = parts.upstream.target;
    this.#connections = new Connections(parts);
    this.#offer = OFFERS[versions];
    this.#authority = authorityOf(address);
    this.#http1 = new Http1Client(this.#connections);
    if (versions === "1.1") this.#speaks = "http/1.1";
  }

  /**
   * Sends one request. Its body and its answer flow at the same time.
   *
   * @param sessionId whose handshake record a new connection's is
   * @returns once the head of the final answer is there
   * @throws Fault `upstream-unreachable`, `upstream-tls-refused`, `upstream-lost`, `upstream-out-of-step`, `evidence-failed`, or the
   *   signal's own reason
   */
  async request(request: UpstreamRequest, sessionId: string): Promise<UpstreamResponse> {
    for (let tries = 0; ; tries++) {
      const client = await this.#client(request.signal, sessionId);
      if (client === null) return this.#http1.request(request, sessionId);
      try {
        return await client.request(request);
      } catch (error) {
        if (!(error instanceof UnansweredError) || tries > 0) throw exchangeFault(error, request.signal);
      }
    }
  }

  /** Always HTTP/1.1: WebSocket's handshake (RFC 6455) is one of that version. @throws Fault, as `request` */
  upgrade(request: UpstreamRequest, sessionId: string): Promise<UpgradeResult> {
    return this.#http1.upgrade(request, sessionId);
  }

  /** No new requests; those under way end by themselves. */
  close(): void {
    this.#closed = true;
    this.#http1.close();
    for (const client of this.#http2) client.close();
  }

  /** @returns null: over HTTP/1.1 */
  async #client(signal: AbortSignal, sessionId: string): Promise<Http2Client | null> {
    for (;;) {
      if (signal.aborted) throw exchangeFault(undefined, signal);
      if (this.#speaks === "http/1.1") return null;
      this.#http2 = this.#http2.filter((client) => !client.over);
      const ready = this.#http2.find((client) => client.hasRoom);
      if (ready !== undefined) return ready;
      if (this.#http2.length >= CONNECTIONS_MAX) throw busy();
      this.#opening ??= this.#open(sessionId).finally(() => {
        this.#opening = null;
      });
      if ((await this.#opening) === null) return null;
    }
  }

  async #open(sessionId: string): Promise<Http2Client | null> {
    const socket = await this.#connections.open(this.#offer, sessionId);
    if (socket.alpnProtocol !== "h2") {
      if (!this.#offer.includes("http/1.1")) {
        socket.destroy();
        throw new Fault("upstream-out-of-step", "the target does not offer HTTP/2", { hint: "targets.*.http names the versions" });
      }
      this.#speaks = "http/1.1";
      this.#http1.offer(socket);
      return null;
    }
    this.#speaks = "h2";
    const client = await Http2Client.open(socket, this.#authority);
    if (this.#closed) client.close();
    this.#http2 = [...this.#http2, client];
    return client;
  }
}

function busy(): Fault {
  return new Fault("too-many-connections", "the target takes no more requests at the same time", { hint: "try again later" });
}

/** RFC 3986 section 3.2; the scheme's own port is left out. */
function authorityOf({ host, port }: HostPort): string {
  const name = host.includes(":") ? `[${host}]` : host;
  return port === 443 ? name : `${name}:${port}`;
}
