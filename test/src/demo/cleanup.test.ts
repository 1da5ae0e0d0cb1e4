/** What the demo starts and writes must go with it: asked to, or killed without a word. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { startCleanup } from "#src/demo/cleanup.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";
import { until } from "#test/support/waiting.ts";

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const SLEEPER = ["-e", "setInterval(() => {}, 1000)"];

test("asked to, it ends processes and removes folders before it resolves, and may be asked again", async () => {
  const scratch = await scratchFolder("cleanup");
  const folder = join(scratch, "demo");
  mkdirSync(folder);
  writeFileSync(join(folder, "file"), "");
  const cleanup = startCleanup();
  const child = spawn(process.execPath, SLEEPER, { detached: true, stdio: "ignore" });
  cleanup.process(child, "SIGTERM");
  cleanup.folder(folder);
  await cleanup.run();
  await cleanup.run();
  assert.equal(runs(child.pid ?? 0), false);
  assert.equal(existsSync(folder), false);
  await removeFolder(scratch);
});

test("a process that has ended by itself is left alone: its number may be another's", async () => {
  const cleanup = startCleanup();
  const child = spawn(process.execPath, ["-e", ""], { detached: true, stdio: "ignore" });
  cleanup.process(child, "SIGTERM");
  await once(child, "exit");
  await cleanup.run();
});

test("when the demo is killed, the rest goes all the same", async () => {
  const scratch = await scratchFolder("cleanup");
  const folder = join(scratch, "demo");
  mkdirSync(folder);
  const script = `
    import { spawn } from "node:child_process";
    import { startCleanup } from "#src/demo/cleanup.ts";
    const cleanup = startCleanup();
    cleanup.folder(${JSON.stringify(folder)});
    const child = spawn(process.execPath, ${JSON.stringify(SLEEPER)}, { detached: true, stdio: "ignore" });
    cleanup.process(child, "SIGTERM");
    console.log(child.pid);
    setInterval(() => {}, 1000);`;
  const demo = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(createInterface({ input: demo.stdout }), "line");
  const pid = Number(line);
  assert.ok(runs(pid));
  demo.kill("SIGKILL");
  await until(() => !runs(pid) && !existsSync(folder), "all has gone");
  await removeFolder(scratch);
});
