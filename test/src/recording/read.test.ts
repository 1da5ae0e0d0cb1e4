import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { Secret } from "#protocols/wire/secret.ts";
import { zstdContents, zstdFrames } from "#src/recording/frames.ts";
import { CHAIN_START } from "#src/recording/journal-format.ts";
import { parseIdentities, readRecording } from "#src/recording/read.ts";
import { RecordingError } from "#src/recording/recording-error.ts";
import { seal } from "#src/recording/seal.ts";
import { record, SESSION_END, type Studio, sessionStart, statement, studio } from "./session.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/** Lines of a good chain. */
function chain(count: number): string[] {
  const lines: string[] = [];
  let prev = CHAIN_START;
  for (let seq = 0; seq < count; seq++) {
    const body = seq === 0 ? sessionStart("session-one") : seq === count - 1 ? SESSION_END : statement(`SELECT ${seq}`);
    const line = JSON.stringify({ seq, prev, at: "2026-11-21T12:00:00.000Z", sinceStartMs: seq, ...body });
    lines.push(line);
    prev = sha256(line);
  }
  return lines;
}

/** Reads unencrypted bytes; gives back the events read, and the error. */
async function read(made: Studio, bytes: Uint8Array): Promise<{ events: number; error: RecordingError | undefined }> {
  const path = join(made.root, "some.jsonl.zst");
  writeFileSync(path, bytes);
  let events = 0;
  try {
    for await (const event of readRecording(path, made.identities)) events = event.seq + 1;
    return { events, error: undefined };
  } catch (error) {
    assert.ok(error instanceof RecordingError, String(error));
    return { events, error };
  }
}

const pack = (lines: readonly string[]) => zstdCompressSync(Buffer.from(lines.map((line) => `${line}\n`).join("")));

