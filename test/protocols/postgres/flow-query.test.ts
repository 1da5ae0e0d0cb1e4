/** Sessions of simple and extended queries, allowed: everything passes unchanged, and the record follows. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as c from "#test/protocols/postgres/client-bytes.ts";
import { assertTranscript, Conversation } from "#test/protocols/postgres/conversation.ts";
import { allowed } from "#test/protocols/postgres/judgements.ts";
import * as s from "#test/protocols/postgres/server-bytes.ts";

describe("a simple query", () => {
  test("is recorded before it goes on, and its rows and result after it", (t) => {
    const session = new Conversation();
    session.client(c.query("select a, b from t"));
    session.nowMs += 12.3456;
    session.server(s.columns("a", "b"), s.row("1", null), s.row("", "ä"), s.complete("SELECT 2"), s.ready());
    session.assertIdle();
    assert.equal(session.of("result")[0]?.durationMs, 12.346);
    assertTranscript(t, session, "simple-query");
  });

  test("of several statements has a result for each, and one ReadyForQuery", (t) => {
    const session = new Conversation();
    session.client(c.query("select 1; insert into t values (1); ; select 2"));
    session.server(s.columns("x"), s.row("1"), s.complete("SELECT 1"), s.complete("INSERT 0 1"));
    session.server(s.columns("y"), s.row("2"), s.complete("SELECT 1"), s.ready());
    session.assertIdle();
    assertTranscript(t, session, "simple-query-several");
  });

  test("may be empty", () => {
    const session = new Conversation();
    session.client(c.query(""));
    session.server(s.EMPTY_QUERY, s.ready());
    session.assertIdle();
    assert.deepEqual(
      session.of("result").map(({ tag, rows }) => [tag, rows]),
      [["", 0]],
    );
  });

  test("that fails in the middle keeps the rows that came, and the session", (t) => {
    const session = new Conversation();
    session.client(c.query("select 1; select 1/0; select 3"));
    session.server(s.columns("x"), s.row("1"), s.complete("SELECT 1"), s.columns("x"), s.row("2"));
    session.server(s.error("22012", "division by zero"), s.ready());
    session.assertIdle();
    assertTranscript(t, session, "simple-query-fails");
  });

  test("leads the transaction's state, which is kept", () => {
    const session = new Conversation();
    for (const [status, quiet] of [
      ["T", false],
      ["E", false],
      ["I", true],
    ] as const) {
      session.client(c.query("x"));
      session.server(s.complete("X"), s.ready(status));
      assert.deepEqual([session.state.transaction, session.state.quiet], [status, quiet]);
    }
  });

  test("may be sent before the last one is answered", () => {
    const session = new Conversation();
    session.client(c.query("select 1"), c.query("bad"), c.query("select 3"));
    session.server(s.columns("a"), s.row("1"), s.complete("SELECT 1"), s.ready());
    session.server(s.error("42601"), s.ready(), s.columns("a"), s.row("3"), s.complete("SELECT 1"), s.ready());
    session.assertIdle();
    assert.deepEqual(
      session.of("error").map((event) => event.statement),
      [2],
    );
    assert.deepEqual(
      session.of("rows").map((event) => [event.statement, event.rows]),
      [
        [1, [["1"]]],
        [3, [["3"]]],
      ],
    );
  });

  test("that changes the catalogue says so when it has completed, not before and not when it fails", () => {
    const session = new Conversation({ judge: (sql) => allowed(sql, { changesCatalogue: true }) });
    session.client(c.query("create table t ()"), c.query("create table t ()"));
    assert.equal(session.state.catalogueChanged, false);
    session.server(s.complete("CREATE TABLE"), s.ready());
    assert.equal(session.state.catalogueChanged, true);
    session.state.catalogueChanged = false;
    session.server(s.error("42P07"), s.ready());
    assert.equal(session.state.catalogueChanged, false);
  });

  test("ends with the client's Terminate: nothing behind it is read", () => {
    const session = new Conversation();
    session.client(c.query("select 1"), c.TERMINATE, c.query("select 2"));
    assert.equal(session.ended, true);
    assert.deepEqual(session.toUpstream, Buffer.concat([c.query("select 1"), c.TERMINATE]));
    assert.equal(session.of("statement").length, 1);
  });
});

describe("an extended query", () => {
  test("records what is prepared and what is bound, with its values", (t) => {
    const session = new Conversation();
    session.client(c.parse("s1", "select * from t where a = $1 and b = $2"), c.describeStatement("s1"), c.SYNC);
    session.server(s.PARSE_COMPLETE, s.parameterTypes(23, 25), s.columns({ name: "a", typeOid: 23 }, "b"), s.ready());
    session.client(c.bind("s1", ["7", null]), c.execute(), c.SYNC);
    session.server(s.BIND_COMPLETE, s.row("7", "x"), s.complete("SELECT 1"), s.ready());
    session.client(c.bind("s1", ["8", "ä"]), c.describePortal(), c.execute(), c.SYNC);
    session.server(s.BIND_COMPLETE, s.columns({ name: "a", typeOid: 23 }, "b"), s.complete("SELECT 0"), s.ready());
    session.client(c.closeStatement("s1"), c.SYNC);
    session.server(s.CLOSE_COMPLETE, s.ready());
    session.assertIdle();
    assertTranscript(t, session, "extended-query");
  });

  test("shows binary values as text where their types are known", () => {
    const session = new Conversation();
    const int = Buffer.from([0, 0, 0, 42]);
    session.client(c.parse("s", "select $1"), c.describeStatement("s"), c.FLUSH);
    session.server(s.PARSE_COMPLETE, s.parameterTypes(23), s.columns({ name: "n", typeOid: 23 }));
    session.client(c.bind("s", [int, Buffer.from([1])], "", true), c.execute(), c.SYNC);
    session.server(s.BIND_COMPLETE, s.row(int), s.complete("SELECT 1"), s.ready());
    assert.deepEqual(session.of("statement")[0]?.parameters, ["42", { hex: "01" }]);
    assert.deepEqual(session.of("rows")[0]?.rows, [["42"]]);
  });

  test("fetches a portal in parts: one statement, a result for each part", (t) => {
    const session = new Conversation({ limits: { rowsPerStatement: 3, bytesPerStatement: 1000 } });
    session.client(c.query("begin"));
    session.server(s.complete("BEGIN"), s.ready("T"));
    session.client(c.parse("", "select n from t"), c.bind("", [], "p"), c.describePortal("p"), c.execute("p", 2), c.SYNC);
    session.server(s.PARSE_COMPLETE, s.BIND_COMPLETE, s.columns("n"), s.row("1"), s.row("2"), s.PORTAL_SUSPENDED, s.ready("T"));
    session.client(c.describePortal("p"), c.execute("p", 2), c.SYNC);
    session.server(s.columns("n"), s.row("3"), s.row("4"), s.PORTAL_SUSPENDED, s.ready("T"));
    session.client(c.execute("p", 2), c.SYNC);
    session.server(s.row("5"), s.complete("SELECT 1"), s.ready("T"));
    session.client(c.closePortal("p"), c.SYNC);
    session.server(s.CLOSE_COMPLETE, s.ready("T"));
    session.assertIdle();
    assert.deepEqual(
      session.of("result").map((event) => event.beyond?.rows ?? 0),
      [0, 0, 1, 1],
    );
    assertTranscript(t, session, "portal-in-parts");
  });

  test("may pipeline: an error skips to the next Sync, and the next part is its own", (t) => {
    const session = new Conversation();
    session.client(c.parse("", "select 1"), c.bind(), c.execute(), c.parse("", "select bad"), c.bind(), c.execute(), c.SYNC);
    session.client(c.parse("", "select 3"), c.bind(), c.execute(), c.SYNC);
    session.server(s.PARSE_COMPLETE, s.BIND_COMPLETE, s.row("1"), s.complete("SELECT 1"), s.error("42703"), s.ready());
    session.server(s.PARSE_COMPLETE, s.BIND_COMPLETE, s.row("3"), s.complete("SELECT 1"), s.ready());
    session.assertIdle();
    assertTranscript(t, session, "pipeline-with-error");
  });

  test("whose error comes before its Sync is sent: what the server will skip is neither judged, recorded nor sent", (t) => {
    const judged: string[] = [];
    const judge = (sql: string) => {
      judged.push(sql);
      return allowed(sql);
    };
    const session = new Conversation({ judge });
    session.client(c.parse("", "bad"), c.FLUSH);
    session.server(s.error("42601"));
    session.client(
      c.bind(),
      c.execute(),
      c.query("drop table t"),
      c.parse("x", "y"),
      c.closeStatement("x"),
      c.functionCall(),
      c.copyData("x"),
      c.FLUSH,
      c.SYNC,
    );
    session.server(s.ready());
    session.assertIdle();
    assert.deepEqual(judged, ["bad"]);
    assert.equal(session.state.names.statement("x"), undefined);
    assertTranscript(t, session, "skipped-to-sync");
  });

  test("that the server will skip is left out also when its header came before the error", () => {
    const session = new Conversation();
    const late = c.query("drop table t");
    session.client(c.parse("", "bad"), late.subarray(0, 9));
    session.server(s.error("42601"));
    session.client(late.subarray(9), c.SYNC);
    session.server(s.ready());
    session.assertIdle();
    assert.deepEqual(session.toUpstream, Buffer.concat([c.parse("", "bad"), c.SYNC]));
    assert.equal(session.of("statement").length, 0);
  });

  test("whose error comes at Sync, when the transaction commits", () => {
    const session = new Conversation();
    session.client(c.parse("", "insert"), c.bind(), c.execute(), c.SYNC, c.query("select 1"));
    session.server(s.PARSE_COMPLETE, s.BIND_COMPLETE, s.complete("INSERT 0 1"), s.error("23503"), s.ready());
    session.server(s.columns("a"), s.complete("SELECT 0"), s.ready());
    session.assertIdle();
  });

  test("skips a Query too, up to the Sync", () => {
    const session = new Conversation();
    session.client(c.parse("", "bad"), c.query("select 1"), c.SYNC, c.query("select 2"));
    session.server(s.error("42601"), s.ready(), s.columns("a"), s.row("2"), s.complete("SELECT 1"), s.ready());
    session.assertIdle();
    assert.deepEqual(
      session.of("result").map((event) => event.statement),
      [3],
    );
  });

  test("of a name that only the server knows is recorded as that", () => {
    const session = new Conversation();
    session.client(c.bind("made-in-sql"), c.execute(), c.execute("cursor"), c.SYNC);
    session.server(s.BIND_COMPLETE, s.complete("SELECT 0"), s.complete("FETCH 0"), s.ready());
    session.assertIdle();
    assert.deepEqual(
      session.of("statement").map((event) => event.sql),
      ['-- Bind of "made-in-sql"', '-- Execute of portal "cursor"'],
    );
  });
});

describe("what a server says on its own", () => {
  test("is recorded and passed on", (t) => {
    const session = new Conversation();
    session.server(s.notice("hello"), s.notification("jobs", "42"), s.setting("TimeZone", "UTC"));
    session.client(c.query("select 1"));
    session.server(s.notice("there", { D: "detail" }), s.columns("a"), s.setting("search_path", "x"), s.complete("SELECT 0"), s.ready());
    session.server(s.fatal("57P01"));
    assert.equal(session.state.fatal, true);
    assertTranscript(t, session, "server-speaks");
  });
});
