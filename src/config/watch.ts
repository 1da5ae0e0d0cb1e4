/**
 * Applies changes of the configuration while the gateway runs: on the caller's request (SIGHUP), and when one of the
 * files it was made from changes. All or nothing: a file that does not load leaves everything as it was.
 */
import { type Stats, unwatchFile, watchFile } from "node:fs";
import type { Config, LoadResult, Problem } from "./config.ts";

/**
 * How often files are looked at. Polling follows renames, symbolic links (as Kubernetes exchanges secrets) and network
 * folders, where notifications do not.
 */
const POLL_MS = 2_000;
/** Certificate and key are two files and are replaced one after the other. */
const SETTLE_MS = 500;

export interface WatchHandlers {
  readonly load: () => Promise<LoadResult>;
  readonly loaded: (config: Config, warnings: readonly Problem[]) => void;
  /** The configuration in force stays. */
  readonly refused: (problems: readonly Problem[]) => void;
}

export interface ConfigWatch {
  /** Loads now; resolves when the outcome has been handed over. One at a time: a request during another waits for it. */
  reload(): Promise<void>;
  close(): void;
}

export interface WatchTimes {
  readonly pollMs: number;
  readonly settleMs: number;
}

/** Watches the files of `config`, and after each reload those of the new one. Keeps no process alive. */
export function watchConfig(
  config: Pick<Config, "files">,
  handlers: WatchHandlers,
  times: WatchTimes = { pollMs: POLL_MS, settleMs: SETTLE_MS },
): ConfigWatch {
  let watched: readonly string[] = [];
  let settling: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let closed = false;

  const changed = (now: Stats, before: Stats) => {
    if (now.mtimeMs === before.mtimeMs && now.ino === before.ino && now.size === before.size) {
      return;
    }
    clearTimeout(settling);
    settling = setTimeout(() => void reload(), times.settleMs).unref();
  };
  const watch = (files: readonly string[]) => {
    for (const file of watched) {
      unwatchFile(file, changed);
    }
    watched = files;
    for (const file of watched) {
      watchFile(file, { interval: times.pollMs, persistent: false }, changed);
    }
  };
  const reload = (): Promise<void> => {
    running = running.then(async () => {
      const result = await handlers.load();
      if (closed) {
        return;
      }
      if (result.kind === "refused") {
        handlers.refused(result.problems);
      } else {
        watch(result.config.files);
        handlers.loaded(result.config, result.warnings);
      }
    });
    return running;
  };

  watch(config.files);
  return {
    reload,
    close: () => {
      closed = true;
      clearTimeout(settling);
      watch([]);
    },
  };
}
