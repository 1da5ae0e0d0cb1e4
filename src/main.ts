/**
 * The program: hands the process's arguments, environment, streams and signals to the command line, and ends with its
 * exit code. The only file that touches them.
 */
import { run } from "#src/cli/program.ts";
import type { World } from "#src/cli/world.ts";

const parent = process.ppid;

const world: World = {
  argv: process.argv.slice(2),
  env: process.env,
  cwd: process.cwd(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  now: () => Date.now(),
  self: { command: process.execPath, arguments: [...process.execArgv, import.meta.filename] },
  onSignal(signal, handler) {
    process.on(signal, handler);
    return () => process.off(signal, handler);
  },
  orphaned: () => process.ppid !== parent,
};

// A reader that has seen enough (`sallyport sessions | head`) is no error of ours.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    process.exit(error.code === "EPIPE" ? 0 : 1);
  });
}

const code = await run(world);
// Both streams are drained before the process ends: a pipe may still hold the end of a result.
await Promise.all([process.stdout, process.stderr].map((stream) => new Promise<void>((resolve) => stream.write("", () => resolve()))));
process.exit(code);
