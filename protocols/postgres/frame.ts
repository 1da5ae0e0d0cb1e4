/**
 * Cuts received chunks into messages and puts together what goes on. Bytes that pass are forwarded as views of the chunk
 * they came in, joined as far as they touch; a message is collected only where the handler must see it whole.
 *
 * PostgreSQL, "Message Formats" (protocol-message-formats): tag, 1 byte; length, 4 bytes big-endian, counting itself but
 * not the tag.
 */
import { Fault } from "#protocols/wire/fault.ts";
import { MESSAGE_BYTES_MAX } from "#protocols/wire/limits.ts";

export const HEADER_BYTES = 5;

/** What becomes of a message, settled from its header alone, before any of its body is kept. */
export type Plan =
  /** Collected and handed to `frame`; forwarded only as its action says. */
  | "whole"
  /** Forwarded as it comes. */
  | "pass"
  /** Forwarded as it comes, and shown to `watch` together with what touches it. */
  | "watch"
  /** Forwarded as it comes, and shown whole to `observe`. */
  | "observe"
  /** Not forwarded. */
  | "drop"
  /** The first `headBytes` of the body are collected and handed to `head`, the rest goes through `tail` or is dropped. */
  | "head";

export type Action =
  | { readonly kind: "pass" }
  | { readonly kind: "then"; readonly bytes: Buffer }
  | { readonly kind: "replace"; readonly bytes: readonly Buffer[] }
  /** Nothing more is read until `resume`. */
  | { readonly kind: "stop" }
  /** Forwarded; nothing behind it is read. */
  | { readonly kind: "end" };

export const PASS: Action = { kind: "pass" };
export const STOP: Action = { kind: "stop" };
export const END: Action = { kind: "end" };
export const DROP: Action = { kind: "replace", bytes: [] };

/** Frames and parts are views: valid during the call. Any method may throw a Fault, which ends the session. */
export interface Handler {
  /** @param length as on the wire: body and the length word */
  plan(tag: number, length: number): Plan;
  frame(tag: number, frame: Buffer): Action;
  observe(tag: number, frame: Buffer): void;
  /** @param region headers and bodies of watched messages, one after the other, cut anywhere */
  watch(region: Buffer): void;
  /** @returns the action for the beginning; when it forwards, the rest is shown to `tail`, else dropped */
  head(tag: number, frame: Buffer, restBytes: number): Action;
  tail(part: Buffer, last: boolean): void;
  /** @returns what goes on in the place of the message whose plan was `drop` just now */
  dropped(): Buffer | null;
}

type Pending =
  | { readonly kind: "none" }
  | { readonly kind: "header"; bytes: Buffer }
  | Collected
  | { readonly kind: "pass" | "watch" | "drop" | "tail"; left: number };

interface Collected {
  readonly kind: "whole" | "observe" | "head";
  readonly tag: number;
  /** Grows with what comes, never ahead of it by more than that: a length is only announced. */
  bytes: Buffer;
  filled: number;
  left: number;
  /** Bytes of the body behind what is collected. */
  readonly rest: number;
}

/** Of these, the beginning has gone on already. */
const PASSING: ReadonlySet<Pending["kind"]> = new Set(["pass", "watch", "tail", "observe"]);

const NONE: Pending = { kind: "none" };

/** Room that a collected message begins with. */
const COLLECT_BYTES = 4096;

export class Framer {
  readonly #handler: Handler;
  readonly #headBytes: number;
  #pending: Pending = NONE;
  #stopped: { readonly frame: Buffer; readonly rest: Buffer } | null = null;
  #ended = false;
  #chunk: Buffer = Buffer.alloc(0);
  /** The chunk is a copy of our own and stays valid. */
  #owned = false;
  #at = 0;
  /** Start of what passes and is not in `out` yet. */
  #from = 0;
  /** Start of what is watched and was not shown yet; -1: nothing. */
  #watchFrom = -1;
  #out: Buffer[] = [];

