/** A unified diff of two texts that differ in one place, as `patch -p0` takes it. */

const CONTEXT = 3;
const NO_NEWLINE = "\\ No newline at end of file";

/** @returns lines; none when the texts are the same */
export function unifiedDiff(file: string, before: string, after: string): readonly string[] {
  if (before === after) return [];
  const [old, now] = [linesOf(before), linesOf(after)];
  let head = 0;
  while (head < old.length && head < now.length && old[head] === now[head]) head += 1;
  let tail = 0;
  while (tail < old.length - head && tail < now.length - head && old[old.length - 1 - tail] === now[now.length - 1 - tail]) tail += 1;
  const from = Math.max(0, head - CONTEXT);
  const until = Math.min(tail, CONTEXT);
  const oldCount = old.length - tail + until - from;
  const nowCount = now.length - tail + until - from;
  return [
    `--- ${file}`,
    `+++ ${file}`,
    `@@ -${span(from, oldCount)} +${span(from, nowCount)} @@`,
    ...old.slice(from, head).flatMap((line) => marked(" ", line)),
    ...old.slice(head, old.length - tail).flatMap((line) => marked("-", line)),
    ...now.slice(head, now.length - tail).flatMap((line) => marked("+", line)),
    ...old.slice(old.length - tail, old.length - tail + until).flatMap((line) => marked(" ", line)),
  ];
}

/** With their ends: a line without one differs from one that has it. */
function linesOf(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function marked(mark: string, line: string): readonly string[] {
  return line.endsWith("\n") ? [`${mark}${line.slice(0, -1)}`] : [`${mark}${line}`, NO_NEWLINE];
}

/** Lines are counted from 1; before the first of an empty text stands 0. */
function span(from: number, count: number): string {
  return `${count === 0 ? from : from + 1},${count}`;
}
