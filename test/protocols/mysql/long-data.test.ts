/** Values that come in pieces are on record as those that come at once, within bounds for each session. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LongData, LongDataRoom } from "#protocols/mysql/long-data.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { RECORDED_VALUE_BYTES_MAX } from "#protocols/wire/limits.ts";
import { textValue } from "#protocols/wire/recorded.ts";

function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

test("a value in pieces is recorded as the same value in one, text and bytes, short and long", () => {
  const content = fc.oneof(
    fc.string({ unit: "grapheme" }).map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
    // Long ones are told as text or bytes by their beginning.
    fc
      .tuple(fc.integer({ min: 21_800, max: 22_000 }), fc.constantFrom(Buffer.from("aé"), Buffer.from([0xff, 0, 1])))
      .map(([times, unit]) => Buffer.alloc(times * unit.length, unit)),
  );
  fc.assert(
    fc.property(content, fc.array(fc.nat(), { maxLength: 6 }), (bytes, cuts) => {
      const data = new LongData(new LongDataRoom());
      for (const piece of cut(bytes, cuts)) data.add(3, piece);
      assert.deepEqual(data.value(3), textValue(bytes, RECORDED_VALUE_BYTES_MAX));
      assert.equal(data.value(2), undefined);
      data.clear();
      assert.equal(data.value(3), undefined);
    }),
  );
});

test("a piece is copied: what the client sends next does not change it", () => {
  const data = new LongData(new LongDataRoom());
  const piece = Buffer.from("first");
  data.add(0, piece);
  piece.fill("x");
  assert.equal(data.value(0), "first");
});

test("what waits in one session is kept up to a megabyte, the rest by length and digest; what was used makes room", () => {
  const room = new LongDataRoom();
  const data = new LongData(room);
  const value = Buffer.alloc(RECORDED_VALUE_BYTES_MAX, "v");
  for (let parameter = 0; parameter < 16; parameter++) data.add(parameter, value);
  data.add(16, value);
  assert.equal(data.value(15), value.toString());
  const beyond = data.value(16);
  assert.ok(beyond !== null && typeof beyond === "object" && "head" in beyond);
  assert.deepEqual([beyond.head, beyond.bytes], ["", value.length]);
  data.clear();
  data.add(0, value);
  assert.equal(data.value(0), value.toString());
});

test("a session that has too many values waiting ends", () => {
  const room = new LongDataRoom();
  const [one, two] = [new LongData(room), new LongData(room)];
  for (let parameter = 0; parameter < 65_535; parameter++) (parameter % 2 === 0 ? one : two).add(parameter, Buffer.alloc(0));
  assert.throws(
    () => one.add(65_535, Buffer.alloc(0)),
    (error) => error instanceof Fault && error.code === "unexpected-message",
  );
});
