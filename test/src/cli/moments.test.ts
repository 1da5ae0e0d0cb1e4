/** Moments on the command line: what is taken, and that anything else is a usage error rather than a guess. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesText, durationText, momentText, offsetText, parseMoment } from "#src/cli/moments.ts";

const NOW = Date.UTC(2026, 0, 31, 12, 0, 0);

test("a date, a time in UTC or with its zone, and how long ago are moments", () => {
  assert.equal(parseMoment("--since", "2026-01-30", NOW), Date.UTC(2026, 0, 30));
  assert.equal(parseMoment("--since", "2026-01-30T08:00", NOW), Date.UTC(2026, 0, 30, 8));
  assert.equal(parseMoment("--since", "2026-01-30 08:00:30", NOW), Date.UTC(2026, 0, 30, 8, 0, 30));
  assert.equal(parseMoment("--since", "2026-01-30T08:00:00+02:00", NOW), Date.UTC(2026, 0, 30, 6));
  assert.equal(parseMoment("--since", "2h", NOW), NOW - 7_200_000);
  assert.equal(parseMoment("--since", "7d", NOW), NOW - 604_800_000);
});

for (const wrong of ["", "yesterday", "2026-13-01", "2h30m", "08:00", "-5m", "2026-01-30T25:00", "1"]) {
  test(`${JSON.stringify(wrong)} is no moment`, () => {
    assert.throws(() => parseMoment("--since", wrong, NOW), { name: "Failure", code: "usage" });
  });
}

test("durations, offsets and sizes read as people say them", () => {
  assert.deepEqual([0.4, 12, 2140, 200_000, 7_500_000].map(durationText), ["0.4 ms", "12 ms", "2.1 s", "3 m 20 s", "2 h 5 m"]);
  assert.deepEqual([0, 42, 61_500, 3_723_042].map(offsetText), ["+0.000", "+0.042", "+1:01.500", "+1:02:03.042"]);
  assert.deepEqual([0, 999, 1200, 5_000_000_000].map(bytesText), ["0 B", "999 B", "1.2 kB", "5.0 GB"]);
  assert.equal(momentText("2026-01-31T08:00:01.234Z"), "2026-01-31 08:00:01Z");
});
