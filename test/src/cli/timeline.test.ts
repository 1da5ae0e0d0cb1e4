/** The timeline of a session: what an auditor reads must be what was recorded, masked cells marked, nothing steering the terminal. */
import assert from "node:assert/strict";
import { test } from "node:test";
import pc from "picocolors";
import type { EventBody } from "#protocols/wire/transcript.ts";
import { type Entry, makeTimeline } from "#src/cli/timeline.ts";
import type { RecordedEvent } from "#src/recording/events.ts";

const paint = pc.createColors(false);
const principal = { issuer: "https://idp.example.com", name: "report-agent", groups: ["data-agents"], actor: null };

function recorded(bodies: readonly EventBody[]): RecordedEvent[] {
  return bodies.map((body, seq) => ({ seq, prev: "0".repeat(64), at: "2026-01-31T08:00:00.000Z", sinceStartMs: seq * 10, ...body }));
}

function linesOf(bodies: readonly EventBody[], rowsMax = 50, sent = true): string[] {
  const timeline = makeTimeline({ paint, rowsMax, sent });
  const entries: Entry[] = recorded(bodies).flatMap((event) => timeline.take(event));
  return [...entries, ...timeline.end()].flatMap((entry) => entry.lines);
}

const select: EventBody = {
  kind: "statement",
  sql: "select id,\n  ssn from users",
  upstreamSql: "SELECT 1",
  parameters: ["7", null],
  verdict: "mask",
  rule: "masking.0",
  reason: null,
  tables: ["public.users"],
};
const columns = [
  { name: "id", masked: false },
  { name: "ssn", masked: true },
];

test("a session reads from its start to its end", () => {
  const lines = linesOf([
    {
      kind: "session-start",
      session: "s1",
      principal,
      target: "shop",
      protocol: "postgres",
      remote: "127.0.0.1:5000",
      label: "report-agent",
      application: "psql",
      database: "shop",
      gateway: "0.1.0",
    },
    select,
    { kind: "rows", statement: 1, columns, rows: [["1", "***"]] },
    { kind: "rows", statement: 1, columns, rows: [["2", null]] },
    { kind: "result", statement: 1, tag: "SELECT 2", rows: 2, durationMs: 3, beyond: null },
    { kind: "denied", statement: null, rule: null, reason: "access-not-granted", message: "not granted" },
    { kind: "session-end", status: "closed", reason: null },
  ]);
  assert.deepEqual(lines, [
    "   +0.000  ● start  2026-01-31 08:00:00Z",
    "            report-agent (groups data-agents; https://idp.example.com)",
    "            on shop, database shop, from 127.0.0.1:5000",
    "            user label report-agent, application psql",
    "   +0.010  ▶ mask  rule masking.0  public.users",
    "            select id,",
    "              ssn from users",
    "            as sent to the target:",
    "            SELECT 1",
    "            $1 = 7",
    "            $2 = ∅",
    "            id  ssn ▒",
    "            ──  ─────",
    "            1   ▒ ***",
    "            2   ▒ ∅",
    "   +0.040  ◀ SELECT 2  2 rows · 3 ms",
    "   +0.050  ✗ denied  access-not-granted",
    "            not granted",
    "   +0.060  ■ end  closed",
  ]);
});

test("rows past the number asked for are counted, not shown", () => {
  const rows = Array.from({ length: 5 }, (_, index) => [String(index), "***"]);
  const lines = linesOf([{ kind: "rows", statement: 1, columns, rows }], 2);
  assert.equal(lines.length, 5);
  assert.match(lines.at(-1) ?? "", /3 rows more on record/);
});

test("a rewritten statement is named, and shown as it was sent only when asked for", () => {
  const lines = linesOf([select], 50, false);
  assert.ok(lines.includes("            rewritten for the target: 8 B; --sent shows it"));
  assert.ok(!lines.some((line) => line.includes("SELECT 1")));
});

test("the error that tells a client of a refusal does not repeat its sentence", () => {
  const lines = linesOf([
    { kind: "denied", statement: null, rule: null, reason: "access-not-granted", message: "not granted" },
    { kind: "error", statement: null, fields: { C: "42501", M: "not granted", H: "ask" }, from: "gateway" },
    { kind: "error", statement: null, fields: { C: "42501", M: "not granted" }, from: "target" },
  ]);
  assert.deepEqual(lines.slice(2), [
    "   +0.010  ! error from the gateway  42501",
    "            hint: ask",
    "   +0.020  ! error from the target  42501",
    "            not granted",
  ]);
});

test("rows of another result start another table", () => {
  const lines = linesOf([
    { kind: "rows", statement: 1, columns, rows: [["1", "***"]] },
    { kind: "rows", statement: 2, columns, rows: [["1", "***"]] },
  ]);
  assert.equal(lines.filter((line) => line.includes("ssn ▒")).length, 2);
});

/** Every kind of event, with `evil` wherever an agent, a database or a forger could put text. */
function everyKind(evil: string): EventBody[] {
  const judged = { sql: evil, upstreamSql: evil, verdict: evil, rule: evil, reason: evil, tables: [evil] };
  const excess = { head: evil, bytes: 9, sha256: evil };
  const beyond = { rows: 1, bytes: 1, sha256: evil };
  return [
    {
      kind: "session-start",
      session: evil,
      principal: { issuer: evil, name: evil, groups: [evil], actor: evil },
      target: evil,
      protocol: evil,
      remote: evil,
      label: evil,
      application: evil,
      database: evil,
      gateway: evil,
    },
    { kind: "prepare", name: evil, ...judged },
    { kind: "statement", ...judged, sql: excess, parameters: [evil, excess, { hex: evil }] },
    { kind: "rows", statement: 2, columns: [{ name: evil, masked: true }], rows: [[evil], [excess], [{ hex: evil }]] },
    { kind: "result", statement: 2, tag: evil, rows: 1, durationMs: 1, beyond },
    { kind: "copy", statement: 2, direction: "out", data: evil, bytes: 1, beyond, outcome: "done" },
    { kind: "copy", statement: 2, direction: "in", data: { hex: evil }, bytes: 1, beyond: null, outcome: "cut" },
    { kind: "denied", statement: 2, rule: evil, reason: evil, message: evil },
    { kind: "held", statement: 2, rule: evil },
    { kind: "error", statement: 2, fields: { C: evil, M: evil, D: evil, H: evil, P: evil }, from: "target" },
    { kind: "notice", fields: { M: evil } },
    { kind: "notify", channel: evil, payload: excess },
    { kind: "body", statement: 2, bytes: 1, sha256: evil },
    { kind: "cancel", remote: evil },
    { kind: "session-end", status: "fault", reason: evil },
  ];
}

test("nothing that was recorded can steer a terminal", () => {
  for (const evil of ["\x1b]52;c;eA==\x07", "\u009b2J", "a\u202eb", "\r\x1b[A\u2028"]) {
    const shown = linesOf(everyKind(evil)).join("\n");
    assert.doesNotMatch(shown, /[^\n\P{Cc}]|\p{Cf}|\p{Zl}/u);
    assert.match(shown, /\\x1b|\\x9b|\\u\{202e\}/);
  }
});
