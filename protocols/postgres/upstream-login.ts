/**
 * The login on the upstream leg, behind verified TLS: one message of the server in, what to do next out. Only methods that
 * are configured are answered; with a password configured, AuthenticationOk before the server proved its SCRAM signature
 * is a failure, since whoever answers may not be the database.
 *
 * Source: PostgreSQL documentation, "Start-up" (protocol-flow-start-up) and "SASL Authentication".
 */
import { createHash } from "node:crypto";
import { Cursor } from "#protocols/wire/cursor.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { Secret } from "#protocols/wire/secret.ts";
import { AUTHENTICATION, SERVER } from "./constants.ts";
import { readErrorFields, readParameterStatus } from "./decode.ts";
import { passwordMessage, saslInitialResponse, saslResponse } from "./encode.ts";
import type { CancelKey } from "./negotiation.ts";
import {
  checkServerFinal,
  type Mechanism,
  readChallenge,
  type ScramChallenge,
  type ScramFinal,
  type ScramFirst,
  scramFinal,
  scramFirst,
} from "./scram.ts";

export interface LoginCredential {
  readonly user: string;
  readonly password: Secret<string> | null;
  readonly allowWeak: boolean;
}

export interface LoginMeans {
  readonly credential: LoginCredential;
  /** Printable random text for SCRAM, from a secure source. */
  readonly nonce: string;
  /** `tls-server-end-point` hash of the target's certificate (RFC 5929, section 4.1); null where it is not defined. */
  readonly endPoint: Buffer | null;
}

export type LoginPhase =
  | { readonly kind: "asked" }
  | { readonly kind: "scram-started"; readonly first: ScramFirst }
  | { readonly kind: "scram-salting"; readonly first: ScramFirst; readonly challenge: ScramChallenge }
  | { readonly kind: "scram-answered"; readonly final: ScramFinal }
  | { readonly kind: "scram-proved" }
  | { readonly kind: "weak-answered" }
  | { readonly kind: "accepted" };

export interface LoginResult {
  readonly parameters: ReadonlyMap<string, string>;
  /** Null when the server gives none (some poolers). */
  readonly key: CancelKey | null;
  readonly status: "I";
}

export type LoginEffect =
  | { readonly kind: "wait" }
  | { readonly kind: "send"; readonly bytes: Buffer }
  /** Derive PBKDF2 and call `onSalted`. */
  | { readonly kind: "salt"; readonly salt: Buffer; readonly iterations: number }
  | { readonly kind: "ready"; readonly result: LoginResult };

const WAIT: LoginEffect = { kind: "wait" };
/** A server sends some 15 ParameterStatus at login. */
const PARAMETERS_MAX = 256;

/** One login attempt. Lives from StartupMessage to ReadyForQuery. */
export class UpstreamLogin {
  readonly #means: LoginMeans;
  readonly #parameters = new Map<string, string>();
  #phase: LoginPhase = { kind: "asked" };
  #key: CancelKey | null = null;

  constructor(means: LoginMeans) {
    this.#means = means;
  }

  /** @throws Fault `upstream-login-failed`, `upstream-out-of-step`, `malformed-message` */
  onMessage(tag: number, body: Buffer): LoginEffect {
    switch (tag) {
      case SERVER.authentication:
        return this.#onAuthentication(new Cursor(body));
      case SERVER.errorResponse:
        throw refusal(readErrorFields(body));
      case SERVER.noticeResponse:
        return WAIT;
      case SERVER.parameterStatus:
        return this.#onParameter(body);
      case SERVER.backendKeyData:
        return this.#onKey(new Cursor(body));
      case SERVER.readyForQuery:
        return this.#onReady(body);
      default:
        throw new Fault("upstream-out-of-step", "the target sent a message that has no place in a login");
    }
  }

  /** @param saltedPassword 32 bytes; what the `salt` effect asked for */
  onSalted(saltedPassword: Buffer): LoginEffect {
    const phase = this.#phase;
    if (phase.kind !== "scram-salting") throw new Error("broken invariant: salted out of turn");
    const final = scramFinal(phase.first, phase.challenge, saltedPassword);
    this.#phase = { kind: "scram-answered", final };
    return { kind: "send", bytes: saslResponse(final.message) };
  }

