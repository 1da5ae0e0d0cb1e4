/** The cursor reads what is there and never past its own body, whatever the lengths in it claim. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Cursor, decodeName, decodeText } from "#protocols/wire/cursor.ts";
import { isFault } from "#test/support/faults.ts";

const MALFORMED = isFault("malformed-message");

describe("a cursor", () => {
  test("reads big-endian numbers, signed and unsigned", () => {
    const cursor = new Cursor(Buffer.from("ff" + "fffe" + "fffe" + "fffffffd" + "fffffffd", "hex"));
    assert.equal(cursor.uint8(), 255);
    assert.equal(cursor.int16(), -2);
    assert.equal(cursor.uint16(), 0xfffe);
    assert.equal(cursor.int32(), -3);
    assert.equal(cursor.uint32(), 0xfffffffd);
    cursor.end("test");
  });

  test("starts where it is told to", () => {
    assert.equal(new Cursor(Buffer.from([1, 2, 3]), 2).uint8(), 3);
  });

  test("gives views of the body, not copies", () => {
    const body = Buffer.from([1, 2, 3, 0]);
    const cursor = new Cursor(body);
    const view = cursor.bytes(2);
    const text = cursor.cstringBytes();
    body.fill(9);
    assert.deepEqual([...view], [9, 9]);
    assert.deepEqual([...text], [9]);
  });

  test("reads strings up to their NUL, the empty one too", () => {
    const cursor = new Cursor(Buffer.from("ab\0\0c\0"));
    assert.deepEqual([cursor.cstring(), cursor.cstring(), cursor.cstring()], ["ab", "", "c"]);
    assert.equal(cursor.left, 0);
  });

  test("finds a string without NUL malformed, even when bytes behind the body would end it", () => {
    const whole = Buffer.from("abc\0");
    assert.throws(() => new Cursor(whole.subarray(0, 3)).cstring(), MALFORMED);
    assert.throws(() => new Cursor(Buffer.alloc(0)).cstring(), MALFORMED);
  });

  test("finds every number malformed that the body is too short for", () => {
    for (const [length, read] of [
      [0, (cursor: Cursor) => cursor.uint8()],
      [1, (cursor: Cursor) => cursor.int16()],
      [1, (cursor: Cursor) => cursor.uint16()],
      [3, (cursor: Cursor) => cursor.int32()],
      [3, (cursor: Cursor) => cursor.uint32()],
    ] as const) {
      assert.throws(() => read(new Cursor(Buffer.alloc(length))), MALFORMED);
    }
  });

  test("refuses lengths below zero and beyond the body, up to 4 GiB", () => {
    for (const length of [-1, -(2 ** 31), 5, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]) {
      assert.throws(() => new Cursor(Buffer.alloc(4)).bytes(length), MALFORMED, String(length));
    }
    assert.equal(new Cursor(Buffer.alloc(4)).bytes(4).length, 4);
    assert.equal(new Cursor(Buffer.alloc(4)).bytes(0).length, 0);
  });

  test("finds a body malformed that is longer than its fields", () => {
    const cursor = new Cursor(Buffer.alloc(2));
    assert.throws(() => cursor.end("Sync"), isFault("malformed-message", /Sync message has 2 bytes more/));
    assert.equal(cursor.rest().length, 2);
    cursor.end("Sync");
  });
});

describe("text of a peer", () => {
  test("is UTF-8 where it is valid, the replacement character included", () => {
    for (const text of ["", "select 'ä'", "🐘", "a\ufffdb", "\ufeffx"]) assert.equal(decodeText(Buffer.from(text)), text);
  });

  test("keeps every ASCII byte in its place where it is not UTF-8", () => {
    const bytes = Buffer.from("select 'caf\xe9' -- \xc3", "latin1");
    const text = decodeText(bytes);
    assert.equal(text.length, bytes.length);
    for (const [index, byte] of bytes.entries()) if (byte < 0x80) assert.equal(text.charCodeAt(index), byte);
  });
});

describe("a name of a peer", () => {
  test("is its text where that is UTF-8", () => {
    for (const text of ["", "s1", "ä", "a\ufffdb"]) assert.equal(decodeName(Buffer.from(text)), text);
  });

  test("is never the same for two different byte strings", () => {
    assert.notEqual(decodeName(Buffer.from([0xe9])), decodeName(Buffer.from("é")));
    const bytes = fc.uint8Array({ min: 1, maxLength: 6 }).map((array) => Buffer.from(array));
    const near = fc.constantFrom(...["é", "é\xe9", "\xff\ufffd", "ÿ", "Ã©"].flatMap((t) => [Buffer.from(t), Buffer.from(t, "latin1")]));
    fc.assert(
      fc.property(fc.oneof(bytes, near), fc.oneof(bytes, near), (one, other) => {
        assert.equal(decodeName(one) === decodeName(other), one.equals(other));
      }),
    );
  });
});
