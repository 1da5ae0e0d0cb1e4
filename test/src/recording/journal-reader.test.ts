import assert from "node:assert/strict";
import { copyFileSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type JournalPaths, journalPaths } from "#src/recording/journal-format.ts";
import { JournalError, readJournal } from "#src/recording/journal-reader.ts";
import { record, type Studio, studio } from "./session.ts";

interface Outcome {
  readonly blocks: readonly string[];
  readonly tornBytes: number;
}

function readBlocks(paths: JournalPaths): Outcome {
  const journal = readJournal(paths);
  const blocks: string[] = [];
  for (;;) {
    const step = journal.next();
    if (step.done === true) return { blocks, tornBytes: step.value.tornBytes };
    blocks.push(step.value.toString("utf8"));
  }
}

/** The outcome, or the one error that reading may end with. */
function outcome(paths: JournalPaths): Outcome | JournalError {
  try {
    return readBlocks(paths);
  } catch (error) {
    assert.ok(error instanceof JournalError, String(error));
    return error;
  }
}

/** A copy of a journal with other bytes, under the same session's name. */
function withBytes(made: Studio, paths: JournalPaths, bytes: Uint8Array): JournalPaths {
  const copy = { sessionId: paths.sessionId, journal: join(made.root, "copy.journal"), key: join(made.root, "copy.key") };
  writeFileSync(copy.journal, bytes);
  copyFileSync(paths.key, copy.key);
  return copy;
}

describe("reading a journal", () => {
  test("ends at the last whole block, wherever the file is cut", async (t) => {
    const made = await studio(t);
    const { paths } = record(made, "session-torn", ["SELECT 1", "SELECT 2"]);
    const whole = readBlocks(paths);
    const bytes = readFileSync(paths.journal);
    const seen = new Set<number>();
    for (let length = 0; length < bytes.length; length++) {
      const { blocks, tornBytes } = readBlocks(withBytes(made, paths, bytes.subarray(0, length)));
      assert.deepEqual(blocks, whole.blocks.slice(0, blocks.length));
      assert.ok(blocks.length < whole.blocks.length);
      assert.ok(tornBytes <= length);
      seen.add(blocks.length);
    }
    assert.deepEqual([...seen], [0, 1, 2, 3].slice(0, whole.blocks.length));
  });

  test("ends before the block in which a byte was changed, whichever it is", async (t) => {
    const made = await studio(t);
    const { paths } = record(made, "session-flip", ["SELECT 1"]);
    const whole = readBlocks(paths);
    const bytes = readFileSync(paths.journal);
    for (let offset = 0; offset < bytes.length; offset++) {
      const changed = Buffer.from(bytes);
      changed[offset] = (changed[offset] ?? 0) ^ (1 << (offset % 8));
      const found = outcome(withBytes(made, paths, changed));
      if (found instanceof JournalError) assert.equal(found.problem, "not-a-journal");
      else assert.deepEqual(found.blocks, whole.blocks.slice(0, found.blocks.length));
      assert.notDeepEqual(found, whole);
    }
  });

  test("ends before blocks that were exchanged, repeated or left out", async (t) => {
    const made = await studio(t);
    const { paths } = record(made, "session-blocks", ["SELECT 1", "SELECT 2", "SELECT 3"]);
    const bytes = readFileSync(paths.journal);
    const header = bytes.indexOf("\n") + 1;
    const parts: Buffer[] = [];
    for (let at = header; at < bytes.length; ) {
      const end = at + 4 + bytes.readUInt32BE(at) + 32;
      parts.push(bytes.subarray(at, end));
      at = end;
    }
    const build = (order: readonly number[]) =>
      readBlocks(
        withBytes(made, paths, Buffer.concat([bytes.subarray(0, header), ...order.map((index) => parts[index] ?? Buffer.alloc(0))])),
      );
    const all = parts.map((_, index) => index);
    assert.equal(build(all).blocks.length, parts.length);
    assert.equal(build([0, 2, 1, 3]).blocks.length, 1);
    assert.equal(build([0, 0, 1, 2]).blocks.length, 1);
    assert.equal(build([0, 1, 3]).blocks.length, 2);
    assert.equal(build([1, 2, 3]).blocks.length, 0);
  });

  test("does not believe a length that the file cannot hold", async (t) => {
    const made = await studio(t);
    const { paths } = record(made, "session-length", []);
    const bytes = readFileSync(paths.journal);
    const header = bytes.subarray(0, bytes.indexOf("\n") + 1);
    for (const length of [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 64 * 1024 * 1024 + 1]) {
      const announced = Buffer.alloc(4);
      announced.writeUInt32BE(length);
      const found = readBlocks(withBytes(made, paths, Buffer.concat([header, announced, Buffer.alloc(100)])));
      assert.deepEqual(found, { blocks: [], tornBytes: 104 });
    }
  });

  test("says what is missing or damaged when nothing can be read", async (t) => {
    const made = await studio(t);
    const { paths } = record(made, "session-keys", ["SELECT 1"]);
    const other = record(made, "session-other", ["SELECT 1"]);
    const problem = (changed: JournalPaths) => {
      const found = outcome(changed);
      return found instanceof JournalError ? found.problem : found.blocks.length;
    };
    assert.equal(problem({ ...paths, key: other.paths.key }), 0, "another session's key opens no block");
    assert.equal(problem({ ...paths, journal: other.paths.journal }), "not-a-journal");
    truncateSync(paths.key, 31);
    assert.equal(problem(paths), "key-damaged");
    rmSync(paths.key);
    assert.equal(problem(paths), "key-missing");
    assert.equal(problem({ ...other.paths, journal: made.journals }), "unreadable");
    rmSync(other.paths.journal);
    assert.equal(problem(other.paths), "journal-missing");
  });

  test("always ends, with blocks or its one error, whatever the bytes are", async (t) => {
    const made = await studio(t);
    const { paths } = record(made, "session-fuzz", ["SELECT 1", "SELECT 2"]);
    const good = readFileSync(paths.journal);
    const whole = readBlocks(paths).blocks;
    const mutation = fc.tuple(fc.nat(good.length), fc.nat(64), fc.uint8Array({ maxLength: 64 }));
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 4096 }),
      fc.uint8Array({ maxLength: 4096 }).map((tail) => Buffer.concat([good, tail])),
      fc
        .array(mutation, { minLength: 1, maxLength: 4 })
        .map((mutations) =>
          mutations.reduce<Buffer>((all, [at, cut, put]) => Buffer.concat([all.subarray(0, at), put, all.subarray(at + cut)]), good),
        ),
    );
    fc.assert(
      fc.property(bytes, (made_) => {
        const found = outcome(withBytes(made, paths, made_));
        if (!(found instanceof JournalError)) assert.deepEqual(found.blocks, whole.slice(0, found.blocks.length));
      }),
      { numRuns: Number(process.env["FUZZ_RUNS"] ?? 300) },
    );
  });

  test("names its files by the session", () => {
    const paths = journalPaths("state", "session-name");
    assert.deepEqual(paths, {
      sessionId: "session-name",
      journal: join("state", "session-name.journal"),
      key: join("state", "session-name.key"),
    });
  });

  test("counts what stands behind the last whole block", async (t) => {
    const made = await studio(t);
    const { paths } = record(made, "session-tail", ["SELECT 1"]);
    truncateSync(paths.journal, statSync(paths.journal).size - 7);
    const { blocks, tornBytes } = readBlocks(paths);
    assert.equal(blocks.length, 2);
    assert.ok(tornBytes > 36);
  });
});
