/**
 * Time limits, with a gateway whose deadlines are about a second: whoever dribbles, stalls or never comes to the point is
 * cut off and on record, and a target that stalls costs its own sessions alone.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { HASTY } from "#test/src/gateway/hasty.ts";
import { agree, readStartup } from "#test/src/gateway/stub-target.ts";
import { openStubWorld, type StubWorld } from "#test/src/gateway/stub-world.ts";
import {
  dialPlain,
  fields,
  type Message,
  message,
  type Peer,
  password,
  query,
  SSL_REQUEST,
  startup,
  text,
  words,
} from "#test/src/gateway/wire.ts";
import { helloBytes } from "#test/src/tls/hello.ts";
import { until } from "#test/support/waiting.ts";

let inner: StubWorld;
before(async () => {
  inner = await openStubWorld({ program: join(import.meta.dirname, "hasty.ts") });
});
after(() => inner?.stop());

const plain = () => dialPlain({ port: inner.world.gateway.port });

/** By a machine that has nothing else to do, a deadline is met to some hundredths; by one that stands still, seconds later. */
const LATE_MS = 20_000;

/** Runs `keep` until the gateway closes. Fails when that is before the deadline, or long after it. @returns the record of the attempt */
async function cutOff(peer: Peer, keep: (peer: Peer) => void = () => undefined, everyMs = 50) {
  const timer = setInterval(() => keep(peer), everyMs);
  await peer.closed();
  clearInterval(timer);
  const tookMs = Date.now() - peer.openedAt;
  assert.ok(tookMs > HASTY.loginMs - 100 && tookMs < HASTY.loginMs + LATE_MS, `cut off after ${Math.round(tookMs)} ms`);
  peer.vanish();
  const records = await inner.world.handshakes(peer);
  assert.equal(records.length, 1);
  return records[0];
}

// Whoever is waited for side by side costs the time of one; nothing of them is left once all are through.
describe("before TLS", { concurrency: true }, () => {
  after(() => inner.world.settled());

  test("silence is cut off, and recorded as a timeout", async () => {
    const record = await cutOff(await plain());
    assert.equal(record?.reason, "timeout");
    assert.equal(record?.outcome, "refused");
  });

  test("a start-up message that dribbles in, byte by byte, does not prolong the time", async () => {
    const peer = await plain();
    const bytes = startup({ user: "agent", database: "x".repeat(5000) }, 80877103);
    let at = 0;
    // Its length is judged with its eighth byte, which would be sent long behind the deadline.
    const record = await cutOff(peer, () => peer.send(bytes.subarray(at++, at)), HASTY.loginMs / 2);
    assert.equal(record?.reason, "timeout");
    assert.ok(at < 7, `${at} bytes were waited for`);
  });

  test("half a ClientHello is cut off, whoever comes meanwhile is served, and both are on record", async () => {
    const stalled = await plain();
    stalled.send(SSL_REQUEST);
    await stalled.bytes(1);
    const hello = helloBytes({
      supportedVersions: [0x0304],
      groups: [29],
      keyShares: [29],
      signatureAlgorithms: [0x0403],
      sni: "localhost",
    });
    stalled.send(hello.subarray(0, 40));
    const cut = cutOff(stalled);
    const { peer } = await inner.world.session();
    assert.equal(stalled.raw.readyState, "open", "others are held up");
    peer.vanish();
    const record = await cut;
    assert.equal(record?.reason, "timeout");
    assert.equal(record?.negotiation, "sslrequest");
  });

  test("a handshake that stops behind its ClientHello is cut off, with what was offered on record", async () => {
    const peer = await plain();
    peer.send(SSL_REQUEST);
    await peer.bytes(1);
    peer.send(
      helloBytes({ supportedVersions: [0x0304, 0x0303], groups: [29], keyShares: [29], signatureAlgorithms: [0x0403], sni: "localhost" }),
    );
    const record = await cutOff(peer);
    assert.equal(record?.reason, "timeout");
    assert.deepEqual(record?.tls?.offeredVersions, ["TLSv1.3", "TLSv1.2"]);
    assert.equal(record?.tls?.sni, "localhost");
  });

  test("forty stalled handshakes do not hold up an honest client", async () => {
    const stalled = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const peer = await plain();
        return peer.send(SSL_REQUEST, Buffer.alloc(0));
      }),
    );
    const { peer } = await inner.world.session();
    peer.vanish();
    await Promise.all(stalled.map((one) => one.closed()));
    for (const one of stalled) assert.equal((await inner.world.handshakes(one))[0]?.reason, "timeout");
  });
});

