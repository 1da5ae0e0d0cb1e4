/**
 * One request of a client and what it is answered with, whichever version of HTTP carries them. Heads are lists of pairs in the
 * order of the wire; bodies are streams that are read no faster than they are passed on.
 */
import type { Duplex, Readable, Writable } from "node:stream";
import type { HeaderPair } from "#protocols/http/protocol.ts";

export interface Exchange {
  readonly version: "1.1" | "2";
  readonly method: string;
  /** The request target as it was sent. */
  readonly path: string;
  /** `:authority` of HTTP/2; null in HTTP/1.1, or where the client left it out. */
  readonly authority: string | null;
  /** Without pseudo-headers. */
  readonly headers: readonly HeaderPair[];
  /** Null: the request has none. */
  readonly body: Readable | null;
  /** Complete when the body has ended. */
  readonly trailers: () => readonly HeaderPair[];
  /** The client waits for 100 (Continue) before it sends the body. */
  readonly expectsContinue: boolean;
  /** Set where the client asks for another protocol, WebSocket, on this connection. */
  readonly handover: Handover | null;
  /** The answer has begun. */
  readonly answered: boolean;
  /** When the answer is complete, or lost. */
  readonly closed: Promise<void>;
  /** Aborted when the client gives up, or its connection is lost. */
  readonly signal: AbortSignal;
  /** An informational response; dropped where the answer has begun. */
  information(status: number, headers: readonly HeaderPair[]): void;
  /**
   * Begins the answer.
   *
   * @param bodyless the answer ends with its head: HEAD, 204, 304, trailers-only
   * @returns where its body goes; null where it has none
   */
  respond(head: ResponseHead, bodyless: boolean): Writable | null;
  /** To be sent behind the body, which must not have ended. */
  trail(trailers: readonly HeaderPair[]): void;
  /** Breaks off, so that no client takes what it has for a whole answer: resets the stream, or closes the connection. */
  fail(): void;
}

/** A connection that may be given to another protocol. */
export interface Handover {
  /** Of the new protocol, what has come already. */
  readonly head: Buffer;
  /** Says yes (101), after which the connection carries whatever is written to it. */
  accept(headers: readonly HeaderPair[]): Duplex;
}

export interface ResponseHead {
  readonly status: number;
  readonly statusText: string;
  readonly headers: readonly HeaderPair[];
  /** Over HTTP/1.1 the connection is not trusted any further: nothing that was sent behind the request is looked at. */
  readonly closes?: boolean;
}
