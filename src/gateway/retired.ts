/**
 * Catalogues of configurations that others have taken the place of, as far as those have them no more: a target has moved,
 * or no rule needs them now. Sessions that began under them are judged by them still, so they are looked at until the last
 * of these has ended.
 */
import type { Catalogues } from "./catalogues.ts";

interface Left {
  readonly catalogues: Catalogues;
  /** Ids of sessions that may have begun under them. */
  readonly sessions: Set<string>;
}

export class RetiredCatalogues {
  readonly #onGone: (name: string) => void;
  #all: readonly Left[] = [];

  /** @param onGone is told of each catalogue that is looked at no more, by its name; another of that name may be in force */
  constructor(onGone: (name: string) => void) {
    this.#onGone = onGone;
  }

  /** @param sessions that run now */
  add(catalogues: Catalogues, sessions: Iterable<string>): void {
    this.#all = [...this.#all, { catalogues, sessions: new Set(sessions) }];
    this.#clear();
  }

  ended(sessions: Iterable<string>): void {
    for (const id of sessions) for (const left of this.#all) left.sessions.delete(id);
    this.#clear();
  }

  has(name: string): boolean {
    return this.#all.some(({ catalogues }) => catalogues.has(name));
  }

  async refresh(name: string): Promise<void> {
    await Promise.all(this.#all.map(({ catalogues }) => catalogues.refresh(name)));
  }

  stop(): void {
    for (const { catalogues } of this.#all) catalogues.stop();
  }

  #clear(): void {
    const over = this.#all.filter(({ sessions }) => sessions.size === 0);
    this.#all = this.#all.filter(({ sessions }) => sessions.size > 0);
    for (const { catalogues } of over) {
      catalogues.stop();
      for (const name of catalogues.names) if (!this.has(name)) this.#onGone(name);
    }
  }
}
