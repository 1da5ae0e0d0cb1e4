/** Replaces stretches of a text, and knows afterwards where each character of the result came from. */
import type { TextRange } from "#protocols/wire/redacted.ts";
import { type Offsets, offsetsOf } from "./offsets.ts";

export interface Splice {
  /** Indexes into the string, end excluded. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** Where in `text` masked relations may stand; when left out, anywhere. */
  readonly marks?: readonly TextRange[];
}

export interface Spliced {
  readonly sql: string;
  /** Where the inserted texts stand in `sql`, in order. */
  readonly inserted: readonly TextRange[];
  /** The splices' marks as they stand in `sql`, in order. */
  readonly marks: readonly TextRange[];
  /** Whether an index of `sql` lies in one of them. */
  readonly isMarked: (index: number) => boolean;
  /** The same stretch of the original in `sql`; the stretch must not overlap what was replaced. */
  readonly forward: (range: { readonly start: number; readonly end: number }) => { readonly start: number; readonly end: number };
  /** Character position (from 1) of `sql` to one of the original: inside inserted text, where that was put. */
  readonly mapPosition: (position: number) => number | null;
}

/** Undefined when two splices overlap: then something was misread. */
export function spliced(original: string, splices: readonly Splice[], offsets: Offsets): Spliced | undefined {
  const ordered = [...splices].sort((a, b) => a.start - b.start || a.end - b.end);
  const pieces: string[] = [];
  const inserted: { start: number; end: number; from: Splice }[] = [];
  let at = 0;
  let length = 0;
  const add = (piece: string): void => {
    pieces.push(piece);
    length += piece.length;
  };
  for (const splice of ordered) {
    if (splice.start < at || splice.end < splice.start) return undefined;
    add(original.slice(at, splice.start));
    inserted.push({ start: length, end: length + splice.text.length, from: splice });
    add(splice.text);
    at = splice.end;
  }
  add(original.slice(at));
  const sql = pieces.join("");
  const backward = (index: number): number => {
    let shift = 0;
    for (const { start, end, from } of inserted) {
      if (index < start) break;
      // Where text was only cut away, what follows it is named by where the cut began: `public.users.id`.
      if (index < end || (start === end && index === start)) return from.start;
      shift = from.end - end;
    }
    return index + shift;
  };
  const marks = inserted.flatMap(({ start, from }) => shifted(from.marks ?? [{ start: 0, end: from.text.length }], start));
  return {
    sql,
    inserted,
    marks,
    isMarked: (index) => {
      const last = marks[countTo(marks, (one) => one.start <= index) - 1];
      return last !== undefined && index < last.end;
    },
    forward: ({ start, end }) => {
      const before = inserted[countTo(inserted, ({ from }) => from.end <= start) - 1];
      const shift = before === undefined ? 0 : before.end - before.from.end;
      return { start: start + shift, end: end + shift };
    },
    mapPosition: (position) => mapped(sql, position, original, offsets, backward),
  };
}

/** How many at the head of a list something holds for, when it holds for none behind the first that it does not hold for. */
function countTo<Item>(list: readonly Item[], holds: (item: Item) => boolean): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const item = list[middle];
    if (item !== undefined && holds(item)) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function shifted(ranges: readonly TextRange[], by: number): readonly TextRange[] {
  return ranges.map(({ start, end }) => ({ start: start + by, end: end + by }));
}

function mapped(sql: string, position: number, original: string, offsets: Offsets, backward: (index: number) => number): number | null {
  if (!Number.isInteger(position) || position < 1 || position > sql.length + 1) return null;
  const index = backward(offsetsOf(sql).fromPosition(position));
  return index > original.length ? null : offsets.toPosition(index);
}
