/**
 * What comes before TLS, sent as bytes to a running gateway: only the protocol's own negotiation and one refusal are ever
 * sent in the clear, lengths are judged before anything is kept for them, and each attempt is on record once.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { dialPlain, dialTls, GSSENC_REQUEST, SSL_REQUEST, startup, text, words } from "#test/src/gateway/wire.ts";
import { openWorld, type World } from "#test/src/gateway/world.ts";
import { inTime } from "#test/support/waiting.ts";

let world: World;
before(async () => {
  world = await openWorld();
});
after(() => world?.stop());
afterEach((context) => world.settled(context));

const plain = () => dialPlain({ port: world.gateway.port });

/** Sends the bytes in the clear; a refusal comes within a second. @returns what was answered, as text, once the gateway has closed */
async function refusal(...bytes: readonly Buffer[]): Promise<{ readonly said: Record<string, string>; readonly reason: string | null }> {
  return inTime(1000, async () => {
    const peer = await plain();
    const began = performance.now();
    peer.send(...bytes);
    const said = await peer.lastWords();
    const tookMs = performance.now() - began;
    const records = await world.handshakes(peer);
    assert.equal(records.length, 1);
    assert.equal(records[0]?.outcome, "refused");
    peer.vanish();
    return [tookMs, { said: { ...said }, reason: records[0]?.reason ?? null }];
  });
}

describe("a start without TLS", () => {
  for (const [name, version] of [
    ["3.0", 0x30000],
    ["3.2", 0x30002],
  ] as const) {
    test(`protocol ${name} is refused with FATAL 28000 that names encryption, and nothing is asked for`, async () => {
      const { said, reason } = await refusal(startup({ user: "agent", database: "orders" }, version));
      assert.equal(said["S"], "FATAL");
      assert.equal(said["V"], "FATAL");
      assert.equal(said["C"], "28000");
      assert.match(said["M"] ?? "", /encryption/);
      assert.match(said["D"] ?? "", /reason=tls-required/);
      assert.equal(reason, "cleartext");
    });
  }

  test("a password sent along is neither asked for nor heard: nothing of it is in the answer or the log", async () => {
    const secret = "canary-5c2f-password";
    const { said } = await refusal(startup({ user: "agent", database: "orders" }), Buffer.from(`p\0\0\0\x1c${secret}\0`));
    assert.equal(said["C"], "28000");
    assert.ok(!JSON.stringify(said).includes(secret));
    assert.ok(!JSON.stringify(world.gateway.log()).includes(secret));
  });

  test("protocol 2.0 and a version of the far future are refused with 0A000", async () => {
    for (const version of [0x20000, 0x7fffffff, 0x40000]) {
      const { said } = await refusal(startup({ user: "agent" }, version));
      assert.equal(said["C"], "0A000");
    }
  });
});

describe("a first length that no message has", () => {
  for (const [name, length] of [
    ["0", 0],
    ["3", 3],
    ["7", 7],
    ["-1", 0xffffffff],
    ["the smallest negative number", 0x80000000],
    ["10,001", 10_001],
    ["just under 4 GiB", 0xfffffff0],
  ] as const) {
    test(`${name} is refused at the header`, async () => {
      const { said, reason } = await refusal(words(length));
      assert.equal(said["S"], "FATAL");
      assert.equal(said["C"], "08P01");
      assert.equal(reason, "not-tls");
    });
  }

  test("an SSLRequest, a GSSENCRequest and a CancelRequest of another length than theirs are refused", async () => {
    for (const bytes of [words(12, 80877103, 0), words(12, 80877104, 0), words(12, 80877102, 1), words(15, 80877102, 1, 0)]) {
      const { said } = await refusal(bytes);
      assert.equal(said["C"], "08P01");
    }
  });

  test("fifty thousand parameters do not fit, and are not collected", async () => {
    const parameters = Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`p${index}`, "v"]));
    const peer = await world.secure();
    peer.send(startup({ user: "agent", database: "orders", ...parameters }));
    const said = await peer.lastWords();
    assert.equal(said["C"], "08P01");
    peer.vanish();
  });
});

describe("asking for encryption", () => {
  test("GSSENCRequest is answered N, and SSLRequest follows on the same connection", async () => {
    const peer = await plain();
    peer.send(GSSENC_REQUEST);
    assert.equal((await peer.bytes(1)).toString(), "N");
    peer.send(SSL_REQUEST);
    assert.equal((await peer.bytes(1)).toString(), "S");
    peer.vanish();
    const [record] = await world.handshakes(peer);
    assert.equal(record?.reason, "reset");
    assert.equal(record?.negotiation, "sslrequest");
  });

  test("both requests in one segment are answered in their order", async () => {
    const peer = await plain();
    peer.send(GSSENC_REQUEST, SSL_REQUEST);
    assert.equal((await peer.bytes(2)).toString(), "NS");
    peer.vanish();
  });

  test("GSSENCRequest is answered once: a second one is refused", async () => {
    const peer = await plain();
    peer.send(GSSENC_REQUEST, GSSENC_REQUEST, GSSENC_REQUEST);
    assert.equal((await peer.bytes(1)).toString(), "N");
    assert.equal((await peer.lastWords())["C"], "08P01");
    peer.vanish();
  });

  test("bytes behind SSLRequest are refused: not one of them is taken for TLS or for protocol", async () => {
    const { said, reason } = await refusal(SSL_REQUEST, startup({ user: "agent", database: "orders" }));
    assert.equal(said["C"], "08P01");
    assert.match(said["D"] ?? "", /reason=tls-early-bytes/);
    assert.equal(reason, "early-bytes");
  });

  test("a clear-text start behind an answered SSLRequest is no way round TLS, and gets no readable word", async () => {
    const peer = await plain();
    peer.send(SSL_REQUEST);
    assert.equal((await peer.bytes(1)).toString(), "S");
    peer.send(startup({ user: "agent", database: "orders" }));
    await peer.closed();
    assert.equal(peer.received.toString("latin1").includes("FATAL"), false);
    const records = await world.handshakes(peer);
    assert.equal(records.length, 1);
    assert.equal(records[0]?.reason, "not-tls");
    peer.vanish();
  });

  test("a connection that says nothing and closes is on record", async () => {
    const peer = await plain();
    peer.socket.end();
    await peer.closed();
    const records = await world.handshakes(peer);
    assert.deepEqual(
      records.map(({ outcome, reason, negotiation }) => ({ outcome, reason, negotiation })),
      [{ outcome: "refused", reason: "reset", negotiation: "none" }],
    );
  });

  test("the opening may come byte by byte", async () => {
    const peer = await plain();
    for (const byte of Buffer.concat([GSSENC_REQUEST])) peer.send(Buffer.from([byte]));
    assert.equal((await peer.bytes(1)).toString(), "N");
    for (const byte of startup({ user: "agent" })) peer.send(Buffer.from([byte]));
    const said = await peer.lastWords();
    assert.equal(said["C"], "28000");
    peer.vanish();
  });
});

