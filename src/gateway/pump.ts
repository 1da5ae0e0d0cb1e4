/**
 * One direction of a session: a source whose chunks are turned into pieces, and a sink that they are written to with as
 * few calls as possible. The source is not read while the sink has too much waiting, or while an answer is waited for.
 */
import type { Duplex } from "node:stream";
import type { Budget } from "./budget.ts";
import { JOIN_BYTES_MAX, WATERMARK_BYTES_SHORT } from "./limits.ts";

/** An answer of the judge's is waited for; too much was sent ahead; a cancel request is on its way. */
export type HoldReason = "judging" | "ahead" | "cancelling";

export class Pump {
  readonly #source: Duplex;
  readonly #sink: Duplex;
  readonly #budget: Budget;
  #waiting = 0;
  #full = false;
  readonly #holds = new Set<HoldReason>();
  #stopped = false;

  constructor(source: Duplex, sink: Duplex, budget: Budget) {
    this.#source = source;
    this.#sink = sink;
    this.#budget = budget;
  }

  /**
   * Writes the pieces in order; afterwards the source may have been paused. Of what is less than anybody may have waiting no account
   * is kept, and nobody waits for it to go out.
   */
  write(pieces: readonly Buffer[]): void {
    const sink = this.#sink;
    if (pieces.length === 0 || sink.destroyed || sink.writableEnded) return;
    const bytes = total(pieces);
    const piles = sink.writableLength + bytes > WATERMARK_BYTES_SHORT;
    // Not the sink's `drain`: that comes only where its own mark was reached, which may be higher than ours.
    const flushed = piles ? this.#flushed : undefined;
    const [only] = pieces;
    if (pieces.length === 1 && only !== undefined) sink.write(only, flushed);
    else if (bytes <= JOIN_BYTES_MAX) sink.write(Buffer.concat(pieces, bytes), flushed);
    else {
      sink.cork();
      for (const [index, piece] of pieces.entries()) sink.write(piece, index === pieces.length - 1 ? flushed : undefined);
      sink.uncork();
    }
    if (!piles) return;
    this.#account();
    if (sink.writableLength > this.#budget.watermark) {
      this.#full = true;
      this.#source.pause();
    }
  }

  /** The source is not read until each reason that it is held for is released. */
  hold(reason: HoldReason): void {
    this.#holds.add(reason);
    this.#source.pause();
  }

  release(reason: HoldReason): void {
    if (this.#holds.delete(reason)) this.#goOn();
  }

  /** Nothing is read any more; the budget gets back what waited here. */
  stop(): void {
    this.#stopped = true;
    this.#budget.add(-this.#waiting);
    this.#waiting = 0;
  }

  /** Whatever is more than the short mark has a call of this still to come. */
  readonly #flushed = (error?: Error | null): void => {
    if (error) return;
    this.#account();
    if (!this.#full || this.#sink.writableLength > WATERMARK_BYTES_SHORT) return;
    this.#full = false;
    this.#goOn();
  };

  #account(): void {
    if (this.#stopped) return;
    const { writableLength } = this.#sink;
    const waiting = writableLength > WATERMARK_BYTES_SHORT ? writableLength : 0;
    this.#budget.add(waiting - this.#waiting);
    this.#waiting = waiting;
  }

  #goOn(): void {
    if (!this.#full && this.#holds.size === 0 && !this.#stopped) this.#source.resume();
  }
}

function total(pieces: readonly Buffer[]): number {
  let bytes = 0;
  for (const piece of pieces) bytes += piece.length;
  return bytes;
}
