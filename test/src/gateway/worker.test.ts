/** A worker by what it is told, in this process: nothing that comes while it starts is lost. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { loadConfig } from "#src/config/load.ts";
import type { ToKeeper, ToWorker } from "#src/gateway/ipc.ts";
import { DEADLINES } from "#src/gateway/limits.ts";
import { runWorker } from "#src/gateway/worker.ts";
import { runCommand } from "#test/src/cli/terminal.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";
import { until } from "#test/support/waiting.ts";

test("a reload and the end that come while a worker starts are heard", { timeout: 120_000 }, async () => {
  const scratch = await scratchFolder("worker");
  assert.equal((await runCommand(["init", "gateway"], { cwd: scratch })).code, 0);
  const loaded = await loadConfig(join(scratch, "gateway", "sallyport.yaml"), { ORDERS_PASSWORD: "test" });
  assert.ok(loaded.kind === "loaded", JSON.stringify(loaded));
  const { version } = loaded.config;
  const read = Promise.withResolvers<typeof loaded>();
  const said: ToKeeper[] = [];
  let code: number | undefined;
  let tell: (message: ToWorker) => void = () => undefined;
  runWorker({
    load: () => read.promise,
    send: (message) => void said.push(message),
    receive: (handler) => {
      tell = handler;
    },
    exit: (ended) => {
      code = ended;
    },
    deadlines: DEADLINES,
  });
  const listen = { postgres: { host: "127.0.0.1", port: 0 }, mysql: null, https: null, http: null };
  const known = { catalogues: [], fitting: [], greetings: [] };
  tell({ type: "start", worker: 1, version, ticketKeys: "00".repeat(48), listen, gateway: "test-gateway", ...known });
  tell({ type: "reload", version, fitting: [] });
  tell({ type: "drain" });
  assert.deepEqual([said, code], [[], undefined]);
  read.resolve(loaded);
  await until(() => said.some(({ type }) => type === "reloaded"), "the reload is answered");
  await until(() => code !== undefined, "the worker has ended");
  assert.equal(code, 0);
  await removeFolder(scratch);
});
