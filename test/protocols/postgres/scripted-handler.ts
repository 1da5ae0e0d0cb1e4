/** A handler that does what each message's tag says, and keeps what it was shown: what a framer did can be compared whatever the cuts were. */
import { type Action, END, Framer, type Handler, PASS, type Plan, STOP } from "#protocols/postgres/frame.ts";
import { Fault } from "#protocols/wire/fault.ts";

/** Tag of a message, and the plan that it asks for. `f` and `o` and `w` at fault: `F` in plan, `X` in frame, `Y` in observe. */
const PLANS: Readonly<Record<string, Plan>> = {
  p: "pass",
  w: "watch",
  o: "observe",
  d: "drop",
  h: "head",
  g: "head",
  Y: "observe",
};

/** What `replace` puts in the place of a message, and `dropped` in that of a dropped one. */
export const REPLACEMENT = Buffer.from("<replaced>");
export const BEHIND = Buffer.from("<behind>");
export const DROPPED = Buffer.from("<dropped>");

export class ScriptedHandler implements Handler {
  readonly log: string[] = [];
  watched = Buffer.alloc(0);
  tails = Buffer.alloc(0);

  plan(tag: number, _length: number): Plan {
    const letter = String.fromCharCode(tag);
    if (letter === "F") throw new Fault("unexpected-message", "scripted");
    return PLANS[letter] ?? "whole";
  }

  frame(tag: number, frame: Buffer): Action {
    const letter = String.fromCharCode(tag);
    this.log.push(`frame ${frame.toString("hex")}`);
    if (letter === "X") throw new Fault("unexpected-message", "scripted");
    if (letter === "t") return { kind: "then", bytes: BEHIND };
    if (letter === "r") return { kind: "replace", bytes: [REPLACEMENT, REPLACEMENT] };
    if (letter === "n") return { kind: "replace", bytes: [] };
    if (letter === "s") return STOP;
    if (letter === "e") return END;
    return PASS;
  }

  observe(tag: number, frame: Buffer): void {
    this.log.push(`observe ${frame.toString("hex")}`);
    if (tag === 0x59) throw new Fault("malformed-message", "scripted");
  }

  watch(region: Buffer): void {
    this.watched = Buffer.concat([this.watched, region]);
  }

  head(tag: number, frame: Buffer, restBytes: number): Action {
    this.log.push(`head ${frame.toString("hex")} rest ${restBytes}`);
    return tag === 0x68 ? PASS : { kind: "replace", bytes: [REPLACEMENT] };
  }

  tail(part: Buffer, last: boolean): void {
    this.tails = Buffer.concat([this.tails, part]);
    if (last) this.log.push(`tail ends after ${this.tails.length}`);
  }

  dropped(): Buffer | null {
    this.log.push("dropped");
    return DROPPED;
  }
}

export interface Walk {
  readonly out: string;
  readonly log: readonly string[];
  readonly watched: string;
  readonly tails: string;
  readonly ended: boolean;
  readonly boundary: boolean;
  readonly fault: string | null;
}

/** Feeds the chunks to a new framer; every stop is resumed with `onStop`. */
export function walk(chunks: readonly Buffer[], headBytes = 8, onStop: Action = PASS): Walk {
  const handler = new ScriptedHandler();
  const framer = new Framer(handler, headBytes);
  const out: Buffer[] = [];
  let fault: string | null = null;
  try {
    for (const chunk of chunks) {
      // A chunk's memory is the socket's: whatever is kept of it must be a copy.
      const lent = Buffer.from(chunk);
      const pieces: Buffer[] = [];
      try {
        for (let stopped = framer.push(lent, pieces); stopped; ) {
          handler.log.push(`stop ${framer.stoppedFrame.toString("hex")}`);
          out.push(Buffer.concat(pieces));
          pieces.length = 0;
          lent.fill(0xee);
          stopped = framer.resume(onStop, pieces);
        }
      } finally {
        out.push(Buffer.concat(pieces));
        lent.fill(0xee);
      }
    }
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    fault = error.code;
  }
  return {
    out: Buffer.concat(out).toString("hex"),
    log: handler.log,
    watched: handler.watched.toString("hex"),
    tails: handler.tails.toString("hex"),
    ended: framer.ended,
    boundary: framer.atBoundary,
    fault,
  };
}

/** Cuts `bytes` at these offsets. */
export function cutAt(bytes: Buffer, offsets: readonly number[]): readonly Buffer[] {
  const sorted = [...new Set(offsets.map((offset) => Math.min(offset, bytes.length)))].sort((a, b) => a - b);
  return [0, ...sorted].map((from, index) => bytes.subarray(from, sorted[index] ?? bytes.length));
}

export const byteByByte = (bytes: Buffer): readonly Buffer[] => Array.from(bytes, (byte) => Buffer.from([byte]));
