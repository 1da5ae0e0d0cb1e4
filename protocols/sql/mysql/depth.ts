/**
 * How deep the grammar's tree of a statement would be at most. The grammar library follows trees on a stack of one megabyte, and
 * once that has overflowed it never reads anything again: such a statement must not reach it.
 *
 * Brackets nest; and so do operators side by side, `a + b + c` being `(a + b) + c`. AND and OR bind looser than all others.
 */
import type { Token } from "./lexer.ts";

/** It overflows between 600 and 800, by what stands there. */
const DEPTH_MAX = 400;

const LOOSE: ReadonlySet<string> = new Set(["and", "or", "xor", "union", "except", "intersect", "minus"]);
const TIGHT: ReadonlySet<string> = new Set(
  `is in like ilike between div mod regexp rlike collate member escape sounds similar overlaps at glob not binary interval case notnull
  isnull match operator prior`.split(/\s+/),
);
/** They nest by no chain of theirs. */
const PLAIN: ReadonlySet<string> = new Set(["(", ")", ",", ".", ";"]);

/** What stands between two commas of one pair of brackets. */
class Run {
  #loose = 0;
  #tight = 0;
  #tightMax = 0;
  #below = 0;
  /** Of the runs of the same brackets that are behind it. */
  #before = 0;

  loose(): void {
    this.#loose++;
    this.#tight = 0;
  }

  tight(): void {
    this.#tight++;
    this.#tightMax = Math.max(this.#tightMax, this.#tight);
  }

  bracket(depth: number): void {
    this.#below = Math.max(this.#below, depth);
  }

  comma(): void {
    this.#before = this.depth();
    this.#loose = this.#tight = this.#tightMax = this.#below = 0;
  }

  depth(): number {
    return Math.max(this.#before, this.#loose + this.#tightMax + this.#below + 1);
  }
}

export function isTooDeep(tokens: readonly Token[]): boolean {
  let run = new Run();
  const outer: Run[] = [];
  for (const { kind, text } of tokens) {
    if (kind === "symbol" && text === "(") {
      outer.push(run);
      run = new Run();
    } else if (kind === "symbol" && text === ")") run = closed(run, outer);
    else if (kind === "symbol" && (text === "," || text === ";")) run.comma();
    else if (kind === "symbol" && !PLAIN.has(text)) run.tight();
    else if (kind === "word" && LOOSE.has(text.toLowerCase())) run.loose();
    else if (kind === "word" && TIGHT.has(text.toLowerCase())) run.tight();
  }
  while (outer.length > 0) run = closed(run, outer);
  return run.depth() > DEPTH_MAX;
}

function closed(run: Run, outer: Run[]): Run {
  const around = outer.pop() ?? new Run();
  around.bracket(run.depth());
  return around;
}
