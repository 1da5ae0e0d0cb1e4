/** DataRows of which columns are hashed: the right ones, framed rightly, whatever the values are. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { readDataRow } from "#protocols/postgres/decode.ts";
import { hashedRow } from "#protocols/postgres/hashed-row.ts";
import { Fault } from "#protocols/wire/fault.ts";

const hash = (value: Buffer): Buffer => Buffer.from(`#${value.length}`);

function rowOf(values: readonly (Buffer | null)[]): Buffer {
  const parts = values.map((value) => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(value === null ? -1 : value.length);
    return value === null ? length : Buffer.concat([length, value]);
  });
  const count = Buffer.alloc(2);
  count.writeUInt16BE(values.length);
  return Buffer.concat([count, ...parts]);
}

const code = (error: unknown) => (error instanceof Fault ? error.code : "");

describe("a hashed row", () => {
  test("has digests where they are due, NULL where it was, and the rest as it came", () => {
    const value = fc.option(
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      { nil: null },
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(value, fc.boolean()), { maxLength: 20 }), (cells) => {
        const row = hashedRow(
          rowOf(cells.map(([one]) => one)),
          cells.map(([, hashed]) => (hashed ? hash : null)),
        );
        assert.equal(row.readInt32BE(1), row.length - 1);
        const expected = cells.map(([one, hashed]) => (one === null ? null : hashed ? hash(one) : one));
        assert.deepEqual(readDataRow(row.subarray(5)), expected);
      }),
    );
  });

  test("with another number of columns than was described ends the session", () => {
    const row = rowOf([Buffer.from("a"), Buffer.from("b")]);
    for (const hashes of [[hash], [hash, null, null]])
      assert.throws(
        () => hashedRow(row, hashes),
        (error) => code(error) === "masking-tripwire",
      );
  });

  test("with lengths that are not its own is malformed", () => {
    const row = rowOf([Buffer.from("abc")]);
    for (const broken of [row.subarray(0, 1), row.subarray(0, -1), Buffer.concat([row, Buffer.from("x")])]) {
      assert.throws(
        () => hashedRow(broken, [hash]),
        (error) => code(error) === "malformed-message",
      );
    }
    const negative = Buffer.from(row);
    negative.writeInt32BE(-2, 2);
    assert.throws(
      () => hashedRow(negative, [hash]),
      (error) => code(error) === "malformed-message",
    );
  });
});
