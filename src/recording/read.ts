/**
 * Reads a sealed recording event by event, in flat memory, and checks the chain on the way: each event carries the
 * hash of the line before it, counts up by one, and the last one ends the session. Whether the recording is the one
 * that was sealed is for the evidence log to say; see `src/audit/verify.ts`.
 */
import { hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { ReadableStream } from "node:stream/web";
import { Decrypter } from "age-encryption";
import type { Secret } from "#protocols/wire/secret.ts";
import { EVENT_SCHEMA } from "./event-schema.ts";
import type { RecordedEvent } from "./events.ts";
import { zstdContents } from "./frames.ts";
import { BLOCK_BYTES_MAX, CHAIN_START } from "./journal-format.ts";
import { RecordingError } from "./recording-error.ts";

/** First line of an age file (age specification, "Header"). */
const AGE_MAGIC = "age-encryption.org/v1\n";
const NEWLINE = 0x0a;

/**
 * The identities of an age key file: its lines that are neither empty nor comments.
 *
 * @throws Error when there is none, or one of them is no identity; the message holds nothing of it
 */
export function parseIdentities(file: Secret<string>): Decrypter {
  const lines = file
    .expose()
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  if (lines.length === 0) throw new Error("the identity file holds no identity");
  const decrypter = new Decrypter();
  for (const [index, line] of lines.entries()) {
    try {
      decrypter.addIdentity(line);
    } catch {
      // The cause is left out on purpose: it might quote the identity.
      throw new Error(`identity ${index + 1} of the identity file is not an age identity`);
    }
  }
  return decrypter;
}

/** What the evidence log says of a recording's inside: hash of the last event, and how many there are. */
export interface Chain {
  readonly head: string;
  readonly events: number;
}

/**
 * Yields the events of the recording at `path`. `identities` may be undefined for a recording that is not encrypted.
 * Returns the chain's end.
 *
 * @throws RecordingError at the place that is wrong, after the events before it; the file system's errors as they are
 */
export async function* readRecording(path: string, identities: Decrypter | undefined): AsyncGenerator<RecordedEvent, Chain, undefined> {
  let seq = 0;
  let prev = CHAIN_START;
  let ended = false;
  for await (const line of recordingLines(path, identities)) {
    if (ended) throw new RecordingError("chain-broken", seq, `event ${seq} stands behind the session's end`);
    const event = parseEvent(line, seq);
    if (event.seq !== seq) throw new RecordingError("chain-broken", seq, `event ${seq} is missing: event ${event.seq} stands in its place`);
    if (event.prev !== prev) {
      const message =
        seq === 0 ? "event 0 is not the first of a recording" : `event ${seq - 1} was changed: event ${seq} carries another hash of it`;
      throw new RecordingError("chain-broken", Math.max(0, seq - 1), message);
    }
    prev = hash("sha256", line, "hex");
    seq += 1;
    ended = event.kind === "session-end";
    yield event;
  }
  if (!ended) throw new RecordingError("incomplete", seq, `the recording ends at event ${seq} without the session's end`);
  return { head: prev, events: seq };
}

function parseEvent(line: Uint8Array, seq: number): RecordedEvent {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(line).toString("utf8"));
  } catch (cause) {
    throw new RecordingError("chain-broken", seq, `event ${seq} is not JSON`, cause);
  }
  const parsed = EVENT_SCHEMA.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new RecordingError("chain-broken", seq, `event ${seq} is none: ${issue?.path.join(".") || "it"} is not as specified`);
}

/** Lines without their newlines. A view is valid until the next one is asked for. */
async function* recordingLines(path: string, identities: Decrypter | undefined): AsyncGenerator<Uint8Array, void, undefined> {
  let rest = Buffer.alloc(0);
  for await (const content of zstdContents(await sealedBytes(path, identities))) {
    const bytes = rest.length === 0 ? content : Buffer.concat([rest, content]);
    let begin = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, begin)) {
      yield bytes.subarray(begin, end);
      begin = end + 1;
    }
    rest = Buffer.from(bytes.subarray(begin));
    if (rest.length > BLOCK_BYTES_MAX) throw new RecordingError("damaged", null, `an event has more than ${BLOCK_BYTES_MAX} bytes`);
  }
  if (rest.length > 0) throw new RecordingError("damaged", null, "the last line has no end");
}

/** The file's bytes, decrypted when it is an age file. */
async function sealedBytes(path: string, identities: Decrypter | undefined): Promise<AsyncIterable<Uint8Array>> {
  if (!(await isAge(path))) return createReadStream(path);
  if (identities === undefined) throw new RecordingError("no-identity", null, "the recording is encrypted, and no identity was given");
  const file = ReadableStream.from<Uint8Array>(createReadStream(path));
  try {
    return damageNamed(await identities.decrypt(file));
  } catch (cause) {
    if (cause instanceof Error && cause.message.startsWith("no identity matched")) {
      throw new RecordingError("no-identity", null, "none of the identities opens the recording", cause);
    }
    throw new RecordingError("damaged", null, "the recording's age header is damaged", cause);
  }
}

async function isAge(path: string): Promise<boolean> {
  const file = await open(path, "r");
  try {
    const { buffer } = await file.read(Buffer.alloc(AGE_MAGIC.length), 0, AGE_MAGIC.length, 0);
    return buffer.toString("latin1") === AGE_MAGIC;
  } finally {
    await file.close();
  }
}

async function* damageNamed(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* chunks;
  } catch (cause) {
    throw new RecordingError("damaged", null, "the recording's bytes were changed or cut", cause);
  }
}
