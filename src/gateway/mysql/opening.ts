/** The packets of one connection before there is a session: a greeting of its own, and sequence numbers that go on from it. */
import { randomBytes } from "node:crypto";
import { type Greeting, packets, SCRAMBLE_BYTES } from "#protocols/mysql/protocol.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { Face } from "./face.ts";

/** Autocommit, as every server begins. */
const STATUS = 2;

export class Opening {
  readonly greeting: Greeting;
  #sequence = 0;

  constructor(face: Face, connectionId: number) {
    this.greeting = { ...face, connectionId, scramble: scramble(), status: STATUS, plugin: "caching_sha2_password" };
  }

  /** The payload as the next packet of this connection. */
  next(payload: Buffer): Buffer {
    const bytes = packets(payload, this.#sequence);
    this.#sequence = (this.#sequence + 1) & 0xff;
    return bytes;
  }

  /** A packet of the client's has come. @throws Fault `malformed-message` when it is out of order */
  received(sequence: number): void {
    if (sequence !== this.#sequence) throw new Fault("malformed-message", "packets out of order");
    this.#sequence = (sequence + 1) & 0xff;
  }
}

/** Without NUL bytes: clients copy it with string functions. */
function scramble(): Buffer {
  return Buffer.from(randomBytes(SCRAMBLE_BYTES).map((byte) => (byte % 127) + 1));
}
