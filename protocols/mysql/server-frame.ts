/**
 * Cuts the target's chunks into packets and puts together what goes on to the client. Rows are forwarded as views of the
 * chunk they came in, joined as far as they touch; only packets that the handler must see are collected. Every header is
 * stamped with the client's own sequence number, in place: what is rewritten, left out or put in may change the count.
 *
 * Source: MySQL source documentation, "MySQL Packets".
 */
import { Fault } from "#protocols/wire/fault.ts";
import { HEADER_BYTES, PACKET_PAYLOAD_MAX } from "./constants.ts";
import { packetCount, packets } from "./packet.ts";

/** What becomes of a packet, settled from its header and first byte, before any of it is kept. */
export type Plan =
  /** Collected and handed to `packet`. */
  | "whole"
  /** Forwarded as it comes, and shown to `watch` together with what touches it. */
  | "watch"
  /** Forwarded as it comes, and its payload shown whole to `observe`. */
  | "observe"
  /** Kept from the client. */
  | "drop";

/** Null: forwarded as it is; else what goes on in its place, payload by payload, maybe nothing. */
export type Exchange = readonly Buffer[] | null;

/** Payloads and regions are views: valid during the call. Any method may throw a Fault, which ends the session. */
export interface ServerHandler {
  /** An answer is under way. Outside one a server counts as it likes: it may tell at any time why it closes. */
  readonly answering: boolean;
  /**
   * @param length of the payload's first packet
   * @param first byte of the payload; -1 where there is none
   */
  plan(length: number, first: number): Plan;
  packet(payload: Buffer): Exchange;
  observe(payload: Buffer): void;
  /** @param region headers and payloads of watched packets, one after the other, cut anywhere */
  watch(region: Buffer): void;
}

type Pending =
  | { readonly kind: "none" }
  | { readonly kind: "collecting"; readonly parts: Buffer[]; left: number }
  /** `kept` is what `observe` will see; `full`: another packet belongs to the payload. */
  | { readonly kind: "passing"; readonly kept: Buffer[] | null; left: number; full: boolean }
  /** As `passing`, of what the client does not get. */
  | { readonly kind: "dropping"; left: number; full: boolean };

const NONE: Pending = { kind: "none" };
const NOTHING = Buffer.alloc(0);
/** What settles a packet's plan: its header and the byte behind it. */
const BEGINNING_BYTES = HEADER_BYTES + 1;

export class ServerFramer {
  readonly #handler: ServerHandler;
  /** Sequence number of the next packet that the client gets. */
  #sequence = 0;
  /** Of the target's next packet in the answer under way; null before its first. */
  #expected: number | null = null;
  #pending: Pending = NONE;
  /** The beginning of a packet whose rest has not come. */
  #carry: Buffer = NOTHING;
  #chunk: Buffer = NOTHING;
  #at = 0;
  /** Start of what passes and is not in `out` yet. */
  #from = 0;
  /** Start of what is watched and was not shown yet; -1: nothing. */
  #watchFrom = -1;
  #out: Buffer[] = [];

  constructor(handler: ServerHandler) {
    this.#handler = handler;
  }

  /** Between two packets: one of our own may go out. */
  get atBoundary(): boolean {
    return this.#pending.kind !== "passing";
  }

  /** A command has been read whole. @param sequence of its last packet */
  restart(sequence: number): void {
    this.#sequence = (sequence + 1) & 0xff;
    this.#expected = null;
  }

  /** A command of our own has gone upstream: the target counts anew, the client does not. */
  restartUpstream(): void {
    this.#expected = null;
  }

