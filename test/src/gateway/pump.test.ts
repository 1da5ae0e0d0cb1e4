/** One direction of a session over real streams whose sink lets bytes go when the test says so: when the source is read, and what is counted. */
import assert from "node:assert/strict";
import { Duplex, PassThrough } from "node:stream";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Budget } from "#src/gateway/budget.ts";
import { BUFFER_BUDGET_BYTES, WATERMARK_BYTES, WATERMARK_BYTES_SHORT } from "#src/gateway/limits.ts";
import { Pump } from "#src/gateway/pump.ts";

/** As a TLS socket to a target: its own mark is higher than what one may have waiting while the budget is used up. */
class Sink extends Duplex {
  readonly written: Buffer[] = [];
  #letGo: (() => void) | null = null;

  constructor() {
    super({ highWaterMark: WATERMARK_BYTES });
  }

  override _read(): void {
    // Nothing comes from it.
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.written.push(chunk);
    this.#letGo = done;
  }

  /** One chunk has gone out. @returns false when none waits */
  async letGo(): Promise<boolean> {
    const done = this.#letGo;
    this.#letGo = null;
    done?.();
    await new Promise(setImmediate);
    return done !== null;
  }
}

function pumped(budget = new Budget()) {
  const source = new PassThrough();
  source.on("data", () => undefined);
  const sink = new Sink();
  return { source, sink, budget, pump: new Pump(source, sink, budget) };
}

/** What the budget holds, by what has to be added until it is used up. */
function countedIn(budget: Budget): number {
  let [least, most] = [0, BUFFER_BUDGET_BYTES];
  while (least < most) {
    const middle = Math.floor((least + most) / 2);
    budget.add(middle);
    if (budget.watermark === WATERMARK_BYTES) least = middle + 1;
    else most = middle;
    budget.add(-middle);
  }
  return BUFFER_BUDGET_BYTES - least;
}

async function drained(sink: Sink): Promise<void> {
  while (await sink.letGo());
}

describe("a pump", () => {
  test("writes pieces in their order, few or many, small or large", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(fc.nat({ max: 90_000 }), { maxLength: 4 }), { maxLength: 5 }), async (writes) => {
        const { pump, sink } = pumped();
        const all = writes.map((sizes, index) => sizes.map((size) => Buffer.alloc(size, index + 1)));
        for (const pieces of all) pump.write(pieces);
        await drained(sink);
        assert.ok(Buffer.concat(sink.written).equals(Buffer.concat(all.flat())));
      }),
    );
  });

  test("reads its source while a megabyte or less waits, and again once what was more has gone out", async () => {
    const { pump, source, sink } = pumped();
    pump.write([Buffer.alloc(WATERMARK_BYTES)]);
    assert.equal(source.isPaused(), false);
    pump.write([Buffer.alloc(1)]);
    assert.equal(source.isPaused(), true);
    await drained(sink);
    assert.equal(source.isPaused(), false);
  });

  test("reads less ahead while the budget is used up, and goes on all the same once that has gone out", async () => {
    const { pump, source, sink, budget } = pumped();
    budget.add(BUFFER_BUDGET_BYTES);
    pump.write([Buffer.alloc(WATERMARK_BYTES_SHORT)]);
    assert.equal(source.isPaused(), false);
    pump.write([Buffer.alloc(1)]);
    assert.equal(source.isPaused(), true);
    await drained(sink);
    assert.equal(source.isPaused(), false);
  });

  test("does not count what has gone out", async () => {
    const { pump, sink, budget } = pumped();
    pump.write([Buffer.alloc(900_000)]);
    assert.equal(countedIn(budget), 900_000);
    await drained(sink);
    assert.equal(countedIn(budget), 0);
  });

  test("gives back what waits when it is stopped, and counts nothing after that", async () => {
    const { pump, sink, budget } = pumped();
    pump.write([Buffer.alloc(900_000)]);
    pump.stop();
    assert.equal(countedIn(budget), 0);
    await drained(sink);
    assert.equal(countedIn(budget), 0);
  });

  test("whatever is written and goes out when, nothing is counted and the source is read at the end", async () => {
    const move = fc.oneof(
      fc.nat({ max: 200_000 }).map((bytes) => ({ kind: "write" as const, bytes })),
      fc.constant({ kind: "letGo" as const }),
      fc.boolean().map((full) => ({ kind: "budget" as const, full })),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(move, { maxLength: 30 }), async (moves) => {
        const { pump, source, sink, budget } = pumped();
        let full = false;
        for (const one of moves) {
          if (one.kind === "write") pump.write([Buffer.alloc(one.bytes)]);
          else if (one.kind === "letGo") await sink.letGo();
          else if (one.full !== full) {
            full = one.full;
            budget.add(full ? BUFFER_BUDGET_BYTES : -BUFFER_BUDGET_BYTES);
          }
        }
        await drained(sink);
        if (full) budget.add(-BUFFER_BUDGET_BYTES);
        assert.equal(source.isPaused(), false);
        assert.equal(countedIn(budget), 0);
      }),
    );
  });

  test("is read again when the last of the reasons that it was held for is released, and not before what waits has gone out", async () => {
    const { pump, source, sink } = pumped();
    pump.hold("judging");
    pump.hold("ahead");
    pump.release("judging");
    assert.equal(source.isPaused(), true);
    pump.write([Buffer.alloc(2 * WATERMARK_BYTES)]);
    pump.release("ahead");
    assert.equal(source.isPaused(), true);
    await drained(sink);
    assert.equal(source.isPaused(), false);
  });
});
