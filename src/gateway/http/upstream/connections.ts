/**
 * Verified connections to an HTTP target. They are shared by sessions, so that no session's own record can wait for them: each
 * has its handshake record in the evidence log before the first request goes over it.
 */
import type tls from "node:tls";
import type { HttpTarget } from "#src/config/config.ts";
import { Debts } from "#src/gateway/debts.ts";
import type { KeeperLink } from "#src/gateway/keeper-link.ts";
import type { Opening, Upstream } from "#src/gateway/upstream.ts";

export interface ConnectionParts {
  readonly upstream: Upstream<HttpTarget>;
  readonly link: KeeperLink;
  /** Wall clock, ms since the epoch. */
  readonly now: () => number;
}

export type Alpn = "h2" | "http/1.1";

export class Connections {
  readonly #parts: ConnectionParts;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
  }

  /**
   * @param alpn what is offered, the most wanted first
   * @param sessionId whose request it was that asked for a connection
   * @throws Fault `upstream-unreachable`, `upstream-tls-refused`, `evidence-failed`
   */
  async open(alpn: readonly Alpn[], sessionId: string): Promise<tls.TLSSocket> {
    const { upstream, link, now } = this.#parts;
    const debts = new Debts();
    const opening: Opening = { negotiation: "direct", alpn, agree: nothingFirst };
    const socket = await upstream.secureConnection(opening, { sessionId, record: debts.recorder(link), now });
    try {
      await debts.paid();
    } catch (error) {
      socket.destroy();
      throw error;
    }
    return socket;
  }
}

/** HTTPS begins with the ClientHello. */
async function nothingFirst(): Promise<void> {
  // Nothing is said in the clear.
}
