/** The first bytes of a connection: each opening, each malformed one, and bytes that come too early. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readOpening } from "#protocols/postgres/negotiation.ts";
import { CANCEL_REQUEST, GSSENC_REQUEST, packet, SSL_REQUEST, startup, VERSION_3, word } from "#test/protocols/postgres/bytes.ts";
import { isFault } from "#test/support/faults.ts";

const MALFORMED = isFault("malformed-message");

describe("the opening of a connection", () => {
  test("is SSLRequest: the 8 bytes that libpq sends", () => {
    assert.deepEqual(readOpening(Buffer.from("0000000804d2162f", "hex")), { kind: "ssl-request" });
  });

  test("is GSSENCRequest, with SSLRequest behind it or still to come", () => {
    assert.deepEqual(readOpening(packet(GSSENC_REQUEST)), { kind: "gssenc-request", rest: Buffer.alloc(0) });
    const opening = readOpening(Buffer.concat([packet(GSSENC_REQUEST), packet(SSL_REQUEST)]));
    assert.ok(opening.kind === "gssenc-request");
    assert.deepEqual(readOpening(opening.rest), { kind: "ssl-request" });
  });

  test("is a direct TLS start, from its first byte", () => {
    assert.deepEqual(readOpening(Buffer.from([0x16])), { kind: "direct-tls" });
    assert.deepEqual(readOpening(Buffer.from("16030100c8", "hex")), { kind: "direct-tls" });
  });

  test("is a clear-text start, seen before its parameters are collected", () => {
    assert.deepEqual(readOpening(startup(["user", "agent"])), { kind: "cleartext" });
    assert.deepEqual(readOpening(startup(["user", "agent"]).subarray(0, 8)), { kind: "cleartext" });
    assert.deepEqual(readOpening(packet(VERSION_3 | 2, "x")), { kind: "cleartext" });
  });

  test("is CancelRequest with a key of 4 to 256 bytes", () => {
    for (const length of [4, 32, 256]) {
      const secret = Buffer.alloc(length, 7);
      const opening = readOpening(packet(CANCEL_REQUEST, Buffer.concat([word(0xfffffffe), secret])));
      assert.deepEqual(opening, { kind: "cancel", key: { processId: 0xfffffffe, secret } });
    }
  });

  test("keeps a copy of a cancel key, not a view of what was received", () => {
    const received = packet(CANCEL_REQUEST, Buffer.concat([word(1), Buffer.alloc(4, 7)]));
    const opening = readOpening(received);
    received.fill(0);
    assert.ok(opening.kind === "cancel");
    assert.deepEqual([...opening.key.secret], [7, 7, 7, 7]);
  });

  test("is the same whatever the cuts: incomplete until it is whole, never something else on the way", () => {
    const openings = [
      packet(SSL_REQUEST),
      packet(GSSENC_REQUEST),
      packet(CANCEL_REQUEST, Buffer.alloc(8)),
      startup(["user", "agent", "database", "orders"]),
    ];
    for (const bytes of openings) {
      const whole = readOpening(bytes);
      for (let length = 0; length < bytes.length; length++) {
        const part = readOpening(bytes.subarray(0, length));
        assert.ok(part.kind === "incomplete" || part.kind === whole.kind, `${part.kind} after ${length} of ${bytes.length} bytes`);
      }
    }
  });
});

describe("a malformed opening", () => {
  for (const length of [0, 1, 3, 4, 7, 10_001, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff]) {
    test(`is refused at its header: a length of ${length}`, () => {
      assert.throws(() => readOpening(word(length)), MALFORMED);
      assert.throws(() => readOpening(packet(VERSION_3, "user\0a\0\0", length)), MALFORMED);
    });
  }

  test("is SSLRequest or GSSENCRequest of another length than 8", () => {
    assert.throws(() => readOpening(packet(SSL_REQUEST, "x")), MALFORMED);
    assert.throws(() => readOpening(packet(GSSENC_REQUEST, "x")), MALFORMED);
    assert.throws(() => readOpening(packet(SSL_REQUEST, "", 9)), MALFORMED);
  });

  test("is CancelRequest without a key, or with one that is too long, even before the key has come", () => {
    for (const length of [8, 12, 15, 269, 9_999]) {
      assert.throws(() => readOpening(Buffer.concat([word(length), word(CANCEL_REQUEST)])), MALFORMED, String(length));
    }
  });

  test("is protocol 1, 2, 4 and anything that is no version", () => {
    for (const version of [0, 1 << 16, 2 << 16, 4 << 16, 0xffff0000, 80877105]) {
      assert.throws(() => readOpening(packet(version)), isFault("unsupported-protocol"), String(version));
    }
  });

  test("has bytes behind SSLRequest before it is answered", () => {
    for (const early of ["\x16", "Q", startup(["user", "agent"])]) {
      const bytes = Buffer.concat([packet(SSL_REQUEST), Buffer.from(early as string)]);
      assert.throws(() => readOpening(bytes), isFault("tls-early-bytes"));
    }
  });

  test("has bytes behind the SSLRequest that follows GSSENCRequest", () => {
    const opening = readOpening(Buffer.concat([packet(GSSENC_REQUEST), packet(SSL_REQUEST), Buffer.from("x")]));
    assert.ok(opening.kind === "gssenc-request");
    assert.throws(() => readOpening(opening.rest), isFault("tls-early-bytes"));
  });
});