  /** A payload of our own as the next packet, or packets. */
  stamped(payload: Buffer): Buffer {
    const bytes = packets(payload, this.#sequence);
    this.#sequence = (this.#sequence + packetCount(payload.length)) & 0xff;
    return bytes;
  }

  /**
   * @param chunk is written to: sequence numbers are exchanged in place
   * @param out receives what goes to the client, in order: views of `chunk`, valid until they are written
   */
  push(chunk: Buffer, out: Buffer[]): void {
    this.#out = out;
    let rest = chunk;
    while (this.#carry.length > 0 && rest.length > 0) {
      const taken = Math.min(BEGINNING_BYTES - this.#carry.length, rest.length);
      const joined = Buffer.concat([this.#carry, rest.subarray(0, taken)]);
      rest = rest.subarray(taken);
      this.#carry = NOTHING;
      this.#walk(joined);
    }
    if (rest.length > 0) this.#walk(rest);
  }

  #walk(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#at = 0;
    this.#from = 0;
    try {
      while (this.#at < chunk.length && this.#step());
    } finally {
      // Also when a packet is at fault: what came before it goes on, so that the client stands between two packets.
      this.#show(this.#at);
      this.#emit(this.#at);
    }
  }

  /** @returns false when the rest of the chunk is too short to be looked at */
  #step(): boolean {
    const pending = this.#pending;
    if (pending.kind === "collecting") this.#collect(pending);
    else if (pending.kind === "passing" && pending.left > 0) this.#pass(pending);
    else if (pending.kind === "dropping" && pending.left > 0) this.#drop(pending);
    else return this.#header(pending);
    return true;
  }

  /** @param before what the packet goes on, if it does */
  #header(before: Pending): boolean {
    const continues = before.kind !== "none";
    const start = this.#at;
    const left = this.#chunk.length - start;
    const length = left < HEADER_BYTES ? -1 : lengthAt(this.#chunk, start);
    if (length < 0 || (left < BEGINNING_BYTES && length > 0 && !continues)) {
      this.#show(start);
      this.#emit(start);
      this.#carry = Buffer.from(this.#chunk.subarray(start));
      this.#skipTo(this.#chunk.length);
      return false;
    }
    this.#checkSequence(this.#chunk[start + 3] ?? 0);
    if (before.kind === "passing") this.#begin(start, length, before.kept);
    else if (before.kind === "dropping") this.#beginDrop(start, length);
    else {
      const plan = this.#handler.plan(length, length === 0 ? -1 : (this.#chunk[start + HEADER_BYTES] ?? -1));
      if (plan === "whole") this.#whole(start, length);
      else if (plan === "drop") this.#beginDrop(start, length);
      else this.#begin(start, length, plan === "observe" ? [] : null);
    }
    return true;
  }

  /** What is lost, put in or out of order would else be taken for something that it is not. */
  #checkSequence(sequence: number): void {
    if (this.#expected !== null && sequence !== this.#expected && this.#handler.answering) {
      throw new Fault("upstream-out-of-step", "the target's packets are out of order; the session ends");
    }
    this.#expected = (sequence + 1) & 0xff;
  }

  #begin(start: number, length: number, kept: Buffer[] | null): void {
    this.#stamp(start);
    if (kept !== null) this.#show(start);
    else if (this.#watchFrom < 0) this.#watchFrom = start;
    this.#at = start + HEADER_BYTES;
    const full = length === PACKET_PAYLOAD_MAX;
    if (kept === null && !full && length <= this.#chunk.length - this.#at) {
      // Most rows of a large result: nothing of the packet is looked at, so that no view of it is made.
      this.#at += length;
      this.#pending = NONE;
    } else this.#pass({ kind: "passing", kept, left: length, full });
  }

  #pass(pending: Extract<Pending, { kind: "passing" }>): void {
    const taken = Math.min(pending.left, this.#chunk.length - this.#at);
    pending.left -= taken;
    const done = pending.left === 0 && !pending.full;
    if (pending.kept === null) {
      if (this.#watchFrom < 0) this.#watchFrom = this.#at;
    } else this.#keep(pending.kept, this.#chunk.subarray(this.#at, this.#at + taken), done);
    this.#at += taken;
    this.#pending = done ? NONE : pending;
  }

  /** Observed before it counts as forwarded: if it is at fault, the client is left in the middle of it. */
  #keep(kept: Buffer[], part: Buffer, done: boolean): void {
    if (done) this.#handler.observe(kept.length === 0 ? part : Buffer.concat([...kept, part]));
    else kept.push(Buffer.from(part));
  }

  #beginDrop(start: number, length: number): void {
    this.#show(start);
    this.#emit(start);
    this.#skipTo(start + HEADER_BYTES);
    this.#drop({ kind: "dropping", left: length, full: length === PACKET_PAYLOAD_MAX });
  }

  #drop(pending: Extract<Pending, { kind: "dropping" }>): void {
    const taken = Math.min(pending.left, this.#chunk.length - this.#at);
    pending.left -= taken;
    this.#skipTo(this.#at + taken);
    this.#pending = pending.left === 0 && !pending.full ? NONE : pending;
  }

  #whole(start: number, length: number): void {
    if (length === PACKET_PAYLOAD_MAX) throw new Fault("upstream-out-of-step", "the target sent a control packet of 16 MiB");
    this.#show(start);
    const end = start + HEADER_BYTES + length;
    if (end > this.#chunk.length) {
      this.#emit(start);
      this.#skipTo(start + HEADER_BYTES);
      this.#collect({ kind: "collecting", parts: [], left: length });
      return;
    }
    const exchange = this.#handler.packet(this.#chunk.subarray(start + HEADER_BYTES, end));
    if (exchange === null) {
      this.#stamp(start);
      this.#at = end;
    } else {
      this.#emit(start);
      this.#skipTo(end);
      for (const one of exchange) this.#out.push(this.stamped(one));
    }
  }

  #stamp(start: number): void {
    this.#chunk[start + 3] = this.#sequence;
    this.#sequence = (this.#sequence + 1) & 0xff;
  }

  #collect(pending: Extract<Pending, { kind: "collecting" }>): void {
    const taken = Math.min(pending.left, this.#chunk.length - this.#at);
    const part = this.#chunk.subarray(this.#at, this.#at + taken);
    pending.left -= taken;
    this.#skipTo(this.#at + taken);
    if (pending.left > 0) {
      pending.parts.push(Buffer.from(part));
      this.#pending = pending;
      return;
    }
    this.#pending = NONE;
    const payload = pending.parts.length === 0 ? part : Buffer.concat([...pending.parts, part]);
    for (const one of this.#handler.packet(payload) ?? [payload]) this.#out.push(this.stamped(one));
  }

  #emit(to: number): void {
    if (to > this.#from) this.#out.push(this.#from === 0 && to === this.#chunk.length ? this.#chunk : this.#chunk.subarray(this.#from, to));
    this.#from = to;
  }

  #show(to: number): void {
    if (this.#watchFrom >= 0) this.#handler.watch(this.#chunk.subarray(this.#watchFrom, to));
    this.#watchFrom = -1;
  }

  /** Goes on at `at` without forwarding what was not emitted. */
  #skipTo(at: number): void {
    this.#at = at;
    this.#from = at;
  }
}

/** As `readUIntLE(start, 3)`, without its checks: the header is there, and this is done for every row. */
function lengthAt(chunk: Buffer, start: number): number {
  return (chunk[start] ?? 0) | ((chunk[start + 1] ?? 0) << 8) | ((chunk[start + 2] ?? 0) << 16);
}
