import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { openDigests } from "#src/recording/digests.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";

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
