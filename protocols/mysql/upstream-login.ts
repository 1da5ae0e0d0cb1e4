/**
 * The login on the upstream leg, behind verified TLS: one packet of the server in, what to do next out. A password is sent
 * as itself only inside that TLS and only where caching_sha2_password asks for it; RSA is never used.
 *
 * Source: MySQL source documentation, "Connection Phase"; MariaDB documentation, "Connection".
 */
import { Fault } from "#protocols/wire/fault.ts";
import type { Secret } from "#protocols/wire/secret.ts";
import { ANSWER } from "./constants.ts";
import type { Greeting } from "./greeting.ts";
import { readAuthSwitch } from "./login.ts";
import { type OkPacket, readError, readOk } from "./outcome.ts";
import { CACHING_SHA2, CLEAR_PASSWORD } from "./password-exchange.ts";
import { cachingSha2Answer, nativeAnswer } from "./scramble.ts";

export interface LoginCredential {
  readonly user: string;
  readonly password: Secret<string> | null;
  readonly allowWeak: boolean;
}

export interface LoginMeans {
  readonly credential: LoginCredential;
  /** MariaDB's ed25519: the signature of a scramble, 64 bytes. */
  readonly signEd25519: (password: string, scramble: Buffer) => Buffer;
  /** MariaDB's PARSEC: the client's own scramble and the signature, 96 bytes. */
  readonly signParsec: (password: string, scramble: Buffer, salt: ParsecSalt) => Buffer;
}

/** What a key is derived from a password by: PBKDF2 with HMAC-SHA-512. */
export interface ParsecSalt {
  readonly iterations: number;
  readonly salt: Buffer;
}

export type LoginEffect =
  | { readonly kind: "wait" }
  | { readonly kind: "send"; readonly payload: Buffer }
  | { readonly kind: "ready"; readonly ok: OkPacket };

const WAIT: LoginEffect = { kind: "wait" };
const SHA2_FAST_OK = 0x03;
const SHA2_FULL = 0x04;
const PARSEC = "parsec";
/** `P`, for PBKDF2: how the answer to PARSEC's empty packet begins. */
const PARSEC_PBKDF2 = 0x50;
/** As a power of two, beyond 1,024: 65,536 rounds take some 50 ms, in which the process does nothing else. */
const PARSEC_FACTOR_MAX = 6;
/** AuthNextFactor: the account has a second factor. */
const NEXT_FACTOR = 0x02;
const SWITCHES_MAX = 4;

/** One login attempt. Lives from HandshakeResponse41 to the OK packet. */
export class UpstreamLogin {
  readonly #credential: LoginCredential;
  readonly #means: LoginMeans;
  readonly #capabilities: number;
  #plugin: string;
  #scramble: Buffer;
  #proved = false;
  #awaitsSalt = false;
  #switches = 0;

  /** @param capabilities agreed on with the target */
  constructor(means: LoginMeans, greeting: Greeting, capabilities: number) {
    this.#credential = means.credential;
    this.#means = means;
    this.#capabilities = capabilities;
    this.#plugin = greeting.plugin;
    this.#scramble = greeting.scramble;
  }

