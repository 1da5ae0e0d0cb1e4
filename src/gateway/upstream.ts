/**
 * Dials a target: TCP, the protocol's request for TLS, verified TLS, login. Nothing of the login goes out before the
 * certificate's chain and name have been verified, and there is no second try in clear text. Leaves one handshake record,
 * good or bad.
 */
import net from "node:net";
import tls from "node:tls";
import { Fault } from "#protocols/wire/fault.ts";
import type { HandshakeRecord } from "#src/audit/records.ts";
import type { DatabaseTarget, Target } from "#src/config/config.ts";
import { tlsFacts } from "#src/tls/facts.ts";
import { type HandshakeReason, handshakeReason } from "#src/tls/reasons.ts";
import { type UpstreamTlsSetup, upstreamTls, upstreamVerification } from "#src/tls/upstream.ts";
import { WATERMARK_BYTES } from "./limits.ts";

export interface UpstreamContext {
  readonly sessionId: string | null;
  /** Hands the record on; the session is not served before it is durable. */
  readonly record: (record: HandshakeRecord) => void;
  readonly now: () => number;
}

/** How a protocol comes to TLS. */
export interface Opening {
  /** For the record. */
  readonly negotiation: "sslrequest" | "direct";
  /** ALPN names to offer, the most wanted first; empty: none. */
  readonly alpn: readonly string[];
  /** In the clear, up to where our ClientHello is due. @throws DeclinedError, Fault */
  readonly agree: (raw: net.Socket) => Promise<void>;
}

/** How a protocol logs in, behind verified TLS. One for each attempt. */
export interface Dialer<Login, Kind extends Target = DatabaseTarget> extends Opening {
  readonly login: (socket: tls.TLSSocket, upstream: Upstream<Kind>) => Promise<Login>;
}

export interface UpstreamLeg<Login> {
  readonly socket: tls.TLSSocket;
  readonly login: Login;
}

/** A target with what is made once for all its connections. */
export class Upstream<Kind extends Target = DatabaseTarget> {
  readonly target: Kind;
  readonly #tls: UpstreamTlsSetup;
  readonly #loginMs: number;

  /** @param loginMs for connect, TLS and login together */
  constructor(target: Kind, loginMs: number) {
    this.target = target;
    this.#loginMs = loginMs;
    this.#tls = upstreamTls(target.tls);
  }

