/**
 * Seals an ended session: its journal becomes a recording, compressed and encrypted to the auditors, which the gateway
 * itself cannot read any more. The work is done in a process without data path. Journal and key go away only when the
 * evidence log holds the recording: `seal`, then append the record, then `discard`.
 */
import { createHash, hash } from "node:crypto";
import { closeSync, fsync, mkdirSync, openSync, renameSync, rmSync, unlinkSync, writeSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ReadableStream } from "node:stream/web";
import { promisify } from "node:util";
import type { SessionStatus } from "#protocols/wire/transcript.ts";
import type { SealedRecording } from "#src/audit/records.ts";
import type { Clock } from "./clock.ts";
import { zstdFrames } from "./frames.ts";
import type { JournalPaths } from "./journal-format.ts";
import type { Recipients } from "./recipients.ts";
import { type Ending, Tail } from "./tail.ts";

const fsyncAsync = promisify(fsync);

export interface SealOptions {
  readonly journal: JournalPaths;
  readonly recipients: Recipients;
  /** Root of the recordings; `<yyyy>/<mm>/<dd>/` of the session's start is made below it. */
  readonly recordings: string;
  /** How the session ended, for a journal whose last event does not say so. */
  readonly ending: Ending;
  readonly clock: Clock;
  /** Shown every event's line as it is sealed: what recovery counts a session's summary from. */
  readonly onLine?: (line: string) => void;
}

/** A sealed session. `status` is what its `session-end` event says. */
export interface Sealed {
  readonly recording: SealedRecording;
  readonly status: SessionStatus;
  readonly startedAt: string;
  readonly endedAt: string;
}

/**
 * Seals one journal. The recording is on disk, whole and under its name, when the promise resolves; sealing again
 * replaces it, so that a crash between the steps costs nothing.
 *
 * @throws JournalError if the journal cannot be read, and the file system's errors; journal and key are untouched then.
 */
export async function seal(options: SealOptions): Promise<Sealed> {
  const tail = new Tail(options.journal.sessionId, options.clock, options.ending);
  const frames = zstdFrames(tail.through(options.journal, options.onLine));
  try {
    return await sealFrames(options, tail, frames);
  } finally {
    frames.return();
  }
}

async function sealFrames(options: SealOptions, tail: Tail, frames: Generator<Buffer, void, undefined>): Promise<Sealed> {
  const first = frames.next();
  if (first.done === true) throw new Error("a recording holds at least its end");
  // The first event, known once its frame is made, decides the folder.
  const startedAt = tail.startedAt;
  const [year, month, day] = startedAt.slice(0, 10).split("-");
  const folder = join(options.recordings, year ?? "", month ?? "", day ?? "");
  await makeFolder(folder, options.recordings);
  const name = `${options.journal.sessionId}.jsonl.zst${options.recipients.kind === "age" ? ".age" : ""}`;
  const partial = join(folder, `.${name}.partial`);
  const written = await writeFile(partial, join(folder, name), options.recipients, first.value, frames);
  const { head, events, status, endedAt } = tail.end();
  const file = `${year}/${month}/${day}/${name}`;
  return { recording: { sessionId: options.journal.sessionId, file, ...written, head, events }, status, startedAt, endedAt };
}

/** Deletes what was sealed: the key first, so that a crash in between leaves nothing readable. */
export function discard(paths: JournalPaths): void {
  for (const path of [paths.key, paths.journal]) {
    try {
      unlinkSync(path);
    } catch (cause) {
      if (!(cause instanceof Error && "code" in cause && cause.code === "ENOENT")) throw cause;
    }
  }
}

async function makeFolder(folder: string, root: string): Promise<void> {
  const made = mkdirSync(folder, { recursive: true, mode: 0o750 });
  if (made === undefined) return;
  // Each new folder's entry stands in its parent, up to the root's own.
  const top = dirname(resolve(root));
  for (let path = resolve(folder); path !== top; path = dirname(path)) await syncFolder(dirname(path));
}

/** Makes names durable. Not synchronous: sessions that are sealed side by side share the file system's commits. */
async function syncFolder(folder: string): Promise<void> {
  const fd = openSync(folder, "r");
  try {
    await fsyncAsync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Writes the sealed bytes beside their place, syncs them, and renames; removes them again when that fails. */
async function writeFile(
  partial: string,
  path: string,
  recipients: Recipients,
  first: Buffer,
  frames: Generator<Buffer, void, undefined>,
): Promise<{ sha256: string; bytes: number }> {
  const fd = openSync(partial, "w", 0o640);
  try {
    const written = await writeSealed(fd, recipients, first, frames);
    await fsyncAsync(fd);
    renameSync(partial, path);
    await syncFolder(dirname(path));
    return written;
  } catch (cause) {
    rmSync(partial, { force: true });
    throw cause;
  } finally {
    closeSync(fd);
  }
}

async function writeSealed(fd: number, recipients: Recipients, first: Buffer, frames: Generator<Buffer, void, undefined>) {
  const second = frames.next();
  if (second.done === true) {
    // Nearly every session is one frame: no stream, one write.
    const whole = recipients.kind === "age" ? await recipients.encrypter.encrypt(first) : first;
    writeAll(fd, whole);
    return { sha256: hash("sha256", whole, "hex"), bytes: whole.length };
  }
  const digest = createHash("sha256");
  let bytes = 0;
  for await (const chunk of await sealedStream(recipients, [first, second.value], frames)) {
    writeAll(fd, chunk);
    digest.update(chunk);
    bytes += chunk.length;
  }
  return { sha256: digest.digest("hex"), bytes };
}

async function sealedStream(recipients: Recipients, begun: Buffer[], frames: Generator<Buffer, void, undefined>) {
  const plain = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const next = begun.shift() ?? frames.next().value;
        if (next === undefined) controller.close();
        else controller.enqueue(next);
      },
      cancel() {
        frames.return();
      },
    },
    { highWaterMark: 1 },
  );
  return recipients.kind === "age" ? await recipients.encrypter.encrypt(plain) : plain;
}

function writeAll(fd: number, bytes: Uint8Array): void {
  let written = 0;
  while (written < bytes.length) {
    const count = writeSync(fd, bytes, written, bytes.length - written);
    if (count === 0) throw new Error("the kernel accepted no byte");
    written += count;
  }
}
