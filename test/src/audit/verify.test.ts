import assert from "node:assert/strict";
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parseCheckpoint } from "#src/audit/evidence-lines.ts";
import { seal } from "#src/recording/seal.ts";
import { RECOVERED, record } from "#test/src/recording/session.ts";
import { type Archive, archive, SESSIONS, summary } from "./archive.ts";

/** Path of a session's sealed file. */
function pathOf(made: Archive, id: string): string {
  return join(made.studio.recordings, made.sealed.get(id)?.file ?? "absent");
}

function flip(path: string, offset: number): void {
  const bytes = readFileSync(path);
  const at = offset < 0 ? bytes.length + offset : offset;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

describe("verification of what nobody touched", () => {
  test("finds nothing, with and without an identity", async (t) => {
    const made = await archive(t);
    const last = parseCheckpoint(readFileSync(join(made.evidence, "checkpoint"), "utf8"));
    const expected = [
      ...SESSIONS.map((id) => ({ id, ok: true, problem: null })),
      { checkpoint: last?.head ?? "", size: 13, ok: true, problem: null, open: 0 },
    ];
    assert.deepEqual(await made.verdicts(), expected);
    assert.deepEqual(await made.verdicts({ identities: made.studio.identities }), expected);
    assert.deepEqual(await made.verdicts({ openSessions: () => [] }), expected);
  });

  test("can be asked about one session", async (t) => {
    const made = await archive(t);
    const verdicts = await made.verdicts({ session: "session-2" });
    assert.deepEqual(
      verdicts.map((verdict) => ("id" in verdict ? verdict.id : "log")),
      ["session-2", "log"],
    );
    assert.deepEqual(await made.problems({ session: "session-9" }), [["session-9", "unknown"]]);
  });

  test("finds recordings in any subfolder", async (t) => {
    const made = await archive(t);
    mkdirSync(join(made.studio.recordings, "elsewhere"));
    renameSync(pathOf(made, "session-2"), join(made.studio.recordings, "elsewhere", "session-2.jsonl.zst.age"));
    renameSync(pathOf(made, "session-3"), join(made.studio.recordings, "session-3.jsonl.zst.age"));
    assert.deepEqual(await made.problems(), []);
  });
});

describe("a recording", () => {
  test("with a byte flipped anywhere is found", async (t) => {
    const made = await archive(t);
    const whole = readFileSync(pathOf(made, "session-2"));
    for (const offset of [0, 30, Math.floor(whole.length / 2), -1]) {
      flip(pathOf(made, "session-2"), offset);
      assert.deepEqual(await made.problems(), [["session-2", "changed"]]);
      writeFileSync(pathOf(made, "session-2"), whole);
    }
  });

  test("with its tail cut is found, and so is an empty one", async (t) => {
    const made = await archive(t);
    truncateSync(pathOf(made, "session-2"), readFileSync(pathOf(made, "session-2")).length - 1);
    truncateSync(pathOf(made, "session-3"), 0);
    assert.deepEqual(await made.problems(), [
      ["session-2", "cut"],
      ["session-3", "cut"],
    ]);
  });

  test("with something appended is found", async (t) => {
    const made = await archive(t);
    appendFileSync(pathOf(made, "session-2"), "x");
    assert.deepEqual(await made.problems(), [["session-2", "changed"]]);
  });

  test("that changed places with another is found, and named with it", async (t) => {
    const made = await archive(t);
    const [two, three, aside] = [pathOf(made, "session-2"), pathOf(made, "session-3"), join(made.studio.root, "aside")];
    renameSync(two, aside);
    renameSync(three, two);
    renameSync(aside, three);
    const verdicts = await made.verdicts();
    assert.match(verdicts[1]?.problem ?? "", /^exchanged: .*session-2.* holds the recording of session-3$/);
    assert.match(verdicts[2]?.problem ?? "", /^exchanged: .*session-3.* holds the recording of session-2$/);
    assert.equal(verdicts.at(-1)?.ok, true);
  });

  test("that was deleted is found", async (t) => {
    const made = await archive(t);
    rmSync(pathOf(made, "session-2"));
    const verdicts = await made.verdicts();
    assert.deepEqual(verdicts[1], { id: "session-2", ok: false, problem: "missing: there is no file 2026/11/21/session-2.jsonl.zst.age" });
  });

  test("that is there twice is found", async (t) => {
    const made = await archive(t);
    copyFileSync(pathOf(made, "session-2"), join(made.studio.recordings, "session-2.jsonl.zst.age"));
    copyFileSync(pathOf(made, "session-2"), join(made.studio.recordings, "session-8.jsonl.zst.age"));
    assert.deepEqual(await made.problems(), [
      ["session-2", "duplicated"],
      ["session-8", "renamed"],
    ]);
  });

  test("under another name is found, and named", async (t) => {
    const made = await archive(t);
    renameSync(pathOf(made, "session-2"), join(made.studio.recordings, "session-9.jsonl.zst.age"));
    renameSync(pathOf(made, "session-3"), pathOf(made, "session-3").replace(".age", ""));
    assert.deepEqual(await made.problems(), [
      ["session-2", "missing"],
      ["session-3", "renamed"],
      ["session-9", "renamed"],
    ]);
  });

  test("that nobody recorded is found, and so is any other file", async (t) => {
    const made = await archive(t);
    record(made.studio, "session-7", ["SELECT 'forged'"]);
    const { recipients, recordings, clock, journals } = made.studio;
    const journal = { sessionId: "session-7", journal: join(journals, "session-7.journal"), key: join(journals, "session-7.key") };
    await seal({ journal, recipients, recordings, clock, ending: RECOVERED });
    writeFileSync(join(recordings, "notes\u001b.txt"), "x");
    symlinkSync(pathOf(made, "session-1"), join(recordings, "session-6.jsonl.zst.age"));
    const problems = await made.problems();
    assert.deepEqual(problems.toSorted(), [
      ["notes\u001b.txt", "unknown"],
      ["session-6.jsonl.zst.age", "renamed"],
      ["session-7", "unknown"],
    ]);
    for (const { problem } of await made.verdicts()) assert.ok(!problem?.includes("\u001b"));
  });

  test("whose file is right and whose inside is not is found with an identity", async (t) => {
    // A gateway that lies, or an archive put together by hand: the log was signed over another chain.
    const made = await archive(t);
    const log = await made.reopen();
    const { recipients, recordings, clock } = made.studio;
    const at = "2026-11-21T12:00:00.000Z";
    const cases = [
      ["session-5", { head: "0".repeat(64) }],
      ["session-6", { events: 3 }],
      ["session-7", { sessionId: "session-8" }],
    ] as const;
    for (const [id, lie] of cases) {
      const { paths } = record(made.studio, id, ["SELECT 1"]);
      const { recording } = await seal({ journal: paths, recipients, recordings, clock, ending: RECOVERED });
      const name = "sessionId" in lie ? lie.sessionId : id;
      if ("sessionId" in lie) renameSync(join(recordings, recording.file), join(recordings, `${name}.jsonl.zst.age`));
      const file = recording.file.replace(id, name);
      await log.append({ type: "session-sealed", session: summary(name, at), recording: { ...recording, file, ...lie } });
    }
    await log.close();
    assert.deepEqual(await made.problems(), []);
    assert.deepEqual(await made.problems({ identities: made.studio.identities }), [
      ["session-5", "changed"],
      ["session-6", "changed"],
      ["session-8", "exchanged"],
    ]);
  });
});

describe("a session without a recording", () => {
  test("is a problem when it does not run, and none while it does or nobody can say", async (t) => {
    const made = await archive(t);
    const log = await made.reopen();
    await log.append({ type: "session-opened", session: summary("session-5", "2026-11-21T12:00:00.000Z") });
    await log.close();
    assert.deepEqual(await made.problems({ openSessions: () => [] }), [["session-5", "missing"]]);
    assert.deepEqual(await made.problems({ openSessions: () => ["session-5"] }), []);
    assert.deepEqual(await made.problems(), []);
    const last = (await made.verdicts()).at(-1);
    assert.ok(last !== undefined && "open" in last && last.open === 1);
  });

  test("is no problem when it ends while verification runs", async (t) => {
    const made = await archive(t);
    const log = await made.reopen();
    await log.append({ type: "session-opened", session: summary("session-5", "2026-11-21T12:00:00.000Z") });
    const { recipients, recordings, clock } = made.studio;
    const { paths } = record(made.studio, "session-5", []);
    const { recording } = await seal({ journal: paths, recipients, recordings, clock, ending: RECOVERED });
    // The file is there, its record comes later, on a slow disk a good while later; only then the session does not run any more.
    let looks = 0;
    let sealed = false;
    const openSessions = () => {
      looks += 1;
      if (looks === 4) {
        void log.append({ type: "session-sealed", session: summary("session-5", recording.file), recording }).then(() => {
          sealed = true;
        });
      }
      return sealed ? [] : ["session-5"];
    };
    assert.deepEqual(await made.problems({ openSessions }), []);
    assert.ok(looks >= 4);
    await log.close();
  });

  test("is a problem when its recording is there, it does not run, and the log never says that it was sealed", async (t) => {
    const made = await archive(t);
    const { recipients, recordings, clock } = made.studio;
    const { paths } = record(made.studio, "session-5", []);
    await seal({ journal: paths, recipients, recordings, clock, ending: RECOVERED });
    assert.deepEqual(await made.problems({ openSessions: () => [] }), [["session-5", "unknown"]]);
  });

  test("that the gateway itself reported lost stays a problem", async (t) => {
    const made = await archive(t);
    const log = await made.reopen();
    await log.append({ type: "session-lost", sessionId: "session-5", reason: "key-missing: the journal's key cannot be read" });
    await log.close();
    assert.deepEqual(await made.problems({ openSessions: () => [] }), [["session-5", "lost"]]);
  });
});
