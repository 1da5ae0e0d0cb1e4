/**
 * Judges an evidence log line by line: numbers, hashes and signatures. A problem is named where it stands, and judging
 * goes on behind it, so that one changed line is told as one, not as everything after it.
 */
import type { KeyObject } from "node:crypto";
import { type Checkpoint, type EvidenceLine, isSigned, LOG_START, lineHash, parseLine } from "./evidence-lines.ts";
import type { LogLine } from "./log-lines.ts";

/** Problems that are told; a log that was rewritten as a whole would otherwise fill the report. */
const PROBLEMS_MAX = 100;

interface Gap {
  from: number;
  /** First number that is there again. */
  readonly to: number;
  readonly line: number;
}

export class LogCheck {
  readonly #key: KeyObject;
  /** `all` checks every signature; `last` relies on the chain, which the last signature covers as a whole. */
  readonly #signatures: "all" | "last";
  readonly #problems: string[] = [];
  #gaps: Gap[] = [];
  #next = 0;
  #prev = LOG_START;
  #log: string | undefined;
  /** True while the line before is already told to be wrong: its successor's hash of it means nothing then. */
  #suspect = false;
  /** True when something since the last checkpoint is told already. */
  #told = false;
  /** Unreadable lines since the last record: each may have been the record that was due, or a checkpoint. */
  #unreadable = 0;
  /** True when a checkpoint did not fit an otherwise whole chain: someone computed the hashes anew, and none fits from there on. */
  #rewritten = false;
  #last: { readonly checkpoint: Checkpoint; readonly line: number } | undefined;
  #unsigned = 0;

  constructor(key: KeyObject, signatures: "all" | "last") {
    this.#key = key;
    this.#signatures = signatures;
  }

  /** The last checkpoint line seen, whatever it is worth. */
  get last(): Checkpoint | undefined {
    return this.#last?.checkpoint;
  }

  /** Lines behind the last checkpoint. */
  get unsigned(): number {
    return this.#unsigned;
  }

  /** Takes the next line; returns what it is, undefined when it is nothing. */
  line(line: LogLine): EvidenceLine | undefined {
    const parsed = line.text === undefined ? undefined : parseLine(line.text);
    if (parsed === undefined) {
      this.#tell(`changed: line ${line.number} of the log is neither a record nor a checkpoint`);
      this.#suspect = true;
      this.#unreadable += 1;
      this.#unsigned += 1;
    } else if (parsed.kind === "record") {
      this.#record(parsed.seq, parsed.prev, line.number);
      if (parsed.record.type === "log-opened") this.#log ??= parsed.record.log;
    } else {
      this.#checkpoint(parsed.checkpoint, line.number);
    }
    this.#prev = lineHash(line.bytes);
    return parsed;
  }

  /** Everything found wrong, in the order of the log. `tornBytes` is what stands behind the last newline. */
  finish(tornBytes: number): string[] {
    const found = [...this.#problems, ...this.#gaps.map(tellGap)];
    if (this.#last === undefined) return [...found, "missing: the log holds no checkpoint"];
    if (this.#signatures === "last" && !isSigned(this.#last.checkpoint, this.#key)) {
      found.push(`changed: the checkpoint in line ${this.#last.line} is not signed by the given key`);
    }
    if (this.#unsigned > 0 || tornBytes > 0) {
      found.push(`unsigned: ${this.#unsigned} lines and ${tornBytes} bytes stand behind the last checkpoint, in line ${this.#last.line}`);
    }
    return found;
  }

  #tell(problem: string): void {
    this.#told = true;
    if (this.#problems.length < PROBLEMS_MAX) this.#problems.push(problem);
  }

  #record(seq: number, prev: string, line: number): void {
    this.#unsigned += 1;
    if (seq < this.#next) {
      const gap = this.#gaps.find(({ from, to }) => seq >= from && seq < to);
      this.#tell(
        gap === undefined
          ? `inserted: line ${line} is a second record ${seq}`
          : `reordered: record ${seq} stands in line ${line}, behind record ${this.#next - 1}`,
      );
      if (gap !== undefined) this.#found(gap, seq);
      this.#suspect = true;
      return;
    }
    if (seq > this.#next + this.#unreadable) {
      this.#told = true;
      this.#gaps.push({ from: this.#next + this.#unreadable, to: seq, line });
    } else if (prev !== this.#prev && !this.#suspect) {
      this.#tell(
        line === 1
          ? "changed: line 1 is not the beginning of a log"
          : `changed: line ${line - 1}, or one removed behind it: record ${seq} carries another hash`,
      );
    }
    this.#suspect = false;
    this.#unreadable = 0;
    this.#next = seq + 1;
  }

  #found(gap: Gap, seq: number): void {
    const rest = [
      { from: gap.from, to: seq, line: gap.line },
      { from: seq + 1, to: gap.to, line: gap.line },
    ];
    this.#gaps = this.#gaps.flatMap((other) => (other === gap ? rest.filter(({ from, to }) => from < to) : [other]));
  }

  #checkpoint(checkpoint: Checkpoint, line: number): void {
    const signed = this.#signatures === "last" || isSigned(checkpoint, this.#key);
    if (signed && checkpoint.size < this.#next && (checkpoint.log === this.#log || this.#log === undefined)) {
      this.#tell(`inserted: line ${line} is a checkpoint of ${checkpoint.size} records, behind record ${this.#next - 1}`);
      this.#suspect = true;
      this.#unsigned += 1;
      return;
    }
    this.#compare(checkpoint, line, signed);
    if (signed) this.#next = Math.max(this.#next, checkpoint.size);
    this.#last = { checkpoint, line };
    this.#suspect = !signed;
    this.#unreadable = 0;
    this.#told = false;
    this.#unsigned = 0;
  }

  /** Tells what a checkpoint shows of the records before it, as far as nothing of them was told yet. */
  #compare(checkpoint: Checkpoint, line: number, signed: boolean): void {
    if (!signed) {
      this.#tell(`changed: the checkpoint in line ${line} is not signed by the given key`);
    } else if (this.#log !== undefined && checkpoint.log !== this.#log) {
      this.#tell(`exchanged: the checkpoint in line ${line} belongs to another log`);
    } else if (checkpoint.size > this.#next + this.#unreadable) {
      this.#gaps.push({ from: this.#next + this.#unreadable, to: checkpoint.size, line });
    } else if (checkpoint.head !== this.#prev && !this.#told && !this.#rewritten) {
      const records = span(this.#last?.checkpoint.size ?? 0, checkpoint.size);
      this.#tell(`changed: ${records} not what the checkpoint in line ${line} was signed over`);
      this.#rewritten = true;
    }
  }
}

function tellGap({ from, to, line }: Gap): string {
  return `missing: ${span(from, to)} not in the log; line ${line} comes next`;
}

/** `to` is not included. */
function span(from: number, to: number): string {
  return to - from === 1 ? `record ${from} is` : `records ${from} to ${to - 1} are`;
}
