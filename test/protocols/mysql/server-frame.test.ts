/** However a server's bytes are cut into chunks, the client gets the same packets, numbered anew. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { packets, takePacket } from "#protocols/mysql/packet.ts";
import { type Exchange, type Plan, ServerFramer, type ServerHandler } from "#protocols/mysql/server-frame.ts";

interface Seen {
  readonly whole: string[];
  readonly observed: string[];
  watched: number;
}

/** Plans by the first byte: 1 whole, 2 observed, else watched; a whole packet that begins 1,9 is exchanged. */
function handler(seen: Seen): ServerHandler {
  return {
    answering: false,
    plan: (_length: number, first: number): Plan => (first === 1 ? "whole" : first === 2 ? "observe" : "watch"),
    packet(payload: Buffer): Exchange {
      seen.whole.push(payload.toString("hex"));
      return payload[1] === 9 ? [Buffer.from("first"), Buffer.from("second")] : null;
    },
    observe: (payload) => void seen.observed.push(payload.toString("hex")),
    watch: (region) => {
      seen.watched += region.length;
    },
  };
}

function run(chunks: readonly Buffer[], seen: Seen): Buffer {
  const framer = new ServerFramer(handler(seen));
  framer.restart(6);
  const out: Buffer[] = [];
  for (const chunk of chunks) framer.push(Buffer.from(chunk), out);
  return Buffer.concat(out.map((piece) => Buffer.from(piece)));
}

function payloadsOf(bytes: Buffer): { readonly sequence: number; readonly payload: string }[] {
  const found = [];
  for (let rest = bytes; rest.length > 0; ) {
    const packet = takePacket(rest);
    assert.ok(packet !== undefined, "the client is left inside a packet");
    found.push({ sequence: packet.sequence, payload: packet.payload.toString("hex") });
    rest = packet.rest;
  }
  return found;
}

function cut(bytes: Buffer, places: readonly number[]): readonly Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length)).filter((part) => part.length > 0);
}

const payload = fc
  .uint8Array({ minLength: 1, maxLength: 40 })
  .map((bytes) => Buffer.from(bytes.map((byte, index) => (index === 0 ? byte % 4 : byte))));

describe("the server's packets", () => {
  test("pass as they are in any cuts, with the client's own sequence numbers", () => {
    fc.assert(
      fc.property(fc.array(payload, { minLength: 1, maxLength: 12 }), fc.array(fc.nat(600), { maxLength: 12 }), (payloads, places) => {
        const bytes = Buffer.concat(payloads.map((one, index) => packets(one, (index + 1) & 0xff)));
        const whole: Seen = { whole: [], observed: [], watched: 0 };
        const parts: Seen = { whole: [], observed: [], watched: 0 };
        const expected = payloadsOf(run([bytes], whole));
        assert.deepEqual(payloadsOf(run(cut(bytes, places), parts)), expected);
        assert.deepEqual(parts, whole);
        for (const [index, { sequence }] of expected.entries()) assert.equal(sequence, (7 + index) & 0xff);
      }),
    );
  });

  test("that are exchanged for several move the numbers of those behind them", () => {
    const bytes = Buffer.concat([packets(Buffer.from([1, 9]), 1), packets(Buffer.from([3, 3]), 2)]);
    const out = payloadsOf(run([bytes], { whole: [], observed: [], watched: 0 }));
    assert.deepEqual(
      out.map(({ sequence, payload: hex }) => [sequence, Buffer.from(hex, "hex").toString("latin1")]),
      [
        [7, "first"],
        [8, "second"],
        [9, "\u0003\u0003"],
      ],
    );
  });

  test("a row over several packets is one payload, whatever its continuation begins with", () => {
    const row = Buffer.concat([Buffer.from([2]), Buffer.alloc(0xffffff - 1, 7), Buffer.from([1, 1, 1])]);
    const seen: Seen = { whole: [], observed: [], watched: 0 };
    const bytes = packets(row, 1);
    const out = run(cut(bytes, [5, 70_000, 0xffffff + 2, 0xffffff + 6]), seen);
    assert.equal(seen.whole.length, 0);
    assert.equal(seen.observed.length, 1);
    assert.equal(seen.observed[0]?.length, row.length * 2);
    assert.equal(out.length, bytes.length);
    assert.equal(out[3], 7);
    assert.equal(out[0xffffff + 4 + 3], 8);
  });

  test("out of order in an answer are refused, in any cuts; before its first and outside one a server counts as it likes", () => {
    const all = (...sequences: number[]) => Buffer.concat(sequences.map((sequence) => packets(Buffer.from([1, 2]), sequence)));
    const push = (bytes: Buffer, answering: boolean, places: readonly number[] = []) => {
      const framer = new ServerFramer({ ...handler({ whole: [], observed: [], watched: 0 }), answering });
      framer.restart(0);
      for (const chunk of cut(bytes, places)) framer.push(Buffer.from(chunk), []);
    };
    for (const wrong of [all(1, 1), all(1, 3), all(1, 2, 0), all(255, 1)]) {
      for (let place = 0; place < wrong.length; place++) {
        assert.throws(() => push(wrong, true, [place]), { code: "upstream-out-of-step" });
        push(wrong, false, [place]);
      }
    }
    for (const right of [all(1, 2, 3), all(4, 5), all(254, 255, 0, 1)]) push(right, true);
  });

  test("a control packet of 16 MiB is no answer of a server", () => {
    const framer = new ServerFramer({ ...handler({ whole: [], observed: [], watched: 0 }), plan: () => "whole" });
    assert.throws(() => framer.push(packets(Buffer.alloc(0xffffff + 1, 1), 1), []), { code: "upstream-out-of-step" });
  });
});
