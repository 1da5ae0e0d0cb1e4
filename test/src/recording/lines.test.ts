import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { EventBody } from "#src/recording/events.ts";
import { escapeControls, LineWriter } from "#src/recording/lines.ts";

/** Few different texts, so that what a writer remembers is asked for again; hostile ones among them. */
const text = fc.oneof(
  fc.constantFrom("", "SELECT 1", "a\u007f", "\u009b", "ä", "\u2028", "\ud800", "\u0000", '"\\'),
  fc.string({ unit: "binary", maxLength: 12 }),
);
const excess = fc.record({ head: text, bytes: fc.nat(), sha256: fc.constantFrom(null, "ab".repeat(32)) });
const value = fc.oneof(text, fc.constant(null), fc.record({ hex: fc.constantFrom("", "00ff") }), excess);
const tables = fc.constantFrom<readonly string[]>([], ["users"], ["ä\u009b"]);
const judged = { verdict: fc.constantFrom("allow", "mask"), rule: fc.option(text), reason: fc.option(text), tables };
const sql = fc.oneof(text, excess);
const micros = fc.integer({ min: 0, max: 1e9 }).map((count) => count / 1000);

const event: fc.Arbitrary<EventBody> = fc.oneof(
  fc.record({
    kind: fc.constant("statement" as const),
    sql,
    upstreamSql: fc.option(sql),
    parameters: fc.array(value, { maxLength: 3 }),
    ...judged,
  }),
  fc.record({ kind: fc.constant("prepare" as const), name: text, sql, upstreamSql: fc.option(sql), ...judged }),
  fc.record({
    kind: fc.constant("rows" as const),
    statement: fc.option(fc.nat()),
    columns: fc.array(fc.record({ name: text, masked: fc.boolean() }), { maxLength: 2 }),
    rows: fc.array(fc.array(value, { maxLength: 2 }), { maxLength: 2 }),
  }),
  fc.record({
    kind: fc.constant("result" as const),
    statement: fc.option(fc.nat()),
    tag: text,
    rows: fc.nat(),
    durationMs: micros,
    beyond: fc.option(fc.record({ rows: fc.nat(), bytes: fc.nat(), sha256: fc.constant("cd".repeat(32)) })),
  }),
  fc.record({ kind: fc.constant("notice" as const), fields: fc.dictionary(fc.constantFrom("M", "\u009b"), text) }),
);

describe("an event's line", () => {
  test("is what JSON.stringify would have made of it, whatever stood before it", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(event, micros, fc.integer({ min: 0, max: 3 })), { maxLength: 30 }), (events) => {
        const writer = new LineWriter();
        for (const [seq, [body, since, now]] of events.entries()) {
          const raw = writer.line(seq, "0".repeat(64), now, since, body);
          const line = escapeControls(raw);
          assert.deepEqual(
            JSON.parse(line),
            JSON.parse(JSON.stringify({ seq, prev: "0".repeat(64), at: new Date(now).toISOString(), sinceStartMs: since, ...body })),
          );
          assert.equal(writer.plain, /^[\x20-\x7e]*$/.test(raw));
          // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
          assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/);
          assert.match(line, /^\{"seq":\d+,"prev":"[0-9a-f]{64}","at":"[^"]+","sinceStartMs":\d+\.\d{3},"kind":"/);
        }
      }),
    );
  });

  test("rounds durations to microseconds, and takes what is none for 0", () => {
    const writer = new LineWriter();
    for (const [ms, written] of [
      [0, "0.000"],
      [0.0004, "0.000"],
      [0.9996, "1.000"],
      [1.0005, "1.001"],
      [12345.678, "12345.678"],
      [-1, "0.000"],
      [Number.NaN, "0.000"],
      [Number.POSITIVE_INFINITY, "0.000"],
    ] as const) {
      const line = writer.line(0, "", 0, 0, { kind: "result", statement: null, tag: "", rows: 0, durationMs: ms, beyond: null });
      assert.ok(line.includes(`"durationMs":${written},`), line);
    }
  });
});
