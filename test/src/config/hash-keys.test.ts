/** Keys of masks that hash, as the configuration's other secrets: fetched, never shown, and refused with their place. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Files } from "#src/config/files.ts";
import { hashKeys } from "#src/config/hash-keys.ts";

const files = new Files("/nowhere/sallyport.yaml", { KEY: "sixteen or more characters", SHORT: "short" });

const documentWith = (...rules: readonly unknown[]): unknown => ({ masking: { rules } });
const hash = (key: unknown, name?: string) => ({ ...(name === undefined ? {} : { name }), with: { hash: { key } } });

test("each rule that hashes has its key, by its name or its place", async () => {
  const { keys, problems } = await hashKeys(documentWith({ with: "redact" }, hash({ env: "KEY" }), hash({ env: "KEY" }, "pii")), files);
  assert.deepEqual(problems, []);
  assert.deepEqual([...keys.keys()], ["masking.rules.1", "pii"]);
  assert.equal(keys.get("pii")?.expose(), "sixteen or more characters");
  assert.ok(!JSON.stringify([...keys]).includes("sixteen"));
});

test("a key that is missing, short, or written in the file is a problem with its place and without its value", async () => {
  const { keys, problems } = await hashKeys(
    documentWith(hash({ env: "NONE" }), hash({ env: "SHORT" }), hash("in the clear"), hash(undefined)),
    files,
  );
  assert.equal(keys.size, 0);
  assert.deepEqual(
    problems.map(({ path }) => path.join(".")),
    [0, 1, 2, 3].map((index) => `masking.rules.${index}.with.hash.key`),
  );
  assert.match(problems[0]?.message ?? "", /NONE is not set/);
  assert.match(problems[1]?.message ?? "", /at least 16 characters/);
  assert.ok(!JSON.stringify(problems).includes("in the clear"));
});

test("what is no document of ours is for its schema to refuse", async () => {
  for (const document of [null, 5, [], { masking: 1 }, { masking: { rules: "x" } }, documentWith(null, 5, "x")]) {
    assert.deepEqual((await hashKeys(document, files)).problems, []);
  }
});
