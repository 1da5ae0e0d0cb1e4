import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { openDigests } from "#src/recording/digests.ts";
import { recordedString, recordedText, recordedValue } from "#src/recording/values.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";

describe("a recorded text", () => {
  test("is itself up to the limit, then its beginning with length and digest", () => {
    assert.equal(recordedText(Buffer.from("SELECT 1"), 8), "SELECT 1");
    assert.deepEqual(recordedText(Buffer.from("SELECT 12"), 8), { head: "SELECT 1", bytes: 9, sha256: hash("sha256", "SELECT 12", "hex") });
    assert.deepEqual(recordedString("SELECT 12", 8), { head: "SELECT 1", bytes: 9, sha256: hash("sha256", "SELECT 12", "hex") });
  });

  test("is hex when it is not UTF-8 or holds a NUL", () => {
    assert.deepEqual(recordedText(Buffer.from([0x66, 0xff]), 8), { hex: "66ff" });
    assert.deepEqual(recordedText(Buffer.from("a\0b"), 8), { hex: "610062" });
    assert.deepEqual(recordedString("a\0b", 8), { hex: "610062" });
    const long = Buffer.from([0xff, 1, 2, 3]);
    assert.deepEqual(recordedText(long, 2), { hex: "ff01", bytes: 4, sha256: hash("sha256", long, "hex") });
  });

  test("is never cut inside a character", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }).map((text) => text.replaceAll("\0", "")),
        fc.integer({ min: 0, max: 20 }),
        (text, limit) => {
          const recorded = recordedString(text.toWellFormed(), limit);
          const head = typeof recorded === "string" ? recorded : "head" in recorded ? recorded.head : "";
          assert.ok(text.toWellFormed().startsWith(head));
          assert.ok(Buffer.byteLength(head) <= limit || head === text);
          if (typeof recorded !== "string") assert.ok(Buffer.byteLength(head) > limit - 4);
        },
      ),
    );
  });

  test("does not depend on where the bytes lie", () => {
    const room = Buffer.from("xxSELECT 1xx");
    assert.equal(recordedText(room.subarray(2, 10), 100), "SELECT 1");
  });
});

describe("a recorded value", () => {
  test("is null for SQL NULL, text for text, hex for the binary format", () => {
    assert.equal(recordedValue(null, 8, false), null);
    assert.equal(recordedValue(Buffer.from("12"), 8, false), "12");
    assert.deepEqual(recordedValue(Buffer.from("12"), 8, true), { hex: "3132" });
    assert.deepEqual(recordedValue(Buffer.from("123"), 2, true), { hex: "3132", bytes: 3, sha256: hash("sha256", "123", "hex") });
  });
});

describe("a keyed digest", () => {
  test("is the same for the same value under the same key only, and shows nothing of it", async (t) => {
    const folder = await scratchFolder("digests");
    t.after(() => removeFolder(folder));
    const [path, other] = [join(folder, "digest.key"), join(folder, "other.key")];
    const digests = openDigests(path);
    const digest = digests.digest("4111 1111 1111 1111");
    assert.match(digest, /^hmac-sha256:[0-9a-f]{32}$/);
    assert.equal(openDigests(path).digest(Buffer.from("4111 1111 1111 1111")), digest);
    assert.notEqual(digests.digest("4111 1111 1111 1112"), digest);
    assert.notEqual(openDigests(other).digest("4111 1111 1111 1111"), digest);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(readFileSync(path).length, 32);
  });

  test("is refused under a key file of another size", async (t) => {
    const folder = await scratchFolder("digests");
    t.after(() => removeFolder(folder));
    for (const size of [0, 31, 33]) {
      const path = join(folder, `${size}.key`);
      writeFileSync(path, Buffer.alloc(size));
      assert.throws(() => openDigests(path), /digest key has/);
    }
    assert.throws(() => openDigests(join(folder, "absent", "digest.key")), /ENOENT/);
  });
});
