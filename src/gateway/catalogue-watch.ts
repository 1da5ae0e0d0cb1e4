/**
 * The catalogue of one database of a target whose rules need it: read over a connection of the gateway's own, looked at
 * again when somebody asks and every few seconds, dialled again when lost. A target that is down has no catalogue, and
 * principals for whom such a rule holds no sessions, until it is back.
 */
import type { CatalogueConnection, CatalogueSource } from "#src/catalogue/source.ts";

export interface CatalogueWatchOptions<Seen> {
  readonly source: CatalogueSource<Seen>;
  /** How long a change made by others can go unseen, unless the database tells of it. */
  readonly pollMs: number;
  readonly onChange: (catalogue: Seen) => void;
  /** How often estimates of rows are read anew while nothing else changes; null: never. */
  readonly estimatesMs: number | null;
  /** The same catalogue with estimates that differ notably. */
  readonly onEstimates: (catalogue: Seen) => void;
  readonly onFailure: (error: unknown) => void;
}

/** Anybody may notify anything: looks for that reason are no more frequent than this. */
const NOTIFIED_MS = 100;
const REDIAL_MS_MAX = 30_000;
/** Changes come in bursts, and what looks again for the sake of a statement should not have to wait. */
const EXAMINE_MS = 500;

export class CatalogueWatch<Seen extends { readonly version: string }> {
  readonly #options: CatalogueWatchOptions<Seen>;
  #connection: CatalogueConnection<Seen> | null = null;
  #catalogue: Seen | null = null;
  #looking: Promise<void> | null = null;
  #next: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #examineTimer: NodeJS.Timeout | undefined;
  #notifiedTimer: NodeJS.Timeout | null = null;
  #examining: Promise<void> = Promise.resolve();
  #failures = 0;
  #estimatedAtMs = 0;
  #notifiedAtMs = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(options: CatalogueWatchOptions<Seen>) {
    this.#options = options;
  }

  get catalogue(): Seen | null {
    return this.#catalogue;
  }

  /** Looks now. Resolves when a look that began after this call is over, whatever it found. */
  refresh(): Promise<void> {
    if (this.#looking === null) return this.#begin();
    // The look under way may have begun before what the caller knows of.
    this.#next ??= this.#looking.then(() => {
      this.#next = null;
      return this.#begin();
    });
    return this.#next;
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    clearTimeout(this.#examineTimer);
    if (this.#notifiedTimer !== null) clearTimeout(this.#notifiedTimer);
    this.#connection?.socket.destroy();
  }

  #begin(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const look = this.#examining.then(() => this.#look());
    this.#looking = look.finally(() => {
      this.#looking = null;
      if (this.#stopped) return;
      const wait = this.#failures === 0 ? this.#options.pollMs : Math.min(2 ** this.#failures * 500, REDIAL_MS_MAX);
      this.#timer = setTimeout(() => void this.refresh(), wait);
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    if (this.#stopped) return;
    try {
      const connection = this.#connection ?? (await this.#dial());
      if (this.#catalogue === null || (await connection.digest()) !== this.#catalogue.version) {
        this.#catalogue = await connection.read();
        this.#estimatedAtMs = performance.now();
        this.#options.onChange(this.#catalogue);
        clearTimeout(this.#examineTimer);
        this.#examineTimer = setTimeout(() => this.#examine(), EXAMINE_MS);
      } else await this.#refreshEstimates(this.#catalogue, connection);
      this.#failures = 0;
    } catch (error) {
      this.#connection?.socket.destroy();
      this.#connection = null;
      this.#failures++;
      if (!this.#stopped) this.#options.onFailure(error);
    }
  }

  async #refreshEstimates(catalogue: Seen, connection: CatalogueConnection<Seen>): Promise<void> {
    const { estimatesMs, onEstimates } = this.#options;
    if (estimatesMs === null || performance.now() - this.#estimatedAtMs < estimatesMs) return;
    const estimated = await connection.estimated(catalogue);
    this.#estimatedAtMs = performance.now();
    if (estimated === catalogue) return;
    this.#catalogue = estimated;
    onEstimates(estimated);
  }

  #examine(): void {
    const look = this.#looking ?? Promise.resolve();
    this.#examining = look.then(() => {
      const [connection, catalogue] = [this.#connection, this.#catalogue];
      return this.#stopped || connection === null || catalogue === null ? undefined : connection.examine(catalogue);
    });
  }

  async #dial(): Promise<CatalogueConnection<Seen>> {
    const connection = await this.#options.source.open(() => this.#onNotified());
    this.#connection = connection;
    connection.socket.on("close", () => {
      if (this.#connection === connection) this.#connection = null;
    });
    // It may have gone while it was being made; who stopped the watch meanwhile found no connection to end.
    if (connection.socket.destroyed) this.#connection = null;
    if (this.#stopped) connection.socket.destroy();
    return connection;
  }

  #onNotified(): void {
    if (this.#stopped || this.#notifiedTimer !== null) return;
    const wait = Math.max(0, this.#notifiedAtMs + NOTIFIED_MS - performance.now());
    this.#notifiedTimer = setTimeout(() => {
      this.#notifiedTimer = null;
      this.#notifiedAtMs = performance.now();
      void this.refresh();
    }, wait);
  }
}
