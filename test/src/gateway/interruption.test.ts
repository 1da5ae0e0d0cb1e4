/** A cancel request of the gateway's own: nothing is let go on before it can hit nothing any more. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Cancelled } from "#src/gateway/front.ts";
import { Interruption } from "#src/gateway/interruption.ts";

function interruption(patienceMs: number, onCancel: () => void = () => undefined) {
  const seen: string[] = [];
  let answer: (cancelled: Cancelled) => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  let wanted = (): boolean => true;
  const subject = new Interruption({
    patienceMs,
    cancel: (asked) => {
      seen.push("dialled");
      wanted = asked;
      return new Promise((resolve, reject) => {
        answer = resolve;
        fail = reject;
      });
    },
    onCancel: () => {
      seen.push("recorded");
      onCancel();
    },
    onOver: (outcome) => seen.push(outcome),
    onError: (error) => seen.push(String(error)),
  });
  return { subject, seen, answer: (one: Cancelled) => answer(one), fail: () => fail(new Error("no route")), wanted: () => wanted() };
}

const settled = () => pause(2);

describe("an interruption", () => {
  test("that has become needless in time asks nobody", async () => {
    const { subject, seen } = interruption(10);
    subject.ended();
    await pause(20);
    assert.deepEqual(seen, ["clear"]);
  });

  test("is over once the target has ended the statement and the request is done, in either order", async () => {
    for (const order of ["ended first", "request first"]) {
      const { subject, seen, answer } = interruption(0);
      await settled();
      assert.deepEqual(seen, ["recorded", "dialled"]);
      if (order === "ended first") subject.ended();
      else answer("done");
      await settled();
      assert.equal(seen.length, 2, order);
      if (order === "ended first") answer("done");
      else subject.ended();
      await settled();
      subject.ended();
      assert.deepEqual(seen.slice(2), ["clear"], order);
    }
  });

  test("says that it is not wanted any more to whoever has only just been dialled", async () => {
    const { subject, seen, answer, wanted } = interruption(0);
    await settled();
    assert.equal(wanted(), true);
    subject.ended();
    assert.equal(wanted(), false);
    answer("not-sent");
    await settled();
    assert.equal(seen.at(-1), "clear");
  });

  test("that could not even be sent has hit nothing", async () => {
    const { subject, seen, fail } = interruption(0);
    await settled();
    fail();
    await settled();
    assert.equal(seen.length, 2, "the statement runs on, and nothing may be sent behind it");
    subject.ended();
    assert.equal(seen.at(-1), "clear");
  });

  test("whose request may be on its way still is not clear", async () => {
    const { subject, seen, answer } = interruption(0);
    await settled();
    subject.ended();
    answer("unclear");
    await settled();
    assert.equal(seen.at(-1), "unclear");
  });

  test("that can't be recorded is not made", async () => {
    const { seen } = interruption(0, () => {
      throw new Error("disk full");
    });
    await settled();
    assert.deepEqual(seen, ["recorded", "Error: disk full"]);
  });

  test("of a session that is over says nothing more", async () => {
    const { subject, seen, answer, wanted } = interruption(0);
    await settled();
    subject.stop();
    assert.equal(wanted(), false);
    subject.ended();
    answer("done");
    await settled();
    assert.deepEqual(seen, ["recorded", "dialled"]);
  });
});
