/**
 * One run of a statement, from the event that put it on record to its result: which columns come back, which of them
 * show masked values, and which rows are written down. Rows past the limits are counted and digested.
 */
import { createHash, type Hash } from "node:crypto";
import type { Judgement } from "./judgement.ts";
import type { Beyond, EventBody, RecordedColumn, RecordedValue } from "./transcript.ts";

/** What a machine writes its events to. @returns the event's sequence number */
export type Append = (event: EventBody) => number;

export interface ResultLimits {
  readonly rowsPerStatement: number;
  readonly bytesPerStatement: number;
}

/** The values of a row. @param body as it came, without header: a view */
export type ReadRow = (body: Buffer) => readonly RecordedValue[];

/** Rows of one `rows` event: the record grows in steps, so that a session cut short keeps what came. */
const BATCH_BYTES = 64 * 1024;

/** @param masked for each column, whether it shows masked values */
export function shownColumns(names: readonly string[], masked: readonly boolean[]): readonly RecordedColumn[] {
  return names.map((name, index) => ({ name, masked: masked[index] ?? false }));
}

export class Run {
  /** Sequence number of the statement's event. */
  readonly statement: number;
  readonly judgement: Judgement | null;
  readonly #startedMs: number;
  readonly #append: Append;
  readonly #limits: ResultLimits;
  /** Rows of the result under way, as far as they are counted against a cap: of a portal those of all its Executes. */
  passed = 0;
  #read: ReadRow;
  #shown: readonly RecordedColumn[] = [];
  #described = false;
  /** Results that are complete: a text may hold several statements. */
  #results = 0;
  #maskedColumns = 0;
  #batch: (readonly RecordedValue[])[] = [];
  #batchBytes = 0;
  #keptRows = 0;
  #keptBytes = 0;
  #beyondRows = 0;
  #beyondBytes = 0;
  #digest: Hash | null = null;

  constructor(options: {
    readonly statement: number;
    readonly judgement: Judgement | null;
    readonly startedMs: number;
    readonly append: Append;
    readonly limits: ResultLimits;
    /** For rows that come without a description. */
    readonly read: ReadRow;
  }) {
    this.statement = options.statement;
    this.judgement = options.judgement;
    this.#startedMs = options.startedMs;
    this.#append = options.append;
    this.#limits = options.limits;
    this.#read = options.read;
  }

  get maskedColumns(): number {
    return this.#maskedColumns;
  }

  /** How many statements of the text are answered. */
  get results(): number {
    return this.#results;
  }

  /** @param shown the columns of the rows that follow, as they are recorded */
  describe(shown: readonly RecordedColumn[], read: ReadRow): void {
    this.#flush();
    this.#read = read;
    this.#shown = shown;
    this.#maskedColumns = shown.reduce((count, { masked }) => (masked ? count + 1 : count), 0);
    this.#described = true;
  }

  get described(): boolean {
    return this.#described;
  }

  /** Whether the next row is written down; if not, it goes to `beyond`. */
  get keeps(): boolean {
    return this.#keptRows < this.#limits.rowsPerStatement && this.#keptBytes < this.#limits.bytesPerStatement;
  }

  /** @param body of the row, without header: a view */
  row(body: Buffer): void {
    this.#batch.push(this.#read(body));
    this.#keptRows++;
    this.#keptBytes += body.length;
    this.#batchBytes += body.length;
    if (this.#batchBytes >= BATCH_BYTES) this.#flush();
  }

  /** @param bytes whole messages or the next part of them, in order */
  beyond(bytes: Buffer): void {
    this.#digest ??= createHash("sha256");
    this.#digest.update(bytes);
    this.#beyondBytes += bytes.length;
  }

  beyondRow(): void {
    this.#beyondRows++;
  }

  /** A row is too large to be collected: it and all behind it go to `beyond`, so that what is kept has no gaps. */
  keepNoMore(): void {
    this.#keptBytes = this.#limits.bytesPerStatement;
  }

  /** The statement is answered, or one of several results of a text is. */
  complete(tag: string, rows: number, nowMs: number): void {
    this.#result(tag, rows, nowMs);
    this.#keptRows = 0;
    this.#keptBytes = 0;
    this.#described = false;
    this.passed = 0;
    this.#results++;
  }

  /** A part of the rows is fetched; the limits go on counting with the next. */
  suspend(rows: number, nowMs: number): void {
    this.#result("portal suspended", rows, nowMs);
  }

  #result(tag: string, rows: number, nowMs: number): void {
    this.#flush();
    const durationMs = Math.round((nowMs - this.#startedMs) * 1000) / 1000;
    this.#append({ kind: "result", statement: this.statement, tag, rows, durationMs, beyond: this.takeBeyond() });
  }

  /** The answer broke off: what came is kept. */
  cut(): void {
    this.#flush();
  }

  takeBeyond(): Beyond | null {
    if (this.#digest === null) return null;
    const beyond = { rows: this.#beyondRows, bytes: this.#beyondBytes, sha256: this.#digest.digest("hex") };
    this.#digest = null;
    this.#beyondRows = 0;
    this.#beyondBytes = 0;
    return beyond;
  }

  #flush(): void {
    if (this.#batch.length === 0) return;
    this.#append({ kind: "rows", statement: this.statement, columns: this.#shown, rows: this.#batch });
    this.#batch = [];
    this.#batchBytes = 0;
  }
}
