/**
 * HTTPS as the gateway serves it to clients: TLS from the first byte, HTTP/2 or HTTP/1.1 by ALPN. What a client is told before
 * HTTP has begun is said in bytes of the version that it is about to speak.
 */
import type net from "node:net";
import { Fault } from "#protocols/wire/fault.ts";
import type { Front, Negotiated } from "#src/gateway/front.ts";
import type { Arrival, Occupant } from "#src/gateway/occupant.ts";
import type { SocketReader } from "#src/gateway/socket-reader.ts";
import type { ClientHello } from "#src/tls/client-hello.ts";
import { goAway, plainProblem } from "./early-answers.ts";
import { HttpOccupant } from "./occupant.ts";
import type { HttpServers } from "./servers.ts";

/** A TLS alert in the clear (RFC 8446 section 6): fatal, internal_error. */
const ALERT = Buffer.from([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 80]);
const NOTHING = Buffer.alloc(0);

export class HttpsFront implements Front {
  readonly protocol = "http";
  readonly #servers: HttpServers;
  #phase: "clear" | "h2" | "http/1.1" | "serving" = "clear";

  constructor(servers: HttpServers) {
    this.#servers = servers;
  }

  async negotiate(_raw: net.Socket, reader: SocketReader): Promise<Negotiated> {
    const begun = await reader.more();
    if (begun === null) throw new Fault("tls-refused", "the client closed the connection before TLS was up");
    // A request line begins with a letter, a ClientHello with 22.
    if (/^[A-Za-z]/.test(begun.toString("latin1", 0, 1))) {
      throw new Fault("tls-required", "this port speaks TLS alone", { hint: "use https" });
    }
    return { kind: "tls", negotiation: "direct", begun };
  }

  checkHello(hello: ClientHello): void {
    // Of the versions that both speak, the gateway prefers HTTP/2.
    this.#phase = hello.alpn.includes("h2") ? "h2" : "http/1.1";
  }

  farewell(fault: Fault): Buffer {
    switch (this.#phase) {
      case "clear":
        return fault.code === "tls-required" ? plainProblem(400, fault.message, fault.code) : ALERT;
      case "h2":
        return goAway(fault.message);
      case "http/1.1":
        return plainProblem(403, fault.message, fault.code);
      case "serving":
        return NOTHING;
    }
  }

  occupant(arrival: Arrival): Occupant {
    this.#phase = "serving";
    return new HttpOccupant(arrival, this.#servers);
  }
}
