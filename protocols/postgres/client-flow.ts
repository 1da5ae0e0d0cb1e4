/**
 * From the client to the target: settles from each header what becomes of a message, and leaves the rest to the framer
 * and to `client-messages.ts`.
 */
import { createHash, type Hash } from "node:crypto";
import { Fault } from "#protocols/wire/fault.ts";
import type { Judge, Judgement } from "#protocols/wire/judgement.ts";
import { BIND_GATHER_BYTES_MAX, MESSAGE_GATHER_BYTES_MAX, STATEMENT_BYTES_MAX } from "#protocols/wire/limits.ts";
import { ClientMessages } from "./client-messages.ts";
import { CLIENT, tagTable } from "./constants.ts";
import { type Action, Framer, type Handler, HEADER_BYTES, type Plan } from "./frame.ts";
import { judgementOf } from "./operations.ts";
import type { SessionState } from "./session.ts";

/** A message that streams by after its beginning was looked at: its digest goes on record before its last bytes go on. */
interface Streamed {
  readonly event: number;
  readonly digest: Hash;
  bytes: number;
}

/** Of a streamed text or Bind, looked at and recorded. */
const HEAD_BYTES = BIND_GATHER_BYTES_MAX;
/** A message's length counts itself. */
const LENGTH_BYTES = 4;
const TAG_BYTES = 1;

const IN_SESSION = tagTable(Object.values(CLIENT).filter((tag) => tag !== CLIENT.password));

export class ClientFlow implements Handler {
  readonly #state: SessionState;
  readonly #messages: ClientMessages;
  readonly #digestOf: (value: Buffer) => string;
  readonly #framer: Framer;
  #streamed: Streamed | null = null;
  #replacement: Buffer | null = null;
  #nowMs = 0;

  constructor(state: SessionState, judge: Judge, digestOf: (value: Buffer) => string) {
    this.#state = state;
    this.#digestOf = digestOf;
    this.#messages = new ClientMessages(state, judge, digestOf);
    this.#framer = new Framer(this, HEAD_BYTES);
  }

  /** The client said Terminate; what comes behind it is not read. */
  get ended(): boolean {
    return this.#framer.ended;
  }

  /** The target stands between two messages: one of our own may go out. */
  get atBoundary(): boolean {
    return this.#framer.atBoundary;
  }

  /**
   * @param nowMs monotonic milliseconds
   * @param out receives what goes upstream, in order: views of `chunk`, valid until they are written
   * @returns what to wait for before `resume`; until then nothing more may be pushed in. Undefined: go on.
   * @throws Fault: the session ends
   */
  push(chunk: Buffer, nowMs: number, out: Buffer[]): Promise<Judgement> | undefined {
    this.#state.counts.bytes += chunk.length;
    this.#nowMs = nowMs;
    return this.#framer.push(chunk, out) ? this.#asked() : undefined;
  }

  /** The judgement that was waited for has come. */
  resume(judgement: Judgement, nowMs: number, out: Buffer[]): Promise<Judgement> | undefined {
    this.#nowMs = nowMs;
    const frame = this.#framer.stoppedFrame;
    return this.#framer.resume(this.#messages.onJudged(frame, judgement, nowMs), out) ? this.#asked() : undefined;
  }

  plan(tag: number, length: number): Plan {
    if (IN_SESSION[tag] === 0) throw new Fault("unexpected-message", `a message of type ${printable(tag)} has no place in a session`);
    this.#state.spendBytes(length + TAG_BYTES);
    if (this.#messages.skips(tag)) return "drop";
    switch (tag) {
      case CLIENT.copyData:
        if (this.#state.operations.length === 0) return "pass"; // the server ignores it
        return this.#state.beginCopyData("in", length - LENGTH_BYTES, this.#copyDigest()) ? "observe" : "watch";
      case CLIENT.query:
      case CLIENT.parse:
        if (length <= STATEMENT_BYTES_MAX) return "whole";
        return this.#state.terms.mayPassUnparsed ? "head" : this.#refuse(tag, length);
      case CLIENT.bind:
        return length - LENGTH_BYTES <= BIND_GATHER_BYTES_MAX ? "whole" : "head";
      case CLIENT.functionCall:
        return this.#refuse(tag, length);
      default:
        if (length > MESSAGE_GATHER_BYTES_MAX) throw new Fault("message-too-large", `a message announces ${length} bytes`);
        return "whole";
    }
  }

  frame(tag: number, frame: Buffer): Action {
    return this.#messages.onFrame(tag, frame, this.#nowMs);
  }

  observe(_tag: number, frame: Buffer): void {
    this.#state.sending?.keep(frame);
  }

  watch(region: Buffer): void {
    this.#state.sending?.beyond(region);
  }

  head(tag: number, frame: Buffer, restBytes: number): Action {
    const { action, event } = this.#messages.onHead(tag, frame, restBytes, this.#nowMs);
    const digest = createHash("sha256").update(frame.subarray(HEADER_BYTES));
    this.#streamed = { event, digest, bytes: frame.length - HEADER_BYTES };
    return action;
  }

  tail(part: Buffer, last: boolean): void {
    const streamed = this.#streamed;
    if (streamed === null) return;
    streamed.digest.update(part);
    streamed.bytes += part.length;
    if (!last) return;
    this.#state.append({ kind: "body", statement: streamed.event, bytes: streamed.bytes, sha256: streamed.digest.digest("hex") });
    this.#streamed = null;
  }

  dropped(): Buffer | null {
    const replacement = this.#replacement;
    this.#replacement = null;
    return replacement;
  }

  /** Data of a COPY that is not known may be for anything. */
  #copyDigest(): ((value: Buffer) => string) | null {
    const { operations, terms } = this.#state;
    return (judgementOf(operations.newest)?.sensitiveCopy ?? terms.underMask) ? this.#digestOf : null;
  }

  #refuse(tag: number, length: number): Plan {
    this.#replacement = this.#messages.onRefusedHeader(tag, length);
    return "drop";
  }

  #asked(): Promise<Judgement> {
    const asked = this.#messages.takeAsked();
    if (asked === null) throw new Error("broken invariant: stopped without a question");
    return asked;
  }
}

function printable(tag: number): string {
  return tag > 0x20 && tag < 0x7f ? `'${String.fromCharCode(tag)}'` : `0x${tag.toString(16).padStart(2, "0")}`;
}
