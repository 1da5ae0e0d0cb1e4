/**
 * Cuts a session's events into zstd frames of about a megabyte, so that a recording of any size is sealed and read in
 * flat memory: a zstd file is one frame or several, one after the other (RFC 8878, section 3).
 */
import { zstdCompressSync } from "node:zlib";

/** Plaintext bytes that one frame gathers before it is closed. */
export const FRAME_BYTES = 1024 * 1024;

/** Compresses buffers, gathered into frames; no frame for no bytes. */
export function* zstdFrames(chunks: Iterable<Uint8Array>): Generator<Buffer, void, undefined> {
  let gathered: Uint8Array[] = [];
  let bytes = 0;
  for (const chunk of chunks) {
    gathered.push(chunk);
    bytes += chunk.length;
    if (bytes >= FRAME_BYTES) {
      yield zstdCompressSync(Buffer.concat(gathered, bytes));
      gathered = [];
      bytes = 0;
    }
  }
  if (bytes > 0) yield zstdCompressSync(Buffer.concat(gathered, bytes));
}
