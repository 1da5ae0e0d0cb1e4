/** A judge that promises its answer: nothing behind the statement is read until it comes, and nothing is lost. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Judgement } from "#protocols/wire/judgement.ts";
import * as c from "#test/protocols/postgres/client-bytes.ts";
import { assertTranscript, Conversation } from "#test/protocols/postgres/conversation.ts";
import { allowed, denied } from "#test/protocols/postgres/judgements.ts";
import * as s from "#test/protocols/postgres/server-bytes.ts";

/** Texts with `wait` are promised; what they are told is up to the test. */
const never: Promise<Judgement> = new Promise(() => undefined);
const judge = (sql: string) => (sql.includes("wait") ? never : allowed(sql));
const waiting = (underMask = false) => new Conversation({ judge, underMask });

describe("a statement that waits for its judgement", () => {
  test("holds back all that came behind it, and nothing that came before", (t) => {
    const session = waiting();
    session.client(c.query("select 1"), c.query("select wait"), c.query("select 3"));
    assert.deepEqual(session.toUpstream, c.query("select 1"));
    assert.equal(session.of("statement").length, 1);
    assert.throws(() => session.client(c.query("more")), /broken invariant/);
    session.answer(allowed("select wait"));
    assert.equal(session.asked, undefined);
    assert.deepEqual(session.toUpstream, Buffer.concat([c.query("select 1"), c.query("select wait"), c.query("select 3")]));
    session.server(s.complete("1"), s.ready(), s.complete("2"), s.ready(), s.complete("3"), s.ready());
    session.assertIdle();
    assertTranscript(t, session, "waits-for-judgement");
  });

  test("may wait more than once in one chunk", () => {
    const session = waiting();
    session.client(c.query("wait 1"), c.query("wait 2"), c.query("select 3"));
    session.answer(denied("wait 1"));
    assert.notEqual(session.asked, undefined);
    session.answer(allowed("wait 2", { upstreamSql: "select 2" }));
    assert.equal(session.asked, undefined);
    assert.match(session.toUpstream.toString("latin1"), /refused this statement.*select 2.*select 3/s);
  });

  test("may be a Parse, with the rest of its pipeline behind it", () => {
    const session = waiting();
    session.client(c.parse("s", "select wait", [23]), c.bind("s"), c.execute(), c.SYNC);
    session.answer(allowed("select wait", { upstreamSql: "select 1" }));
    assert.deepEqual(session.toUpstream, Buffer.concat([c.parse("s", "select 1", [23]), c.bind("s"), c.execute(), c.SYNC]));
    session.server(s.PARSE_COMPLETE, s.BIND_COMPLETE, s.complete("SELECT 0"), s.ready());
    session.assertIdle();
  });

  test("may be refused, and takes its pipeline with it", () => {
    const session = waiting();
    session.client(c.parse("s", "drop wait"), c.bind("s"), c.execute(), c.SYNC, c.query("select 1"));
    session.answer(denied("drop wait"));
    session.server(s.error("42601"), s.ready(), s.complete("SELECT 0"), s.ready());
    session.assertIdle();
    assert.deepEqual(
      session.of("statement").map((event) => event.sql),
      ["select 1"],
    );
  });

  test("is left out when an error has come meanwhile that the server skips it for", () => {
    const session = waiting();
    session.client(c.parse("", "bad"), c.parse("", "select wait"), c.bind(), c.SYNC);
    session.server(s.error("42601"));
    session.answer(allowed("select wait"));
    session.server(s.ready());
    session.assertIdle();
    assert.deepEqual(
      session.of("prepare").map((event) => event.sql),
      ["bad"],
    );
    assert.deepEqual(session.toUpstream, Buffer.concat([c.parse("", "bad"), c.SYNC]));
  });

  test("is the same when it comes byte by byte", () => {
    const bytes = Buffer.concat([c.query("select 1"), c.query("select wait"), c.parse("", "wait too"), c.SYNC, c.query("select 3")]);
    const whole = waiting();
    whole.client(bytes);
    whole.answer(allowed("select wait"));
    whole.answer(denied("wait too"));
    const slow = waiting();
    for (const byte of bytes) {
      slow.client(Buffer.from([byte]));
      if (slow.asked !== undefined) slow.answer(slow.of("statement").length === 1 ? allowed("select wait") : denied("wait too"));
    }
    assert.deepEqual(slow.toUpstream, whole.toUpstream);
    assert.deepEqual(slow.events, whole.events);
  });

  test("under a mask is described for us when it may pass", () => {
    const session = waiting(true);
    session.client(c.parse("", "select wait"), c.SYNC);
    session.answer(allowed("select wait"));
    assert.deepEqual(session.toUpstream, Buffer.concat([c.parse("", "select wait"), c.describeStatement(), c.SYNC]));
  });
});