  constructor(handler: Handler, headBytes: number) {
    this.#handler = handler;
    this.#headBytes = headBytes;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** The message that stopped the walk; a copy. */
  get stoppedFrame(): Buffer {
    if (this.#stopped === null) throw new Error("broken invariant: nothing has stopped");
    return this.#stopped.frame;
  }

  /** Between two messages: another one may be put in here. */
  get atBoundary(): boolean {
    return !PASSING.has(this.#pending.kind);
  }

  /**
   * @param out receives what goes on, in order: views of `chunk`, valid until they are written
   * @returns true when an action stopped the walk: nothing may be pushed before `resume`
   */
  push(chunk: Buffer, out: Buffer[]): boolean {
    if (this.#stopped !== null) throw new Error("broken invariant: a chunk was pushed into a stopped framer");
    return this.#walk(chunk, out, false);
  }

  /** Goes on with the action for the message that stopped the walk. */
  resume(action: Action, out: Buffer[]): boolean {
    const stopped = this.#stopped;
    if (stopped === null) throw new Error("broken invariant: resumed without a stop");
    this.#stopped = null;
    this.#out = out;
    this.#perform(action, stopped.frame);
    return this.#walk(stopped.rest, out, true);
  }

  #walk(chunk: Buffer, out: Buffer[], owned: boolean): boolean {
    this.#chunk = chunk;
    this.#owned = owned;
    this.#at = 0;
    this.#from = 0;
    this.#out = out;
    try {
      while (this.#at < chunk.length && !this.#ended && this.#stopped === null) this.#step();
    } finally {
      // Also when a message is at fault: what came before it goes on, so that the peer stands between two messages.
      this.#show(this.#at);
      if (this.#stopped === null && !this.#ended) this.#emit(this.#at);
    }
    return this.#stopped !== null;
  }

  #step(): void {
    const pending = this.#pending;
    if (pending.kind === "header") this.#header(pending);
    else if (pending.kind !== "none") this.#part(pending);
    else if (this.#chunk.length - this.#at < HEADER_BYTES) {
      this.#show(this.#at);
      this.#emit(this.#at);
      this.#pending = { kind: "header", bytes: Buffer.from(this.#chunk.subarray(this.#at)) };
      this.#skipTo(this.#chunk.length);
    } else this.#messages();
  }

  /** Messages whose headers stand whole in the chunk, up to the first that is not only walked over, as most rows of a large result are. */
  #messages(): void {
    const chunk = this.#chunk;
    while (chunk.length - this.#at >= HEADER_BYTES) {
      const start = this.#at;
      const tag = chunk[start] ?? 0;
      const length = checkedLength(lengthAt(chunk, start + 1));
      const end = start + 1 + length;
      const plan = this.#handler.plan(tag, length);
      if (plan !== "watch" || end > chunk.length) {
        this.#message(plan, tag, length);
        return;
      }
      if (this.#watchFrom < 0) this.#watchFrom = start;
      this.#at = end;
    }
  }

  #message(plan: Plan, tag: number, length: number): void {
    const start = this.#at;
    const end = start + 1 + length;
    if (plan !== "watch") this.#show(start);
    if (end > this.#chunk.length || plan === "head" || plan === "watch") {
      this.#begin(tag, length, plan, this.#chunk.subarray(start, start + HEADER_BYTES), false);
      return;
    }
    this.#inChunk(plan, tag, start, end);
  }

  /** A message that lies whole in the chunk. */
  #inChunk(plan: Exclude<Plan, "head" | "watch">, tag: number, start: number, end: number): void {
    switch (plan) {
      case "whole": {
        const frame = this.#chunk.subarray(start, end);
        const action = this.#handler.frame(tag, frame);
        this.#at = end;
        if (action.kind === "pass") return;
        this.#emit(start);
        this.#from = end;
        this.#perform(action, frame);
        return;
      }
      case "observe":
        this.#handler.observe(tag, this.#chunk.subarray(start, end));
        break;
      case "drop":
        this.#emit(start);
        this.#from = end;
        this.#replace();
        break;
      case "pass":
        break;
    }
    this.#at = end;
  }

  /** The rest of a header that an earlier chunk began. */
  #header(pending: Extract<Pending, { kind: "header" }>): void {
    const taken = Math.min(HEADER_BYTES - pending.bytes.length, this.#chunk.length);
    const header = Buffer.concat([pending.bytes, this.#chunk.subarray(0, taken)]);
    this.#skipTo(taken);
    if (header.length < HEADER_BYTES) {
      pending.bytes = header;
      return;
    }
    const length = checkedLength(header.readUInt32BE(1));
    const tag = header[0] ?? 0;
    this.#pending = NONE;
    this.#begin(tag, length, this.#handler.plan(tag, length), header, true);
  }

  /** A message of which the header is there. `cut`: the header is not in the chunk, or not wholly. */
  #begin(tag: number, length: number, plan: Plan, header: Buffer, cut: boolean): void {
    const body = length - 4;
    if (plan === "whole" || plan === "head" || plan === "drop") {
      if (!cut) {
        this.#emit(this.#at);
        this.#skipTo(this.#at + HEADER_BYTES);
      }
      if (plan === "drop") this.#replace();
    } else if (cut) this.#out.push(header);
    else this.#at += HEADER_BYTES;
    if (plan === "watch" && cut) this.#handler.watch(header);
    if (plan === "watch" && !cut && this.#watchFrom < 0) this.#watchFrom = this.#at - HEADER_BYTES;
    if (plan === "pass" || plan === "watch" || plan === "drop") {
      this.#pending = body === 0 ? NONE : { kind: plan, left: body };
      return;
    }
    const left = plan === "head" ? Math.min(body, this.#headBytes) : body;
    const bytes = Buffer.allocUnsafe(Math.min(HEADER_BYTES + left, COLLECT_BYTES));
    header.copy(bytes);
    const pending: Collected = { kind: plan, tag, bytes, filled: HEADER_BYTES, left, rest: body - left };
    this.#pending = pending;
    if (left > 0) return;
    if (plan === "observe") {
      this.#handler.observe(tag, header);
      this.#pending = NONE;
    } else this.#complete(pending);
  }

  #part(pending: Exclude<Pending, { kind: "none" | "header" }>): void {
    const taken = Math.min(pending.left, this.#chunk.length - this.#at);
    const part = this.#chunk.subarray(this.#at, this.#at + taken);
    pending.left -= taken;
    if ("filled" in pending) collect(pending, part);
    // Both before the part counts as forwarded: if it is at fault, the peer is left in the middle of it and can be told nothing.
    if (pending.kind === "tail") this.#handler.tail(part, pending.left === 0);
    if (pending.kind === "observe" && pending.left === 0) this.#handler.observe(pending.tag, pending.bytes.subarray(0, pending.filled));
    if (pending.kind === "watch" && this.#watchFrom < 0) this.#watchFrom = this.#at;
    if (pending.kind === "whole" || pending.kind === "head" || pending.kind === "drop") this.#skipTo(this.#at + taken);
    else this.#at += taken;
    if (pending.left > 0) return;
    if ("filled" in pending && pending.kind !== "observe") this.#complete(pending);
    else this.#pending = NONE;
  }

  #complete(pending: Collected): void {
    const frame = pending.bytes.subarray(0, pending.filled);
    this.#pending = NONE;
    const action =
      pending.kind === "whole" ? this.#handler.frame(pending.tag, frame) : this.#handler.head(pending.tag, frame, pending.rest);
    this.#perform(action, frame);
    if (pending.rest > 0) {
      this.#pending = { kind: action.kind === "replace" ? "drop" : "tail", left: pending.rest };
    }
  }

  #perform(action: Action, frame: Buffer): void {
    switch (action.kind) {
      case "pass":
        this.#out.push(frame);
        return;
      case "then":
        this.#out.push(frame, action.bytes);
        return;
      case "replace":
        this.#out.push(...action.bytes);
        return;
      case "stop":
        this.#stopped = { frame: Buffer.from(frame), rest: this.#rest() };
        return;
      case "end":
        this.#out.push(frame);
        this.#ended = true;
        return;
    }
  }

  #rest(): Buffer {
    const rest = this.#chunk.subarray(this.#at);
    return this.#owned ? rest : Buffer.from(rest);
  }

  #replace(): void {
    const bytes = this.#handler.dropped();
    if (bytes !== null) this.#out.push(bytes);
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

function collect(pending: Collected, part: Buffer): void {
  const needed = pending.filled + part.length;
  if (needed > pending.bytes.length) {
    const bytes = Buffer.allocUnsafe(Math.min(needed + pending.left, Math.max(needed, 2 * pending.bytes.length)));
    pending.bytes.copy(bytes, 0, 0, pending.filled);
    pending.bytes = bytes;
  }
  part.copy(pending.bytes, pending.filled);
  pending.filled = needed;
}

/** As `readUInt32BE(at)`, without its checks: the header is there, and this is done for every row. */
function lengthAt(chunk: Buffer, at: number): number {
  return (((chunk[at] ?? 0) << 24) | ((chunk[at + 1] ?? 0) << 16) | ((chunk[at + 2] ?? 0) << 8) | (chunk[at + 3] ?? 0)) >>> 0;
}

/** @throws Fault `malformed-message` before anything of the body is kept */
function checkedLength(length: number): number {
  if (length < 4 || length > MESSAGE_BYTES_MAX) throw new Fault("malformed-message", `a message announces ${length} bytes`);
  return length;
}
