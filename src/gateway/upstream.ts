/**
 * Dials a target: TCP, SSLRequest, verified TLS, login. Nothing of the start-up goes out before the certificate's chain
 * and name have been verified, and there is no second try in clear text. Leaves one handshake record, good or bad.
 */
import { pbkdf2, randomBytes } from "node:crypto";
import net from "node:net";
import tls from "node:tls";
import { promisify } from "node:util";
import { type LoginResult, sslRequest, startupMessage, takeMessage, UpstreamLogin } from "#protocols/postgres/protocol.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { Secret } from "#protocols/wire/secret.ts";
import type { HandshakeRecord } from "#src/audit/records.ts";
import type { Target } from "#src/config/config.ts";
import { endPointHash } from "#src/tls/end-point.ts";
import { tlsFacts } from "#src/tls/facts.ts";
import { type HandshakeReason, handshakeReason } from "#src/tls/reasons.ts";
import { type UpstreamTlsSetup, upstreamTls, upstreamVerification } from "#src/tls/upstream.ts";
import { WATERMARK_BYTES } from "./limits.ts";
import { SocketReader } from "./socket-reader.ts";

const derive = promisify(pbkdf2);
const LOGIN_MESSAGE_BYTES_MAX = 64 * 1024;

export interface UpstreamContext {
  readonly sessionId: string | null;
  /** Hands the record on; the session is not served before it is durable. */
  readonly record: (record: HandshakeRecord) => void;
  readonly now: () => number;
}

export interface UpstreamLeg {
  readonly socket: tls.TLSSocket;
  readonly login: LoginResult;
}

/** A target with what is made once for all its connections. */
export class Upstream {
  readonly target: Target;
  readonly #tls: UpstreamTlsSetup;
  readonly #loginMs: number;
  /** Salted passwords by salt and iterations: PBKDF2 costs 0.7 ms and a server keeps its salt. */
  readonly #salted = new Map<string, Buffer>();

  /** @param loginMs for connect, TLS and login together */
  constructor(target: Target, loginMs: number) {
    this.target = target;
    this.#loginMs = loginMs;
    this.#tls = upstreamTls(target.tls, []);
  }

  /**
   * @param parameters of the StartupMessage
   * @throws Fault `upstream-unreachable`, `upstream-tls-refused`, `upstream-login-failed`, `upstream-out-of-step`
   */
  async dial(parameters: ReadonlyMap<string, string>, context: UpstreamContext): Promise<UpstreamLeg> {
    const raw = this.#connect();
    const timer = setTimeout(() => raw.destroy(new TimeoutError(this.#loginMs)), this.#loginMs);
    try {
      const socket = await this.#secure(raw, context);
      socket.write(startupMessage(parameters));
      const login = await this.#login(socket);
      return { socket, login };
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

  /** A verified connection for a CancelRequest, which is sent before any login. */
  async secureConnection(context: UpstreamContext): Promise<tls.TLSSocket> {
    const raw = this.#connect();
    const timer = setTimeout(() => raw.destroy(new TimeoutError(this.#loginMs)), this.#loginMs);
    try {
      return await this.#secure(raw, context);
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

  async #secure(raw: net.Socket, context: UpstreamContext): Promise<tls.TLSSocket> {
    const startedMs = context.now();
    const record = (outcome: Outcome): void => context.record(this.#record(outcome, startedMs, context));
    try {
      await connected(raw);
      raw.write(sslRequest());
      await this.#expectAgreement(raw);
      const socket = await this.#handshake(raw);
      record({ kind: "ok", socket });
      return socket;
    } catch (error) {
      const fault = refusal(raw.errored instanceof TimeoutError ? raw.errored : error);
      record({ kind: "refused", reason: fault.reason, detail: fault.detail });
      throw fault.fault;
    }
  }

  /** Exactly one byte, `S`: more would be bytes that someone put before TLS (CVE-2021-23222); text before TLS is never relayed. */
  async #expectAgreement(raw: net.Socket): Promise<void> {
    const answer = await new SocketReader(raw).more();
    if (answer === null) throw new DeclinedError("the connection was closed where an answer to SSLRequest was expected");
    if (answer.length === 1 && answer[0] === 0x53) return;
    throw new DeclinedError(answer[0] === 0x4e ? "the target does not speak TLS" : "the target answered SSLRequest with something else");
  }

  #handshake(raw: net.Socket): Promise<tls.TLSSocket> {
    return new Promise((resolve, reject) => {
      const options = { ...this.#tls.options, socket: raw, highWaterMark: WATERMARK_BYTES };
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

  async #login(socket: tls.TLSSocket): Promise<LoginResult> {
    const { credential } = this.target;
    const nonce = randomBytes(18).toString("base64");
    const login = new UpstreamLogin({ credential, nonce, endPoint: endPointHash(socket) });
    const reader = new SocketReader(socket);
    let received = Buffer.alloc(0);
    for (;;) {
      const message = takeMessage(received, LOGIN_MESSAGE_BYTES_MAX);
      if (message === undefined) {
        const more = await reader.more();
        if (more === null) throw new Fault("upstream-lost", "the target closed the connection during login");
        received = Buffer.concat([received, more]);
        continue;
      }
      received = Buffer.from(message.rest);
      let effect = login.onMessage(message.tag, message.body);
      if (effect.kind === "salt") effect = login.onSalted(await this.#salt(credential.password, effect.salt, effect.iterations));
      if (effect.kind === "send") socket.write(effect.bytes);
      if (effect.kind === "ready") {
        reader.unread(received);
        return effect.result;
      }
    }
  }

  async #salt(password: Secret<string> | null, salt: Buffer, iterations: number): Promise<Buffer> {
    const name = `${iterations}:${salt.toString("base64")}`;
    const known = this.#salted.get(name);
    if (known !== undefined) return known;
    // SASLprep (RFC 4013) of what passwords hold in practice is NFKC; PostgreSQL falls back to the raw bytes likewise.
    const salted = await derive((password?.expose() ?? "").normalize("NFKC"), salt, iterations, 32, "sha256");
    if (this.#salted.size >= 16) this.#salted.clear();
    this.#salted.set(name, salted);
    return salted;
  }

  #record(outcome: Outcome, startedMs: number, context: UpstreamContext): HandshakeRecord {
    const { host, port } = this.target.address;
    const verification = outcome.kind === "ok" ? upstreamVerification(outcome.socket, this.target.tls) : null;
    return {
      at: new Date(context.now()).toISOString(),
      sessionId: context.sessionId,
      leg: "upstream",
      protocol: "postgres",
      negotiation: "sslrequest",
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

class DeclinedError extends Error {}

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
  if (error instanceof Fault) return { fault: error, reason: "internal-error", detail: error.code };
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
