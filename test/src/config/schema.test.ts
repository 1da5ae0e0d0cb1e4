/** What editors and readers are told of the configuration is what the gateway checks. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { jsonSchema } from "#src/config/json-schema.ts";
import { findUnsupported, UNSUPPORTED } from "#src/config/unsupported.ts";

const page = (name: string): string => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), "utf8");

test("docs/sallyport.schema.json is what tools/generate-schema.ts would write", () => {
  assert.deepEqual(JSON.parse(page("sallyport.schema.json")), JSON.parse(jsonSchema()));
});

test("docs/configuration.md explains every key of the schema", () => {
  const spans = page("configuration.md").match(/`[^`\n]+`/g) ?? [];
  const words = new Set(spans.join(" ").split(/[^A-Za-z0-9]+/));
  const missing = [...keysOf(JSON.parse(jsonSchema()))].filter((key) => !words.has(key));
  assert.deepEqual(missing, []);
});

test("docs/configuration.md names everything that is not supported yet", () => {
  const text = page("configuration.md");
  for (const { path } of UNSUPPORTED) {
    assert.ok(text.includes(`\`${path.join(".")}\``), path.join("."));
  }
});

test("the table of what is not supported finds nothing in an odd document", () => {
  for (const document of [null, undefined, 7, "x", [], { listen: null, targets: [] }, { listen: [], identity: { saml: [] } }]) {
    assert.deepEqual(findUnsupported(document), []);
  }
});

function keysOf(schema: unknown, found = new Set<string>()): Set<string> {
  if (Array.isArray(schema)) {
    for (const entry of schema) keysOf(entry, found);
  } else if (typeof schema === "object" && schema !== null) {
    for (const [key, value] of Object.entries(schema)) {
      if (key === "properties") for (const name of Object.keys(value)) found.add(name);
      if (key !== "default") keysOf(value, found);
    }
  }
  return found;
}
