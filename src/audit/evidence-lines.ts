/**
 * The lines of the evidence log: records, each carrying the hash of the line before it, and signed checkpoints.
 * docs/formats/evidence.md is the specification. Reading is strict: a line is exactly what its writer would have
 * written, or it is no line.
 */
import { hash, type KeyObject } from "node:crypto";
import { EVIDENCE_RECORD } from "./record-schema.ts";
import type { EvidenceRecord } from "./records.ts";
import { type SigningKey, verifySignature } from "./signing.ts";

/** `prev` of the first line. */
export const LOG_START = "0".repeat(64);
/** Most bytes of one line; a longer one is damage. A handshake with a long certificate chain has some ten thousand. */
export const LINE_BYTES_MAX = 1024 * 1024;

export const LOG_FILE = "log.jsonl";
export const CHECKPOINT_FILE = "checkpoint";

/** What a signature covers: this log had `size` records when the hash of its last line was `head`. */
export interface Checkpoint {
  readonly log: string;
  readonly size: number;
  readonly head: string;
  readonly at: string;
  /** Ed25519, Base64. */
  readonly signature: string;
}

export type EvidenceLine =
  | { readonly kind: "record"; readonly seq: number; readonly prev: string; readonly at: string; readonly record: EvidenceRecord }
  | { readonly kind: "checkpoint"; readonly checkpoint: Checkpoint };

/** SHA-256 of a line without its newline, hex. */
export function lineHash(line: string | Uint8Array): string {
  return hash("sha256", line, "hex");
}

/** Terminals act on these although JSON lets them stand: DEL, C1, separators, bidi controls. */
const CONTROLS = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

export function recordLine(seq: number, prev: string, at: string, record: EvidenceRecord): string {
  const line = JSON.stringify({ seq, prev, at, record });
  return line.replace(CONTROLS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The bytes that are signed. No member holds a newline: `parseCheckpoint` sees to it. */
function signedText(checkpoint: Omit<Checkpoint, "signature">): Buffer {
  const { log, size, head, at } = checkpoint;
  return Buffer.from(`sallyport-evidence-checkpoint v1\n${log}\n${size}\n${head}\n${at}\n`);
}

export function signCheckpoint(unsigned: Omit<Checkpoint, "signature">, key: SigningKey): Checkpoint {
  return { ...unsigned, signature: key.sign(signedText(unsigned)).toString("base64") };
}

export function isSigned(checkpoint: Checkpoint, key: KeyObject): boolean {
  return verifySignature(signedText(checkpoint), Buffer.from(checkpoint.signature, "base64"), key);
}

export function checkpointLine(checkpoint: Checkpoint): string {
  const { log, size, head, at, signature } = checkpoint;
  return JSON.stringify({ checkpoint: { log, size, head, at, signature } });
}

const HEX_256 = /^[0-9a-f]{64}$/;
const LOG_ID = /^[0-9a-f]{32}$/;
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const SIGNATURE = /^[A-Za-z0-9+/]{86}==$/;

/** Reads one line without its newline; undefined when it is none. */
export function parseLine(line: string): EvidenceLine | undefined {
  const parsed = parseObject(line);
  if (parsed === undefined) return undefined;
  const checkpoint = parsed["checkpoint"];
  if (checkpoint !== undefined) return checkpointOf(line, checkpoint);
  const { seq, prev, at, record } = parsed;
  if (!isCount(seq) || typeof prev !== "string" || !HEX_256.test(prev)) return undefined;
  if (typeof at !== "string" || !MOMENT.test(at)) return undefined;
  const checked = EVIDENCE_RECORD.safeParse(record);
  return checked.success ? { kind: "record", seq, prev, at, record: checked.data } : undefined;
}

function checkpointOf(line: string, value: unknown): EvidenceLine | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { log, size, head, at, signature } = { log: null, size: null, head: null, at: null, signature: null, ...value };
  if (typeof log !== "string" || !LOG_ID.test(log) || !isCount(size)) return undefined;
  if (typeof head !== "string" || !HEX_256.test(head) || typeof at !== "string" || !MOMENT.test(at)) return undefined;
  if (typeof signature !== "string" || !SIGNATURE.test(signature)) return undefined;
  const checkpoint = { log, size, head, at, signature };
  // No two spellings of one checkpoint: what is signed is all that may stand in the line.
  return checkpointLine(checkpoint) === line ? { kind: "checkpoint", checkpoint } : undefined;
}

/** Reads a checkpoint file: one checkpoint line. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  const line = parseLine(text.endsWith("\n") ? text.slice(0, -1) : text);
  return line?.kind === "checkpoint" ? line.checkpoint : undefined;
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    // Not JSON: the caller names the line.
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
