/** A client's connection once HTTP has begun on it, whichever version. */
import type { Exchange } from "./exchange.ts";

/**
 * Takes a request, and resolves when its answer is complete or given up. Never throws for what a client or a target does.
 */
export type Receive = (exchange: Exchange) => Promise<void>;

export interface Served {
  /** Requests under way. */
  readonly busy: number;
  /** No new requests; the connection closes when those under way are answered. */
  finish(): void;
  /** Closes it now. */
  cut(): void;
}
