/** Whole messages off collected bytes: limits at the header, the rest untouched. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { takeMessage } from "#protocols/postgres/take-message.ts";
import { frame } from "#test/protocols/postgres/bytes.ts";
import { isFault } from "#test/support/faults.ts";

describe("a message taken off", () => {
  test("is a view of what was received, with the rest behind it", () => {
    const received = Buffer.concat([frame("R", "abcd"), frame("Z", "I"), Buffer.from("S")]);
    const first = takeMessage(received, 100);
    assert.equal(first?.tag, 0x52);
    assert.equal(first.body.toString(), "abcd");
    assert.equal(first.body.buffer, received.buffer);
    const second = takeMessage(first.rest, 100);
    assert.equal(second?.body.toString(), "I");
    assert.equal(takeMessage(second.rest, 100), undefined);
  });

  test("may have no body", () => {
    assert.equal(takeMessage(frame("n"), 0)?.body.length, 0);
  });

  test("is undefined until it is whole", () => {
    const bytes = frame("R", "abcd");
    for (let length = 0; length < bytes.length; length++) assert.equal(takeMessage(bytes.subarray(0, length), 100), undefined);
  });

  test("is refused at its header when it is too short or too long", () => {
    for (const length of [0, 1, 3]) assert.throws(() => takeMessage(frame("R", "", length), 100), isFault("malformed-message"));
    for (const length of [105, 0x7fffffff, 0x80000000, 0xffffffff]) {
      assert.throws(() => takeMessage(frame("R", "", length), 100), isFault("message-too-large"), String(length));
    }
    assert.equal(takeMessage(frame("R", "", 104), 100), undefined);
  });

  test("cuts any sequence of messages at their bounds", () => {
    const messages = fc.array(fc.tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 40 })), { maxLength: 8 });
    fc.assert(
      fc.property(messages, (sequence) => {
        let received = Buffer.concat(sequence.map(([tag, body]) => frame(String.fromCharCode(tag), body)));
        for (const [tag, body] of sequence) {
          const message = takeMessage(received, 40);
          assert.ok(message !== undefined);
          assert.equal(message.tag, tag);
          assert.deepEqual([...message.body], [...body]);
          received = message.rest as Buffer<ArrayBuffer>;
        }
        assert.equal(received.length, 0);
      }),
    );
  });
});
