/**
 * The look at an evidence log before it is continued. Only its tail is read: the last signed checkpoint must stand at
 * its end, and the one kept among the gateway's state must stand in it where it was written. `verify` does the full pass.
 */
import { hash } from "node:crypto";
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync } from "node:fs";
import type { CheckpointFiles } from "./checkpoint-files.ts";
import { type Checkpoint, checkpointLine, isSigned, LINE_BYTES_MAX, lineHash, parseLine } from "./evidence-lines.ts";
import { loadPublicKey } from "./signing.ts";

export type EvidenceStartProblem = "log-missing" | "log-rolled-back" | "log-changed" | "key-changed" | "checkpoint-damaged";

/** The log is not what this gateway left. The gateway must not start: continuing would sign over the gap. */
export class EvidenceStartError extends Error {
  readonly problem: EvidenceStartProblem;

  constructor(problem: EvidenceStartProblem, message: string) {
    super(message);
    this.name = "EvidenceStartError";
    this.problem = problem;
  }
}

/** Where to continue. */
export interface LogPosition {
  readonly log: string;
  readonly size: number;
  readonly prev: string;
  readonly offset: number;
}

export type LogStart =
  | { readonly kind: "new" }
  | {
      readonly kind: "continued";
      readonly position: LogPosition;
      readonly repaired: { readonly bytes: number; readonly sha256: string } | undefined;
    };

/** How far back from the end a checkpoint is looked for at first; doubled until one is found. */
const TAIL_BYTES = 64 * 1024;
/** Where the search gives up: far more than the largest batch, whose records come to some ten megabytes. */
const TAIL_BYTES_MAX = 256 * 1024 * 1024;

/** @throws EvidenceStartError */
export function checkStart(path: string, files: CheckpointFiles, publicKeyPem: string): LogStart {
  const [state, beside] = [files.readState(), files.readPublic()];
  // A checkpoint file is replaced as a whole, so half a one is not the work of a crash.
  if (state.kind === "damaged") throw new EvidenceStartError("checkpoint-damaged", "the checkpoint kept in the state folder is damaged");
  if (beside.kind === "damaged") throw new EvidenceStartError("checkpoint-damaged", "the checkpoint beside the evidence log is damaged");
  let fd: number;
  try {
    fd = openSync(path, "r+");
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "ENOENT")) throw cause;
    if (state.kind === "missing" && beside.kind === "missing") return { kind: "new" };
    throw new EvidenceStartError("log-missing", "there is a checkpoint, but the evidence log it was made for is gone");
  }
  try {
    const size = fstatSync(fd).size;
    const known = state.kind === "kept" ? state.value : undefined;
    const last = lastCheckpoint(fd, size);
    if (last === undefined) {
      if (known !== undefined || beside.kind === "kept") {
        throw new EvidenceStartError("log-rolled-back", "the evidence log holds no checkpoint, but one was written");
      }
      // A crash before the first checkpoint was whole: no promise had been made.
      ftruncateSync(fd, 0);
      return { kind: "new" };
    }
    if (!isSigned(last.checkpoint, loadPublicKey(publicKeyPem))) {
      throw new EvidenceStartError("key-changed", "the evidence log's last checkpoint is not signed by the configured key");
    }
    if (known !== undefined) checkKnown(fd, known.offset, known.checkpoint, last.checkpoint);
    if (beside.kind === "kept" && beside.value.size > last.checkpoint.size) {
      throw new EvidenceStartError(
        "log-rolled-back",
        `the evidence log ends at record ${last.checkpoint.size}, the checkpoint beside it says ${beside.value.size}`,
      );
    }
    const line = checkpointLine(last.checkpoint);
    const end = last.offset + Buffer.byteLength(line) + 1;
    const position = { log: last.checkpoint.log, size: last.checkpoint.size, prev: lineHash(line), offset: end };
    return { kind: "continued", position, repaired: size === end ? undefined : cutTail(fd, end, size) };
  } finally {
    closeSync(fd);
  }
}

function checkKnown(fd: number, offset: number, known: Checkpoint, last: Checkpoint): void {
  if (known.size > last.size) {
    throw new EvidenceStartError(
      "log-rolled-back",
      `the evidence log ends at record ${last.size}, it had ${known.size} when the gateway stopped`,
    );
  }
  const line = Buffer.from(`${checkpointLine(known)}\n`);
  const found = Buffer.alloc(line.length);
  readSync(fd, found, 0, found.length, offset);
  if (!found.equals(line)) {
    throw new EvidenceStartError("log-changed", `the evidence log does not hold the checkpoint of record ${known.size} at byte ${offset}`);
  }
}

/** The last whole checkpoint line of the log, looked for from its end. */
function lastCheckpoint(fd: number, size: number): { checkpoint: Checkpoint; offset: number } | undefined {
  for (let span = TAIL_BYTES; ; span *= 2) {
    const from = Math.max(0, size - span);
    const tail = Buffer.alloc(size - from);
    readSync(fd, tail, 0, tail.length, from);
    let end = tail.lastIndexOf(0x0a);
    while (end > 0) {
      const begin = tail.lastIndexOf(0x0a, end - 1) + 1;
      if (begin === 0 && from > 0) break;
      if (end - begin <= LINE_BYTES_MAX) {
        const line = parseLine(tail.toString("utf8", begin, end));
        if (line?.kind === "checkpoint") return { checkpoint: line.checkpoint, offset: from + begin };
      }
      end = begin - 1;
    }
    if (from === 0) return undefined;
    if (span >= TAIL_BYTES_MAX)
      throw new EvidenceStartError("log-changed", `the last ${span} bytes of the evidence log hold no checkpoint`);
  }
}

/** Cuts off what no checkpoint covers; nobody was told that it is on record. */
export function cutTail(fd: number, end: number, size: number): { bytes: number; sha256: string } {
  const torn = Buffer.alloc(size - end);
  readSync(fd, torn, 0, torn.length, end);
  ftruncateSync(fd, end);
  fsyncSync(fd);
  return { bytes: torn.length, sha256: hash("sha256", torn, "hex") };
}
