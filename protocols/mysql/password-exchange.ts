/**
 * Asks a client for its password inside TLS: the token that proves who is calling. Stock clients give it without a flag,
 * as the second step of caching_sha2_password ("full authentication"); mysql_clear_password is taken where the client begins with it.
 *
 * Source: MySQL source documentation, "caching_sha2_password" and "Clear text client plugin".
 */
import { Fault } from "#protocols/wire/fault.ts";
import { ANSWER } from "./constants.ts";
import { authSwitchPayload } from "./login.ts";

export const CACHING_SHA2 = "caching_sha2_password";
export const CLEAR_PASSWORD = "mysql_clear_password";

/** AuthMoreData that asks for the password itself. */
const FULL_AUTHENTICATION = Buffer.from([ANSWER.authMoreData, 0x04]);
/** What a client sends to be given an RSA key, because it does not trust the connection. */
const PUBLIC_KEY_REQUEST = 0x02;

export type PasswordStep =
  /** Goes to the client as the next packet. */
  | { readonly kind: "ask"; readonly payload: Buffer }
  /** Empty: the client has none to give. */
  | { readonly kind: "password"; readonly password: string };

type Phase = "begun" | "switched" | "asked" | "done";

export class PasswordExchange {
  readonly #scramble: Buffer;
  #phase: Phase = "begun";

  /** @param scramble 20 bytes, as the greeting showed */
  constructor(scramble: Buffer) {
    this.#scramble = scramble;
  }

  /** @param plugin and `authentication` of the HandshakeResponse; a plugin of null is a client that knows none by name */
  begin(plugin: string | null, authentication: Buffer): PasswordStep {
    if (this.#phase !== "begun") throw new Error("broken invariant: an exchange began twice");
    if (plugin === CLEAR_PASSWORD) return this.#take(authentication);
    if (plugin === CACHING_SHA2) return this.#answered(authentication);
    this.#phase = "switched";
    return { kind: "ask", payload: authSwitchPayload(CACHING_SHA2, Buffer.concat([this.#scramble, Buffer.alloc(1)])) };
  }

  /** @throws Fault `identity-refused` when the client asks for something that is not spoken, `unexpected-message` */
  next(payload: Buffer): PasswordStep {
    if (this.#phase === "switched") return this.#answered(payload);
    if (this.#phase !== "asked") throw new Fault("unexpected-message", "a packet came where no answer was due");
    if (payload.length === 1 && payload[0] === PUBLIC_KEY_REQUEST) {
      throw new Fault("identity-refused", "the client asks for an RSA key instead of trusting TLS", {
        hint: "let the client verify the gateway's certificate: --ssl-mode=VERIFY_IDENTITY with the gateway's CA",
      });
    }
    return this.#take(payload);
  }

  /** The answer to the scramble proves nothing to us, who know no password; an empty one says that there is none. */
  #answered(answer: Buffer): PasswordStep {
    if (answer.length === 0 || (answer.length === 1 && answer[0] === 0)) return this.#take(answer);
    this.#phase = "asked";
    return { kind: "ask", payload: FULL_AUTHENTICATION };
  }

  #take(bytes: Buffer): PasswordStep {
    this.#phase = "done";
    const end = bytes.indexOf(0);
    if (end >= 0 && end !== bytes.length - 1) throw new Fault("identity-refused", "the password holds a NUL character");
    return { kind: "password", password: bytes.toString("utf8", 0, end < 0 ? bytes.length : end) };
  }
}
