/** The queue of what is not answered yet: what was sent last is known however the queue has moved, and at any length. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type Operation, Operations } from "#protocols/postgres/operations.ts";
import { OPERATIONS_MAX } from "#protocols/wire/limits.ts";
import { leastCpuMs } from "#test/support/cpu.ts";

const MADE = {
  query: (): Operation => ({ kind: "query", run: null, refusal: null, changes: [] }),
  sync: (): Operation => ({ kind: "sync" }),
  "copy-end": (): Operation => ({ kind: "copy-end", record: null }),
};

const MOVES = {
  shift: (queue: Operations) => queue.shift(),
  discardToSync: (queue: Operations) => queue.discardToSync(),
  dropSyncsInCopy: (queue: Operations) => queue.dropSyncsInCopy(),
  takeCopyEnd: (queue: Operations) => queue.takeCopyEnd(),
};

const step = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...(["query", "sync", "copy-end"] as const)) },
  { weight: 1, arbitrary: fc.constantFrom(...(["shift", "discardToSync", "dropSyncsInCopy", "takeCopyEnd"] as const)) },
);

/** By answering all of it: the last that is neither Sync nor the end of a COPY. */
function lastOf(queue: Operations): Operation | undefined {
  let last: Operation | undefined;
  while (queue.length > 0) {
    const { head } = queue;
    if (head?.kind === "query") last = head;
    queue.shift();
  }
  return last;
}

describe("operations that await an answer", () => {
  test("the newest is what was sent last, whatever was answered, discarded or taken out", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const queue = new Operations();
        for (const one of steps) {
          if (one === "query" || one === "sync" || one === "copy-end") queue.push(MADE[one]());
          else if (queue.length > 0) MOVES[one](queue);
        }
        const { newest } = queue;
        assert.equal(newest, lastOf(queue));
      }),
      { numRuns: 2000 },
    );
  });

  test("is still known when the front of a long queue has been let go of", () => {
    const queue = new Operations();
    for (let index = 0; index < 3000; index++) queue.push(MADE.query());
    const newest = MADE.query();
    queue.push(newest);
    for (let index = 0; index < 2500; index++) queue.shift();
    assert.equal(queue.newest, newest);
  });

  test("costs nothing to name behind as many Syncs as there may be", () => {
    const queue = new Operations();
    queue.push(MADE.query());
    while (queue.length < OPERATIONS_MAX) queue.push(MADE.sync());
    const ms = leastCpuMs(
      5,
      () => {
        for (let index = 0; index < 20_000; index++) assert.equal(queue.newest?.kind, "query");
      },
      1_000,
    );
    assert.ok(ms < 1_000, `20,000 questions took ${ms} ms`);
  });
});
