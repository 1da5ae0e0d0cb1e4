/** Ranges of a text that must not stand in its record: whatever lies in one is gone, and nothing else. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { joinedRanges, redacted } from "#protocols/wire/redacted.ts";

test("each range gives way to what its text makes, quotes and all", () => {
  const ranges = [
    { start: 7, end: 10 },
    { start: 12, end: 15 },
  ];
  assert.equal(
    redacted("select 'a', 'b'", ranges, (literal) => `<${literal}>`),
    "select <'a'>, <'b'>",
  );
  assert.equal(
    redacted("select 1", [], () => "never"),
    "select 1",
  );
});

test("of ranges in any order, over one another or side by side, no character inside is left and none outside is gone", () => {
  const range = fc.tuple(fc.nat(60), fc.nat(20)).map(([start, length]) => ({ start, end: start + length }));
  fc.assert(
    fc.property(fc.array(range), (ranges) => {
      const text = Array.from({ length: 80 }, (_, index) => {
        return ranges.some(({ start, end }) => index >= start && index < end) ? "S" : "-";
      }).join("");
      const left = redacted(text, joinedRanges(ranges), () => "");
      assert.equal(left, text.replaceAll("S", ""));
    }),
  );
});
