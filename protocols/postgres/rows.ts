/**
 * Rows on their way to the client, of results and of COPY TO STDOUT: which run they belong to, how many there are, which are
 * written down, and which don't pass any more because the result has more of them than the target allows.
 */
import { Fault } from "#protocols/wire/fault.ts";
import { ROW_GATHER_BYTES_MAX } from "#protocols/wire/limits.ts";
import { type ReadRow, type Run, shownColumns } from "#protocols/wire/run.ts";
import type { RecordedColumn } from "#protocols/wire/transcript.ts";
import { type Column, formatAt, readDataRow } from "./decode.ts";
import { type Action, HEADER_BYTES } from "./frame.ts";
import { type Hashes, hashedRow } from "./hashed-row.ts";
import { maskedColumns } from "./name-uses.ts";
import { runOf } from "./operations.ts";
import type { SessionState } from "./session.ts";
import { recordedValue } from "./values.ts";

/** `observe`: kept for the record; `watch`: counted and digested; `drop`: kept from the client; `whole`: to be hashed first. */
export type RowPlan = "observe" | "watch" | "drop" | "whole";

const LENGTH_BYTES = 4;
/** Rows that have to be hashed are collected. */
const HASHED_ROW_BYTES_MAX = 16 * 1024 * 1024;
/** Of a binary COPY: a field count of -1 (sql-copy, "Binary Format"). */
const TRAILER_BYTES = 2;

export class Rows {
  readonly #state: SessionState;
  /** Rows are counted against a cap; without one they cost nothing for it. */
  readonly #capped: boolean;
  /** The run whose rows are coming. */
  #run: Run | null = null;
  /** How their columns are hashed; null: none is. */
  #hashes: Hashes | null = null;
  /** The same, of runs of which columns are hashed. */
  readonly #hashed = new WeakMap<Run, Hashes>();
  /** What was made of the last description: a session that repeats itself gets the same again. */
  #last: Described | null = null;
  /** Of the result under way, as far as they have passed. */
  #count = 0;

  constructor(state: SessionState) {
    this.#state = state;
    const { rowsPerStatement, rowsPerSession } = state.terms.caps;
    this.#capped = Math.min(rowsPerStatement, rowsPerSession) < Number.POSITIVE_INFINITY;
  }

  get count(): number {
    return this.#count;
  }

  begin(run: Run): Run {
    this.#run = run;
    this.#hashes = this.#state.terms.underMask ? (this.#hashed.get(run) ?? null) : null;
    return run;
  }

  forget(): void {
    this.#run = null;
    this.#count = 0;
  }

  cut(): void {
    this.#run?.cut();
  }

  /** A DataRow begins. @throws Fault `upstream-out-of-step`, `masking-tripwire`, `session-budget`, `outcome-unknown` */
  row(length: number): RowPlan {
    if (this.#state.copy.kind !== "none") throw outOfStep("a row");
    const run = this.#run ?? this.begin(this.#runOfHead());
    if (this.#state.terms.underMask && !run.described) {
      throw new Fault("masking-tripwire", "rows came whose columns are not known; the session ends");
    }
    if (this.#capped && !this.#state.spendRow(++run.passed, length)) return "drop";
    this.#count++;
    this.#state.counts.rows++;
    this.#state.counts.maskedCells += run.maskedColumns;
    if (run.keeps && length > ROW_GATHER_BYTES_MAX) run.keepNoMore();
    if (this.#hashes !== null) return this.#wholeRow(length);
    if (run.keeps) return "observe";
    run.beyondRow();
    return "watch";
  }

  #wholeRow(length: number): RowPlan {
    if (length > HASHED_ROW_BYTES_MAX) {
      throw new Fault("message-too-large", `a row with hashed columns is longer than ${HASHED_ROW_BYTES_MAX} bytes`, {
        hint: "leave large columns out of the query",
      });
    }
    return "whole";
  }

  /** A DataRow of which columns are hashed: neither the client nor the record sees it as it came. @param body a view */
  hashed(body: Buffer): Action {
    const run = this.#run;
    if (run === null || this.#hashes === null) throw new Error("broken invariant: a row was collected that is not hashed");
    const row = hashedRow(body, this.#hashes);
    if (run.keeps) run.row(row.subarray(HEADER_BYTES));
    else {
      run.beyondRow();
      run.beyond(row);
    }
    return { kind: "replace", bytes: [row] };
  }

  /** A CopyData message begins: PostgreSQL sends one for each row, and in the binary format one more. @throws as `row` */
  copyRow(length: number): RowPlan {
    const { copy } = this.#state;
    const bytes = length - LENGTH_BYTES;
    if (copy.kind !== "out") throw outOfStep("COPY data");
    const isTrailer = copy.binary && bytes === TRAILER_BYTES;
    if (this.#capped && !isTrailer && !this.#state.spendRow(++this.#state.copiedRows, length)) return "drop";
    return this.#state.beginCopyData("out", bytes, null) ? "observe" : "watch";
  }

  keep(body: Buffer): void {
    this.#run?.row(body);
  }

  beyond(region: Buffer): void {
    this.#run?.beyond(region);
  }

  describe(run: Run, columns: readonly Column[], formats: readonly number[]): void {
    const { underMask, hashOf } = this.#state.terms;
    const hashes = underMask ? columns.map(({ tableOid, attribute }) => hashOf(tableOid, attribute)) : [];
    if (hashes.some((one) => one !== null)) this.#hashed.set(run, hashes);
    const masked = maskedColumns(run, this.#state.names, this.#state.made);
    const last = this.#last;
    const again = last?.columns === columns && isSame(last.formats, formats) && isSame(last.masked, masked);
    this.#last = again ? last : described(columns, formats, masked);
    run.describe(this.#last.shown, this.#last.read);
  }

  #runOfHead(): Run {
    const { head } = this.#state.operations;
    const run = head === undefined ? null : runOf(head);
    if (run === null) throw outOfStep("a row");
    if (head?.kind === "execute" && !run.described) {
      const { prepared, formats } = head.portal;
      if (prepared?.columns) this.describe(run, prepared.columns, formats);
    }
    return run;
  }
}

/** What rows under one description are recorded with. */
interface Described {
  readonly columns: readonly Column[];
  readonly formats: readonly number[];
  readonly masked: readonly boolean[];
  readonly shown: readonly RecordedColumn[];
  readonly read: ReadRow;
}

function described(columns: readonly Column[], formats: readonly number[], masked: readonly boolean[]): Described {
  const names = columns.map(({ name }) => name);
  return { columns, formats, masked, shown: shownColumns(names, masked), read: rowReader(columns, formats) };
}

function isSame<T>(left: readonly T[], right: readonly T[]): boolean {
  return left === right || (left.length === right.length && left.every((one, index) => one === right[index]));
}

/**
 * @param columns empty: not known, and values are told as the formats say
 * @param formats that Bind asked for; empty: as the columns say
 */
export function rowReader(columns: readonly Column[], formats: readonly number[]): ReadRow {
  return (body) =>
    readDataRow(body).map((value, index) => {
      const column = columns[index];
      const binary = formats.length > 0 ? formatAt(formats, index) === 1 : (column?.binary ?? false);
      return recordedValue(value, binary, column?.typeOid ?? 0);
    });
}

export function outOfStep(what: string): Fault {
  return new Fault("upstream-out-of-step", `the target sent ${what} out of turn; the session ends`);
}
