/** The writer grows as it must, writes what was asked for, and refuses what the peer would read otherwise. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Cursor } from "#protocols/wire/cursor.ts";
import { Writer } from "#protocols/wire/writer.ts";
import { isFault } from "#test/support/faults.ts";

describe("a writer", () => {
  test("writes big-endian numbers, bytes and NUL-terminated UTF-8", () => {
    const bytes = new Writer()
      .uint8(255)
      .int16(-2)
      .int32(-3)
      .bytes(Buffer.from([7, 8]))
      .cstring("ä")
      .done();
    assert.equal(bytes.toString("hex"), "ff" + "fffe" + "fffffffd" + "0708" + "c3a400");
  });

  test("grows from any size, by doubling and at once", () => {
    const long = "x".repeat(1000);
    for (const size of [0, 1, 2, 3, 16, 1001]) {
      const bytes = new Writer(size).uint8(1).int32(2).cstring(long).int16(3).done();
      assert.equal(bytes.length, 1 + 4 + 1001 + 2);
      assert.equal(bytes.toString("latin1", 5, 1005), long);
    }
  });

  test("refuses a NUL inside a string, since the peer would read two", () => {
    for (const text of ["\0", "a\0b", "a\0"]) {
      assert.throws(() => new Writer().cstring(text), isFault("malformed-message"));
    }
  });

  test("refuses numbers that do not fit instead of wrapping them", () => {
    assert.throws(() => new Writer().uint8(256), RangeError);
    assert.throws(() => new Writer().int16(0x8000), RangeError);
    assert.throws(() => new Writer().int32(0x80000000), RangeError);
    assert.throws(() => new Writer().int32(-0x80000001), RangeError);
    assert.equal(new Writer().int32(0x7fffffff).done().readInt32BE(), 0x7fffffff);
  });

  test("is read back by the cursor, whatever was written", () => {
    const text = fc.string({ unit: "grapheme" }).filter((value) => !value.includes("\0"));
    fc.assert(
      fc.property(
        fc.nat({ max: 8 }),
        text,
        fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
        fc.uint8Array(),
        (size, name, number, blob) => {
          const cursor = new Cursor(new Writer(size).cstring(name).int32(number).int16(blob.length).bytes(blob).done());
          assert.equal(cursor.cstring(), name);
          assert.equal(cursor.int32(), number);
          assert.deepEqual([...cursor.bytes(cursor.int16())], [...blob]);
          cursor.end("test");
        },
      ),
    );
  });
});
