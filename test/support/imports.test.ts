/** The scanner behind the import rules: what it must find, and what only looks like an import. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { importsOf, resolveImport } from "#test/support/imports.ts";

const seen = (source: string) => importsOf(source).map(({ specifier, typeOnly }) => (typeOnly ? `type ${specifier}` : specifier));

test("every form of import is found, with whether it is of types alone", () => {
  assert.deepEqual(seen('import "a";\nimport b from "b";\nimport * as c from \'c\';'), ["a", "b", "c"]);
  assert.deepEqual(seen('import {\n  d,\n  type D,\n} from "d";\nimport type { E } from "e";'), ["d", "type e"]);
  assert.deepEqual(seen('export { f } from "f";\nexport type { G } from "g";\nexport * from "h";'), ["f", "type g", "h"]);
  assert.deepEqual(seen('const i = await import("i");\nconst j = require("j");\ntype K = typeof import("k");'), ["i", "j", "type k"]);
  assert.deepEqual(seen('import type from "l";\nconst a = 1;import { m } from "m";'), ["l", "m"]);
});

test("what stands in comments and plain exports is none", () => {
  assert.deepEqual(seen('// import "a";\n/* import "b"; */\nexport const text = "c";\nexport function f() {\n  return "d";\n}'), []);
  assert.deepEqual(seen('const url = "https://x"; // import("e")\nconst r = /[/"]/; import { f } from "f";'), ["f"]);
});

test("an import whose specifier is computed fails the check", () => {
  assert.throws(() => importsOf("await import(name);"), /computed/);
  assert.throws(() => importsOf("await import(`./$" + "{name}.ts`);"), /computed/);
});

test("specifiers resolve to files of ours, to Node's modules or to packages", () => {
  assert.equal(resolveImport("src/a/b.ts", "./c.ts"), "src/a/c.ts");
  assert.equal(resolveImport("src/a/b.ts", "#policies/policy.ts"), "policies/policy.ts");
  assert.equal(resolveImport("src/a/b.ts", "node:fs/promises"), "node:fs/promises");
  assert.equal(resolveImport("src/a/b.ts", "@scope/name/sub"), "npm:@scope/name");
});
