/**
 * A session as bytes, through a gateway with several worker processes: odd segmentation in both directions, cancellation of
 * the right session and no other, and nothing that one session leaves to the next.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import {
  cancel,
  dialPlain,
  extended,
  fields,
  type Message,
  message,
  type Peer,
  query,
  SYNC,
  TERMINATE,
  text,
  values,
  words,
} from "#test/src/gateway/wire.ts";
import { openWorld, type Session, type World } from "#test/src/gateway/world.ts";
import { startRelay } from "#test/support/relay.ts";

const WORKERS = 3;

let world: World;
before(async () => {
  world = await openWorld({ workers: WORKERS });
});
after(() => world?.stop());
afterEach((context) => world.settled(context));

const tags = (messages: readonly Message[]) => messages.map(({ tag }) => tag).join("");
const rows = (messages: readonly Message[]) => messages.filter(({ tag }) => tag === "D").map(values);

async function ask(peer: Peer, sql: string): Promise<readonly Message[]> {
  peer.send(query(sql));
  return peer.upTo("Z");
}

async function leave(...peers: readonly Peer[]): Promise<void> {
  for (const peer of peers) {
    peer.send(TERMINATE);
    await peer.closed();
  }
}

describe("segmentation", () => {
  const CONVERSATION = Buffer.concat([
    query("select 1 as one; select 'zwei' as two"),
    extended("select $1::text || '!'", ["hello"]),
    SYNC,
    query("select no_such_column"),
    query(""),
    query("select repeat('x', 3000)"),
    message("P", text("named"), text("select 7"), Buffer.alloc(2)),
    message("D", Buffer.from("S"), text("named")),
    message("C", Buffer.from("S"), text("named")),
    SYNC,
  ]);
  const EXPECTED = "TDCTDCZ 12TDCZ EZ IZ TDCZ 1tT3Z";
  const answers = async (peer: Peer) => {
    const groups = [];
    while (groups.length < EXPECTED.split(" ").length) groups.push(tags(await peer.upTo("Z")));
    return groups.join(" ");
  };

  test("a whole conversation in one write gets every answer in its order", async () => {
    const { peer } = await world.session();
    peer.send(CONVERSATION);
    assert.equal(await answers(peer), EXPECTED);
    await leave(peer);
  });

  for (const slice of [1, 7]) {
    test(`segments of ${slice} bytes in both directions, TLS included, change nothing`, async () => {
      const relay = await startRelay({ host: "127.0.0.1", port: world.gateway.port }, { toServer: { slice }, toClient: { slice } });
      const { peer } = await world.session({ port: relay.port });
      peer.send(CONVERSATION);
      assert.equal(await answers(peer), EXPECTED);
      await leave(peer);
      await relay.stop();
    });
  }

  test("one TLS record for each byte changes nothing", async () => {
    const { peer } = await world.session();
    for (const byte of CONVERSATION) peer.send(Buffer.from([byte]));
    assert.equal(await answers(peer), EXPECTED);
    await leave(peer);
  });

  test("a conversation cut in two at any place changes nothing", async () => {
    const { peer } = await world.session();
    for (let at = 1; at < CONVERSATION.length; at += 13) {
      peer.send(CONVERSATION.subarray(0, at));
      await pause(1);
      peer.send(CONVERSATION.subarray(at));
      assert.equal(await answers(peer), EXPECTED);
    }
    await leave(peer);
  });

  test("ten queries in one write are ten answers", async () => {
    const { peer } = await world.session();
    peer.send(...Array.from({ length: 10 }, (_, index) => query(`select ${index}`)));
    for (let index = 0; index < 10; index += 1) assert.deepEqual(rows(await peer.upTo("Z")), [[String(index)]]);
    await leave(peer);
  });

  test("a large row and a large statement pass in segments of a few hundred bytes", async () => {
    const relay = await startRelay({ host: "127.0.0.1", port: world.gateway.port }, { toServer: { slice: 311 }, toClient: { slice: 411 } });
    const { peer } = await world.session({ port: relay.port });
    const long = "y".repeat(200_000);
    const [row] = rows(await ask(peer, `select '${long}'`));
    assert.deepEqual(row, [long]);
    await leave(peer);
    await relay.stop();
  });
});

describe("messages that no session has", () => {
  for (const [name, bytes] of [
    ["a tag that the protocol does not have", message("!", text("x"))],
    ["a server's tag", message("T", words(0))],
    ["a second password", message("p", text("x"))],
    ["a length of 3", Buffer.concat([Buffer.from("Q"), words(3)])],
    ["a negative length", Buffer.concat([Buffer.from("Q"), words(0x80000005)])],
    ["a length of 1 GiB and more", Buffer.concat([Buffer.from("d"), words(0x40000001)])],
    ["a Query without its NUL", message("Q", Buffer.from("select 1"))],
    ["a Query with something behind its NUL", message("Q", text("select 1"), Buffer.from("x"))],
    ["a Parse that announces more types than it has", message("P", text(""), text("select 1"), Buffer.from([0, 9]))],
    ["a Bind with a value of negative length", message("B", text(""), text(""), Buffer.from([0, 0, 0, 1]), words(-7))],
    ["a Describe of neither statement nor portal", message("D", Buffer.from("X"), text(""))],
  ] as const) {
    test(`${name} ends this session with 08P01 and no other`, async () => {
      const [{ peer }, other] = [await world.session(), await world.session()];
      peer.send(bytes);
      const all = await peer.rest();
      assert.equal(tags(all), "E");
      assert.equal(fields(all[0] as Message)["C"], "08P01");
      assert.deepEqual(rows(await ask(other.peer, "select 1")), [["1"]]);
      await leave(other.peer);
    });
  }

  test("a fast-path function call is refused, and the session goes on", async () => {
    const { peer } = await world.session();
    peer.send(message("F", words(1598), Buffer.alloc(4), Buffer.alloc(2)));
    const answer = await peer.upTo("Z");
    assert.equal(tags(answer), "EZ");
    assert.equal(fields(answer[0] as Message)["C"], "0A000");
    assert.deepEqual(rows(await ask(peer, "select 1")), [["1"]]);
    await leave(peer);
  });

  test("replication commands are statements that do not parse, not a way to stream", async () => {
    const { peer } = await world.session();
    const answer = await ask(peer, "START_REPLICATION 0/0");
    assert.equal(fields(answer[0] as Message)["C"], "42601");
    await leave(peer);
  });
});

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
    for (const { peer } of sessions) peer.send(query("select pg_sleep(20)"));
    while ((await sleeping()) < before + sessions.length) await pause(10);
  }

  async function sleeping(): Promise<number> {
    const [row] = await world.sql("select count(*)::int as n from pg_stat_activity where wait_event = 'PgSleep'");
    return Number(row?.["n"]);
  }

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
        const began = performance.now();
        await send(cancel(chosen.key.processId, chosen.key.secret));
        const answer = await chosen.peer.upTo("Z");
        assert.ok(performance.now() - began < 2000);
        assert.deepEqual(
          answer.map(({ tag }) => tag).filter((tag) => tag === "E" || tag === "Z"),
          ["E", "Z"],
        );
        assert.equal(fields(answer.find(({ tag }) => tag === "E") as Message)["C"], "57014");
        assert.equal(await sleeping(), others.length);
        assert.deepEqual(rows(await ask(chosen.peer, "select 'still here'")), [["still here"]]);
        for (const { peer } of sessions) peer.reset();
      });
    }
  }

  test("reaches a session in whichever worker: each of many connections cancels its own", async () => {
    const sessions = await Promise.all(Array.from({ length: 8 }, () => world.session()));
    const workers = new Set(sessions.map(({ key }) => key.processId >>> 24));
    assert.ok(workers.size > 1, "the kernel gave all connections to one worker; the test says nothing");
    for (const { peer, key } of sessions) {
      await sleep({ peer, key, greeting: [] });
      await clear(cancel(key.processId, key.secret));
      const answer = await peer.upTo("Z");
      assert.equal(fields(answer.find(({ tag }) => tag === "E") as Message)["C"], "57014");
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
    for (const bytes of [
      cancel(processId, words(secret.readUInt32BE(0) ^ 1)),
      cancel(processId, Buffer.alloc(4)),
      cancel(processId, Buffer.concat([secret, Buffer.alloc(4)])),
      cancel(processId, secret.subarray(0, 4).fill(0xff, 3)),
      cancel(processId ^ 1, words(0)),
      cancel(pid, secret),
      cancel(0, words(0)),
      cancel(0xffffffff, words(0xffffffff)),
    ]) {
      await clear(bytes);
    }
    await pause(200);
    assert.equal(await sleeping(), 1);
    session.peer.reset();
  });

  test("a key dies with its session", async () => {
    const first = await world.session();
    const key = { ...first.key, secret: Buffer.from(first.key.secret) };
    await leave(first.peer);
    const second = await world.session();
    await sleep(second);
    await clear(cancel(key.processId, key.secret));
    await clear(cancel(second.key.processId, key.secret));
    await pause(200);
    assert.equal(await sleeping(), 1);
    second.peer.reset();
  });

  test("a cancel that comes when nothing runs cancels nothing that comes later", async () => {
    const { peer, key } = await world.session();
    await secure(cancel(key.processId, key.secret));
    await pause(300);
    assert.deepEqual(rows(await ask(peer, "select 1")), [["1"]]);
    await leave(peer);
  });
});

describe("a session leaves nothing to the next", () => {
  test("settings, prepared statements, cursors, temporary tables, locks, listens and open transactions end with it", async () => {
    const first = await world.session();
    for (const sql of [
      "set work_mem = '77kB'",
      "set application_name = 'left behind'",
      "prepare left_behind as select 1",
      "create temp table left_behind (a int)",
      "listen left_behind",
      "select pg_advisory_lock(4711)",
      "create table uncommitted (a int)",
      "drop table uncommitted",
    ]) {
      assert.equal(tags(await ask(first.peer, sql)).includes("E"), false, sql);
    }
    await ask(first.peer, "begin");
    await ask(first.peer, "create table uncommitted (a int)");
    await ask(first.peer, "declare left_cursor cursor with hold for select 1");
    first.peer.vanish();
    await world.settled();
    const second = await world.session();
    const one = async (sql: string) => rows(await ask(second.peer, sql))[0]?.[0];
    assert.equal(await one("show work_mem"), "4MB");
    assert.doesNotMatch((await one("show application_name")) ?? "", /left behind/);
    assert.equal(await one("select count(*) from pg_prepared_statements"), "0");
    assert.equal(await one("select count(*) from pg_cursors"), "0");
    assert.equal(await one("select to_regclass('left_behind') is null and to_regclass('uncommitted') is null"), "t");
    assert.equal(await one("select pg_try_advisory_lock(4711)"), "t");
    assert.equal(await one("select count(*) from pg_listening_channels()"), "0");
    await leave(second.peer);
  });
});

describe("a client that leaves", () => {
  test("with Terminate behind a statement gets its statement done", async () => {
    await world.sql("create table farewell (a int)");
    const { peer } = await world.session();
    peer.send(query("insert into farewell select 1 from pg_sleep(0.3)"), TERMINATE);
    await peer.closed();
    await world.settled();
    assert.deepEqual(await world.sql("select a from farewell"), [{ a: 1 }]);
  });

  for (const [how, go] of [
    ["by a reset", (peer: Peer) => peer.reset()],
    ["by closing, as a killed process does", (peer: Peer) => peer.vanish()],
  ] as const) {
    test(`without a word while a statement runs, ${how}, has it cancelled, and its transaction rolled back`, async () => {
      await world.sql("create table if not exists gone (a int)");
      const { peer } = await world.session();
      await ask(peer, "begin; insert into gone values (1)");
      peer.send(query("select pg_sleep(60)"));
      await pause(300);
      go(peer);
      await world.settled();
      assert.deepEqual(await world.sql("select a from gone"), []);
    });
  }

  test("that closes only its own side still gets the answers to what it asked for", async () => {
    const { peer } = await world.session();
    peer.send(query("select 'late' from pg_sleep(0.5)"));
    peer.raw.end();
    assert.deepEqual(rows(await peer.upTo("Z")), [["late"]]);
    await peer.closed();
  });

  test("in the middle of a message leaves nothing half done", async () => {
    await world.sql("create table half (a text)");
    const { peer } = await world.session();
    peer.send(query("copy half from stdin"));
    await peer.upTo("G");
    const row = message("d", Buffer.from(`${"z".repeat(100_000)}\n`));
    peer.send(row, row.subarray(0, row.length - 5));
    await pause(100);
    peer.vanish();
    await world.settled();
    assert.deepEqual(await world.sql("select a from half"), []);
  });
});
