/**
 * The latest checkpoint, kept twice beside the log: in the evidence folder for auditors, and among the gateway's state,
 * with its place in the log, so that a start notices a log that was cut or exchanged.
 */
import { closeSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import { CHECKPOINT_FILE, type Checkpoint, checkpointLine, parseCheckpoint } from "./evidence-lines.ts";

/** A checkpoint and the byte in the log at which its line begins. */
export interface PlacedCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly offset: number;
}

/** `damaged` is told apart from `missing`: only a file that was never written may be missing. */
export type Kept<T> = { readonly kind: "missing" } | { readonly kind: "damaged" } | { readonly kind: "kept"; readonly value: T };

export class CheckpointFiles {
  readonly #public: string;
  readonly #state: string;

  constructor(directory: string, stateFile: string) {
    this.#public = join(directory, CHECKPOINT_FILE);
    this.#state = stateFile;
  }

  write(placed: PlacedCheckpoint): void {
    const line = checkpointLine(placed.checkpoint);
    replace(this.#public, `${line}\n`, 0o640);
    replace(this.#state, `${placed.offset}\n${line}\n`, 0o600);
  }

  readPublic(): Kept<Checkpoint> {
    const text = readText(this.#public);
    if (text === undefined) return { kind: "missing" };
    const value = parseCheckpoint(text);
    return value === undefined ? { kind: "damaged" } : { kind: "kept", value };
  }

  readState(): Kept<PlacedCheckpoint> {
    const text = readText(this.#state);
    if (text === undefined) return { kind: "missing" };
    const [offset = "", line = ""] = text.split("\n");
    const checkpoint = parseCheckpoint(line);
    if (!/^\d{1,15}$/.test(offset) || checkpoint === undefined) return { kind: "damaged" };
    return { kind: "kept", value: { checkpoint, offset: Number(offset) } };
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw cause;
  }
}

/** All or nothing for whoever reads meanwhile. Not synced: after a power cut an older one may stand there, which is safe. */
function replace(path: string, text: string, mode: number): void {
  const partial = `${path}.new`;
  const fd = openSync(partial, "w", mode);
  try {
    writeSync(fd, text);
  } finally {
    closeSync(fd);
  }
  renameSync(partial, path);
}
