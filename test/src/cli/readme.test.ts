/** The README promises only what works: its configuration loads, its commands exist, and its demo is the demo's own output. */
import assert from "node:assert/strict";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { runCommand } from "#test/src/cli/terminal.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";
import { read } from "#test/support/tree.ts";

const readme = read("README.md");

test("the configuration by example passes check", async () => {
  const scratch = await scratchFolder("readme");
  try {
    await runCommand(["init", "gateway"], { cwd: scratch });
    const at = (name: string): string => join(scratch, "gateway", name);
    const recipient = /recipients: \[(age1\w+)\]/.exec(readFileSync(at("sallyport.yaml"), "utf8"))?.[1] ?? "";
    copyFileSync(at("certs/ca.crt"), at("certs/db-ca.crt"));
    const [, example = ""] = /```yaml\n([\s\S]*?)```/.exec(readme) ?? [];
    writeFileSync(at("sallyport.yaml"), example.replace("age1…", recipient));
    const { code, out } = await runCommand(["check", "--config", at("sallyport.yaml")], { env: { ORDERS_PASSWORD: "x" } });
    assert.equal(code, 0, out);
  } finally {
    await removeFolder(scratch);
  }
});

test("every command and option it names exists", async () => {
  const used = [...readme.matchAll(/\bsallyport ([a-z]+)([^\n#|]*)/g)];
  assert.ok(used.length > 6);
  for (const [, command = "", rest = ""] of used) {
    const { code, out } = await runCommand([command, "--help"]);
    assert.equal(code, 0, command);
    for (const [option] of rest.matchAll(/--[a-z-]+/g)) assert.ok(out.includes(option), `${command} ${option}`);
  }
});