describe("behind TLS", { concurrency: true }, () => {
  after(() => inner.world.settled());

  test("silence gets a FATAL of its own, and the end", async () => {
    const peer = await inner.world.secure();
    const [error] = await peer.rest();
    assert.ok(error !== undefined);
    assert.equal(fields(error)["C"], "57014");
    assert.match(fields(error)["D"] ?? "", /reason=login-timeout/);
    peer.vanish();
  });

  test("a password that dribbles in does not prolong the time", async () => {
    const peer = await inner.world.secure();
    peer.send(startup({ user: "agent", database: "orders" }));
    await peer.upTo("R");
    const bytes = password("x".repeat(1000));
    let at = 0;
    const timer = setInterval(() => peer.send(bytes.subarray(at++, at)), 30);
    const all = await peer.rest();
    clearInterval(timer);
    assert.equal(fields(all.at(-1) as Message)["C"], "57014");
    peer.vanish();
  });

  test("a peer that answers nothing and never closes is let go of", async () => {
    const peer = await inner.world.secure();
    await peer.rest();
    // `settled` finds the descriptor if it is not.
  });
});

describe("a target", () => {
  afterEach((context) => inner.world.settled(context));

  for (const [name, script] of [
    ["that accepts and says nothing", () => undefined],
    ["that stalls behind its S", ({ raw }: { raw: import("node:net").Socket }) => void raw.once("data", () => raw.write("S"))],
  ] as const) {
    test(`${name} is given up in time: the client is told so, and the record says timeout`, async () => {
      const peer = await inner.attempt("proved", script);
      const began = performance.now();
      const said = await peer.lastWords();
      assert.ok(performance.now() - began < HASTY.upstreamLoginMs + LATE_MS);
      assert.equal(said["C"], "08001");
      assert.match(said["D"] ?? "", /reason=upstream-unreachable/);
      inner.discreet(said);
      const [own] = await inner.world.handshakes(peer);
      assert.ok(own !== undefined);
      const records = await inner.world.upstreamHandshakes(own);
      assert.deepEqual(
        records.map(({ reason }) => reason),
        ["timeout"],
      );
      peer.vanish();
    });
  }

  test("that stalls in the login is given up in time, and told from one that closes", async () => {
    const peer = await inner.attempt("proved", async (connection) => {
      const target = await agree(connection, inner.papers.good);
      await readStartup(target);
    });
    const said = await peer.lastWords();
    assert.equal(said["C"], "08001");
    peer.vanish();
  });

  test("that sends notices for ever instead of a login is given up in time", async () => {
    const peer = await inner.attempt("proved", async (connection) => {
      const target = await agree(connection, inner.papers.good);
      await readStartup(target);
      const notice = message("N", text("SNOTICE"), text("C00000"), text("Mcanary"), Buffer.alloc(1));
      const timer = setInterval(() => target.send(notice), 20);
      connection.raw.once("close", () => clearInterval(timer));
    });
    const said = await peer.lastWords();
    assert.match(said["C"] ?? "", /^08/);
    inner.discreet(said);
    peer.vanish();
  });

  test("that answers only after its client has gone keeps no connection", async () => {
    const peer = await inner.attempt("open", async (connection) => {
      const target = await agree(connection, inner.papers.good);
      await readStartup(target);
      await pause(300);
      target.send(message("R", words(0)), message("Z", Buffer.from("I")));
      await target.closed();
      target.vanish();
    });
    await pause(100);
    peer.reset();
  });
});

test("a client that closes its side in the middle of a statement is waited for, but not for ever", async () => {
  const { peer } = await inner.world.session();
  peer.send(query("select pg_sleep(300)"));
  const running = "select 1 from pg_stat_activity where wait_event = 'PgSleep'";
  await until(async () => (await inner.world.sql(running)).length === 1, "the statement runs");
  peer.vanish();
  await inner.world.settled();
});
