/** When a configuration is taken up anew: who asks, what changes, what fails. The gateway here is none; files and times are real. */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Reloading } from "#src/cli/reloading.ts";
import type { ReloadOutcome } from "#src/gateway/keeper.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";

const EVERY_MS = 20;
/** Long enough for several looks at the files, were there anything to see. */
const LOOKS_MS = 8 * EVERY_MS;

let folder: string;
let files: string[];
let entries: Record<string, unknown>[];
/** What each reload does in turn; the last goes on for ever. */
let outcomes: (() => ReloadOutcome | Promise<ReloadOutcome>)[];
let reloading: Reloading;

const reloaded = (version: string) => (): ReloadOutcome => ({ kind: "reloaded", version });
const events = () => entries.map(({ event }) => event);

async function until(count: number): Promise<void> {
  for (const end = performance.now() + 10_000; entries.length < count; await pause(5)) {
    if (performance.now() > end) throw new Error(`only ${JSON.stringify(entries)}`);
  }
}

before(async () => {
  folder = await scratchFolder("reloading");
});
after(() => removeFolder(folder));

beforeEach(() => {
  files = [join(folder, "a.yaml"), join(folder, "b.crt")];
  for (const file of files) writeFileSync(file, "1");
  entries = [];
  outcomes = [reloaded("v")];
  const note = (entry: Record<string, unknown>) => void entries.push(entry);
  reloading = new Reloading({
    everyMs: EVERY_MS,
    files: () => files,
    log: Object({ info: note, error: note }),
    gateway: { reload: async () => ((outcomes.length > 1 ? outcomes.shift() : outcomes[0]) ?? reloaded(""))() },
  });
});
afterEach(() => reloading.stop());

test("a file that changes, goes or comes is noticed, and nothing else is", async () => {
  const [first = "", second = ""] = files;
  await pause(LOOKS_MS);
  assert.deepEqual(entries, []);
  writeFileSync(second, "changed");
  await until(1);
  assert.deepEqual(entries, [{ event: "reloaded", version: "v" }]);
  rmSync(first);
  await until(2);
  writeFileSync(first, "back");
  await until(3);
  await pause(LOOKS_MS);
  assert.equal(entries.length, 3);
});

test("whoever writes and asks is answered once", async () => {
  writeFileSync(files[0] ?? "", "changed");
  reloading.ask();
  await pause(LOOKS_MS);
  assert.deepEqual(events(), ["reloaded"]);
});

test("what is asked for during a reload is one more behind it", async () => {
  const slow = Promise.withResolvers<ReloadOutcome>();
  outcomes = [() => slow.promise, reloaded("second")];
  reloading.ask();
  reloading.ask();
  reloading.ask();
  slow.resolve({ kind: "reloaded", version: "first" });
  await until(2);
  await pause(LOOKS_MS);
  assert.deepEqual(
    entries.map(({ version }) => version),
    ["first", "second"],
  );
});

test("a file that changes while it is read is read again", async () => {
  const slow = Promise.withResolvers<ReloadOutcome>();
  outcomes = [() => slow.promise, reloaded("second")];
  reloading.ask();
  writeFileSync(files[0] ?? "", "changed meanwhile");
  await pause(LOOKS_MS);
  slow.resolve({ kind: "reloaded", version: "first" });
  await until(2);
  assert.deepEqual(
    entries.map(({ version }) => version),
    ["first", "second"],
  );
});

test("files that are named for the first time are watched, and are no change by themselves", async () => {
  const added = join(folder, "c.key");
  writeFileSync(added, "1");
  outcomes = [
    () => {
      files = [...files, added];
      return { kind: "reloaded", version: "three" };
    },
    reloaded("again"),
  ];
  reloading.ask();
  await pause(LOOKS_MS);
  assert.equal(entries.length, 1);
  writeFileSync(added, "changed");
  await until(2);
});

test("problems are told one by one, and wait for a file to change; a failure is tried again", async () => {
  const problem = (path: string) => ({ level: "error" as const, path, message: "no", line: 1, column: 1 });
  outcomes = [() => ({ kind: "refused", problems: [problem("a"), problem("b")] }), reloaded("good")];
  reloading.ask();
  await pause(LOOKS_MS);
  assert.deepEqual(events(), ["reload-refused", "reload-refused"]);
  assert.deepEqual(entries[1], { event: "reload-refused", ...problem("b") });
  entries.length = 0;
  outcomes = [
    () => {
      throw new Error("worker 1: gone", { cause: new Error("why") });
    },
    reloaded("good"),
  ];
  reloading.ask();
  await until(2);
  await pause(LOOKS_MS);
  assert.deepEqual(entries, [
    { event: "reload-failed", message: "worker 1: gone", cause: "why" },
    { event: "reloaded", version: "good" },
  ]);
});
