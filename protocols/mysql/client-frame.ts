/**
 * Cuts the client's bytes into commands. A command is collected as a whole, over as many packets as it has, up to what its
 * kind may take; a larger one is handed over by its beginning, and the rest streams by or is dropped.
 *
 * Source: MySQL source documentation, "MySQL Packets".
 */
import { Fault } from "#protocols/wire/fault.ts";
import { HEADER_BYTES, PACKET_PAYLOAD_MAX } from "./constants.ts";

/** What comes of a command whose packets have all been read, or of one that is too large to be collected. */
export interface CommandHandler {
  /** Bytes that a command of this kind may have to be collected. */
  collects(command: number): number;
  /** @param payload a view into what was received; @param packets the same with headers */
  command(payload: Buffer, packets: Buffer): void;
  /** @param beginning of the payload, a copy. @returns whether the rest goes on to `part`, else it is dropped */
  large(command: number, beginning: Buffer): boolean;
  /** @param bytes as they came, headers included; @param payload of them, without */
  part(bytes: Buffer, payload: Buffer, last: boolean): void;
  /**
   * The next part of a file's content, headers included.
   *
   * @param payload of it, without headers
   * @param last an empty packet: the content is complete
   */
  file(bytes: Buffer, payload: Buffer, last: boolean): void;
}

type Mode =
  | { readonly kind: "commands" }
  /** A large command: `left` bytes of its packet's payload, and more packets behind it where that is full. */
  | { readonly kind: "rest"; readonly passes: boolean; left: number; full: boolean };

const COMMANDS: Mode = { kind: "commands" };
const NOTHING = Buffer.alloc(0);
/** Of a command that is too large, looked at and recorded. */
export const BEGINNING_BYTES = 64 * 1024;

export class ClientFramer {
  readonly #handler: CommandHandler;
  #mode: Mode = COMMANDS;
  /** What was received and not taken yet. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** With fewer bytes than this, reading on would be in vain. */
  #wanted = 0;
  /** Of the packet of a file's content that is under way. */
  #fileLeft = 0;
  /** Sequence number of the packet that was taken last. */
  sequence = 0;

  constructor(handler: CommandHandler) {
    this.#handler = handler;
  }

  /** Between two commands: one of our own may go out. */
  get atBoundary(): boolean {
    return this.#mode.kind === "commands";
  }

  /** Bytes that wait here. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Takes bytes and reads nothing of them yet. @param chunk is copied */
  hold(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#held.push(Buffer.from(chunk));
    this.#heldBytes += chunk.length;
  }

  /**
   * Reads what is held and `chunk`, command by command.
   *
   * @param goesOn asked before each command: false when one is under way, and what is left is held
   * @param file asked before each packet: the server waits for a file's content
   */
  read(chunk: Buffer, goesOn: () => boolean, file: () => boolean): void {
    if (this.#heldBytes + chunk.length < this.#wanted) {
      this.hold(chunk);
      return;
    }
    let rest = this.#heldBytes === 0 ? chunk : Buffer.concat([...this.#held, chunk]);
    this.#held = [];
    this.#heldBytes = 0;
    this.#wanted = 0;
    while (rest.length > 0) {
      const taken = this.#take(rest, goesOn, file);
      if (taken === 0) break;
      rest = rest.subarray(taken);
    }
    this.hold(rest);
  }

  #take(bytes: Buffer, goesOn: () => boolean, file: () => boolean): number {
    if (this.#mode.kind === "rest") return this.#rest(this.#mode, bytes);
    if (this.#fileLeft > 0 || file()) return this.#file(bytes);
    return goesOn() ? this.#command(bytes) : 0;
  }

  /** @returns bytes taken; 0: more is needed */
  #command(bytes: Buffer): number {
    if (bytes.length <= HEADER_BYTES) {
      if (bytes.length === HEADER_BYTES && bytes.readUIntLE(0, 3) === 0) throw new Fault("malformed-message", "a command has no bytes");
      return 0;
    }
    const command = bytes[HEADER_BYTES] ?? 0;
    const limit = this.#handler.collects(command);
    let payloadBytes = 0;
    let at = 0;
    for (;;) {
      if (bytes.length - at < HEADER_BYTES) return 0;
      const length = bytes.readUIntLE(at, 3);
      if (length === 0 && at === 0) throw new Fault("malformed-message", "a command has no bytes");
      this.#sequence(bytes[at + 3] ?? 0, at === 0);
      payloadBytes += length;
      if (payloadBytes > limit) return this.#large(command, bytes);
      at += HEADER_BYTES + length;
      if (at > bytes.length) {
        this.#wanted = at;
        return 0;
      }
      if (length < PACKET_PAYLOAD_MAX) break;
    }
    const packets = bytes.subarray(0, at);
    this.#handler.command(joined(packets), packets);
    return at;
  }

  /** A command starts to count anew. */
  #sequence(sequence: number, first: boolean): void {
    if (first && sequence !== 0) throw new Fault("malformed-message", "a command's first packet has another number than 0");
    this.sequence = sequence;
  }

  /** The command's first packet is large enough to be looked at, or all of it has come. */
  #large(command: number, bytes: Buffer): number {
    const length = bytes.readUIntLE(0, 3);
    const wanted = Math.min(length, BEGINNING_BYTES);
    if (bytes.length < HEADER_BYTES + wanted) return 0;
    const passes = this.#handler.large(command, Buffer.from(bytes.subarray(HEADER_BYTES, HEADER_BYTES + wanted)));
    this.#mode = { kind: "rest", passes, left: 0, full: true };
    return this.#rest(this.#mode, bytes);
  }

  #rest(mode: Extract<Mode, { kind: "rest" }>, bytes: Buffer): number {
    let from = 0;
    if (mode.left === 0) {
      if (bytes.length < HEADER_BYTES) return 0;
      from = HEADER_BYTES;
      mode.left = bytes.readUIntLE(0, 3);
      mode.full = mode.left === PACKET_PAYLOAD_MAX;
      this.sequence = bytes[3] ?? 0;
    }
    const taken = Math.min(from + mode.left, bytes.length);
    mode.left -= taken - from;
    const last = mode.left === 0 && !mode.full;
    if (last) this.#mode = COMMANDS;
    if (mode.passes) this.#handler.part(bytes.subarray(0, taken), bytes.subarray(from, taken), last);
    else if (last) this.#handler.part(NOTHING, NOTHING, true);
    return taken;
  }

  #file(bytes: Buffer): number {
    let from = 0;
    if (this.#fileLeft === 0) {
      if (bytes.length < HEADER_BYTES) return 0;
      this.#fileLeft = bytes.readUIntLE(0, 3);
      this.sequence = bytes[3] ?? 0;
      from = HEADER_BYTES;
      if (this.#fileLeft === 0) {
        this.#handler.file(bytes.subarray(0, HEADER_BYTES), NOTHING, true);
        return HEADER_BYTES;
      }
    }
    const taken = Math.min(from + this.#fileLeft, bytes.length);
    this.#fileLeft -= taken - from;
    this.#handler.file(bytes.subarray(0, taken), bytes.subarray(from, taken), false);
    return taken;
  }
}

/** Without headers: a view where there is one packet. */
function joined(packets: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < packets.length; ) {
    const length = packets.readUIntLE(at, 3);
    parts.push(packets.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length));
    at += HEADER_BYTES + length;
  }
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
}
