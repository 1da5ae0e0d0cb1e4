/** Runs one command as main.ts would, with streams and a clock of the test's own: what it printed, and its exit code. */
import { PassThrough } from "node:stream";
import type { ExitCode } from "#src/cli/failure.ts";
import { run } from "#src/cli/program.ts";
import type { World } from "#src/cli/world.ts";

export interface Ran {
  readonly code: ExitCode;
  readonly out: string;
  readonly err: string;
  /** The lines of `out` as JSON. */
  objects(): Record<string, unknown>[];
}

export interface TerminalOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly nowMs?: number;
  /** Both streams are terminals of this many columns. */
  readonly columns?: number;
  /** Keys that are pressed, in this order, once the command reads keys. */
  readonly keys?: readonly string[];
}

export async function runCommand(argv: readonly string[], options: TerminalOptions = {}): Promise<Ran> {
  const tty = options.columns === undefined ? {} : { isTTY: true, columns: options.columns };
  const stdout = Object.assign(new PassThrough(), tty);
  const stderr = new PassThrough();
  const rawModes: boolean[] = [];
  const stdin = Object.assign(
    new PassThrough(),
    options.columns === undefined ? {} : { isTTY: true, setRawMode: (on: boolean) => rawModes.push(on) },
  );
  for (const key of options.keys ?? []) stdin.write(key);
  const [out, err] = [collect(stdout), collect(stderr)];
  const world: World = {
    argv,
    env: options.env ?? {},
    cwd: options.cwd ?? process.cwd(),
    stdin,
    stdout,
    stderr,
    now: () => options.nowMs ?? Date.now(),
    self: { command: process.execPath, options: [], program: "" },
    onSignal: () => () => undefined,
    onDefect: () => () => undefined,
    orphaned: () => false,
  };
  const code = await run(world);
  if (rawModes.at(-1) === true) throw new Error("the terminal was left in raw mode");
  return {
    code,
    out: out(),
    err: err(),
    objects: () =>
      out()
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line)),
  };
}

function collect(stream: PassThrough): () => string {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString("utf8");
}
