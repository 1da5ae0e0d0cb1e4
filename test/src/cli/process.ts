/** Runs main.ts as a process of its own, as a shell would, and gathers what it prints. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "#test/support/tree.ts";

export interface Running {
  readonly child: ChildProcess;
  out(): string;
  err(): string;
  /** Resolves when stdout holds a match. @throws Error when the process ends before */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  /** Exit code, or the signal's name. */
  readonly ended: Promise<number | string>;
}

export function startProgram(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  return startWith([join(ROOT, "src", "main.ts"), ...argv], env);
}

/** Node with these arguments. */
export function startWith(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  const child = spawn(process.execPath, argv, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env["PATH"], TMPDIR: process.env["TMPDIR"], ...env },
  });
  let [out, err] = ["", ""];
  const watchers = new Set<() => void>();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    for (const watcher of watchers) watcher();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  const ended = new Promise<number | string>((resolve) => child.once("close", (code, signal) => resolve(code ?? signal ?? -1)));
  return {
    child,
    out: () => out,
    err: () => err,
    ended,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(out);
          if (match === null) return;
          watchers.delete(look);
          resolve(match);
        };
        watchers.add(look);
        look();
        void ended.then((code) => reject(new Error(`ended with ${code} before ${pattern}\n${out}\n${err}`)));
      }),
  };
}
