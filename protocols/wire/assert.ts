/** A broken invariant of ours, never bad input: the connection in which it happens is lost, and it is reported. */
export function invariant(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`broken invariant: ${what}`);
}
