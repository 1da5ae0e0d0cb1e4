/**
 * The zstd side of a recording. Events are cut into frames of about a megabyte, so that a recording of any size is
 * sealed and read in flat memory: a zstd file is one frame or several, one after the other (RFC 8878, section 3.1).
 * Node's decoders stop silently after the first frame of a write, so frames are told apart here.
 */
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { BLOCK_BYTES_MAX } from "./journal-format.ts";
import { RecordingError } from "./recording-error.ts";

/** Plaintext bytes that one frame gathers before it is closed. */
export const FRAME_BYTES = 1024 * 1024;
/** A frame ends with the journal block that filled it. */
const PLAIN_BYTES_MAX = FRAME_BYTES + BLOCK_BYTES_MAX;
/** What cannot be compressed grows by three bytes in 128 KiB and a header. */
const FRAME_BYTES_MAX = PLAIN_BYTES_MAX + 64 * 1024;

/** RFC 8878, section 3.1.1: magic number, little-endian. */
const FRAME_MAGIC = 0xfd2fb528;
const BLOCK_HEADER_BYTES = 3;
/** RFC 8878, section 3.1.1.2.3: a block is at most 128 KiB. */
const BLOCK_CONTENT_MAX = 128 * 1024;

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

/**
 * Yields the content of one frame after the other. Chunks may be cut anywhere.
 *
 * @throws RecordingError `damaged` for what is no frame, is cut short, or holds more than a frame may
 */
export async function* zstdContents(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, undefined> {
  let held: Uint8Array[] = [];
  let bytes = 0;
  let wanted = 1;
  for await (const chunk of chunks) {
    held.push(chunk);
    bytes += chunk.length;
    while (bytes >= wanted) {
      const joined = Buffer.concat(held, bytes);
      const frame = measure(joined);
      if (frame.kind === "more") {
        held = [joined];
        wanted = frame.bytes;
        continue;
      }
      yield decompress(joined.subarray(0, frame.bytes));
      const rest = joined.subarray(frame.bytes);
      held = [rest];
      bytes = rest.length;
      wanted = 1;
    }
  }
  if (bytes > 0) throw new RecordingError("damaged", null, "the last zstd frame is cut short");
}

function decompress(frame: Uint8Array): Buffer {
  try {
    return zstdDecompressSync(frame, { maxOutputLength: PLAIN_BYTES_MAX });
  } catch (cause) {
    throw new RecordingError("damaged", null, "a zstd frame cannot be decompressed", cause);
  }
}

type Measure = { readonly kind: "whole"; readonly bytes: number } | { readonly kind: "more"; readonly bytes: number };

/** Walks a frame's block headers: its length, or how many bytes must be there to tell more. */
function measure(bytes: Buffer): Measure {
  if (bytes.length < 5) return { kind: "more", bytes: 5 };
  if (bytes.readUInt32LE(0) !== FRAME_MAGIC) throw new RecordingError("damaged", null, "what should be a zstd frame is none");
  // Section 3.1.1.1.1: the descriptor says which members of the header are there, and how long they are.
  const descriptor = bytes.readUInt8(4);
  const singleSegment = (descriptor >> 5) & 1;
  const sizeBytes = [singleSegment, 2, 4, 8][descriptor >> 6] ?? 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  let at = 5 + (1 - singleSegment) + dictionaryBytes + sizeBytes;
  for (;;) {
    if (at > FRAME_BYTES_MAX) throw new RecordingError("damaged", null, `a zstd frame has more than ${FRAME_BYTES_MAX} bytes`);
    if (bytes.length < at + BLOCK_HEADER_BYTES) return { kind: "more", bytes: at + BLOCK_HEADER_BYTES };
    const header = bytes.readUIntLE(at, BLOCK_HEADER_BYTES);
    const type = (header >> 1) & 3;
    const size = header >> 3;
    if (type === 3 || size > BLOCK_CONTENT_MAX) throw new RecordingError("damaged", null, "a zstd block is malformed");
    // Type 1 repeats a single byte `size` times.
    at += BLOCK_HEADER_BYTES + (type === 1 ? 1 : size);
    if ((header & 1) === 1) break;
  }
  // A content checksum of four bytes follows when the descriptor says so.
  const end = at + ((descriptor >> 2) & 1) * 4;
  return bytes.length < end ? { kind: "more", bytes: end } : { kind: "whole", bytes: end };
}
