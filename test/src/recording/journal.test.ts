import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Fault } from "#protocols/wire/fault.ts";
import type { EventBody } from "#src/recording/events.ts";
import { openJournal } from "#src/recording/journal.ts";
import { CHAIN_START, type JournalPaths } from "#src/recording/journal-format.ts";
import { readJournal } from "#src/recording/journal-reader.ts";
import { record, result, SESSION_END, sessionStart, statement, studio } from "./session.ts";

function readAll(paths: JournalPaths): { text: string; tornBytes: number } {
  const blocks = readJournal(paths);
  const parts: Buffer[] = [];
  for (;;) {
    const step = blocks.next();
    if (step.done === true) return { text: Buffer.concat(parts).toString("utf8"), tornBytes: step.value.tornBytes };
    parts.push(step.value);
  }
}

const lines = (text: string) => text.split("\n").slice(0, -1);
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const failed = (error: unknown) => error instanceof Fault && error.code === "recording-failed";

describe("a journal", () => {
  test("gives back every event that was appended, numbered from 0 and chained", async (t) => {
    const made = await studio(t);
    const journal = record(made, "session-one", ["SELECT 1", "SELECT 'ä', '\u{1f511}'"]);
    const { text, tornBytes } = readAll(journal.paths);
    const events = lines(text).map((line) => JSON.parse(line));
    assert.equal(tornBytes, 0);
    assert.deepEqual(
      events.map(({ seq, kind }) => [seq, kind]),
      ["session-start", "statement", "rows", "result", "statement", "rows", "result", "session-end"].map((kind, seq) => [seq, kind]),
    );
    assert.equal(events[4].sql, "SELECT 'ä', '\u{1f511}'");
    assert.equal(events[0].prev, CHAIN_START);
    for (const [index, line] of lines(text).slice(0, -1).entries()) assert.equal(events[index + 1].prev, sha256(line));
    assert.equal(journal.head, sha256(lines(text).at(-1) ?? ""));
    assert.equal(journal.events, 8);
    assert.match(events[1].at, /^2026-11-21T12:00:00\.\d{3}Z$/);
    assert.ok(events[1].sinceStartMs > events[0].sinceStartMs);
  });

  test("has read each kind of event back as it was given", async (t) => {
    const made = await studio(t);
    const sha = "ab".repeat(32);
    const bodies: EventBody[] = [
      sessionStart("every-kind"),
      { kind: "prepare", name: "s1", sql: "SELECT $1", upstreamSql: "SELECT 'x'", verdict: "mask", rule: "pii", reason: null, tables: [] },
      {
        kind: "prepare",
        name: "s2",
        sql: { head: "SEL", bytes: 9, sha256: sha },
        upstreamSql: null,
        verdict: "deny",
        rule: null,
        reason: "masked-write",
        tables: ["a", "b"],
      },
      {
        kind: "statement",
        sql: "X",
        upstreamSql: { head: "Y", bytes: 5, sha256: null },
        parameters: [null, "1", { hex: "00ff" }],
        verdict: "allow",
        rule: "r",
        reason: "unparsed",
        tables: ["t"],
      },
      { kind: "denied", statement: 3, rule: null, reason: "access-not-granted", message: "no" },
      { kind: "held", statement: 3, rule: "prod" },
      { kind: "rows", statement: null, columns: [{ name: "ssn", masked: true }], rows: [["***"], [{ head: "a", bytes: 4, sha256: sha }]] },
      { kind: "result", statement: 3, tag: "SELECT 2", rows: 2, durationMs: 1.5, beyond: { rows: 1, bytes: 2, sha256: sha } },
      { kind: "copy", statement: 3, direction: "in", data: { hex: "01", bytes: 4, sha256: sha }, bytes: 4, beyond: null, outcome: "done" },
      { kind: "error", statement: 3, fields: { C: "42601", M: "syntax error" }, from: "target" },
      { kind: "notice", fields: { M: "hello" } },
      { kind: "notify", channel: "c", payload: "p" },
      { kind: "body", statement: 3, bytes: 4, sha256: sha },
      { kind: "cancel", remote: "192.0.2.1:5" },
      SESSION_END,
    ];
    const journal = made.open("every-kind");
    for (const body of bodies) journal.append(body);
    journal.close();
    const read = lines(readAll(journal.paths).text).map((line) => {
      const { seq: _seq, prev: _prev, at: _at, sinceStartMs: _since, ...body } = JSON.parse(line);
      return body;
    });
    assert.deepEqual(read, bodies);
  });

  test("writes nothing before a flush, and with it one block whatever was appended", async (t) => {
    const made = await studio(t);
    const journal = made.open("session-two");
    const empty = statSync(journal.paths.journal).size;
    journal.append(sessionStart("session-two"));
    journal.append(statement("SELECT 1"));
    assert.equal(statSync(journal.paths.journal).size, empty);
    const pending = journal.pendingBytes;
    journal.flush();
    assert.equal(statSync(journal.paths.journal).size, empty + 4 + pending + 32);
    assert.equal(journal.pendingBytes, 0);
    journal.flush();
    assert.equal(statSync(journal.paths.journal).size, empty + 4 + pending + 32);
    journal.close();
  });

  test("keeps key and journal to the gateway's own account", async (t) => {
    const made = await studio(t);
    const { paths } = record(made, "session-three", []);
    assert.equal(statSync(made.journals).mode & 0o777, 0o700);
    assert.equal(statSync(paths.journal).mode & 0o777, 0o600);
    assert.equal(statSync(paths.key).mode & 0o777, 0o600);
  });

  test("shows nothing of its events on disk", async (t) => {
    const made = await studio(t);
    record(made, "session-canary", ["SELECT 'canary-4711'", `SELECT '${"canary-4711".repeat(20_000)}'`]);
    for (const name of readdirSync(made.journals)) assert.ok(!readFileSync(join(made.journals, name)).includes("canary-4711"), name);
  });

  test("holds no raw control character, and is one line of JSON an event", async (t) => {
    const made = await studio(t);
    const hostile = '\r\n\u0000\u001b[2J\u007f\u009b31m\u2028\u2029\u202e\ufeff\ud800"}\\';
    const { paths } = record(made, "session-hostile", [hostile]);
    const { text } = readAll(paths);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    assert.doesNotMatch(text.replaceAll("\n", ""), /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202e\ufeff]/);
    assert.equal(lines(text).length, 5);
    assert.equal(JSON.parse(lines(text)[1] ?? "").sql, hostile);
  });

  test("takes events larger than a slab, and slabs full of events", async (t) => {
    const made = await studio(t);
    const journal = made.open("session-large");
    const sizes = [10, 70_000, 1, 200_000, 65_000, 300, 64_000, 64_000, 5_000_000];
    for (const size of sizes) journal.append(statement(size % 2 === 0 ? "x".repeat(size) : "ü".repeat(size)));
    journal.close();
    const read = lines(readAll(journal.paths).text).map((line) => JSON.parse(line).sql.length);
    assert.deepEqual(read, sizes);
  });

  test("gives back any events however they are flushed", async (t) => {
    const made = await studio(t);
    let run = 0;
    const event = fc.tuple(fc.oneof(fc.string({ unit: "binary" }), fc.string({ minLength: 0, maxLength: 9000 })), fc.boolean());
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        run += 1;
        const journal = made.open(`property-${run}`);
        for (const [sql, flush] of events) {
          journal.append(statement(sql));
          if (flush) journal.flush();
        }
        journal.close();
        const read = lines(readAll(journal.paths).text).map((line) => JSON.parse(line).sql);
        assert.deepEqual(
          read,
          events.map(([sql]) => sql),
        );
      }),
      { numRuns: 60 },
    );
  });

  test("interleaves with others that use the same slabs", async (t) => {
    const made = await studio(t);
    const journals = Array.from({ length: 20 }, (_, index) => made.open(`interleaved-${index}`));
    for (let round = 0; round < 50; round++) {
      for (const [index, journal] of journals.entries()) {
        journal.append(statement(`SELECT ${index}, ${round}`));
        if ((index + round) % 3 === 0) journal.flush();
      }
    }
    for (const [index, journal] of journals.entries()) {
      journal.close();
      const read = lines(readAll(journal.paths).text).map((line) => JSON.parse(line).sql);
      assert.deepEqual(
        read,
        Array.from({ length: 50 }, (_, round) => `SELECT ${index}, ${round}`),
      );
    }
  });

  test("has its pending events written by whoever looks after the slabs", async (t) => {
    const made = await studio(t);
    const [one, two] = [made.open("pending-one"), made.open("pending-two")];
    one.append(sessionStart("pending-one"));
    two.append(sessionStart("pending-two"));
    two.append(statement("x".repeat(10_000)));
    assert.deepEqual(made.slabs.flushAll(), []);
    for (const journal of [one, two]) {
      assert.equal(journal.pendingBytes, 0);
      assert.equal(lines(readAll(journal.paths).text).length, journal.events);
    }
    one.append(result(0, 1));
    one.close();
    assert.deepEqual(made.slabs.flushAll(), []);
    two.close();
  });

  test("cannot be opened twice under one id", async (t) => {
    const made = await studio(t);
    made.open("session-twice").close();
    assert.throws(() => made.open("session-twice"), failed);
  });

  test("refuses an id that could name another file", async (t) => {
    const made = await studio(t);
    for (const id of ["../../escape", "a/b/c/d/e", "short", ".hidden-id", "x".repeat(65), "nul\u0000inside", ""]) {
      assert.throws(() => made.open(id), failed, id);
    }
  });

  test("refuses to begin where nothing can be written", async (t) => {
    const made = await studio(t);
    const { clock, slabs } = made;
    assert.throws(
      () => openJournal({ directory: join(made.root, "absent"), sessionId: "session-one", clock, slabs, startedAtMonotonicMs: 0 }),
      failed,
    );
  });

  test("refuses what comes after its close", async (t) => {
    const made = await studio(t);
    const journal = record(made, "session-closed", []);
    assert.throws(() => journal.append(SESSION_END), failed);
    assert.throws(() => journal.flush(), failed);
    journal.close();
  });

  test("refuses an event that no block can hold", async (t) => {
    const made = await studio(t);
    const journal = made.open("session-huge");
    journal.append(sessionStart("session-huge"));
    assert.throws(() => journal.append(statement("x".repeat(64 * 1024 * 1024))), failed);
    journal.close();
  });
});

