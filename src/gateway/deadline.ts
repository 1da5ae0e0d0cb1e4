/** One time limit over several steps: progress does not extend it. When it passes, what it guards is cut off. */
export class Deadline {
  readonly #timer: NodeJS.Timeout;
  #passed = false;

  /** @param onPassed called once, unless `clear` was called before */
  constructor(ms: number, onPassed: () => void) {
    this.#timer = setTimeout(() => {
      this.#passed = true;
      onPassed();
    }, ms);
  }

  get passed(): boolean {
    return this.#passed;
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}
