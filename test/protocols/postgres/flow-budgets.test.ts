/** Statements that take too long, and sessions that have used up what they have, message by message. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as c from "#test/protocols/postgres/client-bytes.ts";
import { Conversation, type ConversationOptions } from "#test/protocols/postgres/conversation.ts";
import * as s from "#test/protocols/postgres/server-bytes.ts";

const rows = (count: number): Buffer => Buffer.concat(Array.from({ length: count }, (_, index) => s.row(String(index))));
const CANCELLED = s.error("57014", "canceling statement due to user request");

function errorOf(session: Conversation) {
  const errors = session.of("error");
  assert.equal(errors.length, 1, JSON.stringify(errors));
  const { fields, from } = errors[0] ?? assert.fail();
  return { code: fields["C"], detail: fields["D"], from };
}

describe("a statement that takes too long", () => {
  test("is to be cancelled, and its error names the reason", () => {
    const session = new Conversation();
    session.client(c.query("select pg_sleep(100)"));
    session.state.stopOvertime();
    assert.equal(session.state.interrupts, true);
    session.server(CANCELLED, s.ready());
    session.assertIdle();
    assert.deepEqual(errorOf(session), { code: "57014", detail: "reason=statement-timeout", from: "gateway" });
  });

  test("and ends in time or otherwise is answered as it is", () => {
    const session = new Conversation();
    session.client(c.query("select 1"));
    session.state.stopOvertime();
    const answer = Buffer.concat([s.columns("n"), rows(2), s.complete("SELECT 2")]);
    assert.deepEqual(session.server(answer), answer);
    assert.equal(session.state.interrupts, false);
    session.server(s.ready());
    session.client(c.query("select 1/0"));
    session.state.stopOvertime();
    session.server(s.error("22012"), s.ready());
    session.assertIdle();
    assert.deepEqual(errorOf(session), { code: "22012", detail: undefined, from: "target" });
  });

  test("with others sent behind it ends the session: a cancel request could hit one of those", () => {
    const session = new Conversation();
    session.client(c.query("select pg_sleep(100)"), c.query("select 2"));
    assert.throws(() => session.state.stopOvertime(), { code: "outcome-unknown" });
  });

  test("is nothing where nothing is under way", () => {
    const session = new Conversation();
    session.state.stopOvertime();
    assert.equal(session.state.interrupts, false);
  });

  test("begins its time anew with each completed part of a text or pipeline, not with each row", () => {
    const session = new Conversation();
    session.client(c.query("select 1; select 2"));
    const seen = [session.state.progress];
    for (const bytes of [s.columns("n"), rows(3), s.complete("SELECT 3"), s.columns("n"), rows(1), s.complete("SELECT 1"), s.ready()]) {
      session.server(bytes);
      seen.push(session.state.progress);
    }
    assert.deepEqual(seen, [0, 0, 0, 1, 1, 1, 2, 3]);
  });
});

describe("what a session may use up", () => {
  const spent = (caps: ConversationOptions["caps"]) => new Conversation(caps === undefined ? {} : { caps });

  test("is rows: those within the budget pass, and the next ends the session", () => {
    const session = spent({ rowsPerSession: 3 });
    session.client(c.query("select n"));
    session.server(s.columns("n"), rows(2), s.complete("SELECT 2"), s.ready());
    session.client(c.query("select n"));
    assert.throws(() => session.server(s.columns("n"), rows(2)), { code: "session-budget" });
    assert.equal(session.state.counts.rows, 3);
    assert.equal(session.atBoundary, true);
  });

  test("is rows of COPY as well", () => {
    const session = spent({ rowsPerSession: 1 });
    session.client(c.query("copy big to stdout"));
    assert.throws(() => session.server(s.COPY_OUT, s.serverCopyData("1\n"), s.serverCopyData("2\n")), { code: "session-budget" });
  });

  test("is bytes of both directions, by whole messages", () => {
    const ask = c.query("select n");
    const answer = [s.columns("n"), rows(1), s.complete("SELECT 1"), s.ready()];
    const bytes = Buffer.concat([ask, ...answer]).length;
    const session = spent({ bytesPerSession: bytes });
    session.client(ask);
    session.server(...answer);
    assert.throws(() => session.client(c.query("select 2")), { code: "session-budget" });
    const short = spent({ bytesPerSession: bytes - 1 });
    short.client(ask);
    assert.throws(() => short.server(...answer), { code: "session-budget" });
    assert.deepEqual(short.toClient, Buffer.concat(answer.slice(0, 3)));
  });

  test("is statements: the next is neither recorded nor sent", () => {
    const session = spent({ statementsPerSession: 2 });
    session.client(c.query("select 1"));
    session.server(s.complete("SELECT 0"), s.ready());
    session.client(c.parse("p", "select 1"), c.bind("p"), c.execute(), c.SYNC);
    session.server(s.PARSE_COMPLETE, s.BIND_COMPLETE, s.complete("SELECT 0"), s.ready());
    const before = session.toUpstream.length;
    assert.throws(() => session.client(c.query("select 3")), { code: "session-budget" });
    assert.equal(session.toUpstream.length, before);
    assert.equal(session.of("statement").length, 2);
  });

  test("is nothing where no budget is set", () => {
    const session = spent({});
    session.client(c.query("select n"));
    session.server(s.columns("n"), rows(5000), s.complete("SELECT 5000"), s.ready());
    session.assertIdle();
    assert.equal(session.of("error").length, 0);
  });
});
