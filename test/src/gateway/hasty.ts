/**
 * The program with deadlines of some seconds, so that a test can wait for them, and so that a machine that stands still for three
 * keeps them all the same; everything else is as in main.ts.
 */
import { run } from "#src/cli/program.ts";
import { WORKER_COMMAND } from "#src/cli/worker-command.ts";
import { loadConfig } from "#src/config/load.ts";
import type { Deadlines } from "#src/gateway/limits.ts";
import { runWorker } from "#src/gateway/worker.ts";

export const HASTY: Deadlines = { loginMs: 8000, upstreamLoginMs: 4000, drainMs: 5000, halfClosedMs: 500 };

const [command, file] = process.argv.slice(2);
const send = process.send?.bind(process);
if (command === WORKER_COMMAND && file !== undefined && send !== undefined) {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
  process.once("disconnect", () => process.exit(1));
  runWorker({
    load: () => loadConfig(file, process.env),
    send: (message) => void send(message),
    receive: (handler) => void process.on("message", handler),
    exit: (code) => process.exit(code),
    deadlines: HASTY,
  });
} else if (command === "serve") {
  process.exit(
    await run({
      argv: process.argv.slice(2),
      env: process.env,
      cwd: process.cwd(),
      stdin: process.stdin,
      stdout: process.stdout,
      stderr: process.stderr,
      now: () => Date.now(),
      self: { command: process.execPath, options: process.execArgv, program: import.meta.filename },
      onSignal(signal, handler) {
        process.on(signal, handler);
        return () => process.off(signal, handler);
      },
      onDefect(handler) {
        process.on("uncaughtException", handler);
        return () => process.off("uncaughtException", handler);
      },
      orphaned: () => false,
    }),
  );
}
