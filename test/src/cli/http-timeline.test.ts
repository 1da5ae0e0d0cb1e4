/** The timeline of a session over HTTP: requests read as requests, bodies as bodies. */
import assert from "node:assert/strict";
import { test } from "node:test";
import pc from "picocolors";
import type { EventBody } from "#protocols/wire/transcript.ts";
import { makeTimeline } from "#src/cli/timeline.ts";

const START: EventBody = {
  ...{
    kind: "session-start",
    session: "s",
    principal: { issuer: "i", name: "ada", groups: [], actor: null },
    target: "crm",
    protocol: "http",
  },
  ...{ remote: "127.0.0.1:1", label: "curl/8", application: null, database: "", gateway: "g" },
};

test("request, heads, body and answer of an HTTP session are shown, without words of databases", () => {
  const timeline = makeTimeline({ paint: pc.createColors(false), rowsMax: 10, sent: false });
  const events: EventBody[] = [
    START,
    {
      kind: "statement",
      sql: "POST /v1/x?a=1",
      upstreamSql: null,
      parameters: [],
      verdict: "allow",
      rule: "r",
      reason: null,
      tables: ["tool:search"],
    },
    { kind: "head", statement: 1, direction: "in", status: null, fields: [{ name: "accept", value: "a\u001bb" }] },
    { kind: "copy", statement: 1, direction: "in", data: "hello", bytes: 5, beyond: null, outcome: "done" },
    { kind: "head", statement: 1, direction: "out", status: 200, fields: [{ name: "etag", value: '"1"' }] },
    { kind: "result", statement: 1, tag: "200 OK", rows: 0, durationMs: 2, beyond: null },
  ];
  const lines = events.flatMap((event, seq) =>
    timeline
      .take({ seq, prev: "0".repeat(64), at: "2026-01-01T00:00:00.000Z", sinceStartMs: seq, ...event })
      .flatMap((entry) => entry.lines),
  );
  const text = lines.join("\n");
  for (const part of [
    "on crm, from 127.0.0.1:1",
    "POST /v1/x?a=1",
    "tool:search",
    "request",
    "accept: a\\x1bb",
    "body to the target, done, 5",
    "hello",
    "response 200",
    "200 OK  2",
  ])
    assert.ok(text.includes(part), `${part} is missing in\n${text}`);
  assert.doesNotMatch(text, /COPY|database|rows/);
});
