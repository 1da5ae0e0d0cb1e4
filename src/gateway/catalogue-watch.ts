/**
 * The catalogue of one database of a target that has masking rules: read over a connection of the gateway's own, looked
 * at again when somebody asks and every few seconds, dialled again when lost. A target that is down has no catalogue,
 * and its masked principals no sessions, until it is back.
 */

import { type Catalogue, QueryRun } from "#protocols/postgres/protocol.ts";
import { catalogueDigest, readCatalogue } from "#src/catalogue/reader.ts";
import type { Upstream, UpstreamContext, UpstreamLeg } from "./upstream.ts";

export interface CatalogueWatchOptions {
  readonly upstream: Upstream;
  readonly database: string;
  readonly context: UpstreamContext;
  readonly onChange: (catalogue: Catalogue) => void;
  readonly onFailure: (error: unknown) => void;
}

/** How long a change made by others can go unseen; a look takes the target some milliseconds. */
const POLL_MS = 1_000;
const REDIAL_MS_MAX = 30_000;
const QUERY_MS = 30_000;

export class CatalogueWatch {
  readonly #options: CatalogueWatchOptions;
  #leg: UpstreamLeg | null = null;
  #catalogue: Catalogue | null = null;
  #looking: Promise<void> | null = null;
  #next: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #failures = 0;
  #stopped = false;

  constructor(options: CatalogueWatchOptions) {
    this.#options = options;
  }

  get catalogue(): Catalogue | null {
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
    this.#leg?.socket.destroy();
  }

  #begin(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#looking = this.#look().finally(() => {
      this.#looking = null;
      if (this.#stopped) return;
      const wait = this.#failures === 0 ? POLL_MS : Math.min(2 ** this.#failures * 500, REDIAL_MS_MAX);
      this.#timer = setTimeout(() => void this.refresh(), wait);
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    if (this.#stopped) return;
    try {
      this.#leg ??= await this.#dial();
      const query = (sql: string) => this.#query(sql);
      if (this.#catalogue === null || (await catalogueDigest(query)) !== this.#catalogue.version) {
        this.#catalogue = await readCatalogue(query);
        this.#options.onChange(this.#catalogue);
      }
      this.#failures = 0;
    } catch (error) {
      this.#leg?.socket.destroy();
      this.#leg = null;
      this.#failures++;
      if (!this.#stopped) this.#options.onFailure(error);
    }
  }

  async #dial(): Promise<UpstreamLeg> {
    const { upstream, database, context } = this.#options;
    const parameters = new Map([
      ["user", upstream.target.credential.user],
      ["database", database],
      ["application_name", "sallyport catalogue reader"],
      ["client_encoding", "UTF8"],
    ]);
    const leg = await upstream.dial(parameters, context);
    leg.socket.on("close", () => {
      if (this.#leg === leg) this.#leg = null;
    });
    return leg;
  }

  #query(sql: string): Promise<readonly Readonly<Record<string, string | null>>[]> {
    const socket = this.#leg?.socket;
    if (socket === undefined) return Promise.reject(new Error("the catalogue reader's connection is lost"));
    const run = new QueryRun(sql);
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        socket.off("data", onData);
        socket.off("close", onClose);
        settle();
      };
      const onClose = (): void => end(() => reject(new Error("the catalogue reader's connection is lost")));
      const onData = (chunk: Buffer): void => {
        try {
          const rows = run.push(chunk);
          if (rows !== undefined) end(() => resolve(rows));
        } catch (error) {
          end(() => reject(error));
        }
      };
      const timer = setTimeout(() => socket.destroy(), QUERY_MS);
      socket.on("data", onData);
      socket.on("close", onClose);
      socket.write(run.request);
    });
  }
}
