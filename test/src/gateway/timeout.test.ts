/**
 * The longest time for one statement: kept by the target where nobody touches its setting, by the gateway's own clock where
 * somebody does; a lower one of anybody's holds, a higher one of the client's does not.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { ask, errorIn, leave, rows, tags } from "#test/src/gateway/talk.ts";
import { extended, message, type Peer, query, SYNC, text, words } from "#test/src/gateway/wire.ts";
import { openWorld, type World } from "#test/src/gateway/world.ts";
import { inTime } from "#test/support/waiting.ts";

const LIMIT_MS = 800;
/** The gateway's clock strikes this much later than the target's. */
const SLACK_MS = 1_000;
const SLOW = "select pg_sleep(100)";
/** A limit that no machine stands still for. */
const FAR_MS = 20_000;
const STEADY_MS = 4_000;

let world: World;
before(async () => {
  world = await openWorld({
    configure: (sections) => {
      const { orders } = Object(sections["targets"]);
      const limited = (ms: number) => ({ ...orders, limits: { statementTimeout: `${ms}ms` } });
      const targets = { orders: limited(LIMIT_MS), steady: limited(STEADY_MS), far: limited(FAR_MS), free: orders };
      const { rules } = sections["access"] as { readonly rules: readonly object[] };
      return { ...sections, targets, access: { rules: rules.map((rule) => ({ ...rule, targets: Object.keys(targets) })) } };
    },
  });
});
after(() => world?.stop());
afterEach((context) => world.settled(context));

/** Runs something slow. @returns its error, and after how many milliseconds it came */
async function overtime(peer: Peer, bytes = query(SLOW)) {
  const began = performance.now();
  peer.send(bytes);
  const answer = await peer.upTo("Z");
  const { C, D } = errorIn(answer);
  return { code: C, detail: D, ms: performance.now() - began, status: answer.at(-1)?.body.toString() };
}

/** Until it was ended by the target's own clock. The gateway's may strike first where the machine stood still in between. */
async function overtimeAtTarget(peer: Peer, bytes = query(SLOW)) {
  const told = await inTime(LIMIT_MS + SLACK_MS, async () => {
    const told = await overtime(peer, bytes);
    assert.equal(told.code, "57014");
    return [told.ms, told];
  });
  assertLasted(told.ms, LIMIT_MS, "the target");
  return told;
}

function assertLasted(ms: number, expected: number, what: string): void {
  assert.ok(ms > expected - 100, `${what}: ended after ${Math.round(ms)} ms, expected ${expected}`);
}

const BY_TARGET = { code: "57014", detail: undefined };
const BY_GATEWAY = { code: "57014", detail: "reason=statement-timeout" };

