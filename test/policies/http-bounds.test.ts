/** Bounds and rates of HTTP requests, and rules for what a target's protocol does not have. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { guardrailsFor, httpBoundsFor } from "#policies/decide.ts";
import { policyDocumentSchema, protocolProblems } from "#policies/document.ts";
import type { Principal } from "#policies/question.ts";
import { type Bucket, take } from "#policies/token-bucket.ts";

const agents = { groups: ["agents"] };
const agent: Principal = { issuer: "https://idp", name: "agent", groups: ["agents"], actor: null };
const desk: Principal = { ...agent, groups: ["agents", "desk"] };

describe("bounds and rates", () => {
  const document = policyDocumentSchema.parse({
    guardrails: {
      rules: [
        { name: "small", target: "crm", requestBytes: "1MiB", responseBytes: "100MiB" },
        { name: "smaller", targets: ["crm", "x"], requestBytes: 10, rate: { requests: 100, per: "1m" }, unless: { groups: ["desk"] } },
        { name: "sql", target: "orders", deny: ["drop"] },
      ],
    },
  });

  test("the lowest of each counts, with its rule; every rate does", () => {
    assert.deepEqual(httpBoundsFor(document, agent, "crm"), {
      requestBytes: { rule: "smaller", bytes: 10 },
      responseBytes: { rule: "small", bytes: 104_857_600 },
      rates: [{ rule: "smaller", requests: 100, perMs: 60_000 }],
    });
    assert.deepEqual(httpBoundsFor(document, desk, "crm").requestBytes, { rule: "small", bytes: 1_048_576 });
    assert.deepEqual(httpBoundsFor(document, agent, "orders"), { requestBytes: null, responseBytes: null, rates: [] });
    assert.equal(guardrailsFor(document, agent, "crm"), "no");
    assert.equal(guardrailsFor(document, agent, "orders"), "by-text");
  });

  test("rules for what a target's protocol does not have are problems, each with its place", () => {
    const protocols = new Map([
      ["crm", "http"],
      ["x", "http"],
      ["orders", "postgres"],
    ]);
    assert.deepEqual(protocolProblems(document, protocols), []);
    const swapped = new Map([
      ["crm", "postgres"],
      ["x", "http"],
      ["orders", "http"],
    ]);
    assert.deepEqual(
      protocolProblems(document, swapped).map(({ path }) => path.join(".")),
      ["guardrails.rules.0", "guardrails.rules.1", "guardrails.rules.2"],
    );
    const other = policyDocumentSchema.parse({
      access: {
        rules: [
          { who: agents, targets: ["crm", "orders"], may: ["read"], paths: ["/a"] },
          { who: agents, targets: ["crm", "orders"], may: ["read"] },
        ],
      },
      masking: {
        rules: [
          { target: "orders", fields: ["$.a"], with: "redact" },
          { target: "crm", columns: ["a.b.c"], with: "redact" },
          { target: "gone", tags: ["x"], with: "redact" },
        ],
      },
    });
    assert.deepEqual(
      protocolProblems(other, protocols).map(({ path }) => path.join(".")),
      ["access.rules.0", "masking.rules.0", "masking.rules.1"],
    );
  });

  for (const [what, rule] of [
    ["nothing", { target: "crm" }],
    ["deny beside bounds", { target: "crm", deny: ["drop"], requestBytes: 1 }],
    ["a rate without time", { target: "crm", rate: { requests: 1 } }],
    ["a rate of nothing", { target: "crm", rate: { requests: 0, per: "1s" } }],
    ["a size that is none", { target: "crm", requestBytes: "1 MB" }],
  ] as const) {
    test(`a rule that bounds ${what} is refused`, () =>
      assert.equal(policyDocumentSchema.safeParse({ guardrails: { rules: [rule] } }).success, false));
  }

  test("a bucket lets a burst through, then as many as come back in time", () => {
    const rate = { requests: 3, perMs: 300 };
    let bucket: Bucket | undefined;
    const waits = [0, 0, 0, 0, 50, 100, 100, 199, 1000, 1000, 1000, 1000].map((nowMs) => {
      const taken = take(rate, bucket, nowMs);
      bucket = taken.bucket;
      return taken.waitMs;
    });
    assert.deepEqual(waits, [0, 0, 0, 100, 50, 0, 100, 1, 0, 0, 0, 100]);
  });

  test("a bucket never lets more through than it holds and gets, and a clock that goes back gives nothing", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 10_000 }),
        fc.array(fc.integer({ min: -100, max: 500 }), { maxLength: 200 }),
        (requests, perMs, steps) => {
          let bucket: Bucket | undefined;
          let nowMs = 0;
          let latest = 0;
          let passed = 0;
          for (const step of steps) {
            nowMs += step;
            latest = Math.max(latest, nowMs);
            const taken = take({ requests, perMs }, bucket, nowMs);
            bucket = taken.bucket;
            if (taken.waitMs === 0) passed++;
          }
          assert.ok(passed <= requests + (latest + 101) * (requests / perMs) + 1);
        },
      ),
    );
  });
});
