/** Content codings (RFC 9110 section 8.4.1) undone where a body must be read: those that node:zlib knows. */
import type { Transform } from "node:stream";
import zlib from "node:zlib";

export interface Decoding {
  /** One for each body. */
  readonly stream: () => Transform;
  /** What is left that nobody here can undo; null: nothing. */
  readonly left: string | null;
}

const STREAMS: ReadonlyMap<string, () => Transform> = new Map([
  // What was flushed comes out at once: streams of events are compressed too.
  ["gzip", () => zlib.createGunzip({ flush: zlib.constants.Z_SYNC_FLUSH })],
  ["x-gzip", () => zlib.createGunzip({ flush: zlib.constants.Z_SYNC_FLUSH })],
  ["deflate", () => zlib.createInflate({ flush: zlib.constants.Z_SYNC_FLUSH })],
  ["br", () => zlib.createBrotliDecompress({ flush: zlib.constants.BROTLI_OPERATION_FLUSH })],
  ["zstd", () => zlib.createZstdDecompress()],
]);

/** @returns null where there is nothing to undo. One coding is undone; of a body with several, nothing. */
export function decodingOf(codings: readonly string[]): Decoding | null {
  const named = codings
    .flatMap((value) => value.split(","))
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== "" && coding !== "identity");
  const [only, ...others] = named;
  if (only === undefined || others.length > 0) return null;
  const stream = STREAMS.get(only);
  return stream === undefined ? null : { stream, left: null };
}
