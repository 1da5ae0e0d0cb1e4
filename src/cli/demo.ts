/**
 * `sallyport demo`: starts everything, shows what to try, and runs until it is told to stop. Whatever ends it, the
 * cleanup ends what it started and removes what it wrote.
 */
import { startCleanup } from "#src/demo/cleanup.ts";
import { GatewayNotReady } from "#src/demo/gateway.ts";
import { PlatformUnsupported, type Stage, setStage } from "#src/demo/stage.ts";
import { demoOnce } from "./demo-once.ts";
import { showDemo } from "./demo-screen.ts";
import { type ExitCode, Failure } from "./failure.ts";
import type { Screen } from "./screen.ts";
import type { StopSignal, World } from "./world.ts";

export interface DemoOptions {
  /** Of the gateway; 0: a free one. */
  readonly port: number;
  readonly once: boolean;
}

/** A launcher and a terminal may both pass on the same Ctrl-C; a second one counts after this. */
const SECOND_SIGNAL_MS = 700;
const PARENT_POLL_MS = 1000;
const SIGNALS: readonly StopSignal[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/** @throws Failure when it does not start, or when `--once` found something wrong */
export async function demo(world: World, screen: Screen, options: DemoOptions): Promise<ExitCode> {
  const cleanup = startCleanup();
  const stop = listenForStop(world);
  try {
    const run = perform(world, screen, options, cleanup, stop.first);
    return await Promise.race([run, stop.first.then((): ExitCode => 0)]);
  } finally {
    const cleaned = screen.during("stopping", () => cleanup.run());
    // A second Ctrl-C does not wait; the cleanup is a process of its own and goes on.
    await Promise.race([cleaned, stop.second]);
    stop.close();
  }
}

async function perform(
  world: World,
  screen: Screen,
  options: DemoOptions,
  cleanup: ReturnType<typeof startCleanup>,
  stopped: Promise<void>,
): Promise<ExitCode> {
  const startedMs = world.now();
  const stage = await start(world, screen, options, cleanup);
  const died = stage.gateway.ended.then((words): never => {
    throw new Failure("demo-failed", "the gateway ended by itself", { hint: words });
  });
  const databaseDied = stage.database.ended.then((): never => {
    throw new Failure("demo-failed", "the demo's database ended by itself");
  });
  if (options.once) return await Promise.race([demoOnce(world, screen, stage, startedMs), died, databaseDied]);
  await showDemo(screen, stage);
  await Promise.race([stopped, died, databaseDied]);
  return 0;
}

function start(world: World, screen: Screen, options: DemoOptions, cleanup: ReturnType<typeof startCleanup>): Promise<Stage> {
  return screen.during("starting", async (say) => {
    try {
      return await setStage({
        port: options.port,
        nowMs: world.now(),
        self: world.self,
        env: world.env,
        cleanup,
        mysqlPath: options.once ? null : (world.env["PATH"] ?? ""),
        say: (label) => say(`starting: ${label}`),
      });
    } catch (error) {
      throw startFailure(error, options.port);
    }
  });
}

function startFailure(error: unknown, port: number): unknown {
  if (error instanceof PlatformUnsupported) {
    return new Failure("platform-unsupported", error.message, {
      hint: [
        "The demo needs the PostgreSQL that npm brings for Linux and macOS (an optional dependency). To see the gateway",
        "before a PostgreSQL of your own instead:",
        "  sallyport init gateway      then set targets.*.address in gateway/sallyport.yaml",
        "  sallyport serve --config gateway/sallyport.yaml",
      ].join("\n"),
      cause: error,
    });
  }
  if (error instanceof GatewayNotReady) {
    if (port !== 0 && error.message.includes("EADDRINUSE")) {
      return new Failure("port-in-use", `port ${port} on 127.0.0.1 is taken`, { hint: "leave --port out for a free one", cause: error });
    }
    return new Failure("demo-failed", "the gateway did not start", { hint: error.message, cause: error });
  }
  return error;
}

interface Stop {
  readonly first: Promise<void>;
  readonly second: Promise<void>;
  close(): void;
}

/** Ctrl-C, SIGTERM, a closed terminal, and under npm the end of npm itself. */
function listenForStop(world: World): Stop {
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  let firstMs: number | undefined;
  const onSignal = (): void => {
    if (firstMs === undefined) {
      firstMs = world.now();
      first.resolve();
    } else if (world.now() - firstMs > SECOND_SIGNAL_MS) second.resolve();
  };
  const offs = SIGNALS.map((signal) => world.onSignal(signal, onSignal));
  const timer = setInterval(() => {
    if (world.orphaned()) onSignal();
  }, PARENT_POLL_MS);
  timer.unref();
  return {
    first: first.promise,
    second: second.promise,
    close() {
      clearInterval(timer);
      for (const off of offs) off();
    },
  };
}
