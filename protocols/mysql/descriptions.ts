/**
 * Columns of results as they were told last. A session that repeats itself is told the same again: what comes byte for byte as
 * before is not read anew, and rows under the same columns are recorded under the very same description.
 */
import { type ReadRow, type Run, shownColumns } from "#protocols/wire/run.ts";
import type { RecordedColumn, RecordedValue } from "#protocols/wire/transcript.ts";
import { type Column, readColumn } from "./column.ts";
import type { ValueType } from "./values.ts";

export type ReadValues = (body: Buffer, columns: readonly ValueType[]) => readonly RecordedValue[];

/** Of one result. */
const COLUMNS_KEPT = 64;
/** Of one definition. */
const BYTES_KEPT = 512;

interface Described {
  readonly columns: readonly Column[];
  readonly masked: readonly boolean[];
  readonly recordedName: (name: string) => string;
  readonly values: ReadValues;
  readonly shown: readonly RecordedColumn[];
  readonly read: ReadRow;
}

export class Descriptions {
  /** Definitions by their place in a result. */
  readonly #told: { readonly bytes: Buffer; readonly column: Column }[] = [];
  #last: Described | null = null;

  /** @param payload a view. @param at the column's place in its result. @throws Fault `malformed-message` */
  column(payload: Buffer, at: number): Column {
    const known = this.#told[at];
    if (known?.bytes.equals(payload) === true) return known.column;
    const column = readColumn(payload);
    if (at < COLUMNS_KEPT && payload.length <= BYTES_KEPT) this.#told[at] = { bytes: Buffer.from(payload), column };
    return column;
  }

  describe(run: Run | null, columns: readonly Column[], values: ReadValues): void {
    if (run === null) return;
    const { outputMasked, recordedName = asItIs } = run.judgement ?? { outputMasked: [] };
    const masked = outputMasked[run.results] ?? [];
    const last = this.#last;
    const again =
      last?.values === values && last.recordedName === recordedName && isSame(last.columns, columns) && isSame(last.masked, masked);
    this.#last = again ? last : described(columns, masked, recordedName, values);
    run.describe(this.#last.shown, this.#last.read);
  }
}

/** Of a result whose columns come without definitions: they are counted, and no row is kept. */
export function describeCount(run: Run, columns: number): void {
  const names = Array.from({ length: columns }, (_, index) => `#${index + 1}`);
  run.describe(shownColumns(names, []), () => []);
  run.keepNoMore();
}

function described(
  columns: readonly Column[],
  masked: readonly boolean[],
  recordedName: (name: string) => string,
  values: ReadValues,
): Described {
  const names = columns.map(({ name }) => recordedName(name));
  const shown = shownColumns(names, masked);
  return { columns, masked, recordedName, values, shown, read: (body) => values(body, columns) };
}

function asItIs(name: string): string {
  return name;
}

function isSame<T>(left: readonly T[], right: readonly T[]): boolean {
  return left.length === right.length && left.every((one, index) => one === right[index]);
}
