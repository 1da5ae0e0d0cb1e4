/** The command line itself: help that teaches, usage errors, exit codes, and what is not there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runCommand } from "#test/src/cli/terminal.ts";
import { read } from "#test/support/tree.ts";

const COMMANDS = ["demo", "init", "check", "serve", "doctor", "explain", "discover", "wall", "sessions", "replay", "verify", "handshakes"];

test("help lists every command, and nothing that does not exist yet", async () => {
  const { code, out } = await runCommand(["--help"]);
  assert.equal(code, 0);
  const listed = [...out.matchAll(/^ {2}(\w+)(?: \[| <| {2})/gm)]
    .map(([, name]) => name)
    .filter((name) => name !== "help" && name !== "sallyport");
  assert.deepEqual(listed, COMMANDS);
  assert.match(out, /Exit codes: 0 done; 1 failed; 2 usage or configuration; 3 verification found tampering/);
});

for (const command of COMMANDS) {
  test(`${command} --help shows an example and the exit codes`, async () => {
    const { code, out } = await runCommand([command, "--help"]);
    assert.equal(code, 0);
    assert.match(out, new RegExp(`Examples?:\\n {2}sallyport ${command}`));
    assert.match(out, /Exit codes:/);
    for (const line of out.split("\n")) assert.ok(line.length <= 100, line);
  });
}

test("--version is the package's", async () => {
  const { code, out } = await runCommand(["--version"]);
  assert.equal(code, 0);
  assert.equal(out.trim(), JSON.parse(read("package.json")).version);
});

const wrong: readonly (readonly string[])[] = [
  [],
  ["demon"],
  ["demo", "--port", "99999"],
  ["demo", "extra"],
  ["init"],
  ["replay"],
  ["replay", "x", "--speed", "fast"],
  ["sessions", "--since"],
  ["serve", "--nope"],
  ["login"],
  ["wall"],
  ["explain", "select 1"],
];
for (const argv of wrong) {
  test(`${["sallyport", ...argv].join(" ")} is a usage error`, async () => {
    const { code, out, err } = await runCommand(argv);
    assert.equal(code, 2);
    assert.equal(out, "");
    assert.notEqual(err, "");
  });
}

test("under --json an error is one object on stderr", async () => {
  const { code, err } = await runCommand(["sessions", "--json", "--since", "soon", "--evidence", "."]);
  assert.equal(code, 2);
  const { error } = JSON.parse(err);
  assert.equal(error.code, "usage");
  assert.match(error.hint, /30m, 2h, 7d/);
});
