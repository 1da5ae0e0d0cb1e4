/**
 * Cancellation through a gateway with several worker processes: the key is the gateway's own, it cancels the right session
 * and no other, whichever worker the request reaches, and guessing gets nowhere.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { ask, errorIn, leave, rows } from "#test/src/gateway/talk.ts";
import { cancel, dialPlain, query, words } from "#test/src/gateway/wire.ts";
import { openWorld, type Session, type World } from "#test/src/gateway/world.ts";
import { until } from "#test/support/waiting.ts";

const WORKERS = 2;

let world: World;
before(async () => {
  world = await openWorld({ workers: WORKERS });
});
after(() => world?.stop());
afterEach((context) => world.settled(context));

describe("cancellation", () => {
  test("the key that a client gets is not the server's", async () => {
    const { peer, key } = await world.session();
    const [[pid]] = rows(await ask(peer, "select pg_backend_pid()")) as [[string]];
    assert.notEqual(Number(pid), key.processId);
    assert.ok(key.processId > 0 && key.processId <= 0x7fffffff);
    assert.notDeepEqual(key.secret, Buffer.alloc(4));
    await leave(peer);
  });

  /** @returns once each of the sessions sleeps on the server */
  async function sleep(...sessions: readonly Session[]): Promise<void> {
    const before = await sleeping();
    for (const { peer } of sessions) peer.send(query("select pg_sleep(200)"));
    await until(async () => (await sleeping()) === before + sessions.length, "the sessions sleep");
  }

  async function sleeping(): Promise<number> {
    const [row] = await world.sql("select count(*)::int as n from pg_stat_activity where wait_event = 'PgSleep'");
    return Number(row?.["n"]);
  }

  /** Wrong keys that an address sent, as the log tells; their sessions' workers know them by then. */
  const refused = (from: string) =>
    world.gateway.log().filter(({ event, remote }) => event === "cancel-refused" && String(remote).startsWith(`${from}:`)).length;

  const clear = async (bytes: Buffer) => {
    const peer = await dialPlain({ port: world.gateway.port });
    peer.send(bytes);
    await peer.closed();
    assert.equal(peer.received.length, 0, "a cancel request gets no answer");
    peer.vanish();
    return peer;
  };
  const secure = async (bytes: Buffer) => {
    const peer = await world.secure();
    peer.send(bytes);
    await peer.closed();
    assert.equal(peer.received.length, 0, "a cancel request gets no answer");
    peer.vanish();
    return peer;
  };

  for (const [way, send] of [
    ["in clear text, as older clients must", clear],
    ["over TLS", secure],
  ] as const) {
    for (const version of [0x30000, 0x30002]) {
      test(`${way}, protocol 3.${version & 0xf}: 57014 reaches the right session, and no other`, async () => {
        const sessions = await Promise.all(Array.from({ length: 6 }, () => world.session({ version })));
        await sleep(...sessions);
        const [chosen, ...others] = sessions;
        assert.ok(chosen !== undefined);
        await send(cancel(chosen.key.processId, chosen.key.secret));
        // Long before it would have ended by itself.
        const answer = await chosen.peer.upTo("Z");
        assert.deepEqual(
          answer.map(({ tag }) => tag).filter((tag) => tag === "E" || tag === "Z"),
          ["E", "Z"],
        );
        assert.equal(errorIn(answer)["C"], "57014");
        assert.equal(await sleeping(), others.length);
        assert.deepEqual(rows(await ask(chosen.peer, "select 'still here'")), [["still here"]]);
        for (const { peer } of sessions) peer.reset();
      });
    }
  }

  test("reaches a session in whichever worker: each of many connections cancels its own", async () => {
    const sessions = await world.sessionsOnEach(8);
    for (const { peer, key } of sessions) {
      await sleep({ peer, key, greeting: [] });
      await clear(cancel(key.processId, key.secret));
      const answer = await peer.upTo("Z");
      assert.equal(errorIn(answer)["C"], "57014");
    }
    await leave(...sessions.map(({ peer }) => peer));
  });

  test("a guessed key has no answer and no effect, however it is wrong", async () => {
    const session = await world.session();
    const { processId, secret } = session.key;
    await sleep(session);
    const [[pid]] = (await world.sql("select pid from pg_stat_activity where wait_event = 'PgSleep'")).map((row) => [row["pid"]]) as [
      [number],
    ];
    const known = refused("127.0.0.1");
    const guesses = [
      cancel(processId, words(secret.readUInt32BE(0) ^ 1)),
      cancel(processId, Buffer.alloc(4)),
      cancel(processId, Buffer.concat([secret, Buffer.alloc(4)])),
      cancel(processId, words(secret.readUInt32BE(0) ^ 0xff00_0000)),
      cancel(processId ^ 1, words(0)),
    ];
    // Of no worker's sessions.
    const strays = [cancel(pid, secret), cancel(0, words(0)), cancel(0xffffffff, words(0xffffffff))];
    for (const bytes of [...strays, ...guesses]) await clear(bytes);
    await until(() => refused("127.0.0.1") === known + guesses.length, "each guess was looked at");
    assert.equal(await sleeping(), 1);
    session.peer.reset();
  });

  test("guessing is limited by address, told to the log, and shuts nobody else out", async () => {
    const session = await world.session();
    const { processId, secret } = session.key;
    await sleep(session);
    const guesser = { port: world.gateway.port, from: "127.0.0.9" };
    const guess = async (bytes: Buffer) => {
      const peer = await dialPlain(guesser);
      peer.send(bytes);
      await peer.closed();
      peer.vanish();
    };
    const told = () => refused(guesser.from);
    for (let index = 0; index < 20; index += 1) await guess(cancel(processId, words(index)));
    // A key that reaches the other worker goes on by way of the keeper, where one that reaches the session's own could overtake it.
    await until(() => told() === 20, "each guess was looked at");
    await guess(cancel(processId, secret));
    await until(() => told() === 21, "the right key was looked at");
    assert.equal(await sleeping(), 1, "after twenty wrong keys even the right one is not looked at");
    await clear(cancel(processId, secret));
    assert.equal(errorIn(await session.peer.upTo("Z"))["C"], "57014");
    await leave(session.peer);
  });

  test("a key dies with its session", async () => {
    const first = await world.session();
    const key = { ...first.key, secret: Buffer.from(first.key.secret) };
    await leave(first.peer);
    const second = await world.session();
    await sleep(second);
    const known = refused("127.0.0.1");
    await clear(cancel(key.processId, key.secret));
    await clear(cancel(second.key.processId, key.secret));
    await until(() => refused("127.0.0.1") === known + 2, "both were looked at");
    assert.equal(await sleeping(), 1);
    second.peer.reset();
  });

  test("a cancel that comes when nothing runs cancels nothing that comes later", async () => {
    const setting = async () => (await world.sql("show log_min_messages"))[0]?.["log_min_messages"];
    await world.sql("alter system set log_min_messages = 'debug2'");
    await world.sql("select pg_reload_conf()");
    await until(async () => (await setting()) === "debug2", "the server tells of cancel requests");
    const { peer, key } = await world.session();
    const [[pid = ""] = []] = rows(await ask(peer, "select pg_backend_pid()"));
    await secure(cancel(key.processId, key.secret));
    await until(() => world.postgres.log().includes(`sending SIGINT to process ${pid}`), "the server has been asked");
    await world.sql("alter system reset log_min_messages");
    await world.sql("select pg_reload_conf()");
    assert.deepEqual(rows(await ask(peer, "select 1")), [["1"]]);
    await leave(peer);
  });
});
