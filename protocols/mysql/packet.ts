/**
 * Payloads as packets: a header of four bytes (length, 3 bytes little-endian; sequence number), and a payload of 2^24 - 1
 * bytes or more split over several. Source: MySQL source documentation, "MySQL Packets".
 */
import { HEADER_BYTES, PACKET_PAYLOAD_MAX } from "./constants.ts";

/** How many packets a payload takes: one more than full ones. */
export function packetCount(payloadBytes: number): number {
  return Math.floor(payloadBytes / PACKET_PAYLOAD_MAX) + 1;
}

/**
 * The payload with its headers, the first of them bearing `sequence`.
 *
 * @param payload copied; a small one and its header are one buffer
 */
export function packets(payload: Buffer, sequence: number): Buffer {
  const count = packetCount(payload.length);
  const bytes = Buffer.allocUnsafe(payload.length + count * HEADER_BYTES);
  let at = 0;
  for (let index = 0; index < count; index++) {
    const from = index * PACKET_PAYLOAD_MAX;
    const length = Math.min(PACKET_PAYLOAD_MAX, payload.length - from);
    at = bytes.writeUIntLE(length, at, 3);
    bytes[at++] = (sequence + index) & 0xff;
    at += payload.copy(bytes, at, from, from + length);
  }
  return bytes;
}

export interface TakenPacket {
  readonly sequence: number;
  /** A view. */
  readonly payload: Buffer;
  readonly rest: Buffer;
}

/**
 * The first packet of what was received, before there is a session; one packet is all that a message of a login takes.
 *
 * @returns undefined until it is there as a whole
 */
export function takePacket(received: Buffer): TakenPacket | undefined {
  if (received.length < HEADER_BYTES) return undefined;
  const length = received.readUIntLE(0, 3);
  if (received.length < HEADER_BYTES + length) return undefined;
  return {
    sequence: received[3] ?? 0,
    payload: received.subarray(HEADER_BYTES, HEADER_BYTES + length),
    rest: received.subarray(HEADER_BYTES + length),
  };
}

/** What the first packet will take; undefined until its header is there. */
export function announcedBytes(received: Buffer): number | undefined {
  return received.length < HEADER_BYTES ? undefined : received.readUIntLE(0, 3);
}
