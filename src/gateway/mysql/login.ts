/** From TLS to a permission, for MySQL: login packet, proof, target. Whichever step fails, the client gets an ERR packet. */
import {
  denialError,
  errorPayload,
  faultError,
  type HandshakeResponse,
  PasswordExchange,
  type PasswordStep,
  readHandshakeResponse,
  requestedTarget,
  takePacket,
} from "#protocols/mysql/protocol.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { Secret } from "#protocols/wire/secret.ts";
import { authorise, Denied } from "#src/gateway/authorise.ts";
import type { LoginGrounds, LoginInput, LoginResult } from "#src/gateway/front.ts";
import { PASSWORD_BYTES_MAX } from "#src/gateway/limits.ts";
import { SocketReader } from "#src/gateway/socket-reader.ts";
import type { Proof } from "#src/identity/proof.ts";
import { MysqlConversation } from "./conversation.ts";
import type { Greetings } from "./greetings.ts";
import type { Opening } from "./opening.ts";

/** Never throws for what a client does. */
export async function login(input: LoginInput, grounds: LoginGrounds, opening: Opening, greetings: Greetings): Promise<LoginResult> {
  try {
    return await new Steps(input, grounds, opening, greetings).run();
  } catch (error) {
    if (error instanceof ClientGone) return { kind: "refused", reason: "client-lost" };
    if (error instanceof Denied) {
      input.socket.end(opening.next(errorPayload(denialError(error.denial))));
      return { kind: "refused", reason: error.denial.reason };
    }
    if (!(error instanceof Fault)) throw error;
    input.socket.end(opening.next(errorPayload(faultError(error))));
    return { kind: "refused", reason: error.code };
  }
}

class ClientGone extends Error {}

class Steps {
  readonly #input: LoginInput;
  readonly #grounds: LoginGrounds;
  readonly #opening: Opening;
  readonly #greetings: Greetings;
  readonly #reader: SocketReader;
  #received = Buffer.alloc(0);

  constructor(input: LoginInput, grounds: LoginGrounds, opening: Opening, greetings: Greetings) {
    this.#input = input;
    this.#grounds = grounds;
    this.#opening = opening;
    this.#greetings = greetings;
    this.#reader = new SocketReader(input.socket);
  }

  async run(): Promise<LoginResult> {
    const said = readHandshakeResponse(await this.#packet());
    // Clients name capabilities of theirs that were not offered, and do without them.
    const response = { ...said, capabilities: (said.capabilities & this.#opening.greeting.capabilities) >>> 0 };
    const proof = await this.#prove(response);
    const inForce = this.#grounds.inForce();
    const bound = inForce.config.listen.mysql?.target ?? null;
    const all = [...inForce.upstreams].filter(([name, { target }]) => target.protocol === "mysql" && (bound === null || name === bound));
    const targets = new Set(all.map(([name]) => name));
    const requested = requestedTarget({ user: response.user, database: response.database, sni: this.#input.sni }, targets);
    const permit = authorise("mysql", proof, requested, inForce);
    const conversation = new MysqlConversation(response, this.#opening, this.#greetings);
    return { kind: "authorised", authorised: { ...permit, conversation, rest: this.#received } };
  }

  async #prove(response: HandshakeResponse): Promise<Proof> {
    const { certificate } = this.#input;
    if (certificate !== null) {
      const proof = this.#grounds.identity.proveCertificate(certificate.raw);
      if (proof !== undefined) return proof;
    }
    const exchange = new PasswordExchange(this.#opening.greeting.scramble);
    let step: PasswordStep = exchange.begin(response.plugin, response.authentication);
    while (step.kind === "ask") {
      this.#input.socket.write(this.#opening.next(step.payload));
      step = exchange.next(await this.#packet());
    }
    if (step.password === "") {
      throw new Fault("identity-missing", "no token was given as the password", { hint: "give a token as the password" });
    }
    return this.#grounds.identity.prove({ user: response.user, password: new Secret(step.password) });
  }

  async #packet(): Promise<Buffer> {
    for (;;) {
      const packet = takePacket(this.#received);
      if (packet !== undefined) {
        this.#received = Buffer.from(packet.rest);
        this.#opening.received(packet.sequence);
        return packet.payload;
      }
      if (this.#received.length > PASSWORD_BYTES_MAX) throw new Fault("message-too-large", "a packet of the login is too large");
      const bytes = await this.#reader.more();
      if (bytes === null) throw new ClientGone("the client closed the connection during login");
      this.#received = Buffer.concat([this.#received, bytes]);
    }
  }
}
