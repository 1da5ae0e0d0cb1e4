/**
 * The demo's side of the janitor: everything the demo starts or writes is named here first, so that it is cleaned up
 * in one way only, whether the demo ends by itself, by a signal, by an error, or is killed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { extname, join } from "node:path";
import type { Chore } from "#src/demo/janitor.ts";

export interface Cleanup {
  /** Ends `child` by `signal` when the time comes; those named last end first. The child must lead its own process group. */
  process(child: ChildProcess, signal: "SIGTERM" | "SIGINT"): void;
  folder(path: string): void;
  /** Starts cleaning up and resolves when all is done. May be called again. */
  run(): Promise<void>;
}

export function startCleanup(): Cleanup {
  const program = join(import.meta.dirname, `janitor${extname(import.meta.filename)}`);
  const janitor = spawn(process.execPath, [program], { detached: true, stdio: ["pipe", "ignore", "ignore"], env: {}, cwd: "/" });
  const gone = once(janitor, "exit");
  janitor.stdin.on("error", () => undefined); // it is gone; nothing is left to be told
  const tell = (chore: Chore): void => {
    janitor.stdin.write(`${JSON.stringify(chore)}\n`);
  };
  return {
    process(child, signal) {
      const { pid } = child;
      if (pid === undefined) return;
      tell({ kind: "process", pid, signal });
      child.once("exit", () => tell({ kind: "ended", pid }));
    },
    folder: (path) => tell({ kind: "folder", path }),
    async run() {
      janitor.stdin.end();
      await gone;
    },
  };
}
