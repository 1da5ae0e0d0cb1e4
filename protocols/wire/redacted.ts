/** Texts without what must not stand in their record: each such range gives way to its keyed digest. */

/** Indexes into a text, the end not included. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/** In order, and none over another. */
export function joinedRanges(ranges: readonly TextRange[]): readonly TextRange[] {
  const found: { start: number; end: number }[] = [];
  for (const { start, end } of ranges.toSorted((a, b) => a.start - b.start)) {
    const last = found.at(-1);
    if (last === undefined || start >= last.end) found.push({ start, end });
    else last.end = Math.max(last.end, end);
  }
  return found;
}

/** @param ranges in order, and none over another; quotes are parts of them. @param digest of what stands there */
export function redacted(text: string, ranges: readonly TextRange[], digest: (literal: string) => string): string {
  let at = 0;
  let made = "";
  for (const { start, end } of ranges) {
    made += text.slice(at, start) + digest(text.slice(start, end));
    at = end;
  }
  return made + text.slice(at);
}
