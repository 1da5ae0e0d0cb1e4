/**
 * Chance that one number repeats: the same seed gives the same statements, on every machine. Nothing here guards
 * anything; it is fast, and that is all it has to be.
 */
import { Choices } from "#test/protocols/sql/postgres/lineage/choices.ts";

export class Chance {
  #state: number;

  /** @param seed any whole number */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to and without `count`. */
  below(count: number): number {
    return Math.floor(this.#next() * count);
  }

  /** True in one of so many cases. */
  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  /** @throws Error when there is nothing to pick from */
  pick<Value>(values: readonly Value[]): Value {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new Error("nothing to pick from");
    return value;
  }

  /** What the maker of lineage queries draws from. */
  choices(size: number): Choices {
    return new Choices(Array.from({ length: size }, () => this.below(10_000)));
  }

  /** Mulberry32: 32 bits of state, each number from 0 up to and without 1. */
  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}
