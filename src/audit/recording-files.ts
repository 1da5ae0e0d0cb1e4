/** The sealed recordings found under a folder, and what their names and bytes say. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import type { SealedRecording } from "./records.ts";

export interface RecordingFile {
  readonly path: string;
  /** Below the folder, with `/`. */
  readonly file: string;
  /** Last part of `file`. */
  readonly name: string;
}

export interface RecordingFiles {
  readonly root: string;
  /** By session id; a second one under the same id is a duplicate. */
  readonly bySession: ReadonlyMap<string, readonly RecordingFile[]>;
  /** What is not named as a recording. */
  readonly others: readonly RecordingFile[];
}

const RECORDING_NAME = /^([A-Za-z0-9][A-Za-z0-9_-]{7,63})\.jsonl\.zst(?:\.age)?$/;
/** What `seal` writes before it renames. */
const PARTIAL_NAME = /^\..*\.partial$/;

/** Lists a folder; one that does not exist holds nothing. Symbolic links count as files that are no recordings. */
export async function listRecordings(root: string): Promise<RecordingFiles> {
  const bySession = new Map<string, RecordingFile[]>();
  const others: RecordingFile[] = [];
  for (const entry of await entriesOf(root)) {
    if (entry.isDirectory() || PARTIAL_NAME.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    const file = { path, file: relative(root, path).split(sep).join("/"), name: entry.name };
    const id = entry.isFile() ? RECORDING_NAME.exec(entry.name)?.[1] : undefined;
    if (id === undefined) others.push(file);
    else bySession.set(id, [...(bySession.get(id) ?? []), file]);
  }
  return { root, bySession, others };
}

async function entriesOf(root: string) {
  try {
    return await readdir(root, { recursive: true, withFileTypes: true });
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return [];
    throw cause;
  }
}

/** A path as `seal` makes it; anything else in a record is not followed. */
const SEALED_PATH = /^\d{4,6}\/\d\d\/\d\d\/[A-Za-z0-9][A-Za-z0-9_-]{7,63}\.jsonl\.zst(?:\.age)?$/;

/** The file of a recording that was sealed after the folder was listed; none when it is not where it was put. */
export async function sealedMeanwhile(root: string, { file }: SealedRecording): Promise<RecordingFile[]> {
  if (!SEALED_PATH.test(file)) return [];
  const path = join(root, file);
  const found = await lstat(path).catch(() => undefined);
  return found?.isFile() === true ? [{ path, file, name: basename(file) }] : [];
}

/** @throws the file system's error, e.g. when the file went away meanwhile */
export async function digestFile(path: string): Promise<{ sha256: string; bytes: number }> {
  const digest = createHash("sha256");
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    digest.update(chunk);
    bytes += chunk.length;
  }
  return { sha256: digest.digest("hex"), bytes };
}
