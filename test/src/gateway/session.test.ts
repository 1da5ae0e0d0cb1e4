/**
 * A session as bytes: odd segmentation in both directions and on both legs, messages that no session has, and nothing that
 * one session leaves to the next.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { isSuperuserSetting } from "#protocols/sql/postgres/superuser-settings.ts";
import { recordingOf } from "#test/src/gateway/archive.ts";
import { ask, leave, rows, tags } from "#test/src/gateway/talk.ts";
import { extended, fields, type Message, message, type Peer, query, SYNC, TERMINATE, text, words } from "#test/src/gateway/wire.ts";
import { login, openWorld, type World } from "#test/src/gateway/world.ts";
import { startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import { type Relay, startRelay } from "#test/support/relay.ts";
import { until } from "#test/support/waiting.ts";

let world: World;
let postgres: TestPostgres;
/** Between the gateway and the server. */
let upstream: Relay;
before(async () => {
  postgres = await startPostgres();
  upstream = await startRelay(postgres);
  world = await openWorld({ postgres, upstream });
  await world.sql("create table filled (a text)");
});
after(async () => {
  await world?.stop();
  await upstream?.stop();
  await postgres?.stop();
});
afterEach((context) => world.settled(context));

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
    query("copy (values (1), (2)) to stdout"),
    query("copy filled from stdin"),
    message("d", Buffer.from("first\nsec")),
    message("d", Buffer.from("ond\n")),
    message("c"),
  ]);
  const EXPECTED = "TDCTDCZ 12TDCZ EZ IZ TDCZ 1tT3Z HddcCZ GCZ";
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

  test("segments of 3 bytes on the upstream leg change nothing", async () => {
    upstream.set({ toServer: { slice: 3 }, toClient: { slice: 3 } });
    const { peer } = await world.session();
    peer.send(CONVERSATION);
    assert.equal(await answers(peer), EXPECTED);
    await leave(peer);
    upstream.set({ toServer: {}, toClient: {} });
  });

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

describe("a target behind a network that swallows everything", () => {
  test("holds up its own sessions only as long as they want to wait, and leaves nothing when it is back", async () => {
    const { peer } = await world.session();
    upstream.freeze();
    peer.send(query("select 1"));
    await pause(300);
    assert.equal(peer.received.length, 0);
    peer.reset();
    await pause(300);
    upstream.thaw();
  });
});

describe("a session on record", () => {
  test("shows the rows of a portal under what ran, whatever has taken the place of what was bound", async () => {
    const int16 = Buffer.alloc(2);
    const bound = (portal: string, statement: string) => message("B", text(portal), text(statement), int16, int16, int16);
    const execute = (portal: string) => message("E", text(portal), words(0));
    const long = "p".repeat(63);
    const { peer } = await world.session();
    await ask(peer, "begin");
    peer.send(message("P", text("one"), text("select 'bound'"), int16), message("P", text("two"), text("select 'other'"), int16));
    peer.send(
      bound("c", "one"),
      bound(`${long}x`, "one"),
      message("C", Buffer.from("P"), text(`${long}y`)),
      bound(`${long}y`, "two"),
      SYNC,
    );
    await peer.upTo("Z");
    await ask(peer, "close c; declare c cursor for select 'exchanged'");
    peer.send(execute("c"), execute(`${long}x`), SYNC);
    assert.deepEqual(rows(await peer.upTo("Z")), [["exchanged"], ["other"]]);
    await ask(peer, "commit");
    await leave(peer);
    const events = await recordingOf(world.gateway, "close c; declare c cursor for select 'exchanged'");
    const shown = events.flatMap((event) => {
      if (event.kind !== "rows") return [];
      const of = events.find((one) => one.seq === event.statement);
      return [[of?.kind === "statement" ? of.sql : null, event.rows]];
    });
    assert.deepEqual(shown, [
      ['-- Execute of portal "c"', [["exchanged"]]],
      ["select 'other'", [["other"]]],
    ]);
  });

  test("switches off nothing that the server keeps for superusers without admin: each of those settings is known", async () => {
    const kept = await world.sql("select name from pg_settings where context in ('superuser', 'superuser-backend', 'backend')");
    assert.ok(kept.length > 40);
    assert.deepEqual(
      kept.filter(({ name }) => !isSuperuserSetting(String(name))),
      [],
    );
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
      peer.send(query("select pg_sleep(300)"));
      const running = "select 1 from pg_stat_activity where wait_event = 'PgSleep'";
      await until(async () => (await world.sql(running)).length === 1, "the statement runs");
      go(peer);
      await world.settled();
      assert.deepEqual(await world.sql("select a from gone"), []);
    });
  }

  test("that closes only its own side still gets the answers to what it asked for", async () => {
    const { peer } = await login(await world.secure({ allowHalfOpen: true }), world.token);
    peer.send(query("select 'late' from pg_sleep(0.5)"));
    peer.socket.end();
    assert.deepEqual(rows(await peer.upTo("Z")), [["late"]]);
    await peer.closed();
    peer.vanish();
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
