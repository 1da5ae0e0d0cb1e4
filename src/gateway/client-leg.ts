/**
 * The client leg from the accepted socket to TLS: the protocol's own negotiation, the ClientHello looked at on its way,
 * the handshake. Every attempt leaves exactly one handshake record, whatever became of it.
 */
import type net from "node:net";
import type tls from "node:tls";
import { Fault } from "#protocols/wire/fault.ts";
import type { HandshakeRecord } from "#src/audit/records.ts";
import type { ClientTls } from "#src/config/config.ts";
import { type ClientHello, HELLO_BYTES_MAX, parseClientHello } from "#src/tls/client-hello.ts";
import { clientCertificate, ownCertificateDigest, type TlsServers } from "#src/tls/contexts.ts";
import { offeredFacts, tlsFacts } from "#src/tls/facts.ts";
import { type HandshakeReason, handshakeReason } from "#src/tls/reasons.ts";
import type { Front, Negotiated, Negotiation } from "./front.ts";
import { shakeHands } from "./handshakes.ts";
import type { SecureClient } from "./occupant.ts";
import { SocketReader } from "./socket-reader.ts";

export interface ClientLegOptions {
  readonly front: Front;
  readonly tls: ClientTls;
  readonly servers: TlsServers;
  /** For the record. */
  readonly policy: string;
  readonly sessionId: string;
  readonly remote: string;
  /** Hands the record on; the session is not served before it is durable. */
  readonly record: (record: HandshakeRecord) => void;
  /** Wall clock, ms since the epoch. */
  readonly now: () => number;
}

export type ClientLegResult =
  | ({ readonly kind: "ready" } & SecureClient)
  | Extract<Negotiated, { kind: "cancel" }>
  /** Refused, answered and recorded; the connection is to be closed. `socket`: where TLS is up, and the answer on its way. */
  | { readonly kind: "refused"; readonly socket: tls.TLSSocket | null };

export class ClientLeg {
  readonly #options: ClientLegOptions;
  readonly #raw: net.Socket;
  readonly #reader: SocketReader;
  readonly #startedMs: number;
  #negotiation: Negotiation = "none";
  #hello: ClientHello | null = null;
  #recorded = false;

  constructor(raw: net.Socket, options: ClientLegOptions) {
    this.#raw = raw;
    this.#options = options;
    this.#reader = new SocketReader(raw);
    this.#startedMs = options.now();
  }

  /** Runs the leg to its end. Never throws for what a peer does. */
  async open(): Promise<ClientLegResult> {
    try {
      const agreed = await this.#options.front.negotiate(this.#raw, this.#reader);
      if (agreed.kind === "cancel") {
        this.#negotiation = "cleartext";
        this.#refused("cleartext", "CancelRequest without TLS", null);
        return agreed;
      }
      this.#negotiation = agreed.negotiation;
      return await this.#handshake(agreed.begun);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      if (error.code === "tls-required") this.#negotiation = "cleartext";
      this.#refused(reasonOf(error), error.message, error);
      return { kind: "refused", socket: null };
    }
  }

  /** The deadline has passed, or this connection gave way to newer ones: recorded, unless an outcome already is. */
  abandon(reason: HandshakeReason): void {
    this.#refused(reason, "given up before TLS was up", null);
  }

  /** Instead of `open`: refused before it began. */
  turnAway(fault: Fault): void {
    this.#refused("too-many-connections", fault.message, fault);
  }

  async #handshake(begun: Buffer): Promise<ClientLegResult> {
    const hello = await this.#readHello(begun);
    this.#hello = hello;
    this.#options.front.checkHello(hello, this.#negotiation);
    const outcome = await shakeHands(this.#raw, this.#options.servers, hello.sni);
    if (outcome.kind === "failed") {
      const { reason, detail } = handshakeReason(outcome.error, "client");
      this.#refused(reason, detail, null);
      return { kind: "refused", socket: null };
    }
    return this.#judgeCertificate(outcome.socket, hello);
  }

  #judgeCertificate(socket: tls.TLSSocket, hello: ClientHello): ClientLegResult {
    const verdict = clientCertificate(socket, this.#options.tls);
    if (verdict.kind === "refused") {
      const fault = new Fault("tls-refused", `the client certificate is refused: ${verdict.reason}`, {
        hint: "show a certificate that the gateway's clientCertificates.ca has signed",
      });
      socket.end(this.#options.front.farewell(fault));
      this.#record({ outcome: "refused", reason: verdict.reason, detail: verdict.detail, socket, hello });
      return { kind: "refused", socket };
    }
    this.#record({ outcome: "ok", reason: null, detail: null, socket, hello });
    return { kind: "ready", socket, sni: hello.sni, certificate: verdict.certificate };
  }

  async #readHello(begun: Buffer): Promise<ClientHello> {
    let bytes = begun;
    for (;;) {
      const result = parseClientHello(bytes);
      if (result.kind === "hello") {
        this.#reader.unread(bytes);
        return result.hello;
      }
      if (result.kind === "not-tls") throw new Fault("tls-refused", "what came in the place of a ClientHello is not TLS");
      if (result.kind === "malformed" || bytes.length > HELLO_BYTES_MAX) throw new Fault("tls-refused", "the ClientHello is malformed");
      bytes = Buffer.concat([bytes, await this.#more()]);
    }
  }

  async #more(): Promise<Buffer> {
    const bytes = await this.#reader.more();
    if (bytes === null) throw new Fault("tls-refused", "the client closed the connection before TLS was up");
    return bytes;
  }

  #refused(reason: HandshakeReason, detail: string, answer: Fault | null): void {
    // The one plaintext refusal: a client that has begun TLS would not understand it.
    if (
      answer !== null &&
      this.#hello === null &&
      this.#negotiation !== "direct" &&
      this.#negotiation !== "sslrequest" &&
      this.#raw.writable
    ) {
      this.#raw.write(this.#options.front.farewell(answer));
    }
    this.#record({ outcome: "refused", reason, detail, socket: null, hello: this.#hello });
  }

  #record(what: {
    readonly outcome: "ok" | "refused";
    readonly reason: string | null;
    readonly detail: string | null;
    readonly socket: tls.TLSSocket | null;
    readonly hello: ClientHello | null;
  }): void {
    if (this.#recorded) return;
    this.#recorded = true;
    const { socket, hello } = what;
    const facts = socket !== null && hello !== null ? tlsFacts(socket, hello) : hello !== null ? offeredFacts(hello) : null;
    this.#options.record({
      at: new Date(this.#options.now()).toISOString(),
      sessionId: this.#options.sessionId,
      leg: "client",
      protocol: this.#options.front.protocol,
      negotiation: this.#negotiation,
      remote: this.#options.remote,
      target: null,
      outcome: what.outcome,
      reason: what.reason,
      detail: what.detail,
      durationMs: this.#options.now() - this.#startedMs,
      tls: facts,
      verified: what.outcome === "ok" ? (facts !== null && facts.peer.length > 0 ? "client-certificate" : "none") : null,
      pinned: null,
      revocation: "not-checked",
      ownCertificate: socket === null ? null : ownCertificateDigest(socket),
      policy: this.#options.policy,
    });
  }
}

function reasonOf(fault: Fault): HandshakeReason {
  switch (fault.code) {
    case "tls-required":
      return "cleartext";
    case "tls-early-bytes":
      return "early-bytes";
    case "alpn-refused":
      return "no-shared-alpn";
    case "malformed-message":
    case "unsupported-protocol":
      return "not-tls";
    default:
      return fault.message.includes("closed") ? "reset" : fault.message.includes("malformed") ? "malformed-hello" : "not-tls";
  }
}
