/**
 * The clear-text port: it serves nothing and shows the way to the other one. Each attempt is a refused handshake record.
 */
import type net from "node:net";
import { Fault } from "#protocols/wire/fault.ts";
import type { Front, Negotiated } from "#src/gateway/front.ts";
import type { Occupant } from "#src/gateway/occupant.ts";
import type { SocketReader } from "#src/gateway/socket-reader.ts";
import { clearAnswer, plainProblem, readClearRequest } from "./early-answers.ts";
import { HEAD_BYTES_MAX } from "./limits.ts";

export interface Signpost {
  /** Whether the gateway answers https under that name, given in lower case. */
  readonly isKnown: (host: string) => boolean;
  /** Of the https listener. */
  readonly port: number;
}

export class CleartextFront implements Front {
  readonly protocol = "http";
  readonly #signpost: Signpost;
  #answer: Buffer | null = null;

  constructor(signpost: Signpost) {
    this.#signpost = signpost;
  }

  async negotiate(_raw: net.Socket, reader: SocketReader): Promise<Negotiated> {
    let received = Buffer.alloc(0);
    for (;;) {
      const end = received.indexOf("\r\n\r\n");
      if (end !== -1) throw this.#refusal(received.toString("latin1", 0, end));
      if (received.length > HEAD_BYTES_MAX) throw this.#refusal("");
      const bytes = await reader.more();
      if (bytes === null) throw new Fault("tls-refused", "the client closed the connection before TLS was up");
      received = Buffer.concat([received, bytes]);
    }
  }

  checkHello(): void {
    // No ClientHello gets this far.
  }

  farewell(fault: Fault): Buffer {
    if (fault.code === "too-many-connections") return plainProblem(503, fault.message, fault.code);
    return this.#answer ?? plainProblem(400, "this port serves nothing: TLS is required", "tls-required");
  }

  occupant(): Occupant {
    throw new Error("broken invariant: a clear-text connection became secure");
  }

  #refusal(head: string): Fault {
    const request = readClearRequest(head);
    if (request !== null) this.#answer = clearAnswer(request, this.#signpost.isKnown, this.#signpost.port);
    return new Fault("tls-required", "this gateway accepts only connections with TLS encryption", { hint: "use https" });
  }
}