describe("reading a recording", () => {
  test("yields its events and returns the chain's end", async (t) => {
    const made = await studio(t);
    const journal = record(made, "session-one", ["SELECT 1"]);
    const { recording } = await seal({
      journal: journal.paths,
      recipients: made.recipients,
      recordings: made.recordings,
      clock: made.clock,
      ending: { status: "recovered", reason: null },
    });
    const events = readRecording(join(made.recordings, recording.file), made.identities);
    let step = await events.next();
    while (step.done !== true) step = await events.next();
    assert.deepEqual(step.value, { head: recording.head, events: recording.events });
  });

  test("names the first event that is wrong", async (t) => {
    const made = await studio(t);
    const lines = chain(6);
    const changed = (index: number, edit: (line: string) => string) => lines.map((line, at) => (at === index ? edit(line) : line));
    const cases: readonly (readonly [string, readonly string[], number | null, number])[] = [
      ["chain-broken", changed(2, (line) => line.replace("SELECT 2", "SELECT 3")), 2, 3],
      ["chain-broken", lines.toSpliced(2, 1), 2, 2],
      ["chain-broken", lines.toSpliced(0, 1), 0, 0],
      ["chain-broken", lines.toSpliced(2, 0, lines[2] ?? ""), 3, 3],
      ["chain-broken", lines.toSpliced(2, 2, lines[3] ?? "", lines[2] ?? ""), 2, 2],
      ["chain-broken", changed(3, () => "{"), 3, 3],
      ["chain-broken", changed(3, () => "[]"), 3, 3],
      ["chain-broken", changed(3, (line) => line.replace('"statement"', '"unheard-of"')), 3, 3],
      ["chain-broken", changed(3, (line) => line.replace('"parameters":[]', '"parameters":[1]')), 3, 3],
      ["chain-broken", [...lines, lines[5] ?? ""], 6, 6],
      ["incomplete", lines.slice(0, 5), 5, 5],
      ["incomplete", [], 0, 0],
    ];
    assert.deepEqual(await read(made, pack(lines)), { events: 6, error: undefined });
    for (const [problem, broken, event, events] of cases) {
      const found = await read(made, pack(broken));
      assert.deepEqual([found.error?.problem, found.error?.event, found.events], [problem, event, events], found.error?.message);
    }
  });

  test("takes one frame or several, cut anywhere", async (t) => {
    const made = await studio(t);
    const text = Buffer.from(
      chain(20)
        .map((line) => `${line}\n`)
        .join(""),
    );
    for (const size of [1, 100, 1000, text.length]) {
      const frames: Buffer[] = [];
      for (let at = 0; at < text.length; at += size) frames.push(zstdCompressSync(text.subarray(at, at + size)));
      assert.deepEqual(await read(made, Buffer.concat(frames)), { events: 20, error: undefined });
    }
  });

  test("calls damaged what is cut, changed or no recording at all", async (t) => {
    const made = await studio(t);
    const whole = pack(chain(6));
    const noEnd = zstdCompressSync(Buffer.from(chain(6).join("\n")));
    const skippable = Buffer.from("502a4d18040000000000000000", "hex");
    const bytes = [
      whole.subarray(0, -1),
      whole.subarray(0, 3),
      Buffer.concat([whole, Buffer.from("x")]),
      Buffer.from("not a recording"),
      noEnd,
      skippable,
    ];
    for (const broken of bytes) assert.equal((await read(made, broken)).error?.problem, "damaged", broken.toString("latin1"));
  });

  test("calls damaged an age file that is cut or changed at any place", async (t) => {
    const made = await studio(t);
    const journal = record(made, "session-one", ["SELECT 1"]);
    const { recording } = await seal({
      journal: journal.paths,
      recipients: made.recipients,
      recordings: made.recordings,
      clock: made.clock,
      ending: { status: "recovered", reason: null },
    });
    const whole = readFileSync(join(made.recordings, recording.file));
    for (let offset = 0; offset < whole.length; offset += 7) {
      const flipped = Buffer.from(whole);
      flipped[offset] = (flipped[offset] ?? 0) ^ 1;
      assert.ok((await read(made, flipped)).error !== undefined, `byte ${offset} flipped`);
      assert.ok((await read(made, whole.subarray(0, offset))).error !== undefined, `cut at ${offset}`);
    }
  });

  test("never ends in another error, whatever the bytes are", async (t) => {
    const made = await studio(t);
    const good = pack(chain(6));
    const mutation = fc.tuple(fc.nat(good.length), fc.nat(8), fc.uint8Array({ maxLength: 8 }));
    const mutated = fc
      .array(mutation, { minLength: 1, maxLength: 3 })
      .map((mutations) =>
        mutations.reduce<Buffer>((all, [at, cut, put]) => Buffer.concat([all.subarray(0, at), put, all.subarray(at + cut)]), good),
      );
    const magic = fc.uint8Array({ maxLength: 200 }).map((tail) => Buffer.concat([Buffer.from("28b52ffd", "hex"), tail]));
    await fc.assert(
      fc.asyncProperty(fc.oneof(mutated, magic, fc.uint8Array({ maxLength: 200 })), async (bytes) => {
        await read(made, bytes);
      }),
      { numRuns: Number(process.env["FUZZ_RUNS"] ?? 200) },
    );
  });
});

describe("frames", () => {
  test("give back what was compressed, in whatever chunks either side came", async () => {
    const inputs = fc.array(fc.uint8Array({ maxLength: 300_000, size: "max" }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(inputs, fc.integer({ min: 1, max: 100_000 }), async (chunks, step) => {
        const sealed = Buffer.concat([...zstdFrames(chunks)]);
        async function* cut() {
          for (let at = 0; at < sealed.length; at += step) yield sealed.subarray(at, at + step);
        }
        assert.ok(Buffer.concat(await Array.fromAsync(zstdContents(cut()))).equals(Buffer.concat(chunks)));
      }),
      { numRuns: 12 },
    );
  });

  test("that would unpack to more than a frame may hold are refused before they do", async () => {
    const bomb = zstdCompressSync(Buffer.alloc(66 * 1024 * 1024));
    async function* once() {
      yield bomb;
    }
    await assert.rejects(Array.fromAsync(zstdContents(once())), { problem: "damaged" });
  });
});

describe("an identity file", () => {
  test("may hold comments, empty lines and several identities", async (t) => {
    const made = await studio(t);
    assert.doesNotThrow(() => parseIdentities(new Secret(`# created: today\r\n\n${made.identity}\r\n${made.identity}\n`)));
  });

  test("that holds none is refused without quoting it", () => {
    for (const text of ["", "# nothing\n", "AGE-SECRET-KEY-1CANARY", "ssh-ed25519 CANARY"]) {
      assert.throws(
        () => parseIdentities(new Secret(text)),
        (error) => error instanceof Error && !`${error.message} ${error.cause}`.includes("CANARY"),
      );
    }
  });
});