  #onAuthentication(cursor: Cursor): LoginEffect {
    const code = cursor.int32();
    switch (code) {
      case AUTHENTICATION.ok:
        cursor.end("AuthenticationOk");
        return this.#onOk();
      case AUTHENTICATION.sasl:
        return this.#onSasl(cursor);
      case AUTHENTICATION.saslContinue:
        return this.#onContinue(cursor.rest().toString("utf8"));
      case AUTHENTICATION.saslFinal:
        return this.#onFinal(cursor.rest().toString("utf8"));
      case AUTHENTICATION.cleartextPassword:
        cursor.end("AuthenticationCleartextPassword");
        return this.#onWeak("a clear-text password", (password) => password);
      case AUTHENTICATION.md5Password: {
        const salt = cursor.bytes(4);
        cursor.end("AuthenticationMD5Password");
        return this.#onWeak("an md5 password", (password) => md5Answer(this.#means.credential.user, password, salt));
      }
      default:
        throw failed(`the target asks for authentication method ${code}, which is not spoken here`);
    }
  }

  #onOk(): LoginEffect {
    const expected = this.#means.credential.password === null ? "asked" : "scram-proved";
    if (this.#phase.kind !== expected && this.#phase.kind !== "weak-answered") {
      throw failed("the target accepted the login without proving that it knows the password");
    }
    this.#phase = { kind: "accepted" };
    return WAIT;
  }

  #onSasl(cursor: Cursor): LoginEffect {
    if (this.#phase.kind !== "asked") throw failed("the target started SASL twice");
    if (this.#means.credential.password === null) throw failed("the target asks for a password and none is configured");
    const offered: string[] = [];
    for (let name = cursor.cstring(); name !== ""; name = cursor.cstring()) offered.push(name);
    cursor.end("AuthenticationSASL");
    const mechanism = this.#choose(offered);
    const first = scramFirst(mechanism, this.#means.nonce, this.#means.endPoint, this.#means.endPoint !== null);
    this.#phase = { kind: "scram-started", first };
    return { kind: "send", bytes: saslInitialResponse(mechanism, first.message) };
  }

  #choose(offered: readonly string[]): Mechanism {
    if (offered.includes("SCRAM-SHA-256-PLUS") && this.#means.endPoint !== null) return "SCRAM-SHA-256-PLUS";
    if (offered.includes("SCRAM-SHA-256")) return "SCRAM-SHA-256";
    throw failed("the target offers neither SCRAM-SHA-256-PLUS nor SCRAM-SHA-256");
  }

  #onContinue(text: string): LoginEffect {
    if (this.#phase.kind !== "scram-started") throw failed("a SCRAM challenge came out of turn");
    const challenge = readChallenge(this.#phase.first, text);
    this.#phase = { kind: "scram-salting", first: this.#phase.first, challenge };
    return { kind: "salt", salt: challenge.salt, iterations: challenge.iterations };
  }

  #onFinal(text: string): LoginEffect {
    if (this.#phase.kind !== "scram-answered") throw failed("a SCRAM verdict came out of turn");
    checkServerFinal(this.#phase.final, text);
    this.#phase = { kind: "scram-proved" };
    return WAIT;
  }

  #onWeak(what: string, answer: (password: string) => string): LoginEffect {
    const { credential } = this.#means;
    if (this.#phase.kind !== "asked") throw failed("the target asked for a second kind of password");
    if (!credential.allowWeak) throw failed(`the target asks for ${what}, which needs credential.allowWeak`);
    if (credential.password === null) throw failed(`the target asks for ${what} and none is configured`);
    this.#phase = { kind: "weak-answered" };
    return { kind: "send", bytes: passwordMessage(answer(credential.password.expose())) };
  }

  #onParameter(body: Buffer): LoginEffect {
    this.#needAccepted("ParameterStatus");
    if (this.#parameters.size >= PARAMETERS_MAX) throw new Fault("upstream-out-of-step", "the target reports too many parameters");
    const { name, value } = readParameterStatus(body);
    this.#parameters.set(name, value);
    return WAIT;
  }

  #onKey(cursor: Cursor): LoginEffect {
    this.#needAccepted("BackendKeyData");
    const processId = cursor.uint32();
    const secret = Buffer.from(cursor.rest());
    if (secret.length > 256) throw new Fault("upstream-out-of-step", "the target's cancel key is longer than 256 bytes");
    this.#key = secret.length === 0 ? null : { processId, secret };
    return WAIT;
  }

  #onReady(body: Buffer): LoginEffect {
    this.#needAccepted("ReadyForQuery");
    // A new session is in no transaction, and its status goes on to the client as the target's word.
    if (body.toString("latin1") !== "I") throw new Fault("upstream-out-of-step", "the target began the session with an open transaction");
    return { kind: "ready", result: { parameters: this.#parameters, key: this.#key, status: "I" } };
  }

  #needAccepted(what: string): void {
    if (this.#phase.kind !== "accepted") throw failed(`the target sent ${what} before the login was over`);
  }
}

function md5Answer(user: string, password: string, salt: Buffer): string {
  const inner = createHash("md5")
    .update(password + user)
    .digest("hex");
  return `md5${createHash("md5").update(inner).update(salt).digest("hex")}`;
}

/** The server's code goes on record; its sentence may name inner things, so the client is told only the code. */
function refusal(fields: ReadonlyMap<string, string>): Fault {
  const code = /^[0-9A-Z]{5}$/.test(fields.get("C") ?? "") ? fields.get("C") : "no SQLSTATE";
  const hints: Record<string, string> = {
    "28P01": "the gateway's credential for this target is not accepted; tell the gateway's operator",
    "3D000": "the target has no such database",
    "53300": "the target has no connection left; try again",
    "57P03": "the target is starting up or shutting down; try again",
  };
  return new Fault("upstream-login-failed", `the target refused the gateway's login (${code})`, { hint: hints[code ?? ""] ?? "" });
}

function failed(message: string): Fault {
  return new Fault("upstream-login-failed", message);
}
