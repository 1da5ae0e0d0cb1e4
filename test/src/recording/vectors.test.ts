import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { z } from "zod";
import { Secret } from "#protocols/wire/secret.ts";
import { CHAIN_START } from "#src/recording/journal-format.ts";
import { JournalError, readJournal } from "#src/recording/journal-reader.ts";
import { parseIdentities, readRecording } from "#src/recording/read.ts";
import { RecordingError } from "#src/recording/recording-error.ts";
import { ROOT } from "#test/support/tree.ts";

const VECTORS = join(ROOT, "test", "vectors");
const list = <Shape extends z.ZodType>(name: string, shape: Shape) =>
  z.array(shape).parse(JSON.parse(readFileSync(join(VECTORS, name), "utf8")));

const RECORDINGS = list("recordings.json", z.object({ file: z.string(), what: z.string(), expect: z.unknown() }));
const JOURNALS = list("journals.json", z.object({ folder: z.string(), what: z.string(), expect: z.unknown() }));
const identities = parseIdentities(new Secret(readFileSync(join(VECTORS, "test-only-identity.txt"), "utf8")));

async function recordingOutcome(path: string): Promise<unknown> {
  const events = readRecording(path, identities);
  try {
    let step = await events.next();
    while (step.done !== true) step = await events.next();
    return step.value;
  } catch (error) {
    assert.ok(error instanceof RecordingError, String(error));
    return { problem: error.problem, event: error.event };
  }
}

function journalOutcome(folder: string): unknown {
  const path = join(VECTORS, "journals", folder, "vector-01");
  const blocks = readJournal({ sessionId: "vector-01", journal: `${path}.journal`, key: `${path}.key` });
  let events = 0;
  try {
    let step = blocks.next();
    while (step.done !== true) {
      events += step.value.toString("utf8").split("\n").length - 1;
      step = blocks.next();
    }
    return { events, head: step.value.head, tornBytes: step.value.tornBytes };
  } catch (error) {
    assert.ok(error instanceof JournalError, String(error));
    return { problem: error.problem };
  }
}

describe("recording vectors", () => {
  for (const { file, what, expect } of RECORDINGS) {
    test(`${file}: ${what}`, async () => {
      assert.deepEqual(await recordingOutcome(join(VECTORS, "recordings", file)), expect);
    });
  }

  test("are good and broken", () => {
    assert.ok(RECORDINGS.filter(({ file }) => file.startsWith("good")).length >= 3);
    assert.ok(RECORDINGS.filter(({ file }) => file.startsWith("broken")).length >= 10);
  });
});

describe("journal vectors", () => {
  for (const { folder, what, expect } of JOURNALS) {
    test(`${folder}: ${what}`, () => {
      assert.deepEqual(journalOutcome(folder), expect);
    });
  }

  test("begin their chains where recordings do", () => {
    assert.equal(CHAIN_START, "0".repeat(64));
  });
});
