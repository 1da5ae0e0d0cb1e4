/** JSON masked while it streams, held against a slow reference that knows nothing of streams. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { JsonFilter } from "#protocols/http/json-filter.ts";
import { masksOf } from "./masks.ts";

function masked(text: string, rules: readonly Readonly<Record<string, unknown>>[], size = text.length + 1): string {
  const filter = new JsonFilter(masksOf(...rules));
  const bytes = Buffer.from(text);
  const out: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) out.push(...filter.write(bytes.subarray(at, at + size)));
  return Buffer.concat([...out, ...filter.end()]).toString();
}

describe("masking JSON", () => {
  const rules = [
    { fields: ["$.a.b", "$..ssn", "$['x y'][0]"] },
    { fields: ["$.z"], with: "null" },
    { fields: ["$..card"], with: { keepLast: 4 } },
  ];
  const text =
    '{"a" : {"b":1e400,"c":1.0}, "z":{"q":[1,2,{"ssn":3}]}, "s\\u0073n":"x\\"y","k":[{"ssn":{"d":true,"e":null}}], "x y":[1,2], "card":"4111111111111111","card":4111111111111111}';
  const expected =
    '{"a" : {"b":null,"c":1.0}, "z":null, "s\\u0073n":"***","k":[{"ssn":{"d":null,"e":null}}], "x y":[null,2], "card":"************1111","card":"************1111"}';

  test("replaces what rules mean, and leaves every other byte as it was", () => {
    assert.equal(masked(text, rules), expected);
  });

  test("does the same wherever the document is cut", () => {
    for (let size = 1; size < 20; size++) assert.equal(masked(text, rules, size), expected);
  });
});