describe("a journal whose disk fails", () => {
  /** Exchanges the journal's open file for one that is always full: what a full volume answers, without mounting one. */
  function fill(path: string): void {
    const { ino, dev } = statSync(path);
    const open = readdirSync("/proc/self/fd")
      .map(Number)
      .find((fd) => {
        const found = existsSync(`/proc/self/fd/${fd}`) ? fstatSync(fd) : undefined;
        return found?.ino === ino && found.dev === dev;
      });
    assert.ok(open !== undefined);
    closeSync(open);
    // A new file takes the lowest free number.
    const taken: number[] = [];
    while (!taken.includes(open)) taken.push(openSync("/dev/full", "w"));
    for (const fd of taken) if (fd !== open) closeSync(fd);
  }

  test("fails the flush, and every call after it, with the fault that refuses the statement", async (t) => {
    const made = await studio(t);
    const journal = made.open("session-full");
    journal.append(sessionStart("session-full"));
    journal.flush();
    fill(journal.paths.journal);
    journal.append(statement("INSERT INTO t VALUES (1)"));
    assert.throws(() => journal.flush(), failed);
    assert.throws(() => journal.flush(), failed);
    assert.throws(() => journal.append(result(1, 1)), failed);
    journal.close();
    assert.deepEqual(
      lines(readAll(journal.paths).text).map((line) => JSON.parse(line).kind),
      ["session-start"],
    );
  });

  test("fails the append that has to make room", async (t) => {
    const made = await studio(t);
    const journal = made.open("session-fuller");
    journal.append(sessionStart("session-fuller"));
    fill(journal.paths.journal);
    assert.throws(() => {
      for (let count = 0; count < 10_000; count++) journal.append(statement("SELECT 1"));
    }, failed);
    assert.throws(() => journal.append(statement("SELECT 2")), failed);
  });

  test("does not keep others from being written", async (t) => {
    const made = await studio(t);
    const [broken, whole] = [made.open("broken-one"), made.open("whole-one")];
    for (const journal of [broken, whole]) journal.append(sessionStart(journal.sessionId));
    fill(broken.paths.journal);
    const failures = made.slabs.flushAll();
    assert.equal(failures.length, 1);
    assert.ok(failed(failures[0]));
    assert.equal(lines(readAll(whole.paths).text).length, 1);
    assert.deepEqual(made.slabs.flushAll(), []);
    assert.throws(() => broken.append(SESSION_END), failed);
    whole.close();
  });

  test("loses nothing that an earlier flush wrote, when a volume runs full in the middle of a block", async (t) => {
    const made = await studio(t);
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", made.journals]);
    if (mounted.status !== 0) return t.skip("only root can mount a small volume");
    try {
      const journal = made.open("session-small");
      journal.append(sessionStart("session-small"));
      journal.flush();
      let written = 0;
      assert.throws(() => {
        for (; written < 1000; written++) {
          journal.append(statement("x".repeat(30_001)));
          journal.flush();
        }
      }, failed);
      assert.ok(written > 0);
      journal.close();
      const { text, tornBytes } = readAll(journal.paths);
      assert.equal(lines(text).length, 1 + written);
      assert.ok(tornBytes > 0, "the volume took a part of the block");
      assert.throws(() => made.open("session-after"), failed, "a new session is refused as well");
    } finally {
      assert.equal(spawnSync("umount", [made.journals]).status, 0);
    }
  });
});
