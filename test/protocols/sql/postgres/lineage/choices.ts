/**
 * Random texts as functions of a list of numbers: each number decides one thing, and where the list ends everything
 * takes its first, simplest form. So fast-check shrinks a text by shrinking the list.
 */
import fc from "fast-check";

export class Choices {
  readonly #numbers: readonly number[];
  #at = 0;

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  /** From 0 up to and without `count`; 0 when nothing is left. */
  next(count: number): number {
    const number = this.#numbers[this.#at] ?? 0;
    this.#at += 1;
    return count < 1 ? 0 : number % count;
  }

  /** True in one of so many cases, never when nothing is left. */
  oneIn(count: number): boolean {
    return this.next(count) === count - 1 && !this.spent;
  }

  /** No number is left: nothing should grow any more. */
  get spent(): boolean {
    return this.#at >= this.#numbers.length;
  }

  pick<Value>(values: readonly [Value, ...Value[]]): Value;
  pick<Value>(values: readonly Value[]): Value | undefined;
  pick<Value>(values: readonly Value[]): Value | undefined {
    return values[this.next(values.length)];
  }
}

/** @param size how many choices a text has at most */
export function choices(size: number): fc.Arbitrary<readonly number[]> {
  return fc.array(fc.nat(9999), { minLength: Math.floor(size / 4), maxLength: size, size: "max" });
}