describe("limits.statementTimeout", () => {
  test("ends a statement by the target's own clock, and the session goes on", async () => {
    const { peer } = await world.session();
    for (const bytes of [query(SLOW), Buffer.concat([extended(SLOW), SYNC])]) {
      const { ms: _, status, ...told } = await overtimeAtTarget(peer, bytes);
      assert.deepEqual([told, status], [BY_TARGET, "I"]);
    }
    assert.deepEqual(rows(await ask(peer, "show statement_timeout")), [[`${LIMIT_MS}ms`]]);
    await leave(peer);
  });

  test("fails the transaction as any error does", async () => {
    const { peer } = await world.session();
    await ask(peer, "begin");
    assert.equal((await overtime(peer)).status, "E");
    await ask(peer, "rollback");
    await leave(peer);
  });

  const raised: readonly (readonly [string, readonly string[]])[] = [
    ["SET", ["set statement_timeout = 0"]],
    ["SET to more", ["set statement_timeout = '1h'"]],
    ["SET LOCAL", ["begin", "set local statement_timeout = '10min'"]],
    ["set_config", ["select set_config('statement_timeout', '0', false)"]],
    ["DO", ["do $$ begin perform set_config('statement_timeout', '0', false); end $$"]],
    ["RESET", ["reset statement_timeout"]],
    ["RESET ALL", ["reset all"]],
    ["DISCARD ALL", ["discard all"]],
  ];
  for (const [how, statements] of raised) {
    test(`is not raised by ${how}: the gateway's clock stands behind it`, async () => {
      const { peer } = await world.session();
      for (const sql of statements) assert.ok(!tags(await ask(peer, sql)).includes("E"), sql);
      const { ms, status, ...told } = await overtime(peer);
      assert.deepEqual([told, status], [BY_GATEWAY, how === "SET LOCAL" ? "E" : "I"]);
      assertLasted(ms, LIMIT_MS + SLACK_MS, how);
      await leave(peer);
    });
  }

  test("is not raised by what a client asks for at start", async () => {
    for (const parameters of [{ statement_timeout: "0" }, { options: "-c statement_timeout=1h" }, { options: "--statement-timeout=0" }]) {
      const { peer } = await world.session({ parameters });
      const { code, detail } = await overtimeAtTarget(peer);
      assert.deepEqual({ code, detail }, BY_TARGET, JSON.stringify(parameters));
      await leave(peer);
    }
  });

  test("may be lowered by the client, at start and later", async () => {
    for (const [parameters, statements] of [
      [{ statement_timeout: "200" }, []],
      [{ options: "-c statement_timeout=200ms" }, []],
      [{}, ["set statement_timeout = '200ms'"]],
      [{}, ["begin", "set local statement_timeout = 200"]],
    ] as const) {
      const { peer } = await world.session({ parameters: { ...parameters, database: "far" } });
      for (const sql of statements) await ask(peer, sql);
      const { ms, code } = await overtime(peer);
      assert.equal(code, "57014");
      assert.ok(ms < FAR_MS - 1_000, `${JSON.stringify([parameters, statements])}: ${Math.round(ms)} ms`);
      await leave(peer);
    }
  });

  test("leaves a lower one of the role or the database in force, and lowers a higher one", async () => {
    for (const [setting, database, expected, limit] of [
      ["250ms", "far", 250, FAR_MS],
      ["1h", "orders", LIMIT_MS, FAR_MS],
    ] as const) {
      await world.sql(`alter role postgres set statement_timeout = '${setting}'`);
      const { peer } = await world.session({ parameters: { database } });
      const { ms } = await overtime(peer);
      assert.ok(ms > expected - 100 && ms < limit - 1_000, `${setting}: ${Math.round(ms)} ms`);
      await leave(peer);
    }
    await world.sql("alter role postgres reset statement_timeout");
  });

  test("is counted for each statement of a pipeline: many short ones take as long as they like", async () => {
    const { peer } = await world.session({ parameters: { database: "steady" } });
    await ask(peer, "set statement_timeout = 0");
    const began = performance.now();
    peer.send(...Array.from({ length: 12 }, () => Buffer.concat([extended("select pg_sleep(0.5)"), SYNC])));
    for (let index = 0; index < 12; index += 1) assert.ok(!tags(await peer.upTo("Z")).includes("E"));
    assert.ok(performance.now() - began > STEADY_MS + SLACK_MS, "the test shows nothing");
    await leave(peer);
  });

  test("ends the session where a cancel request could hit what was sent behind the statement", async () => {
    const { peer } = await world.session();
    await ask(peer, "set statement_timeout = 0");
    peer.send(extended(SLOW), SYNC, extended("select 'behind it'"), SYNC);
    const { C, D } = await peer.lastWords();
    assert.deepEqual([C, D], ["08007", "reason=outcome-unknown"]);
    peer.vanish();
  });

  test("ends a COPY that a client does not go on with, which the target itself would wait for for ever", async () => {
    const { peer } = await world.session();
    await ask(peer, "create temp table t (a text)");
    peer.send(query("copy t from stdin"));
    await peer.upTo("G");
    const { S, C, D } = await peer.lastWords();
    assert.deepEqual([S, C, D], ["FATAL", "57014", "reason=statement-timeout"]);
    peer.vanish();
  });

  test("is nothing to a target without it, nor to a session that is idle in a transaction", async () => {
    const free = await world.session({ parameters: { database: "free" } });
    assert.deepEqual(rows(await ask(free.peer, "show statement_timeout")), [["0"]]);
    assert.deepEqual(rows(await ask(free.peer, `select 1 from pg_sleep(${(LIMIT_MS + SLACK_MS + 300) / 1000})`)), [["1"]]);
    const { peer } = await world.session();
    await ask(peer, "begin");
    const int16 = Buffer.alloc(2);
    peer.send(message("P", text(""), text("select generate_series(1, 10)"), int16), message("B", text("p"), text(""), int16, int16, int16));
    peer.send(message("E", text("p"), words(2)), message("H"));
    await peer.upTo("s");
    await new Promise((resolve) => setTimeout(resolve, LIMIT_MS + 300));
    await leave(free.peer);
    peer.vanish();
  });
});