  /**
   * What HandshakeResponse41 carries: the plugin that the greeting names, with its answer. For one that is not spoken
   * the answer is left empty under the name of the usual plugin: the server then asks by AuthSwitchRequest.
   */
  first(): { readonly plugin: string; readonly authentication: Buffer } {
    const known = this.#plugin === CACHING_SHA2 || this.#plugin === "mysql_native_password" || this.#plugin === "client_ed25519";
    if (!known) this.#plugin = CACHING_SHA2;
    return { plugin: this.#plugin, authentication: this.#answer() };
  }

  /** @throws Fault `upstream-login-failed`, `upstream-out-of-step`, `malformed-message` */
  onPacket(payload: Buffer): LoginEffect {
    switch (payload[0]) {
      case ANSWER.ok:
        return this.#onOk(payload);
      case ANSWER.error:
        throw refusal(readError(payload, this.#capabilities).errno);
      case ANSWER.eof:
        return this.#onSwitch(payload);
      case ANSWER.authMoreData:
        return this.#onMore(payload.subarray(1));
      case PARSEC_PBKDF2:
        return this.#onSalt(payload);
      case NEXT_FACTOR:
        throw failed("the target asks for a second factor, which a gateway cannot give");
      default:
        throw new Fault("upstream-out-of-step", "the target sent a packet that has no place in a login");
    }
  }

  #onOk(payload: Buffer): LoginEffect {
    if (this.#credential.password !== null && !this.#proved) throw failed("the target accepted the login without asking for the password");
    return { kind: "ready", ok: readOk(payload, this.#capabilities) };
  }

  #onSwitch(payload: Buffer): LoginEffect {
    const asked = readAuthSwitch(payload);
    if (asked === null) throw failed("the target asks for authentication from before MySQL 4.1");
    if (++this.#switches > SWITCHES_MAX) throw failed("the target keeps asking for other kinds of authentication");
    this.#plugin = asked.plugin;
    const { data } = asked;
    this.#scramble = scrambleIn(data, asked.plugin);
    this.#proved = false;
    this.#awaitsSalt = asked.plugin === PARSEC;
    return { kind: "send", payload: this.#answer() };
  }

  #onMore(data: Buffer): LoginEffect {
    if (this.#plugin === PARSEC) return this.#onSalt(data);
    if (this.#plugin !== CACHING_SHA2)
      throw new Fault("upstream-out-of-step", "the target sent more authentication data than its plugin has");
    if (data.length === 1 && data[0] === SHA2_FAST_OK) return WAIT;
    if (data.length === 1 && data[0] === SHA2_FULL) return { kind: "send", payload: nulTerminated(this.#password()) };
    throw failed("the target asks for an RSA exchange, which is not spoken");
  }

  /** PARSEC's salt, which an empty packet asked for. */
  #onSalt(data: Buffer): LoginEffect {
    if (!this.#awaitsSalt) throw new Fault("upstream-out-of-step", "the target sent a salt that nobody asked for");
    const factor = data[1] ?? Number.POSITIVE_INFINITY;
    if (data[0] !== PARSEC_PBKDF2 || factor > PARSEC_FACTOR_MAX)
      throw failed("the target asks for a key derivation that is not spoken here");
    this.#awaitsSalt = false;
    this.#proved = true;
    const salt = { iterations: 1024 << factor, salt: Buffer.from(data.subarray(2)) };
    return { kind: "send", payload: this.#means.signParsec(this.#password(), this.#scramble, salt) };
  }

  #answer(): Buffer {
    const { password } = this.#credential;
    if (password === null || this.#plugin === PARSEC) return Buffer.alloc(0);
    this.#proved = true;
    switch (this.#plugin) {
      case CACHING_SHA2:
        return cachingSha2Answer(password.expose(), this.#scramble);
      case "mysql_native_password":
        return nativeAnswer(password.expose(), this.#scramble);
      case "client_ed25519":
        return this.#means.signEd25519(password.expose(), this.#scramble);
      case CLEAR_PASSWORD:
        if (!this.#credential.allowWeak) throw failed("the target asks for a clear-text password, which needs credential.allowWeak");
        return nulTerminated(password.expose());
      default:
        throw failed(`the target asks for authentication plugin ${shown(this.#plugin)}, which is not spoken here`);
    }
  }

  #password(): string {
    const { password } = this.#credential;
    if (password === null) throw failed("the target asks for a password and none is configured");
    return password.expose();
  }
}

/** Others end theirs by NUL; PARSEC's is 32 bytes of any value. */
function scrambleIn(data: Buffer, plugin: string): Buffer {
  return Buffer.from(plugin !== PARSEC && data.at(-1) === 0 ? data.subarray(0, -1) : data);
}

function nulTerminated(password: string): Buffer {
  return Buffer.concat([Buffer.from(password), Buffer.alloc(1)]);
}

function shown(plugin: string): string {
  return /^[\w-]{1,64}$/.test(plugin) ? plugin : "of an unprintable name";
}

/** The server's number goes on record; its sentence may name inner things, so the client is told only the number. */
function refusal(errno: number): Fault {
  const hints: Record<number, string> = {
    1040: "the target has no connection left; try again",
    1044: "the gateway's login may not use this database; tell the gateway's operator",
    1045: "the gateway's credential for this target is not accepted; tell the gateway's operator",
    1049: "the target has no such database",
    1129: "the target refuses connections from the gateway; tell the gateway's operator",
  };
  return new Fault("upstream-login-failed", `the target refused the gateway's login (errno ${errno})`, { hint: hints[errno] ?? "" });
}

function failed(message: string): Fault {
  return new Fault("upstream-login-failed", message);
}
