/** The framer gives the same result whatever the cuts: whole, split at every offset, byte by byte, at random. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Framer, PASS } from "#protocols/postgres/frame.ts";
import { frame, word } from "#test/protocols/postgres/bytes.ts";
import { BEHIND, byteByByte, cutAt, DROPPED, REPLACEMENT, ScriptedHandler, walk } from "#test/protocols/postgres/scripted-handler.ts";
import { isFault } from "#test/support/faults.ts";

const hex = (...parts: readonly Buffer[]): string => Buffer.concat(parts).toString("hex");

/** One message of each plan and action, long and empty, every plan next to every other. */
const KINDS = "p w w o d a t r n h g s p o o w p".split(" ");
const EVERYTHING = Buffer.concat([
  ...KINDS.map((tag, index) => frame(tag, tag.repeat(index % 4))),
  ...[..."whoga"].map((tag) => frame(tag, tag.repeat(23))),
  ...KINDS.toReversed().map((tag) => frame(tag)),
]);

describe("whatever the cuts", () => {
  const whole = walk([EVERYTHING]);

  test("split at every offset", () => {
    for (let offset = 0; offset <= EVERYTHING.length; offset++) assert.deepEqual(walk(cutAt(EVERYTHING, [offset])), whole, String(offset));
  });

  test("byte by byte, and in every size from 1 to 40", () => {
    assert.deepEqual(walk(byteByByte(EVERYTHING)), whole);
    for (let size = 2; size <= 40; size++) {
      const offsets = Array.from({ length: Math.ceil(EVERYTHING.length / size) }, (_, index) => index * size);
      assert.deepEqual(walk(cutAt(EVERYTHING, offsets)), whole, String(size));
    }
  });

  test("at random, for random messages", () => {
    const message = fc
      .tuple(fc.constantFrom(..."pwodatrnhgsFXYe"), fc.nat({ max: 30 }))
      .map(([tag, length]) => frame(tag, tag.repeat(length)));
    const messages = fc.array(message, { maxLength: 12 });
    fc.assert(
      fc.property(messages, fc.array(fc.nat({ max: 300 }), { maxLength: 8 }), fc.nat({ max: 12 }), (list, cuts, headBytes) => {
        const bytes = Buffer.concat(list);
        const expected = walk([bytes], headBytes);
        const actual = walk(cutAt(bytes, cuts), headBytes);
        if (expected.fault === null) assert.deepEqual(actual, expected);
        else {
          // What had gone on of the message at fault depends on the cuts; all before it, and what was shown, does not.
          assert.deepEqual({ ...actual, out: "", boundary: true }, { ...expected, out: "", boundary: true });
          assert.ok(actual.out.startsWith(expected.out));
          assert.ok(expected.boundary);
          if (actual.boundary) assert.equal(actual.out, expected.out);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("a plan", () => {
  const between = (tag: string, body: string) => walk([hex3(tag, body)]);
  const hex3 = (tag: string, body: string) => Buffer.concat([frame("p", "1"), frame(tag, body), frame("p", "2")]);
  const around = (...parts: readonly Buffer[]) => hex(frame("p", "1"), ...parts, frame("p", "2"));

  test("pass forwards the message and shows nothing", () => {
    assert.deepEqual(between("p", "abc"), {
      out: around(frame("p", "abc")),
      log: [],
      watched: "",
      tails: "",
      ended: false,
      boundary: true,
      fault: null,
    });
  });

  test("watch forwards the message and shows it, header and all", () => {
    const walked = between("w", "abc");
    assert.equal(walked.out, around(frame("w", "abc")));
    assert.equal(walked.watched, hex(frame("w", "abc")));
  });

  test("observe forwards the message and shows it whole, once", () => {
    const walked = between("o", "abc");
    assert.equal(walked.out, around(frame("o", "abc")));
    assert.deepEqual(walked.log, [`observe ${hex(frame("o", "abc"))}`]);
  });

  test("drop forwards what the handler gives in the message's place", () => {
    assert.equal(between("d", "abc").out, around(DROPPED));
  });

  test("whole forwards what the action says", () => {
    assert.equal(between("a", "abc").out, around(frame("a", "abc")));
    assert.equal(between("t", "abc").out, around(frame("t", "abc"), BEHIND));
    assert.equal(between("r", "abc").out, around(REPLACEMENT, REPLACEMENT));
    assert.equal(between("n", "abc").out, around());
  });

  test("head shows the beginning, and the rest as it goes by, or drops it", () => {
    const body = "0123456789abc";
    const passed = between("h", body);
    assert.equal(passed.out, around(frame("h", body)));
    assert.deepEqual(passed.log, [`head ${hex(frame("h", body).subarray(0, 13))} rest 5`, "tail ends after 5"]);
    assert.equal(passed.tails, Buffer.from("89abc").toString("hex"));
    const replaced = between("g", body);
    assert.equal(replaced.out, around(REPLACEMENT));
    assert.equal(replaced.tails, "");
  });

  test("head of a body that is not longer than its beginning has no rest", () => {
    assert.deepEqual(between("h", "abc").log, [`head ${hex(frame("h", "abc"))} rest 0`]);
  });

  test("end forwards the message, and nothing behind it is read", () => {
    const walked = walk([Buffer.concat([frame("p", "1"), frame("e"), frame("p", "2"), frame("F")]), frame("F")]);
    assert.equal(walked.out, hex(frame("p", "1"), frame("e")));
    assert.equal(walked.ended, true);
    assert.equal(walked.fault, null);
  });
});

describe("watched messages", () => {
  test("that touch are shown as one region of a chunk", () => {
    const regions: string[] = [];
    class Regions extends ScriptedHandler {
      override watch(region: Buffer): void {
        regions.push(region.toString("hex"));
      }
    }
    const rows = [frame("w", "a"), frame("w", "b"), frame("w")];
    new Framer(new Regions(), 0).push(Buffer.concat([frame("p"), ...rows, frame("o", "x"), ...rows, frame("a")]), []);
    assert.deepEqual(regions, [hex(...rows), hex(...rows)]);
  });

  test("are shown before the handler sees the frame that follows them", () => {
    const seen: string[] = [];
    class Order extends ScriptedHandler {
      override watch(): void {
        seen.push("watch");
      }
      override frame() {
        seen.push("frame");
        return PASS;
      }
    }
    new Framer(new Order(), 0).push(Buffer.concat([frame("w", "a"), frame("a"), frame("w"), frame("a")]), []);
    assert.deepEqual(seen, ["watch", "frame", "watch", "frame"]);
  });
});

describe("a stop", () => {
  const bytes = Buffer.concat([frame("p", "1"), frame("s", "ask"), frame("p", "2"), frame("s"), frame("a", "3")]);

  test("holds back everything behind the message until it is resumed", () => {
    const handler = new ScriptedHandler();
    const framer = new Framer(handler, 0);
    const out: Buffer[] = [];
    assert.equal(framer.push(bytes, out), true);
    assert.equal(hex(...out), hex(frame("p", "1")));
    assert.deepEqual(framer.stoppedFrame, frame("s", "ask"));
    assert.throws(() => framer.push(frame("p"), out), /broken invariant/);
    assert.equal(framer.resume({ kind: "replace", bytes: [REPLACEMENT] }, out), true);
    assert.equal(hex(...out), hex(frame("p", "1"), REPLACEMENT, frame("p", "2")));
    assert.deepEqual(framer.stoppedFrame, frame("s"));
    assert.equal(framer.resume(PASS, out), false);
    assert.equal(hex(...out), hex(frame("p", "1"), REPLACEMENT, frame("p", "2"), frame("s"), frame("a", "3")));
    assert.throws(() => framer.stoppedFrame, /broken invariant/);
    assert.throws(() => framer.resume(PASS, out), /broken invariant/);
  });

  test("keeps copies: the chunk's memory is the socket's again", () => {
    // walk() overwrites each chunk as soon as the framer has returned.
    assert.equal(walk([bytes]).out, bytes.toString("hex"));
  });

  test("may be resumed with the end of the stream", () => {
    assert.equal(walk([bytes], 0, { kind: "end" }).out, hex(frame("p", "1"), frame("s", "ask")));
  });
});

describe("a length", () => {
  test("is judged at the header, before any of the body is kept", () => {
    for (const length of [0, 1, 3, 0x40000000, 0x7fffffff, 0x80000000, 0xffffffff]) {
      const header = Buffer.concat([Buffer.from("a"), word(length)]);
      assert.throws(() => new Framer(new ScriptedHandler(), 0).push(header, []), isFault("malformed-message"), String(length));
      assert.equal(walk(byteByByte(header)).fault, "malformed-message", String(length));
    }
  });

  test("of a gigabyte costs nothing until the bytes come", () => {
    const before = process.memoryUsage().arrayBuffers;
    for (let count = 0; count < 50; count++) {
      new Framer(new ScriptedHandler(), 0).push(Buffer.concat([Buffer.from("a"), word(0x3fffffff), Buffer.alloc(100)]), []);
    }
    assert.ok(process.memoryUsage().arrayBuffers - before < 16 * 1024 * 1024);
  });

  test("that comes byte by byte costs little more than its bytes", () => {
    const framer = new Framer(new ScriptedHandler(), 0);
    const size = 1 << 20;
    framer.push(frame("a", "", size + 4), []);
    const before = process.memoryUsage();
    const one = Buffer.from("x");
    for (let count = 0; count < size - 1; count++) framer.push(one, []);
    const after = process.memoryUsage();
    assert.ok(after.arrayBuffers - before.arrayBuffers < 8 * size, "the bytes");
    assert.ok(after.heapUsed - before.heapUsed < 40 * size, "what holds them");
  });
});

describe("a message at fault", () => {
  test("stays behind, and all before it goes on: the peer stands between two messages", () => {
    for (const tag of "FX") {
      for (const before of [frame("p", "abc"), frame("w", "abc"), frame("o", "abc"), frame("a", "abc")]) {
        const bytes = Buffer.concat([before, frame(tag, "bad"), frame("p")]);
        const walked = walk([bytes]);
        assert.deepEqual([walked.out, walked.boundary, walked.fault], [hex(before), true, "unexpected-message"]);
        // The end of a message that an earlier chunk began, and the message at fault in one chunk.
        const cut = walk(cutAt(bytes, [7]));
        assert.deepEqual([cut.out, cut.boundary, cut.fault], [hex(before), true, "unexpected-message"], `${tag} after a cut`);
      }
    }
  });

  test("that has gone on in part leaves the peer in the middle of it, and that is known", () => {
    const bytes = Buffer.concat([frame("p", "1"), frame("Y", "bad")]);
    assert.deepEqual(walk([bytes]).boundary, true);
    const cut = walk(cutAt(bytes, [12]));
    assert.equal(cut.boundary, false);
    assert.ok(hex(bytes).startsWith(cut.out) && cut.out.length < hex(bytes).length);
  });

  test("shows what was watched before it, so that the record has what the peer got", () => {
    const walked = walk([Buffer.concat([frame("w", "row"), frame("F")])]);
    assert.equal(walked.watched, hex(frame("w", "row")));
  });
});

describe("the boundary", () => {
  test("is where nothing of the next message has gone on", () => {
    for (const [tag, inside] of [
      ["p", false],
      ["w", false],
      ["o", false],
      ["a", true],
      ["d", true],
      ["h", true],
    ] as const) {
      const bytes = frame(tag, "abcdef");
      for (let length = 0; length < bytes.length; length++) {
        assert.equal(walk([bytes.subarray(0, length)]).boundary, length < 5 || inside, `${tag} after ${length}`);
      }
      assert.equal(walk([bytes]).boundary, true);
    }
    assert.equal(walk([frame("h", "0123456789").subarray(0, 14)]).boundary, false);
  });
});
