/**
 * Where an answer's body goes whose head waits until there is something to show: what cannot be read under a mask, or decoded, is
 * found out with the first piece, and can still be refused in words then.
 */
import { Writable } from "node:stream";

export class LateSink extends Writable {
  readonly #begin: () => Writable;
  #sink: Writable | null = null;

  /** @param begin sends the head */
  constructor(begin: () => Writable) {
    super();
    this.#begin = begin;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#open((sink) => {
      if (sink.write(chunk)) callback();
      else sink.once("drain", callback);
    }, callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#open((sink) => sink.end(callback), callback);
  }

  #open(use: (sink: Writable) => void, failed: (error: Error) => void): void {
    try {
      if (this.#sink === null) {
        const sink = this.#begin();
        sink.once("close", () => this.destroy(sink.writableFinished ? undefined : new Error("the client is gone")));
        this.#sink = sink;
      }
      use(this.#sink);
    } catch (error) {
      failed(error instanceof Error ? error : new Error(String(error)));
    }
  }
}
