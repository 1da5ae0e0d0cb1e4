/**
 * Bytes that wait to be written, over all sessions of a process. While they are within the budget a slow peer may have
 * a megabyte waiting, which is what bulk transfers want; beyond it everyone's limit falls.
 */
import { BUFFER_BUDGET_BYTES, WATERMARK_BYTES, WATERMARK_BYTES_SHORT } from "./limits.ts";

export class Budget {
  #waiting = 0;

  /** One direction of a session reports how much more, or less, waits there. */
  add(bytes: number): void {
    this.#waiting += bytes;
  }

  /** Above this, a source is not read until its sink has drained. */
  get watermark(): number {
    return this.#waiting < BUFFER_BUDGET_BYTES ? WATERMARK_BYTES : WATERMARK_BYTES_SHORT;
  }
}
