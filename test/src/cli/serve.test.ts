/** serve as a process: what it logs, that it reads its files again, and that it ends in order. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { firstConfiguration } from "#src/setup/configuration.ts";
import { type Running, startProgram } from "#test/src/cli/process.ts";
import { runCommand } from "#test/src/cli/terminal.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";

let scratch: string;
let config: string;
const started: Running[] = [];

before(async () => {
  scratch = await scratchFolder("serve");
  assert.equal((await runCommand(["init", "gateway"], { cwd: scratch })).code, 0);
  config = join(scratch, "gateway", "sallyport.yaml");
  // No masking: the example's database is nowhere, and a catalogue to be read would only be tried again and again.
  const text = readFileSync(config, "utf8")
    .replace(/^masking:[\s\S]*?(?=^recording:)/m, "")
    .replace("127.0.0.1:6432", "127.0.0.1:0");
  writeFileSync(config, `${text}\nworkers: 1\n`);
});

after(async () => {
  for (const { child } of started) if (child.exitCode === null) child.kill("SIGKILL");
  await removeFolder(scratch);
});

function serve(): Running {
  const running = startProgram(["serve", "--config", config], { ORDERS_PASSWORD: "canary-password" });
  started.push(running);
  return running;
}

function entries(running: Running): Record<string, unknown>[] {
  return running
    .out()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

test("says ready with the addresses it is bound to, reads its file again, and ends on SIGTERM with 0", async () => {
  const running = serve();
  await running.until(/"event":"ready"/);
  const ready = entries(running).find((entry) => entry["event"] === "ready");
  const addresses = new Map(Object.entries(ready?.["addresses"] ?? {}));
  assert.match(String(addresses.get("postgres")), /^127\.0\.0\.1:[1-9]\d*$/);
  assert.equal(addresses.has("admin"), false);
  assert.equal(ready?.["level"], "info");
  running.child.kill("SIGHUP");
  await running.until(/"event":"reloaded"/);
  // A file that is broken changes nothing, whoever notices it.
  const good = readFileSync(config, "utf8");
  writeFileSync(config, `${good}\nbroken: true\n`);
  await running.until(/"event":"reload-refused".*"path":"broken"/);
  writeFileSync(config, good);
  await running.until(/"event":"reload-refused"[\s\S]*"event":"reloaded"/);
  running.child.kill("SIGTERM");
  assert.equal(await running.ended, 0);
  assert.deepEqual(
    entries(running)
      .map((entry) => entry["event"])
      .slice(-2),
    ["stopping", "stopped"],
  );
  assert.doesNotMatch(running.out() + running.err(), /canary-password/);
});

test("does not start on a configuration with problems, and lists them", async () => {
  const bad = join(scratch, "gateway", "bad.yaml");
  writeFileSync(bad, firstConfiguration({ recipient: "age1nonsense" }));
  const running = startProgram(["serve", "--config", bad]);
  assert.equal(await running.ended, 2);
  assert.equal(running.out(), "");
  assert.match(running.err(), /bad\.yaml:\d+:\d+: error: targets\.orders\.credential\.password/);
  assert.match(running.err(), /bad\.yaml:\d+:\d+: error: recording\.recipients/);
});

test("a port that is taken is an error in words, also where workers share it", async () => {
  const shared = readFileSync(config, "utf8").replace("workers: 1", "workers: 2");
  const own = join(scratch, "gateway", "shared.yaml");
  writeFileSync(own, shared);
  const first = startProgram(["serve", "--config", own], { ORDERS_PASSWORD: "x" });
  started.push(first);
  const [, port = ""] = await first.until(/"postgres":"127\.0\.0\.1:(\d+)"/);
  const taken = join(scratch, "gateway", "taken.yaml");
  const text = shared.replace("127.0.0.1:0", `127.0.0.1:${port}`);
  writeFileSync(
    taken,
    text.replace("directory: recordings", "directory: r2").replace("directory: evidence", "directory: e2").replace("state/", "s2/"),
  );
  const second = startProgram(["serve", "--config", taken], { ORDERS_PASSWORD: "x" });
  assert.equal(await second.ended, 1);
  assert.match(second.err(), /EADDRINUSE/);
  first.child.kill("SIGTERM");
  assert.equal(await first.ended, 0);
});

test("a second gateway on the same state does not start, until the first is gone, even by SIGKILL", async () => {
  const first = serve();
  await first.until(/"event":"ready"/);
  const second = serve();
  assert.equal(await second.ended, 1);
  assert.match(second.err(), /another gateway runs on the state/);
  first.child.kill("SIGKILL");
  await first.ended;
  const third = serve();
  await third.until(/"event":"ready"/);
  third.child.kill("SIGTERM");
  assert.equal(await third.ended, 0);
});

test("what stops reading its log ends it in order", async () => {
  const running = serve();
  await running.until(/"event":"ready"/);
  running.child.stdout?.destroy();
  running.child.kill("SIGHUP");
  assert.equal(await running.ended, 0);
});
