/**
 * Taking the configuration up anew while the gateway serves: when asked to, when one of its files changes, and again when
 * a worker could not follow, since one that goes on with older rules is not to stay so. One reload runs at a time.
 */
import { statSync } from "node:fs";
import type { Logger } from "pino";
import type { RunningGateway } from "#src/gateway/keeper.ts";
import { wordsOf } from "./words-of.ts";

/** How often the files are looked at. Names and times are compared, so a link that is swapped or a file put in place is noticed too. */
const WATCH_MS = 2000;

export interface ReloadingParts {
  readonly gateway: Pick<RunningGateway, "reload">;
  /** The file and all that it named when it was last read. */
  readonly files: () => readonly string[];
  readonly log: Pick<Logger, "info" | "error">;
  /** Milliseconds between looks at the files. */
  readonly everyMs?: number;
}

export class Reloading {
  readonly #parts: ReloadingParts;
  readonly #timer: NodeJS.Timeout;
  /** What each file looked like when it was last about to be read. */
  #looks = new Map<string, string>();
  #running: Promise<void> | null = null;
  #again = false;

  /** Looks at the files from now on. */
  constructor(parts: ReloadingParts) {
    this.#parts = parts;
    this.#look();
    this.#timer = setInterval(() => this.#watch(), parts.everyMs ?? WATCH_MS);
  }

  /** Reads the files once more, behind a reload that runs already. */
  ask(): void {
    if (this.#running !== null) {
      this.#again = true;
      return;
    }
    this.#again = false;
    this.#running = this.#once().finally(() => {
      this.#running = null;
      if (this.#again) this.ask();
    });
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #once(): Promise<void> {
    const { gateway, log } = this.#parts;
    // Before they are read, so that what changes meanwhile is noticed.
    this.#look();
    try {
      const outcome = await gateway.reload();
      if (outcome.kind === "reloaded") log.info({ event: "reloaded", version: outcome.version });
      else for (const problem of outcome.problems) log.error({ event: "reload-refused", ...problem });
    } catch (error) {
      log.error({ event: "reload-failed", ...wordsOf(error) });
      this.#looks.clear();
      return;
    }
    // Files that are named for the first time.
    for (const file of this.#parts.files()) if (!this.#looks.has(file)) this.#looks.set(file, lookOf(file));
  }

  #look(): void {
    this.#looks = new Map(this.#parts.files().map((file) => [file, lookOf(file)]));
  }

  #watch(): void {
    if (this.#running === null && this.#parts.files().some((file) => this.#looks.get(file) !== lookOf(file))) this.ask();
  }
}

function lookOf(file: string): string {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat === undefined ? "-" : `${stat.ino} ${stat.size} ${stat.mtimeMs}`;
}
