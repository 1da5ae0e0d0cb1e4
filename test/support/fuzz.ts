/** How much a fuzz test does: little by default, `FUZZ_RUNS` times as asked, and what it found before, kept as a corpus. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "#test/support/tree.ts";

const CORPUS = join(ROOT, "test", "fuzz", "corpus");

/** For `fc.assert`: `FUZZ_RUNS=100000 node --test 'test/fuzz/*.test.ts'` runs long; `FUZZ_SEED` repeats one run. */
export function fuzzing(runs: number): { readonly numRuns: number; readonly seed?: number } {
  const asked = Number(process.env["FUZZ_RUNS"] ?? runs);
  if (!Number.isSafeInteger(asked) || asked < 1) throw new Error("FUZZ_RUNS is not a number of runs");
  const seed = process.env["FUZZ_SEED"];
  return seed === undefined ? { numRuns: asked } : { numRuns: asked, seed: Number(seed) };
}

/** How many of `all` chance may make of a share: five standard deviations more, which are few of many. */
export function atMost(share: number, all: number): number {
  return share * all + 5 * Math.sqrt(share * all);
}

/** Minimised finds, by their file's name; lines of hex, each a chunk. */
export function corpus(name: string): readonly { readonly name: string; readonly chunks: readonly Buffer[] }[] {
  return readdirSync(CORPUS)
    .filter((file) => file.startsWith(`${name}-`) && file.endsWith(".hex"))
    .toSorted()
    .map((file) => {
      const lines = readFileSync(join(CORPUS, file), "utf8").split("\n");
      return { name: file, chunks: lines.filter((line) => line !== "" && !line.startsWith("#")).map((line) => Buffer.from(line, "hex")) };
    });
}

/** As `corpus`, for finds that are no bytes. */
export function corpusValues(name: string): readonly { readonly name: string; readonly value: unknown }[] {
  return readdirSync(CORPUS)
    .filter((file) => file.startsWith(`${name}-`) && file.endsWith(".json"))
    .toSorted()
    .map((file) => ({ name: file, value: JSON.parse(readFileSync(join(CORPUS, file), "utf8")) }));
}
