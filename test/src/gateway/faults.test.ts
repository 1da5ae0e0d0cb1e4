/**
 * Peers and machines that fail: a client that stops reading, networks that swallow packets, descriptors that run out, a
 * flood of connections. Memory stays flat, nothing is left behind, and everyone else is served.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ask, tags } from "#test/src/gateway/talk.ts";
import { dialPlain, fields, type Message, type Peer, query, SSL_REQUEST, TERMINATE, values } from "#test/src/gateway/wire.ts";
import { childrenOf, openWorld, residentBytes, type World } from "#test/src/gateway/world.ts";
import { startRelay } from "#test/support/relay.ts";
import { until } from "#test/support/waiting.ts";

const MB = 1024 * 1024;
const IDLE_MS = 1500;

let world: World;
before(async () => {
  world = await openWorld({
    configure: (sections) => {
      const { orders } = sections["targets"] as { readonly orders: object };
      const targets = {
        orders,
        restless: { ...orders, limits: { idle: `${IDLE_MS}ms` } },
        hurried: { ...orders, limits: { statementTimeout: "1s" } },
      };
      const { rules } = sections["access"] as { readonly rules: readonly object[] };
      return { ...sections, targets, access: { rules: rules.map((rule) => ({ ...rule, targets: Object.keys(targets) })) } };
    },
  });
});
after(() => world?.stop());
afterEach((context) => world.settled(context));

const worker = () => {
  const [pid] = childrenOf(world.gateway.pid);
  assert.ok(pid !== undefined);
  return pid;
};

describe("a client that stops reading", () => {
  test("in the middle of a result of 1 GB costs a few megabytes, and its statement ends when it goes", async () => {
    const { peer } = await world.session();
    await ask(peer, "select repeat('warm', 100000) from generate_series(1, 50)");
    const before = residentBytes(worker());
    peer.socket.pause();
    peer.send(query("select repeat('x', 100000) from generate_series(1, 10000)"));
    let most = 0;
    for (let round = 0; round < 20; round += 1) {
      await pause(100);
      most = Math.max(most, residentBytes(worker()));
    }
    assert.ok(most - before < 48 * MB, `the worker grew by ${Math.round((most - before) / MB)} MB`);
    const waits = "select wait_event from pg_stat_activity where query like 'select repeat(''x''%'";
    await until(async () => (await world.sql(waits))[0]?.["wait_event"] === "ClientWrite", "the server is held back");
    const { peer: other } = await world.session();
    assert.equal((await ask(other, "select 1")).length, 4);
    other.vanish();
    peer.reset();
    const active = "select 1 from pg_stat_activity where query like 'select repeat(''x''%' and state = 'active'";
    await until(async () => (await world.sql(active)).length === 0, "the statement has ended");
  });

  test("and goes on after a while gets the whole result", async () => {
    const { peer } = await world.session();
    peer.socket.pause();
    peer.send(query("select repeat('y', 10000) from generate_series(1, 3000)"));
    await pause(500);
    peer.socket.resume();
    let rows = 0;
    for (let message = await peer.next(); message?.tag !== "Z"; message = await peer.next()) if (message?.tag === "D") rows += 1;
    assert.equal(rows, 3000);
    peer.vanish();
  });
});

test("a client that said Terminate and reads slowly still gets all that it asked for", async () => {
  for (const megabytes of [1, 4]) {
    const { peer } = await world.session();
    peer.socket.pause();
    peer.send(query(`select repeat('w', 100000) from generate_series(1, ${megabytes * 10})`), TERMINATE);
    await pause(3000);
    peer.socket.resume();
    const all = await peer.rest();
    assert.equal(all.filter(({ tag }) => tag === "D").length, megabytes * 10);
    assert.equal(all.at(-1)?.tag, "Z");
    peer.vanish();
  }
});

describe("a client that only sends", () => {
  test("statements without reading an answer is held back, not collected for", async () => {
    const { peer } = await world.session();
    const before = residentBytes(worker());
    peer.socket.pause();
    const one = query("select repeat('z', 2000)");
    const many = Buffer.concat(Array.from({ length: 2000 }, () => one));
    for (let round = 0; round < 20; round += 1) peer.send(many);
    await pause(1500);
    assert.ok(residentBytes(worker()) - before < 64 * MB);
    peer.reset();
  });
});

describe("half-open peers", () => {
  test("keepalive probes watch both legs of a session", async () => {
    const { peer } = await world.session();
    const watched = () => {
      const timers = tcpTimers(world.gateway.port, world.postgres.port).filter(({ keepalive }) => keepalive);
      const client = timers.some(({ local, remote }) => local === world.gateway.port && remote === peer.raw.localPort);
      return { client, upstream: timers.some(({ remote }) => remote === world.postgres.port) };
    };
    // While something is not acknowledged, another timer runs in its place.
    await until(
      () => watched().client && watched().upstream,
      () => `both legs are watched: ${JSON.stringify(watched())}`,
    );
    peer.vanish();
  });

  test("a client behind a network that swallows everything is let go of when its session is idle for too long", async () => {
    const relay = await startRelay({ host: "127.0.0.1", port: world.gateway.port });
    const { peer } = await world.session({ port: relay.port, parameters: { database: "restless" } });
    relay.freeze();
    const left = "select 1 from pg_stat_activity where application_name like '%sp:%'";
    await until(async () => (await world.sql(left)).length === 0, "its session is let go of");
    await relay.stop();
    peer.reset();
  });

  test("an idle session ends with 57P05, a busy one does not", async () => {
    const began = performance.now();
    const { peer } = await world.session({ parameters: { database: "restless" } });
    const said = await peer.lastWords();
    assert.equal(said["C"], "57P05");
    assert.match(said["D"] ?? "", /reason=idle-timeout/);
    assert.ok(performance.now() - began > IDLE_MS - 200);
    peer.vanish();
  });

  test("a statement that takes too long is cancelled with 57014, and the session goes on", async () => {
    const { peer } = await world.session({ parameters: { database: "hurried" } });
    const answer = await ask(peer, "select pg_sleep(100)");
    assert.equal(fields(answer.find(({ tag }) => tag === "E") as Message)["C"], "57014");
    const [row] = (await ask(peer, "select 'on'")).filter(({ tag }) => tag === "D").map(values);
    assert.deepEqual(row, ["on"]);
    peer.vanish();
  });
});

/** TCP sockets of this machine that concern the given ports, and whether a keepalive timer runs on them (`/proc/net/tcp`, field `tr` 2). */
function tcpTimers(...ports: readonly number[]): { readonly local: number; readonly remote: number; readonly keepalive: boolean }[] {
  const lines = readFileSync("/proc/net/tcp", "utf8").trim().split("\n").slice(1);
  const all = lines.map((line) => {
    const [, local = "", remote = "", , , timer = ""] = line.trim().split(/\s+/);
    const port = (address: string) => Number.parseInt(address.split(":")[1] ?? "", 16);
    return { local: port(local), remote: port(remote), keepalive: timer.startsWith("02") };
  });
  return all.filter(({ local, remote }) => ports.includes(local) || ports.includes(remote));
}

