/**
 * The launcher, run by Node versions old and new. It is copied beside a stand-in for the program, so that what is
 * tested is the launcher alone: which file it starts, with which Node, and what passes through.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";
import { ROOT } from "#test/support/tree.ts";

/** A Node below the version needed; where the system has none, those tests say so. */
const OLD_NODE = ["/usr/bin/node", "/usr/local/bin/node"].find((path) => {
  const { stdout } = spawnSync(path, ["--version"], { encoding: "utf8" });
  return /^v(1\d|2[0-3])\./.test(stdout ?? "");
});
const withoutOldNode = OLD_NODE === undefined ? "this machine has no Node below 24" : false;

const STAND_IN = (name: string) => `
  process.on("SIGTERM", () => { console.log("got SIGTERM"); process.exit(7); });
  console.log(JSON.stringify({ name: "${name}", node: process.versions.node, args: process.argv.slice(2), mark: process.env.SALLYPORT_RELAUNCHED ?? null }));
  if (process.argv[2] === "exit") process.exit(Number(process.argv[3]));
  if (process.argv[2] === "crash") process.kill(process.pid, "SIGKILL");
  if (process.argv[2] === "wait") setInterval(() => {}, 1000);
`;

describe("the launcher", () => {
  let home: string;
  let launcher: string;
  before(async () => {
    home = await scratchFolder("launcher");
    launcher = join(home, "bin", "sallyport.js");
    for (const folder of ["src", "dist/src", "node_modules/.bin"]) mkdirSync(join(home, folder), { recursive: true });
    cpSync(join(ROOT, "bin"), join(home, "bin"), { recursive: true });
    writeFileSync(join(home, "package.json"), '{ "type": "module" }');
    writeFileSync(join(home, "src", "main.ts"), STAND_IN("src"));
    writeFileSync(join(home, "dist", "src", "main.js"), STAND_IN("dist"));
    const node = join(home, "node_modules", ".bin", "node");
    writeFileSync(node, `#!/bin/sh\nexec "${process.execPath}" "$@"\n`, { mode: 0o755 });
  });
  after(() => removeFolder(home));

  const run = (node: string, ...args: readonly string[]) => {
    const { status, signal, stdout, stderr } = spawnSync(node, [launcher, ...args], { encoding: "utf8" });
    return { status, signal, stderr, told: stdout.startsWith("{") ? JSON.parse(stdout.split("\n")[0] ?? "") : stdout };
  };

  test("starts the sources where they lie beside it, even when something was built", () => {
    const { told, status } = run(process.execPath, "a", "--b=c d");
    assert.deepEqual([told.name, told.args, status], ["src", ["a", "--b=c d"], 0]);
  });

  test("starts what was built where there are no sources", async () => {
    await removeFolder(join(home, "src"));
    assert.equal(run(process.execPath).told.name, "dist");
    mkdirSync(join(home, "src"));
    writeFileSync(join(home, "src", "main.ts"), STAND_IN("src"));
  });

  test("under an old Node it starts itself again with the one that npm brought", { skip: withoutOldNode }, () => {
    const { told, status } = run(String(OLD_NODE), "x");
    assert.deepEqual([told.node, told.args, told.mark, status], [process.versions.node, ["x"], null, 0]);
  });

  test("exit codes and deaths by signal pass through", { skip: withoutOldNode }, () => {
    assert.equal(run(String(OLD_NODE), "exit", "3").status, 3);
    assert.equal(run(String(OLD_NODE), "crash").signal, "SIGKILL");
  });

  test("signals pass through to the program", { skip: withoutOldNode }, async () => {
    const child = spawn(String(OLD_NODE), [launcher, "wait"], { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.on("data", (text) => {
      if (output === "") child.kill("SIGTERM");
      output += text;
    });
    const [code] = await once(child, "close");
    assert.equal(code, 7);
    assert.match(output, /got SIGTERM/);
  });

  test("under an old Node with no newer one it says what is needed and exits 2", { skip: withoutOldNode }, async () => {
    await removeFolder(join(home, "node_modules"));
    const { status, stderr } = run(String(OLD_NODE));
    assert.equal(status, 2);
    assert.match(stderr, /needs Node\.js 24\.12 or newer; this is \d+\.\d+\.\d+/);
    assert.equal(existsSync(join(home, "node_modules")), false);
  });
});
