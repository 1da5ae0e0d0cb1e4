/** Whatever the file holds, the answer is a configuration or a list of problems with places: never an exception. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { stringify } from "yaml";
import { type Folder, makeFolder } from "./folder.ts";

const numRuns = Number(process.env["FUZZ_RUNS"] ?? 40);

let folder: Folder;
before(async () => {
  folder = await makeFolder();
});
after(() => folder.remove());

async function holds(text: string): Promise<void> {
  const result = await folder.load(text);
  const problems = result.kind === "loaded" ? result.warnings : result.problems;
  assert.ok(result.kind === "loaded" || problems.length > 0, "a refusal says why");
  for (const { line, column, message } of problems) {
    assert.ok(line >= 1 && line <= text.split("\n").length + 1 && column >= 1 && message !== "");
  }
}

const KEYS = [
  ...["listen", "workers", "tls", "identity", "targets", "access", "masking", "recording", "evidence", "state", "oidc", "certificates"],
  ...["rules", "who", "postgres", "mode", "ca", "cert", "key", "password", "env", "file", "__proto__", "constructor", "orders", "*", ""],
];

const tree = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom<unknown>(null, "none", "auto", "certs/ca.crt", "127.0.0.1:0", true, -1, 1e308, "ORDERS_PASSWORD"),
    fc.dictionary(fc.constantFrom(...KEYS), tie("node"), { maxKeys: 5 }),
    fc.array(tie("node"), { maxLength: 3 }),
  ),
})).node;

describe("anything", () => {
  test("any text", async () => {
    await fc.assert(fc.asyncProperty(fc.string({ maxLength: 200, unit: "binary" }), holds), { numRuns });
  });

  test("any document with our keys in odd places", async () => {
    await fc.assert(
      fc.asyncProperty(tree, (document) => holds(stringify(document))),
      { numRuns },
    );
  });

  test("the good configuration with one part exchanged for anything", async () => {
    const parts = fc.constantFrom("listen", "workers", "tls", "identity", "targets", "access", "masking", "recording", "evidence", "state");
    await fc.assert(
      fc.asyncProperty(parts, tree, (part, value) => holds(folder.yaml({ [part]: JSON.stringify(value) }))),
      { numRuns },
    );
  });

  test("the good configuration with any one character changed", async () => {
    const good = folder.yaml();
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.constantFrom(..."{}[]:,&*!|>%@'\"#- \t\n\0x"), (at, character) =>
        holds(good.slice(0, at) + character + good.slice(at + 1)),
      ),
      { numRuns },
    );
  });
});
