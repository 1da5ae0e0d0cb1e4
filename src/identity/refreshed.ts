/**
 * A value that is fetched when needed and kept for a bounded time: an issuer's metadata, its keys. One fetch runs at
 * a time, whoever asks; a failed one is not repeated at once; an old value serves through an outage, but not for ever;
 * and those who can make us ask again, as anyone with an unknown key can, are held to a budget.
 */

export interface Ages {
  /** Younger than this, the value is used without asking again. */
  readonly freshMs: number;
  /** Younger than this, it is used when asking again fails. */
  readonly usableMs: number;
  /** After a fetch that failed, the next waits this long. */
  readonly retryMs: number;
  /** Renewals of a fresh value that are granted within `renewalPeriodMs`. */
  readonly renewals: number;
  readonly renewalPeriodMs: number;
}

/** Milliseconds that never go back, such as `performance.now()`. */
export type MonotonicClock = () => number;

export class Refreshed<T> {
  readonly #fetch: () => Promise<T>;
  readonly #ages: Ages;
  readonly #now: MonotonicClock;
  #current: { readonly value: T; readonly at: number } | undefined;
  #failure: { readonly at: number; readonly error: unknown } | undefined;
  #renewals: readonly number[] = [];
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
    await this.#run();
    if (this.#current !== undefined && this.#now() - this.#current.at < this.#ages.usableMs) {
      return this.#current.value;
    }
    throw this.#failure?.error ?? new Error("the value is too old");
  }

  /** Fetches again because the value at hand does not do; false when the budget is used up, or the fetch failed. */
  async renew(): Promise<boolean> {
    if (this.#running === undefined) {
      const recent = this.#renewals.filter((at) => this.#now() - at < this.#ages.renewalPeriodMs);
      if (recent.length >= this.#ages.renewals) {
        return false;
      }
      this.#renewals = [...recent, this.#now()];
    }
    await this.#run();
    return this.#failure === undefined;
  }

  /** Does nothing for a moment after a failure, so that logins need not each wait for an issuer that is away. */
  async #run(): Promise<void> {
    if (this.#running === undefined && this.#failure !== undefined && this.#now() - this.#failure.at < this.#ages.retryMs) {
      return;
    }
    this.#running ??= this.#fetchOnce().finally(() => {
      this.#running = undefined;
    });
    await this.#running;
  }

  async #fetchOnce(): Promise<void> {
    try {
      const value = await this.#fetch();
      this.#current = { value, at: this.#now() };
      this.#failure = undefined;
    } catch (error) {
      this.#failure = { at: this.#now(), error };
    }
  }
}
