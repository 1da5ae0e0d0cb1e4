import assert from "node:assert/strict";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { OpenSessions, readOpenSessions } from "#src/audit/index.ts";
import { knownSessions } from "#src/audit/known.ts";
import { type ListFilter, listHandshakes, listSessions } from "#src/audit/lists.ts";
import type { SessionSummary } from "#src/audit/records.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";
import { type Archive, archive, handshake, SESSIONS, summary } from "./archive.ts";

const at = (minute: number) => `2026-11-21T13:${String(minute).padStart(2, "0")}:00.000Z`;
const other = { principal: { issuer: "https://idp.example", name: "agent-8", groups: [], actor: null }, target: "crm" };

/** The archive with a session that runs and handshakes of its own. */
async function withOpenSession(made: Archive): Promise<void> {
  const log = await made.reopen();
  await log.append({ type: "session-opened", session: summary("session-5", at(5), other) });
  await log.append({ type: "handshake", handshake: handshake("session-5", at(5), { leg: "upstream", target: "crm" }) });
  await log.append({ type: "handshake", handshake: handshake(null, at(6), { outcome: "refused", reason: "tls-required", target: null }) });
  await log.close();
}

async function ids(made: Archive, filter: ListFilter, open?: readonly SessionSummary[]): Promise<readonly string[]> {
  return (await Array.fromAsync(listSessions({ evidence: made.evidence, open, filter }))).map(({ id }) => id);
}

describe("the list of sessions", () => {
  test("holds sealed and open ones, oldest first", async (t) => {
    const made = await archive(t);
    await withOpenSession(made);
    const sessions = await Array.fromAsync(listSessions({ evidence: made.evidence, open: undefined, filter: {} }));
    assert.deepEqual(
      sessions.map(({ id, status, statements }) => [id, status, statements]),
      [...SESSIONS.map((id) => [id, "closed", 2]), ["session-5", "open", 0]],
    );
  });

  test("shows the present counts of open ones, and those that the log does not know yet", async (t) => {
    const made = await archive(t);
    await withOpenSession(made);
    const open = [summary("session-5", at(5), { ...other, statements: 7 }), summary("session-0", at(0))];
    const sessions = await Array.fromAsync(listSessions({ evidence: made.evidence, open, filter: { sinceMs: Date.parse(at(0)) } }));
    assert.deepEqual(
      sessions.map(({ id, statements }) => [id, statements]),
      [
        ["session-0", 0],
        ["session-5", 7],
      ],
    );
  });

  test("prefers what is sealed to a state that is late", async (t) => {
    const made = await archive(t);
    const [sealed] = await Array.fromAsync(listSessions({ evidence: made.evidence, open: [summary("session-1", at(0))], filter: {} }));
    assert.deepEqual([sealed?.id, sealed?.status], ["session-1", "closed"]);
  });

  test("is filtered by time, principal and target", async (t) => {
    const made = await archive(t);
    await withOpenSession(made);
    assert.deepEqual(await ids(made, { principal: "agent-8" }), ["session-5"]);
    assert.deepEqual(await ids(made, { principal: "agent" }), []);
    assert.deepEqual(await ids(made, { target: "orders" }), SESSIONS);
    assert.deepEqual(await ids(made, { sinceMs: Date.parse(at(5)) }), ["session-5"]);
    assert.deepEqual(await ids(made, { untilMs: Date.parse(at(5)) }), SESSIONS);
    assert.deepEqual(await ids(made, { sinceMs: Date.parse(at(5)), target: "orders" }), []);
  });

  test("is empty where nothing was recorded, and fails at a line that is none", async (t) => {
    const made = await archive(t);
    assert.deepEqual(await Array.fromAsync(listSessions({ evidence: join(made.evidence, "absent"), open: undefined, filter: {} })), []);
    appendFileSync(made.log, "{}\n");
    await assert.rejects(ids(made, {}), { name: "EvidenceReadError", line: 27 });
  });

  test("ignores a line that is being written", async (t) => {
    const made = await archive(t);
    appendFileSync(made.log, '{"seq":13,"pre');
    assert.deepEqual(await ids(made, {}), SESSIONS);
  });
});