/** A session, once one is given. */
async function served(of: World, ms?: number): Promise<Peer> {
  const attempt = () =>
    of.session().then(
      ({ peer }) => peer,
      () => undefined,
    );
  return until(attempt, "a session is served", ms);
}

describe("a machine that runs short of descriptors", () => {
  let narrow: World;
  before(async () => {
    narrow = await openWorld({ postgres: world.postgres, under: ["prlimit", "--nofile=64:64"] });
  });
  after(() => narrow?.stop());
  afterEach((context) => narrow.settled(context));

  test("turns newcomers away with 53300, in words and on record, keeps the sessions it has, and recovers", async () => {
    const { peer: held } = await narrow.session();
    const peers = await Promise.all(Array.from({ length: 30 }, () => dialPlain({ port: narrow.gateway.port })));
    const answers = await Promise.all(peers.map((peer) => peer.send(SSL_REQUEST).bytes(1)));
    const turnedAway = peers.filter((_, index) => answers[index]?.toString() === "E");
    assert.ok(turnedAway.length > 20, `${turnedAway.length} of 30 were turned away`);
    for (const peer of turnedAway) {
      await peer.closed();
      assert.match(peer.received.toString("latin1"), /SFATAL.*C53300.*reason=too-many-connections/s);
      const records = await narrow.handshakes(peer);
      assert.deepEqual(
        records.map(({ outcome, reason }) => [outcome, reason]),
        [["refused", "too-many-connections"]],
      );
    }
    assert.equal(tags(await ask(held, "select 'held'")), "TDCZ");
    for (const peer of peers) peer.vanish();
    (await served(narrow)).vanish();
    held.vanish();
  });

  test("and then lets who only stalls give way to who logs in", async () => {
    const stalled = await Promise.all(Array.from({ length: 6 }, () => dialPlain({ port: narrow.gateway.port })));
    // After five seconds; by themselves they would be cut off after thirty.
    const peer = await served(narrow, 25_000);
    assert.ok(
      stalled.some(({ raw }) => raw.readyState === "open"),
      "none of them stalls any more",
    );
    assert.equal(tags(await ask(peer, "select 1")), "TDCZ");
    peer.vanish();
    for (const one of stalled) one.vanish();
  });

  test("under a storm of logins serves some, refuses the rest cleanly, and lives", async () => {
    const [pid] = childrenOf(narrow.gateway.pid);
    for (let round = 0; round < 3; round += 1) {
      const attempts = await Promise.allSettled(Array.from({ length: 12 }, () => narrow.session()));
      const served = attempts.flatMap((attempt) => (attempt.status === "fulfilled" ? [attempt.value.peer] : []));
      assert.ok(served.length > 0 && served.length < 12, `${served.length} of 12 were served`);
      for (const peer of served) assert.equal(tags(await ask(peer, "select 1")), "TDCZ");
      for (const peer of served) peer.reset();
      await narrow.settled();
    }
    assert.deepEqual(childrenOf(narrow.gateway.pid), [pid], "the worker lived");
  });
});

describe("a flood", () => {
  test("of connections that never log in costs the oldest of them, not the newcomer, and is on record", async () => {
    const flood: Peer[] = [];
    const before = world.allHandshakes().length;
    for (let batch = 0; batch < 26; batch += 1) {
      flood.push(...(await Promise.all(Array.from({ length: 40 }, () => dialPlain({ port: world.gateway.port })))));
    }
    const { peer } = await world.session();
    assert.deepEqual(tags(await ask(peer, "select 1")), "TDCZ");
    const [oldest, newest] = [flood[0], flood.at(-1)];
    assert.ok(oldest !== undefined && newest !== undefined);
    await oldest.closed();
    assert.equal((await world.handshakes(oldest))[0]?.reason, "too-many-connections");
    assert.equal(newest.raw.readyState, "open");
    peer.vanish();
    for (const one of flood) one.vanish();
    const remotes = new Set(flood.map(({ remote }) => remote));
    const seen = () =>
      world
        .allHandshakes()
        .slice(before)
        .filter(({ leg, remote }) => leg === "client" && remotes.has(remote)).length;
    await until(
      () => seen() >= flood.length,
      () => `each of the flood is on record: ${seen()} of ${flood.length}`,
    );
    assert.equal(seen(), flood.length);
  });
});
