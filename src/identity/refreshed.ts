/**
 * A value that is fetched when needed and kept for a bounded time: an issuer's metadata, its keys. One fetch runs at
 * a time, whoever asks; a failed one is not repeated at once; an old value serves through an outage, but not for ever.
 */

export interface Ages {
  /** Younger than this, the value is used without asking again. */
  readonly freshMs: number;
  /** Younger than this, it is used when asking again fails. */
  readonly usableMs: number;
  /** The least time between two fetches. */
  readonly cooldownMs: number;
}

/** Milliseconds that never go back, such as `performance.now()`. */
export type MonotonicClock = () => number;

export class Refreshed<T> {
  readonly #fetch: () => Promise<T>;
  readonly #ages: Ages;
  readonly #now: MonotonicClock;
  #current: { readonly value: T; readonly at: number } | undefined;
  #last: { readonly at: number; readonly error: unknown } | undefined;
  #running: Promise<void> | undefined;

  constructor(fetch: () => Promise<T>, ages: Ages, now: MonotonicClock) {
    this.#fetch = fetch;
    this.#ages = ages;
    this.#now = now;
  }

  /** The value, fresh if it can be had. @throws whatever the last fetch threw, when there is no usable value. */
  async get(): Promise<T> {
    if (this.#current !== undefined && this.#now() - this.#current.at < this.#ages.freshMs) {
      return this.#current.value;
    }
    if (!this.#coolingDown() || this.#running !== undefined) {
      await this.#run();
    }
    if (this.#current !== undefined && this.#now() - this.#current.at < this.#ages.usableMs) {
      return this.#current.value;
    }
    throw this.#last?.error ?? new Error("the value is too old");
  }

  /** Fetches again because the value at hand does not do; false when that was done a moment ago, or has failed. */
  async renew(): Promise<boolean> {
    if (this.#coolingDown() && this.#running === undefined) {
      return false;
    }
    await this.#run();
    return this.#last?.error === undefined;
  }

  #coolingDown(): boolean {
    return this.#last !== undefined && this.#now() - this.#last.at < this.#ages.cooldownMs;
  }

  #run(): Promise<void> {
    this.#running ??= this.#fetchOnce().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #fetchOnce(): Promise<void> {
    try {
      const value = await this.#fetch();
      this.#current = { value, at: this.#now() };
      this.#last = { at: this.#now(), error: undefined };
    } catch (error) {
      this.#last = { at: this.#now(), error: error ?? new Error("failed") };
    }
  }
}
