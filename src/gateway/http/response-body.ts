/** The body of an answer as the client is shown it: filtered, bounded, recorded piece by piece. */
import { Transform, type TransformCallback } from "node:stream";
import { type BodyFilter, valuesOf } from "#protocols/http/protocol.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { asFault } from "#src/gateway/as-fault.ts";
import type { BodyRecord } from "./body-record.ts";
import type { Forwarding } from "./forwarding.ts";
import { PAUSE_MS } from "./limits.ts";
import type { UpstreamResponse } from "./upstream/exchange.ts";

export interface ShowingParts {
  readonly forwarding: Forwarding;
  readonly filter: BodyFilter;
  /** In bytes; null: none. */
  readonly limit: number | null;
  /** Called when the body has ended, before the client is told so. */
  readonly trailers: () => void;
}

export class Showing extends Transform {
  readonly #parts: ShowingParts;
  readonly #record: BodyRecord;
  #bytes = 0;
  #pause: NodeJS.Timeout | undefined;

  constructor(parts: ShowingParts) {
    super();
    this.#parts = parts;
    this.#record = parts.forwarding.record.body("out", false);
  }

  /** That the target has sent. */
  get bytes(): number {
    return this.#bytes;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    const { filter, forwarding, limit } = this.#parts;
    try {
      this.#bytes += chunk.length;
      if (limit !== null && this.#bytes > limit) throw tooLong(limit);
      forwarding.session.passed(chunk.length, true);
      this.#show(filter.write(chunk));
      this.#pause ??= setTimeout(() => this.#onPause(), PAUSE_MS).unref();
      this.#pause.refresh();
    } catch (error) {
      callback(asFault(error));
      return;
    }
    callback();
  }

  override _flush(callback: TransformCallback): void {
    try {
      clearTimeout(this.#pause);
      this.#show(this.#parts.filter.end());
      this.#record.end("done");
      this.#parts.trailers();
    } catch (error) {
      callback(asFault(error));
      return;
    }
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.#pause);
    try {
      this.#record.end("cut");
    } catch {
      // The journal has failed, and its session with it.
    }
    callback(error);
  }

  #onPause(): void {
    try {
      if (!this.destroyed && !this.writableEnded) this.#show(this.#parts.filter.pause());
    } catch (error) {
      this.destroy(asFault(error));
    }
  }

  /** As one piece: each becomes a chunk, or a frame, of its own. */
  #show(pieces: readonly Buffer[]): void {
    const [first, ...others] = pieces;
    if (first === undefined) return;
    const piece = others.length === 0 ? first : Buffer.concat(pieces);
    this.#record.write(piece);
    this.push(piece);
  }
}

/** @returns in bytes, null where there is none; a fault where the answer says that it is longer */
export function responseLimit({ api, bounds }: Forwarding, { headers }: UpstreamResponse): number | null | Fault {
  const limit = Math.min(
    api.target.limits.responseBytes ?? Number.POSITIVE_INFINITY,
    bounds.responseBytes?.bytes ?? Number.POSITIVE_INFINITY,
  );
  if (limit === Number.POSITIVE_INFINITY) return null;
  return valuesOf(headers, "content-length").some((length) => Number(length) > limit) ? tooLong(limit) : limit;
}

function tooLong(limit: number): Fault {
  return new Fault("response-too-large", `the target's answer has more than the ${limit} bytes that may be shown`);
}
