/**
 * `sallyport serve`: runs the gateway until it is told to stop. One JSON object a line on stdout; configuration and
 * certificates are read again on SIGHUP and when one of the files changes.
 */
import { fork } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { resolve } from "node:path";
import pino, { type Logger } from "pino";
import type { HostPort, LoadResult } from "#src/config/config.ts";
import { loadConfig } from "#src/config/load.ts";
import { RulesError, type RunningGateway, runKeeper } from "#src/gateway/keeper.ts";
import { WORKER_FLAGS } from "#src/gateway/worker-flags.ts";
import { type ExitCode, Failure } from "./failure.ts";
import { problemLine } from "./problem-line.ts";
import { Reloading } from "./reloading.ts";
import type { Screen } from "./screen.ts";
import { lockState } from "./state-lock.ts";
import { wordsOf } from "./words-of.ts";
import { WORKER_COMMAND } from "./worker-command.ts";
import type { World } from "./world.ts";

/** @throws Failure `config-invalid`, `already-running`, `start-failed` */
export async function serve(world: World, screen: Screen, given: string): Promise<ExitCode> {
  const file = resolve(world.cwd, given);
  let files: readonly string[] = [file];
  const load = async (): Promise<LoadResult> => {
    const result = await loadConfig(file, world.env);
    if (result.kind === "loaded") files = result.config.files;
    return result;
  };
  const loaded = await load();
  if (loaded.kind === "refused") {
    for (const problem of loaded.problems) screen.note(problemLine(given, problem, screen));
    throw new Failure("config-invalid", `${given} has problems; the gateway does not start`, { hint: "sallyport check lists them" });
  }
  const unlock = lockState(loaded.config.state.sqlite);
  const log = makeLog(world);
  for (const warning of loaded.warnings) log.warn({ event: "config-warning", ...warning });
  const gateway = await start(world, file, load, loaded.config, log).catch((error: unknown) => {
    if (!(error instanceof RulesError)) throw error;
    for (const remark of error.remarks) screen.note(problemLine(given, loaded.locate("error", remark), screen));
    throw new Failure("config-invalid", `${error.message}; the gateway does not start`, {
      hint: `sallyport check --targets --config ${given} lists what does not fit`,
      cause: error,
    });
  });
  const reloading = new Reloading({ gateway, files: () => files, log });
  const stopped = stopSignal(world, log);
  const offs = [
    world.onSignal("SIGHUP", () => reloading.ask()),
    () => reloading.stop(),
    world.onDefect((error) => log.error({ event: "defect", ...wordsOf(error) })),
  ];
  // Whoever reads this line may send signals at once.
  const { version, workers } = loaded.config;
  log.info({ event: "ready", addresses: addressTexts(gateway.addresses), version, workers });
  await stopped;
  for (const off of offs) off();
  await gateway.stop();
  unlock();
  log.info({ event: "stopped" });
  return 0;
}

async function start(
  world: World,
  file: string,
  load: () => Promise<LoadResult>,
  config: Parameters<typeof runKeeper>[0],
  log: Logger,
): Promise<RunningGateway> {
  try {
    mkdirSync(config.recording.directory, { recursive: true, mode: 0o750 });
    const { postgres, mysql, https, http } = config.listen;
    for (const address of [postgres, mysql, https, http]) await bindOnce(address);
    return await runKeeper(config, {
      load,
      fork: () =>
        fork(world.self.program, [WORKER_COMMAND, file], {
          execPath: world.self.command,
          execArgv: [...world.self.options, ...WORKER_FLAGS],
        }),
      log: (level, event, fields) => log[level]({ event, ...fields }),
    });
  } catch (cause) {
    if (cause instanceof RulesError) {
      for (const { path, message } of cause.remarks) log.error({ event: "masking-rule", path: path.join("."), problem: message });
      throw cause;
    }
    log.error({ event: "start-failed", ...wordsOf(cause) });
    throw new Failure("start-failed", wordsOf(cause).message, { cause });
  }
}

/**
 * Workers bind their port so that several processes may share it; any other gateway of the same account could then join
 * unseen. Binding it once without sharing tells.
 */
async function bindOnce(address: HostPort | null): Promise<void> {
  if (address === null || address.port === 0) return;
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(address.port, address.host, resolve));
  await new Promise((resolve) => server.close(resolve));
}

function makeLog(world: World): Logger {
  return pino(
    {
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    world.stdout,
  );
}

/** `host:port` of every listener that exists; an IPv6 host in brackets. */
function addressTexts(addresses: RunningGateway["addresses"]): Record<string, string> {
  const bound = Object.entries(addresses).filter((entry): entry is [string, HostPort] => entry[1] !== null);
  return Object.fromEntries(bound.map(([name, { host, port }]) => [name, host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`]));
}

/** Resolves at the first SIGTERM or SIGINT; further ones change nothing: the gateway ends within its own bounds. */
function stopSignal(world: World, log: Logger): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let first = true;
  const onSignal = (signal: string): void => {
    if (first) log.info({ event: "stopping", signal });
    first = false;
    resolve();
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) world.onSignal(signal, () => onSignal(signal));
  return promise;
}
