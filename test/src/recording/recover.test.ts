import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, test } from "node:test";
import type { SessionSummary } from "#src/audit/records.ts";
import { readRecording } from "#src/recording/read.ts";
import { clearPartials, type KnownSessions, type Recovered, recover, setAside } from "#src/recording/recover.ts";
import { RECOVERED, record, type Studio, sessionStart, statement, studio } from "./session.ts";

const NOTHING_KNOWN: KnownSessions = { sealed: new Set(), opened: new Map() };

function recoverAll(made: Studio, known = NOTHING_KNOWN, only?: ReadonlySet<string>): Promise<Recovered[]> {
  const { recipients, recordings, clock } = made;
  return Array.fromAsync(
    recover({ directory: made.journals, recipients, recordings, clock, ending: RECOVERED, only, known: async () => known }),
  );
}

async function eventsOf(made: Studio, recovered: Recovered | undefined) {
  assert.ok(recovered?.kind === "sealed");
  return await Array.fromAsync(readRecording(join(made.recordings, recovered.sealed.recording.file), made.identities));
}

describe("recovery", () => {
  test("finds every event that a process flushed before it was killed", { timeout: 60_000 }, async (t) => {
    const made = await studio(t);
    for (const round of [1, 2, 3]) {
      const sessions = ["a", "b", "c"].map((name) => `killed-${round}-${name}`);
      const child = spawn(process.execPath, [join(import.meta.dirname, "appender.ts"), made.journals, ...sessions], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const acked = new Map<string, number>();
      let lines = 0;
      for await (const line of createInterface({ input: child.stdout })) {
        const [session = "", seq = ""] = line.split(" ");
        acked.set(session, Number(seq));
        lines += 1;
        if (lines === 400 * round) child.kill("SIGKILL");
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      assert.equal(child.signalCode, "SIGKILL");
      const recovered = await recoverAll(made);
      assert.deepEqual(
        recovered.map(({ kind, paths }) => [kind, paths.sessionId]),
        sessions.map((session) => ["sealed", session]),
      );
      for (const outcome of recovered) {
        const events = await eventsOf(made, outcome);
        const last = acked.get(outcome.paths.sessionId) ?? Number.NaN;
        assert.ok(last > 50 && events.length > last + 1, `${events.length} events, acknowledged up to ${last}`);
        const end = events.at(-1);
        assert.ok(end?.kind === "session-end" && end.status === "recovered");
        for (const event of events.slice(1, -1)) assert.equal(event.kind, event.seq % 2 === 1 ? "statement" : "notice");
        setAside(outcome.paths);
      }
    }
  });

  test("cuts a torn tail, and the recording says how much", async (t) => {
    const made = await studio(t);
    const journal = made.open("session-torn");
    journal.append(sessionStart("session-torn"));
    journal.flush();
    const size = statSync(journal.paths.journal).size;
    journal.append(statement("SELECT 1"));
    journal.flush();
    truncateSync(journal.paths.journal, size + 9);
    const [outcome] = await recoverAll(made);
    const events = await eventsOf(made, outcome);
    const end = events.at(-1);
    assert.equal(events.length, 2);
    assert.ok(end?.kind === "session-end");
    assert.equal(end.reason, "the gateway was killed; 9 bytes behind the last whole block were cut");
  });

  test("keeps the end that a session did write", async (t) => {
    const made = await studio(t);
    const journal = record(made, "session-ended", ["SELECT 1"]);
    const [outcome] = await recoverAll(made);
    assert.ok(outcome?.kind === "sealed");
    assert.equal(outcome.sealed.status, "closed");
    assert.equal(outcome.sealed.recording.head, journal.head);
  });

  test("counts a session's summary from its events", async (t) => {
    const made = await studio(t);
    const journal = made.open("session-counted");
    journal.append(sessionStart("session-counted"));
    for (const rows of [2, 3]) {
      const seq = journal.append(statement("SELECT ssn, name FROM users"));
      const cells = Array.from({ length: rows }, () => ["***", "Ada"]);
      journal.append({
        kind: "rows",
        statement: seq,
        columns: [
          { name: "ssn", masked: true },
          { name: "name", masked: false },
        ],
        rows: cells,
      });
      journal.append({ kind: "result", statement: seq, tag: `SELECT ${rows}`, rows, durationMs: 1, beyond: null });
    }
    journal.append({ kind: "denied", statement: null, rule: null, reason: "access-not-granted", message: "no" });
    journal.close();
    const [outcome] = await recoverAll(made);
    assert.ok(outcome?.kind === "sealed");
    const { startedAt, endedAt, ...summary } = outcome.summary;
    assert.ok(startedAt < (endedAt ?? ""));
    assert.deepEqual(summary, {
      id: "session-counted",
      principal: { issuer: "https://idp.example", name: "agent-7", groups: ["data-agents"], actor: null },
      target: "orders",
      protocol: "postgres",
      remote: "192.0.2.7:40001",
      label: "app",
      statements: 2,
      rows: 5,
      maskedCells: 5,
      denied: 1,
      bytes: 30,
      status: "recovered",
    });
  });

  test("takes a session without events from what the evidence log knows", async (t) => {
    const made = await studio(t);
    made.open("session-bare");
    const principal = { issuer: "i", name: "agent-9", groups: [], actor: null };
    const counts = { statements: 0, rows: 0, maskedCells: 0, denied: 0, bytes: 0 };
    const at = "2026-11-21T11:59:59.000Z";
    const opened: SessionSummary = {
      id: "session-bare",
      startedAt: at,
      endedAt: null,
      principal,
      target: "orders",
      protocol: "mysql",
      remote: "r",
      label: "l",
      ...counts,
      status: "open",
    };
    const [outcome] = await recoverAll(made, { sealed: new Set(), opened: new Map([["session-bare", opened]]) });
    assert.ok(outcome?.kind === "sealed");
    assert.deepEqual(outcome.summary, { ...opened, endedAt: outcome.sealed.endedAt, status: "recovered" });
  });

  test("only deletes what is on record already, and keys that never got a journal", async (t) => {
    const made = await studio(t);
    record(made, "session-done", ["SELECT 1"]);
    const { paths } = record(made, "session-keyed", []);
    rmSync(paths.journal);
    const outcomes = await recoverAll(made, { sealed: new Set(["session-done"]), opened: new Map() });
    assert.deepEqual(
      outcomes.map(({ kind, paths: { sessionId } }) => [sessionId, kind]),
      [
        ["session-done", "finished"],
        ["session-keyed", "unbegun"],
      ],
    );
    assert.deepEqual(readdirSync(made.journals), []);
    assert.deepEqual(readdirSync(made.recordings), []);
  });

  test("reports a journal that cannot be read as lost, once, and goes on with the others", async (t) => {
    const made = await studio(t);
    const broken = record(made, "session-1-broken", ["SELECT 1"]);
    record(made, "session-2-good", ["SELECT 1"]);
    rmSync(broken.paths.key);
    const outcomes = await recoverAll(made);
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ["lost", "sealed"],
    );
    const [lost] = outcomes;
    assert.ok(lost?.kind === "lost" && lost.reason.startsWith("key-missing: "));
    setAside(lost.paths);
    assert.ok(existsSync(`${lost.paths.journal}.lost`));
    assert.deepEqual(
      (await recoverAll(made)).map(({ paths }) => paths.sessionId),
      ["session-2-good"],
    );
  });

  test("leaves alone the sessions that others run, and files that are none of its", async (t) => {
    const made = await studio(t);
    record(made, "session-mine", []);
    record(made, "session-theirs", []);
    writeFileSync(join(made.journals, "notes.txt"), "x");
    writeFileSync(join(made.journals, ".journal"), "x");
    const outcomes = await recoverAll(made, NOTHING_KNOWN, new Set(["session-mine", "session-absent"]));
    assert.deepEqual(
      outcomes.map(({ paths }) => paths.sessionId),
      ["session-mine"],
    );
  });

  test("does not ask what is known when nothing is left", async (t) => {
    const made = await studio(t);
    const { recipients, recordings, clock } = made;
    const known = () => Promise.reject(new Error("asked"));
    assert.deepEqual(
      await Array.fromAsync(
        recover({ directory: made.journals, recipients, recordings, clock, ending: RECOVERED, only: undefined, known }),
      ),
      [],
    );
  });

  test("stops where recordings cannot be written, with the journals untouched", async (t) => {
    const made = await studio(t);
    const { paths } = record(made, "session-stuck", []);
    const before = readFileSync(paths.journal);
    renameSync(made.recordings, `${made.recordings}.gone`);
    writeFileSync(made.recordings, "a file where a folder is due");
    await assert.rejects(recoverAll(made), /ENOTDIR|EEXIST/);
    assert.deepEqual(readFileSync(paths.journal), before);
    assert.ok(existsSync(paths.key));
  });

  test("clears away what an interrupted sealing left", async (t) => {
    const made = await studio(t);
    mkdirSync(join(made.recordings, "2026"), { recursive: true });
    appendFileSync(join(made.recordings, "2026", ".session-x.jsonl.zst.age.partial"), "x");
    appendFileSync(join(made.recordings, "2026", "session-x.jsonl.zst.age"), "x");
    clearPartials(made.recordings);
    assert.deepEqual(readdirSync(join(made.recordings, "2026")), ["session-x.jsonl.zst.age"]);
  });
});