describe("TLS from the first byte", () => {
  test("with ALPN postgresql it is served like any other", async () => {
    const peer = await world.secure({ direct: true });
    peer.send(startup({ user: "agent", database: "orders" }));
    const [ask] = await peer.upTo("R");
    assert.equal(ask?.body.readUInt32BE(0), 3);
    peer.vanish();
    const [record] = await world.handshakes(peer);
    assert.equal(record?.negotiation, "direct");
    assert.equal(record?.outcome, "ok");
    assert.equal(record?.tls?.alpn, "postgresql");
  });

  for (const [name, protocols] of [
    ["without ALPN", []],
    ["with another protocol's ALPN", ["h2", "http/1.1"]],
  ] as const) {
    test(`${name} it is refused and recorded`, async () => {
      const before = world.allHandshakes().length;
      await assert.rejects(dialTls({ port: world.gateway.port }, world.gateway.ca, { direct: true, ALPNProtocols: [...protocols] }));
      await world.settled();
      const refused = world
        .allHandshakes()
        .slice(before)
        .filter((record) => record.leg === "client" && record.outcome === "refused");
      assert.deepEqual(
        refused.map(({ reason, negotiation }) => ({ reason, negotiation })),
        [{ reason: "no-shared-alpn", negotiation: "direct" }],
      );
    });
  }
});

describe("behind TLS", () => {
  const firstWords = async (...bytes: readonly Buffer[]) => {
    const peer = await world.secure();
    peer.send(...bytes);
    const said = await peer.lastWords();
    peer.vanish();
    return said;
  };

  test("a start-up message without its final NUL, with an odd number of strings, or with something behind its end is malformed", async () => {
    const body = (bytes: Buffer) => Buffer.concat([words(bytes.length + 8, 0x30000), bytes]);
    for (const bytes of [
      body(Buffer.from("user\0agent\0database\0orders")),
      body(Buffer.from("user\0agent\0database\0\0")),
      body(Buffer.from("user\0agent\0\0database\0orders\0\0")),
      body(Buffer.alloc(0)),
    ]) {
      assert.equal((await firstWords(bytes))["C"], "08P01");
    }
  });

  test("a start-up message without a user is refused with 28000", async () => {
    for (const parameters of [{ database: "orders" }, { user: "", database: "orders" }] as Record<string, string>[]) {
      assert.equal((await firstWords(startup(parameters)))["C"], "28000");
    }
  });

  test("a length that no start-up message has is refused at its header", async () => {
    for (const length of [0, 3, 7, 10_001, 0x80000000, 0xffffffff]) {
      assert.equal((await firstWords(words(length)))["C"], "08P01");
    }
  });

  test("a second request for encryption is refused", async () => {
    for (const request of [SSL_REQUEST, GSSENC_REQUEST]) assert.equal((await firstWords(request))["C"], "08P01");
  });

  test("a newer minor version and unknown protocol options are negotiated down before anything else", async () => {
    const peer = await world.secure();
    peer.send(startup({ user: "agent", database: "orders", "_pq_.colour": "blue" }, 0x30063));
    const negotiate = await peer.next();
    assert.equal(negotiate?.tag, "v");
    assert.equal(negotiate?.body.readUInt32BE(0), 0x30002);
    assert.deepEqual(negotiate?.body.subarray(4), Buffer.concat([words(1), text("_pq_.colour")]));
    assert.equal((await peer.next())?.tag, "R");
    peer.vanish();
  });

  test("replication is refused in every spelling", async () => {
    for (const value of ["true", "on", "yes", "1", "t", "tr", "y", "database", "DATABASE", "ON", "whatever"]) {
      const said = await firstWords(startup({ user: "agent", database: "orders", replication: value }));
      assert.equal(said["C"], "0A000", value);
      assert.match(said["D"] ?? "", /reason=replication-refused/);
    }
  });
});

test("every attempt of this file left exactly one record on the client leg", async () => {
  await world.settled();
  const seen = new Map<string, number>();
  for (const { leg, sessionId } of world.allHandshakes()) {
    if (leg === "client" && sessionId !== null) seen.set(sessionId, (seen.get(sessionId) ?? 0) + 1);
  }
  assert.deepEqual(
    [...seen].filter(([, count]) => count !== 1),
    [],
  );
  assert.ok(seen.size > 40);
});
