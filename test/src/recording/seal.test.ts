import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { generateHybridIdentity, generateX25519Identity, identityToRecipient } from "age-encryption";
import { Secret } from "#protocols/wire/secret.ts";
import type { RecordedEvent } from "#src/recording/events.ts";
import { parseIdentities, readRecording } from "#src/recording/read.ts";
import { parseRecipients } from "#src/recording/recipients.ts";
import { discard, seal } from "#src/recording/seal.ts";
import { optional } from "#test/support/optional.ts";
import { RECOVERED, record, type Studio, sessionStart, statement, studio } from "./session.ts";

function sealing(made: Studio, sessionId: string, recipients = made.recipients) {
  const paths = { sessionId, journal: join(made.journals, `${sessionId}.journal`), key: join(made.journals, `${sessionId}.key`) };
  return { journal: paths, recipients, recordings: made.recordings, clock: made.clock, ending: RECOVERED };
}

async function events(path: string, identities: Parameters<typeof readRecording>[1]): Promise<RecordedEvent[]> {
  return await Array.fromAsync(readRecording(path, identities));
}

describe("sealing", () => {
  test("makes one file in the folder of the day, whose hash, size and chain are told", async (t) => {
    const made = await studio(t);
    const journal = record(made, "session-one", ["SELECT 1", "SELECT 2"]);
    const sealed = await seal(sealing(made, "session-one"));
    assert.equal(sealed.recording.file, "2026/11/21/session-one.jsonl.zst.age");
    const bytes = readFileSync(join(made.recordings, sealed.recording.file));
    assert.deepEqual(sealed, {
      recording: {
        sessionId: "session-one",
        file: "2026/11/21/session-one.jsonl.zst.age",
        sha256: createHash("sha256").update(bytes).digest("hex"),
        bytes: bytes.length,
        head: journal.head,
        events: 8,
      },
      status: "closed",
      startedAt: "2026-11-21T12:00:00.002Z",
      endedAt: "2026-11-21T12:00:00.011Z",
    });
    const read = await events(join(made.recordings, sealed.recording.file), made.identities);
    assert.deepEqual(
      read.map(({ kind }) => kind),
      ["session-start", "statement", "rows", "result", "statement", "rows", "result", "session-end"],
    );
    assert.deepEqual(readdirSync(join(made.recordings, "2026/11/21")), ["session-one.jsonl.zst.age"]);
  });

  test("leaves journal and key until they are discarded", async (t) => {
    const made = await studio(t);
    const { paths } = record(made, "session-two", []);
    await seal(sealing(made, "session-two"));
    assert.ok(existsSync(paths.journal) && existsSync(paths.key));
    discard(paths);
    assert.deepEqual(readdirSync(made.journals), []);
    discard(paths);
  });

  test("can be done again after a crash, and replaces the first file", async (t) => {
    const made = await studio(t);
    record(made, "session-again", ["SELECT 1"]);
    const first = await seal(sealing(made, "session-again"));
    const second = await seal(sealing(made, "session-again"));
    assert.equal(first.recording.head, second.recording.head);
    assert.notEqual(first.recording.sha256, second.recording.sha256);
    assert.equal((await events(join(made.recordings, second.recording.file), made.identities)).length, 5);
  });

  test("shows nothing of the session in the file, and not to another's identity", async (t) => {
    const made = await studio(t);
    record(made, "session-secret", ["SELECT 'canary-4711'"]);
    const { recording } = await seal(sealing(made, "session-secret"));
    const path = join(made.recordings, recording.file);
    assert.ok(!readFileSync(path).includes("canary-4711"));
    const stranger = parseIdentities(new Secret(await generateX25519Identity()));
    await assert.rejects(events(path, stranger), { name: "RecordingError", problem: "no-identity" });
    await assert.rejects(events(path, undefined), { name: "RecordingError", problem: "no-identity" });
  });

  test("seals to every recipient, post-quantum ones included", async (t) => {
    const made = await studio(t);
    record(made, "session-three", ["SELECT 1"]);
    const identities = [await generateX25519Identity(), await generateHybridIdentity(), await generateX25519Identity()];
    const recipients = parseRecipients(await Promise.all(identities.map((identity) => identityToRecipient(identity))));
    const { recording } = await seal(sealing(made, "session-three", recipients));
    for (const identity of identities) {
      const read = await events(join(made.recordings, recording.file), parseIdentities(new Secret(identity)));
      assert.equal(read.length, 5);
    }
  });

  test("without recipients leaves a zstd file, and names it so", async (t) => {
    const made = await studio(t);
    record(made, "session-plain", ["SELECT 1"]);
    const { recording } = await seal(sealing(made, "session-plain", parseRecipients("none")));
    assert.equal(recording.file, "2026/11/21/session-plain.jsonl.zst");
    assert.equal((await events(join(made.recordings, recording.file), undefined)).length, 5);
  });

  test("adds the end that a killed session could not write, chained to its last event", async (t) => {
    const made = await studio(t);
    const journal = made.open("session-killed");
    journal.append(sessionStart("session-killed"));
    journal.append(statement("SELECT 1"));
    journal.flush();
    const sealed = await seal(sealing(made, "session-killed"));
    assert.equal(sealed.status, "recovered");
    const read = await events(join(made.recordings, sealed.recording.file), made.identities);
    const [, last, end] = read;
    assert.equal(read.length, 3);
    assert.ok(end?.kind === "session-end" && last !== undefined);
    assert.deepEqual([end.status, end.reason, end.at], ["recovered", "the gateway was killed", last.at]);
  });

  test("seals a journal without any event as its end alone", async (t) => {
    const made = await studio(t);
    made.open("session-empty");
    const sealed = await seal(sealing(made, "session-empty"));
    assert.equal(sealed.recording.events, 1);
    const read = await events(join(made.recordings, sealed.recording.file), made.identities);
    assert.deepEqual(
      read.map(({ kind, seq }) => [kind, seq]),
      [["session-end", 0]],
    );
  });

  test("makes several frames of a large session, all of which are read", async (t) => {
    const made = await studio(t);
    const journal = made.open("session-large");
    journal.append(sessionStart("session-large"));
    for (let index = 0; index < 3000; index++) {
      journal.append(statement(`SELECT ${index} /* ${"filler ".repeat(150)} */`));
      if (index % 7 === 0) journal.flush();
    }
    journal.append({ kind: "session-end", status: "closed", reason: null });
    journal.close();
    for (const recipients of [made.recipients, parseRecipients("none")]) {
      const { recording } = await seal(sealing(made, "session-large", recipients));
      const path = join(made.recordings, recording.file);
      const bytes = readFileSync(path);
      assert.equal(recording.bytes, bytes.length);
      assert.equal(recording.sha256, createHash("sha256").update(bytes).digest("hex"));
      let count = 0;
      for await (const event of readRecording(path, made.identities)) count = event.seq + 1;
      assert.equal(count, 3002);
      assert.equal(recording.head, journal.head);
    }
  });

  test("leaves no partial file behind when the recordings cannot be written", async (t) => {
    const made = await studio(t);
    record(made, "session-blocked", []);
    mkdirSync(join(made.recordings, "2026"));
    writeFileSync(join(made.recordings, "2026", "11"), "a file where a folder is due");
    await assert.rejects(seal(sealing(made, "session-blocked")), /EEXIST|ENOTDIR/);
    rmSync(join(made.recordings, "2026", "11"));
    mkdirSync(join(made.recordings, "2026/11/21/session-blocked.jsonl.zst.age/x"), { recursive: true });
    await assert.rejects(seal(sealing(made, "session-blocked")), /EISDIR|ENOTEMPTY|EEXIST/);
    assert.deepEqual(readdirSync(join(made.recordings, "2026/11/21")), ["session-blocked.jsonl.zst.age"]);
  });

  test("keeps recordings from other accounts", async (t) => {
    const made = await studio(t);
    record(made, "session-modes", []);
    const { recording } = await seal(sealing(made, "session-modes"));
    assert.equal(statSync(join(made.recordings, recording.file)).mode & 0o007, 0);
    assert.equal(statSync(join(made.recordings, "2026/11/21")).mode & 0o007, 0);
  });

  test("makes what age, zstd and a JSON parser read without Sallyport", { skip: optional("age", "zstd") }, async (t) => {
    const made = await studio(t);
    const journal = record(made, "session-stock", ["SELECT 1"]);
    const large = made.open("session-stock-large");
    for (let index = 0; index < 2500; index++) large.append(statement(`SELECT ${index} /* ${"filler ".repeat(150)} */`));
    large.close();
    const key = join(made.root, "identity.txt");
    writeFileSync(key, `${made.identity}\n`);
    for (const [id, count] of [
      ["session-stock", journal.events],
      ["session-stock-large", 2501],
    ] as const) {
      const { recording } = await seal(sealing(made, id));
      const opened = spawnSync("age", ["-d", "-i", key, join(made.recordings, recording.file)], { maxBuffer: 1 << 28 });
      assert.equal(opened.status, 0, opened.stderr.toString());
      const text = spawnSync("zstd", ["-d"], { input: opened.stdout, maxBuffer: 1 << 28 });
      assert.equal(text.status, 0, text.stderr.toString());
      const lines = text.stdout.toString("utf8").trimEnd().split("\n");
      assert.equal(lines.length, count);
      assert.equal(
        createHash("sha256")
          .update(lines.at(-1) ?? "")
          .digest("hex"),
        recording.head,
      );
      for (const line of lines) JSON.parse(line);
    }
  });
});
