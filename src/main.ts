/**
 * The program: hands the process's arguments, environment, streams and signals to the command line, and ends with its
 * exit code. The only file that touches them. As a child with a channel to the keeper it is a worker of the gateway.
 */
import { watchParent } from "#src/cli/parent.ts";
import { run } from "#src/cli/program.ts";
import { WORKER_COMMAND } from "#src/cli/worker-command.ts";
import type { World } from "#src/cli/world.ts";

const [command, file] = process.argv.slice(2);
const { send } = process;
let stopping = false;
if (command === WORKER_COMMAND && file !== undefined && send !== undefined) await work(file, send.bind(process));
else await runCommand();

async function runCommand(): Promise<void> {
  const world: World = {
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
    orphaned: watchParent(process.env),
  };
  for (const stream of [process.stdout, process.stderr]) stream.on("error", endWithoutReader);
  const code = await run(world);
  // Both streams are drained before the process ends: a pipe may still hold the end of a result.
  await Promise.all([process.stdout, process.stderr].map((stream) => new Promise<void>((resolve) => stream.write("", () => resolve()))));
  process.exit(code);
}

/**
 * A reader that has seen enough (`sallyport sessions | head`) is no error; what runs until it is stopped stops in order.
 * What it writes while it stops fails too, and is told to nobody.
 */
function endWithoutReader(error: NodeJS.ErrnoException): void {
  if (stopping) return;
  stopping = true;
  if (process.listenerCount("SIGTERM") > 0) process.emit("SIGTERM", "SIGTERM");
  else process.exit(error.code === "EPIPE" ? 0 : 1);
}

/** One process of the data path. It ends when the keeper says so, or is gone. */
async function work(configFile: string, tell: (message: object) => boolean): Promise<void> {
  const [{ loadConfig }, { runWorker }, { DEADLINES }] = await Promise.all([
    import("#src/config/load.ts"),
    import("#src/gateway/worker.ts"),
    import("#src/gateway/limits.ts"),
  ]);
  // A terminal's Ctrl-C reaches the whole group; what to do about it is the keeper's to say.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
  process.on("uncaughtException", (error) => {
    if (process.connected) tell({ type: "log", level: "error", event: "defect", fields: { message: error.message, stack: error.stack } });
  });
  process.once("disconnect", () => process.exit(1));
  runWorker({
    load: () => loadConfig(configFile, process.env),
    send: (message) => void tell(message),
    receive: (handler) => void process.on("message", handler),
    exit: (code) => process.exit(code),
    deadlines: DEADLINES,
  });
}