  /** @throws Fault `upstream-unreachable`, `upstream-tls-refused`, `upstream-login-failed`, `upstream-out-of-step` */
  async dial<Login>(dialer: Dialer<Login, Kind>, context: UpstreamContext): Promise<UpstreamLeg<Login>> {
    const raw = this.#connect();
    const timer = setTimeout(() => raw.destroy(new TimeoutError(this.#loginMs)), this.#loginMs);
    try {
      const socket = await this.#secure(raw, dialer, context);
      return { socket, login: await dialer.login(socket, this) };
    } catch (error) {
      // Only the cause: by now the connection is gone, and looks as if the target had closed it.
      const late = raw.errored instanceof TimeoutError;
      raw.destroy();
      if (late) throw tooLate(raw.errored);
      if (error instanceof Fault) throw error;
      throw new Fault("upstream-unreachable", "the target could not be reached", { cause: error, hint: "try again later" });
    } finally {
      clearTimeout(timer);
    }
  }

  /** A verified connection, not logged in. */
  async secureConnection(opening: Opening, context: UpstreamContext): Promise<tls.TLSSocket> {
    const raw = this.#connect();
    const timer = setTimeout(() => raw.destroy(new TimeoutError(this.#loginMs)), this.#loginMs);
    try {
      return await this.#secure(raw, opening, context);
    } catch (error) {
      raw.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #connect(): net.Socket {
    const { host, port } = this.target.address;
    const raw = net.connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 });
    raw.on("error", ignoreHere);
    return raw;
  }

  async #secure(raw: net.Socket, opening: Opening, context: UpstreamContext): Promise<tls.TLSSocket> {
    const startedMs = context.now();
    const record = (outcome: Outcome): void => context.record(this.#record(outcome, opening.negotiation, startedMs, context));
    try {
      await connected(raw);
      await opening.agree(raw);
      const socket = await this.#handshake(raw, opening.alpn);
      record({ kind: "ok", socket });
      return socket;
    } catch (error) {
      const fault = refusal(raw.errored instanceof TimeoutError ? raw.errored : error);
      record({ kind: "refused", reason: fault.reason, detail: fault.detail });
      throw fault.fault;
    }
  }

  #handshake(raw: net.Socket, alpn: readonly string[]): Promise<tls.TLSSocket> {
    return new Promise((resolve, reject) => {
      const options = { ...this.#tls.options, ALPNProtocols: [...alpn], socket: raw, highWaterMark: WATERMARK_BYTES };
      const socket = tls.connect(options);
      socket.once("secureConnect", () => {
        socket.off("error", reject);
        socket.on("error", ignoreHere);
        resolve(socket);
      });
      socket.once("error", reject);
      raw.once("close", () => reject(raw.errored ?? Object.assign(new Error("connection lost"), { code: "ECONNRESET" })));
    });
  }

  #record(outcome: Outcome, negotiation: Opening["negotiation"], startedMs: number, context: UpstreamContext): HandshakeRecord {
    const { host, port } = this.target.address;
    const verification = outcome.kind === "ok" ? upstreamVerification(outcome.socket, this.target.tls) : null;
    return {
      at: new Date(context.now()).toISOString(),
      sessionId: context.sessionId,
      leg: "upstream",
      protocol: this.target.protocol,
      negotiation,
      remote: host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`,
      target: this.target.name,
      outcome: outcome.kind,
      reason: outcome.kind === "ok" ? null : outcome.reason,
      detail: outcome.kind === "ok" ? null : outcome.detail,
      durationMs: context.now() - startedMs,
      tls: outcome.kind === "ok" ? tlsFacts(outcome.socket) : null,
      verified: verification?.verified ?? null,
      pinned: verification?.pinned ?? null,
      revocation: "not-checked",
      ownCertificate: this.#tls.ownCertificate,
      policy: this.#tls.policy,
    };
  }
}

type Outcome =
  | { readonly kind: "ok"; readonly socket: tls.TLSSocket }
  | { readonly kind: "refused"; readonly reason: HandshakeReason; readonly detail: string };

class TimeoutError extends Error {
  readonly code = "ETIMEDOUT";
  constructor(loginMs: number) {
    super(`no login within ${loginMs} ms`);
  }
}

/** The target does not agree to TLS. */
export class DeclinedError extends Error {}

function refusal(error: unknown): { readonly fault: Fault; readonly reason: HandshakeReason; readonly detail: string } {
  if (error instanceof TimeoutError) return { fault: tooLate(error), reason: "timeout", detail: error.message };
  if (error instanceof DeclinedError) {
    const fault = new Fault("upstream-tls-refused", "the target does not offer TLS, and nothing is sent without it", {
      hint: "tell the gateway's operator that the target's TLS is off",
    });
    return { fault, reason: "upstream-declined-tls", detail: error.message };
  }
  if (error instanceof UnreachableError) {
    const fault = new Fault("upstream-unreachable", "the target could not be reached", { cause: error, hint: "try again later" });
    return { fault, reason: "unreachable", detail: error.message };
  }
  if (error instanceof Fault) {
    // In MySQL the server speaks first: what it says in the place of a greeting, an error or nonsense, comes before TLS.
    const said = error.code.startsWith("upstream-") || error.code === "malformed-message";
    return { fault: error, reason: said ? "upstream-declined-tls" : "internal-error", detail: said ? error.message : error.code };
  }
  const { reason, detail } = handshakeReason(error, "upstream");
  const fault = new Fault("upstream-tls-refused", `TLS with the target failed: ${reason}`, {
    cause: error,
    hint: "tell the gateway's operator; the handshake record has the details",
  });
  return { fault, reason, detail };
}

function tooLate(cause: unknown): Fault {
  return new Fault("upstream-unreachable", "the target did not answer in time", { cause, hint: "try again later" });
}

class UnreachableError extends Error {}

function connected(raw: net.Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    raw.once("connect", resolve);
    raw.once("error", (error: NodeJS.ErrnoException) => reject(connectFailure(error.code ?? "connection failed")));
    raw.once("close", () => reject(new UnreachableError("closed")));
  });
}

/** Ours, not the target's, where it is our descriptors that have run out. */
function connectFailure(code: string): Error {
  if (code !== "EMFILE" && code !== "ENFILE") return new UnreachableError(code);
  return new Fault("too-many-connections", "the gateway has no room for another connection", { hint: "try again later" });
}

/** Errors of a socket are followed by `close`, and that is what is waited for. */
function ignoreHere(): void {
  // Nothing to do: see above.
}
