/**
 * The evidence log: an append-only file of records, hash-chained, each batch closed by a signed checkpoint. One process
 * writes it. A record's promise resolves when its line and a checkpoint over it are on disk; what was appended
 * meanwhile goes into the next batch, so that many sessions share one sync. A batch that failed is cut off again before the
 * next one, and that is recorded: the log recovers by itself when the disk does.
 */
import { randomBytes } from "node:crypto";
import { closeSync, fdatasync, fstatSync, mkdirSync, openSync, write } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { Fault } from "#protocols/wire/fault.ts";
import type { Clock } from "#src/recording/clock.ts";
import { CheckpointFiles, type PlacedCheckpoint } from "./checkpoint-files.ts";
import { checkpointLine, LOG_FILE, LOG_START, lineHash, recordLine, signCheckpoint } from "./evidence-lines.ts";
import { checkStart, cutTail, type LogPosition } from "./evidence-start.ts";
import type { EvidenceRecord } from "./records.ts";
import type { SigningKey } from "./signing.ts";

const writeAsync = promisify(write);
const fdatasyncAsync = promisify(fdatasync);

/** Records that one batch takes: a bound on what stands between two signatures. */
const BATCH_RECORDS_MAX = 1000;

export interface EvidenceOptions {
  /** Holds `log.jsonl` and `checkpoint`, nothing else. */
  readonly directory: string;
  /** Where the last checkpoint is kept apart from the log, to notice a log that was put back to an older state. */
  readonly stateFile: string;
  readonly key: SigningKey;
  readonly clock: Clock;
}

interface Waiting {
  readonly record: EvidenceRecord;
  readonly resolve: (seq: number) => void;
  readonly reject: (fault: Fault) => void;
}

/**
 * Opens the log, or makes it. What stands behind the last signed checkpoint after a crash is cut off, and that is recorded.
 *
 * @throws EvidenceStartError when the log, its checkpoint and the state's copy do not fit together: the gateway must not start.
 */
export async function openEvidence(options: EvidenceOptions): Promise<EvidenceLog> {
  mkdirSync(options.directory, { recursive: true, mode: 0o750 });
  const path = join(options.directory, LOG_FILE);
  const files = new CheckpointFiles(options.directory, options.stateFile);
  const start = checkStart(path, files, options.key.publicKeyPem);
  const fd = openSync(path, "a+", 0o640);
  const log = new EvidenceLog(options, fd, files, start.kind === "continued" ? start.position : undefined);
  if (start.kind === "new") {
    await log.append({ type: "log-opened", log: log.id, publicKey: options.key.publicKeyPem });
  } else if (start.repaired !== undefined) {
    await log.append({ type: "log-repaired", ...start.repaired });
  }
  return log;
}

export class EvidenceLog {
  /** 32 hex digits, made when the log was. */
  readonly id: string;
  readonly #clock: Clock;
  readonly #key: SigningKey;
  readonly #fd: number;
  readonly #files: CheckpointFiles;
  #phase: "open" | "torn" | "closed" = "open";
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  /** Records that the last checkpoint covers, hash of the last line, and the file's size. */
  #size: number;
  #prev: string;
  #offset: number;
  /** Signed, and not yet written beside the log. */
  #unkept: PlacedCheckpoint | undefined;

  /** @internal use `openEvidence` */
  constructor(options: EvidenceOptions, fd: number, files: CheckpointFiles, position: LogPosition | undefined) {
    this.id = position?.log ?? randomBytes(16).toString("hex");
    this.#clock = options.clock;
    this.#key = options.key;
    this.#fd = fd;
    this.#files = files;
    this.#size = position?.size ?? 0;
    this.#prev = position?.prev ?? LOG_START;
    this.#offset = position?.offset ?? 0;
  }

  /** Records on disk. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds a record. Records appended in one turn of the event loop are written together, in this order.
   *
   * @returns the record's number, once it is on disk and signed
   * @throws Fault `evidence-failed` when it cannot be written now; a later record may succeed
   */
  append(record: EvidenceRecord): Promise<number> {
    if (this.#phase === "closed") return Promise.reject(new Fault("evidence-failed", "the evidence log is closed"));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ record, resolve, reject });
      this.#writing ??= this.#writeAll();
    });
  }

  /** Waits for what was appended, then closes. */
  async close(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    if (this.#phase === "closed") return;
    this.#phase = "closed";
    closeSync(this.#fd);
  }

  /** Writes batch after batch until nobody waits. Never rejects: failures go to those who wait. */
  async #writeAll(): Promise<void> {
    // The rest of this turn's records belong to the first batch.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH_RECORDS_MAX);
      try {
        const repaired = this.#repair();
        const first = await this.#writeBatch([...repaired, ...batch.map(({ record }) => record)]);
        for (const [index, { resolve }] of batch.entries()) resolve(first + repaired.length + index);
      } catch (cause) {
        this.#phase = "torn";
        const fault = new Fault("evidence-failed", "the evidence log could not be written", { cause });
        for (const { reject } of batch) reject(fault);
      }
    }
    this.#writing = undefined;
  }

  /** Before a batch: what a failed one left is cut off, and a checkpoint that could not be put beside the log is. */
  #repair(): EvidenceRecord[] {
    this.#keep();
    if (this.#phase !== "torn") return [];
    const size = fstatSync(this.#fd).size;
    const cut = size > this.#offset ? cutTail(this.#fd, this.#offset, size) : undefined;
    this.#phase = "open";
    return cut === undefined ? [] : [{ type: "log-repaired", ...cut }];
  }

  /** One write and one sync; returns the number of the batch's first record. */
  async #writeBatch(records: readonly EvidenceRecord[]): Promise<number> {
    const at = new Date(this.#clock.now()).toISOString();
    const first = this.#size;
    let prev = this.#prev;
    let text = "";
    for (const [index, record] of records.entries()) {
      const line = recordLine(first + index, prev, at, record);
      prev = lineHash(line);
      text += `${line}\n`;
    }
    const size = first + records.length;
    const checkpoint = signCheckpoint({ log: this.id, size, head: prev, at }, this.#key);
    const line = checkpointLine(checkpoint);
    const bytes = Buffer.from(`${text}${line}\n`);
    await this.#write(bytes);
    this.#size = size;
    this.#prev = lineHash(line);
    this.#offset += bytes.length;
    this.#unkept = { checkpoint, offset: this.#offset - Buffer.byteLength(line) - 1 };
    try {
      this.#keep();
    } catch {
      // The batch is on disk, and nobody may be told otherwise: `#repair` tries again, and refuses the next batch if need be.
    }
    return first;
  }

  async #write(bytes: Buffer): Promise<void> {
    let written = 0;
    while (written < bytes.length) {
      const { bytesWritten } = await writeAsync(this.#fd, bytes, written, bytes.length - written);
      if (bytesWritten === 0) throw new Error("the kernel accepted no byte");
      written += bytesWritten;
    }
    await fdatasyncAsync(this.#fd);
  }

  /** The files beside the log may lag behind it, never run ahead. */
  #keep(): void {
    if (this.#unkept === undefined) return;
    this.#files.write(this.#unkept);
    this.#unkept = undefined;
  }
}
