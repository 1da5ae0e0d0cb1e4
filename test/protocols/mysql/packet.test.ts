/** Payloads around the size of a packet: one that fills it is followed by another, if only an empty one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PACKET_PAYLOAD_MAX } from "#protocols/mysql/constants.ts";
import { announcedBytes, packetCount, packets, takePacket } from "#protocols/mysql/packet.ts";

const FULL = Buffer.alloc(2 * PACKET_PAYLOAD_MAX + 5, "payload ");

for (const [bytes, lengths] of [
  [0, [0]],
  [1, [1]],
  [PACKET_PAYLOAD_MAX - 1, [PACKET_PAYLOAD_MAX - 1]],
  [PACKET_PAYLOAD_MAX, [PACKET_PAYLOAD_MAX, 0]],
  [PACKET_PAYLOAD_MAX + 1, [PACKET_PAYLOAD_MAX, 1]],
  [2 * PACKET_PAYLOAD_MAX, [PACKET_PAYLOAD_MAX, PACKET_PAYLOAD_MAX, 0]],
  [2 * PACKET_PAYLOAD_MAX + 5, [PACKET_PAYLOAD_MAX, PACKET_PAYLOAD_MAX, 5]],
] as const) {
  test(`a payload of ${bytes} bytes goes in ${lengths.length} packets, numbered on beyond 255`, () => {
    const payload = FULL.subarray(0, bytes);
    const sent = packets(payload, 255);
    assert.equal(packetCount(bytes), lengths.length);
    let rest = sent;
    let at = 0;
    for (const [index, length] of lengths.entries()) {
      assert.equal(announcedBytes(rest), length);
      const taken = takePacket(rest);
      assert.ok(taken !== undefined);
      assert.equal(taken.sequence, (255 + index) % 256);
      assert.ok(taken.payload.equals(payload.subarray(at, at + length)));
      at += length;
      rest = taken.rest;
    }
    assert.equal(rest.length, 0);
  });
}

test("nothing is taken of a packet that is not there as a whole", () => {
  const sent = packets(Buffer.from("whole"), 0);
  for (let bytes = 0; bytes < sent.length; bytes++) assert.equal(takePacket(sent.subarray(0, bytes)), undefined);
  assert.equal(announcedBytes(sent.subarray(0, 3)), undefined);
});
