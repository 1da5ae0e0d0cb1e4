/**
 * The one message that a client may send while it is being authenticated: PasswordMessage, which carries its token or
 * client secret. Anything else in its place ends the connection, and nothing of it runs.
 */
import { Fault } from "#protocols/wire/fault.ts";
import { Secret } from "#protocols/wire/secret.ts";
import { CLIENT } from "./constants.ts";
import { takeMessage } from "./take-message.ts";

export interface Password {
  readonly password: Secret<string>;
  /** What was pipelined behind it; to be dropped unless the password is good. */
  readonly rest: Buffer;
}

export class PasswordReader {
  readonly #bytesMax: number;
  #received = Buffer.alloc(0);

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /**
   * @returns undefined when more bytes are needed
   * @throws Fault `unexpected-message`, `malformed-message`, `message-too-large`, `identity-missing`
   */
  push(chunk: Buffer): Password | undefined {
    this.#received = Buffer.concat([this.#received, chunk]);
    if (this.#received.length > 0 && this.#received[0] !== CLIENT.password) {
      throw new Fault("unexpected-message", "a message other than the password came while one was asked for");
    }
    const message = takeMessage(this.#received, this.#bytesMax);
    if (message === undefined) return undefined;
    const { body } = message;
    if (body.length === 0 || body.indexOf(0) !== body.length - 1) {
      throw new Fault("malformed-message", "the password message is not one NUL-terminated string");
    }
    const password = body.toString("utf8", 0, body.length - 1);
    const rest = Buffer.from(message.rest);
    this.#received.fill(0, 0, this.#received.length - rest.length);
    if (password === "") {
      throw new Fault("identity-missing", "the password is empty", { hint: "give an access token as the password" });
    }
    return { password: new Secret(password), rest };
  }
}
