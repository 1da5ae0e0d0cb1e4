/**
 * MySQL as the gateway serves it to clients: the server speaks first, so that each connection has a greeting of its own, and
 * every packet that is sent before there is a session bears the next sequence number.
 */
import type net from "node:net";
import { errorPayload, faultError, greetingPayload, readSslRequest, takePacket } from "#protocols/mysql/protocol.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { LoginFront, LoginGrounds, LoginInput, LoginResult, Negotiated } from "#src/gateway/front.ts";
import type { Arrival, Occupant } from "#src/gateway/occupant.ts";
import { SingleSession } from "#src/gateway/single-session.ts";
import type { SocketReader } from "#src/gateway/socket-reader.ts";
import type { Face } from "./face.ts";
import type { Greetings } from "./greetings.ts";
import { login } from "./login.ts";
import { Opening } from "./opening.ts";

/** An SSLRequest has 32 bytes; a HandshakeResponse that comes in its place is refused unread. */
const FIRST_PACKET_BYTES_MAX = 64 * 1024;

export class MysqlFront implements LoginFront {
  readonly protocol = "mysql";
  readonly #opening: Opening;
  readonly #greetings: Greetings;

  /**
   * @param connectionId that KILL names; unique in this gateway
   * @param greetings told of what the target greets with
   */
  constructor(face: Face, connectionId: number, greetings: Greetings) {
    this.#greetings = greetings;
    this.#opening = new Opening(face, connectionId);
  }

  async negotiate(raw: net.Socket, reader: SocketReader): Promise<Negotiated> {
    raw.write(this.#opening.next(greetingPayload(this.#opening.greeting)));
    let received = Buffer.alloc(0);
    for (;;) {
      const packet = takePacket(received);
      if (packet !== undefined) {
        this.#opening.received(packet.sequence);
        if (readSslRequest(packet.payload) === "cleartext") throw cleartext();
        // What stands behind it is the ClientHello: clients send it at once.
        return { kind: "tls", negotiation: "sslrequest", begun: packet.rest };
      }
      if (received.length > FIRST_PACKET_BYTES_MAX) throw new Fault("message-too-large", "the client's first packet is too large");
      const bytes = await reader.more();
      if (bytes === null) throw new Fault("tls-refused", "the client closed the connection before TLS was up");
      received = Buffer.concat([received, bytes]);
    }
  }

  checkHello(): void {
    // MySQL has no ALPN name.
  }

  farewell(fault: Fault): Buffer {
    return this.#opening.next(errorPayload(faultError(fault)));
  }

  occupant(arrival: Arrival): Occupant {
    return new SingleSession(this, arrival);
  }

  login(input: LoginInput, grounds: LoginGrounds): Promise<LoginResult> {
    return login(input, grounds, this.#opening, this.#greetings);
  }
}

function cleartext(): Fault {
  return new Fault("tls-required", "this gateway accepts only connections with TLS encryption", {
    hint: "connect with --ssl-mode=VERIFY_IDENTITY, or --ssl-verify-server-cert for MariaDB's clients",
  });
}