describe("the list of handshakes", () => {
  const list = (made: Archive, filter: ListFilter) => Array.fromAsync(listHandshakes({ evidence: made.evidence, filter }));

  test("holds refused ones too, in the log's order", async (t) => {
    const made = await archive(t);
    await withOpenSession(made);
    const found = await list(made, {});
    assert.deepEqual(
      found.map(({ sessionId, leg, outcome }) => [sessionId, leg, outcome]),
      [...SESSIONS.map((id) => [id, "client", "ok"]), ["session-5", "upstream", "ok"], [null, "client", "refused"]],
    );
    assert.deepEqual(found.at(-1), handshake(null, at(6), { outcome: "refused", reason: "tls-required", target: null }));
  });

  test("is filtered by time, target and the principal whose session it was", async (t) => {
    const made = await archive(t);
    await withOpenSession(made);
    assert.equal((await list(made, { sinceMs: Date.parse(at(6)) })).length, 1);
    assert.deepEqual(
      (await list(made, { target: "crm" })).map(({ sessionId }) => sessionId),
      ["session-5"],
    );
    assert.deepEqual(
      (await list(made, { principal: "agent-7" })).map(({ sessionId }) => sessionId),
      SESSIONS,
    );
  });
});

describe("what is known of sessions", () => {
  test("tells the sealed from the open", async (t) => {
    const made = await archive(t);
    await withOpenSession(made);
    const known = await knownSessions(made.evidence);
    assert.deepEqual([...known.sealed], SESSIONS);
    assert.deepEqual([...known.opened.keys()], ["session-5"]);
  });
});

describe("the index of open sessions", () => {
  async function state(t: { after(clean: () => Promise<void>): void }): Promise<string> {
    const folder = await scratchFolder("index");
    t.after(() => removeFolder(folder));
    return join(folder, "state.db");
  }

  test("holds what was put in until it is removed, also across a restart", async (t) => {
    const path = await state(t);
    const index = new OpenSessions(path);
    index.upsert(summary("session-2", at(2)));
    index.upsertAll([summary("session-1", at(1)), summary("session-3", at(3))]);
    index.upsert(summary("session-2", at(2), { statements: 9 }));
    index.remove("session-3");
    index.remove("session-9");
    index.close();
    const again = new OpenSessions(path);
    assert.deepEqual(again.list(), [summary("session-1", at(1)), summary("session-2", at(2), { statements: 9 })]);
    again.clear();
    assert.deepEqual(again.list(), []);
    again.close();
  });

  test("is read beside the gateway that writes it", async (t) => {
    const path = await state(t);
    const index = new OpenSessions(path);
    for (let round = 0; round < 20; round++) {
      index.upsert(summary(`session-${round}`, at(round)));
      assert.equal(readOpenSessions(path).length, round + 1);
    }
    index.close();
    assert.equal(readOpenSessions(path).length, 20);
  });

  test("holds nothing where there is none, and makes none by reading", async (t) => {
    const path = await state(t);
    assert.deepEqual(readOpenSessions(path), []);
    assert.ok(!existsSync(path));
  });

  test("keeps all of a transaction or nothing", async (t) => {
    const path = await state(t);
    const index = new OpenSessions(path);
    function* broken() {
      yield summary("session-1", at(1));
      throw new Error("halfway");
    }
    assert.throws(() => index.upsertAll(broken()), /halfway/);
    assert.deepEqual(index.list(), []);
    index.close();
  });

  test("is refused when the file is no database", async (t) => {
    const path = await state(t);
    writeFileSync(path, "not a database, but long enough to be looked at as one".repeat(20));
    assert.throws(() => new OpenSessions(path));
    assert.throws(() => readOpenSessions(path));
    assert.ok(readFileSync(path, "utf8").startsWith("not a database"));
  });
});
