/**
 * Refused statements in every place: the client sees the refusal where the server's error would stand, and everything
 * after it is as the server makes it. The server's side is scripted as a real one answers a text that has a syntax error.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import type { Judgement } from "#protocols/wire/judgement.ts";
import { frame } from "#test/protocols/postgres/bytes.ts";
import * as c from "#test/protocols/postgres/client-bytes.ts";
import { assertTranscript, Conversation } from "#test/protocols/postgres/conversation.ts";
import { allowed, denied } from "#test/protocols/postgres/judgements.ts";
import * as s from "#test/protocols/postgres/server-bytes.ts";

const judge = (sql: string): Judgement => (sql.startsWith("drop") ? denied(sql, { rule: "no-drop", position: 1 }) : allowed(sql));
const SYNTAX = s.error("42601", 'syntax error at or near "sallyport"', { P: "1" });
const refusing = () => new Conversation({ judge });

describe("a refused query", () => {
  test("is answered with the refusal, and the session goes on", (t) => {
    const session = refusing();
    session.client(c.query("drop table t"), c.query("select 1"));
    session.server(SYNTAX, s.ready(), s.columns("a"), s.row("1"), s.complete("SELECT 1"), s.ready());
    session.assertIdle();
    assert.equal(session.state.counts.denied, 1);
    assert.doesNotMatch(session.toUpstream.toString("latin1"), /drop/);
    assert.doesNotMatch(session.toClient.toString("latin1"), /syntax error/);
    assertTranscript(t, session, "refused-query");
  });

  test("inside a transaction leaves it failed, as the server's own error does", () => {
    const session = refusing();
    session.client(c.query("begin"), c.query("drop table t"), c.query("select 1"), c.query("rollback"));
    session.server(
      s.complete("BEGIN"),
      s.ready("T"),
      SYNTAX,
      s.ready("E"),
      s.error("25P02"),
      s.ready("E"),
      s.complete("ROLLBACK"),
      s.ready(),
    );
    session.assertIdle();
    assert.equal(session.state.transaction, "I");
    assert.deepEqual(
      session.of("error").map((event) => [event.fields["C"], event.from]),
      [
        ["42501", "gateway"],
        ["25P02", "target"],
      ],
    );
  });

  test("that the server was killed over shows the server's last words, not the refusal", () => {
    const session = refusing();
    session.client(c.query("drop table t"));
    const shown = session.server(s.fatal("57P01", "terminating connection"));
    assert.match(shown.toString("latin1"), /terminating connection/);
    assert.equal(session.state.fatal, true);
    assert.equal(session.of("error")[0]?.from, "target");
  });

  test("that the server claims to have run is out of turn", () => {
    for (const answer of [s.complete("DROP TABLE"), s.columns("a"), s.row("1"), s.COPY_IN, s.COPY_OUT, s.EMPTY_QUERY, s.ready()]) {
      const session = refusing();
      session.client(c.query("drop table t"));
      assert.throws(() => session.server(answer), { code: "upstream-out-of-step" });
    }
  });
});

describe("a refused Parse", () => {
  for (const [name, cuts] of [
    ["in one chunk", 0],
    ["message by message", 1],
  ] as const) {
    test(`takes all up to the next Sync with it, ${name}`, (t) => {
      const session = refusing();
      const messages = [
        c.parse("", "drop table t"),
        c.bind(),
        c.describePortal(),
        c.execute(),
        c.SYNC,
        c.parse("", "select 1"),
        c.bind(),
        c.execute(),
        c.SYNC,
      ];
      if (cuts === 0) session.client(...messages);
      else for (const message of messages) session.client(message);
      session.server(SYNTAX, s.ready());
      session.server(s.PARSE_COMPLETE, s.BIND_COMPLETE, s.row("1"), s.complete("SELECT 1"), s.ready());
      session.assertIdle();
      assert.deepEqual(
        session.of("statement").map((event) => event.sql),
        ["select 1"],
      );
      if (cuts === 0) assertTranscript(t, session, "refused-parse");
    });
  }

  test("leaves a named statement as it was, and the unnamed one is gone, as in the server", () => {
    const session = refusing();
    session.client(c.parse("s", "select 1"), c.SYNC, c.parse("s", "drop table t"), c.SYNC);
    assert.match(session.toUpstream.toString("latin1"), /sallyport_refused\0sallyport refused/);
    session.server(s.PARSE_COMPLETE, s.ready(), SYNTAX, s.ready());
    session.client(c.bind("s"), c.execute(), c.SYNC);
    session.server(s.BIND_COMPLETE, s.complete("SELECT 0"), s.ready());
    assert.deepEqual(
      session.of("statement").map((event) => event.sql),
      ["select 1"],
    );
    session.client(c.parse("", "drop table t"), c.SYNC);
    assert.match(session.toUpstream.toString("latin1"), /P....\0sallyport refused/s);
  });

  test("behind an earlier error is skipped by the server: no refusal is shown, and none is due", () => {
    const session = refusing();
    session.client(c.parse("", "bad"), c.parse("", "drop table t"), c.SYNC);
    session.server(s.error("42601"), s.ready());
    session.assertIdle();
    session.client(c.query("select 1"));
    session.server(s.complete("SELECT 0"), s.ready());
    session.assertIdle();
  });

  test("between good ones in a pipeline", () => {
    const session = refusing();
    session.client(
      c.parse("", "select 1"),
      c.bind(),
      c.execute(),
      c.parse("", "drop"),
      c.bind(),
      c.execute(),
      c.parse("", "select 3"),
      c.bind(),
      c.execute(),
      c.SYNC,
    );
    session.client(c.query("select 4"));
    session.server(s.PARSE_COMPLETE, s.BIND_COMPLETE, s.row("1"), s.complete("SELECT 1"), SYNTAX, s.ready());
    session.server(s.columns("a"), s.row("4"), s.complete("SELECT 1"), s.ready());
    session.assertIdle();
    assert.deepEqual(
      session.of("statement").map((event) => event.sql),
      ["select 1", "select 4"],
    );
  });

  test("may be followed by Terminate", () => {
    const session = refusing();
    session.client(c.parse("", "drop"), c.bind(), c.TERMINATE, c.query("select 1"));
    assert.equal(session.ended, true);
  });

  test("that the server claims to have parsed is out of turn", () => {
    const session = refusing();
    session.client(c.parse("", "drop table t"));
    assert.throws(() => session.server(s.PARSE_COMPLETE), { code: "upstream-out-of-step" });
  });
});

describe("a function call", () => {
  test("is refused for everyone, as a query would be", (t) => {
    const session = new Conversation();
    session.client(c.functionCall(), c.query("select 1"));
    session.server(SYNTAX, s.ready(), s.complete("SELECT 0"), s.ready());
    session.assertIdle();
    assertTranscript(t, session, "function-call");
  });

  test("is refused at its header, whatever its length", () => {
    const session = new Conversation();
    const out = session.client(frame("F", "", 900_000_000));
    assert.match(out.toString("latin1"), /^Q....sallyport refused/s);
    assert.equal(session.client(Buffer.alloc(100_000)).length, 0);
  });
});

describe("a text that is larger than what can be judged", () => {
  const huge = "select 1 -- ".padEnd(4 * 1024 * 1024, "x");

  test("is refused from its header on, as a query", (t) => {
    const session = new Conversation();
    session.client(c.query(huge), c.query("select 1"));
    session.server(SYNTAX, s.ready(), s.complete("SELECT 0"), s.ready());
    session.assertIdle();
    assertTranscript(t, session, "too-large-query");
  });

  test("is refused from its header on, as a Parse, with all up to the next Sync", (t) => {
    const session = new Conversation();
    session.client(c.parse("s", huge), c.bind("s"), c.execute(), c.SYNC);
    session.server(SYNTAX, s.ready());
    session.assertIdle();
    assert.equal(session.state.names.statement("s"), undefined);
    assertTranscript(t, session, "too-large-parse");
  });

  test("passes unread for a principal who may do everything, its digest on record before its last byte goes on", () => {
    for (const message of [c.query(huge), c.parse("s", huge)]) {
      const session = new Conversation({ mayPassUnparsed: true });
      let forwarded = Buffer.alloc(0);
      for (let at = 0; at < message.length; at += 100_000) {
        const whole = at + 100_000 >= message.length;
        assert.equal(session.of("body").length, 0);
        forwarded = Buffer.concat([forwarded, session.client(message.subarray(at, at + 100_000))]);
        assert.equal(session.of("body").length, whole ? 1 : 0);
      }
      assert.ok(forwarded.equals(message));
      const [body] = session.of("body");
      assert.deepEqual([body?.statement, body?.bytes], [1, message.length - 5]);
      assert.equal(body?.sha256, sha256(message.subarray(5)));
      const recorded = session.events[0];
      assert.ok(recorded?.kind === "statement" || recorded?.kind === "prepare");
      assert.equal(recorded.reason, "unparsed");
      assert.deepEqual(recorded.sql, {
        head: huge.slice(0, 1024),
        bytes: message.length - (recorded.kind === "prepare" ? 7 : 5),
        sha256: null,
      });
    }
  });

  test("is as large as 4 MiB less its header when it is still judged", () => {
    const session = refusing();
    session.client(c.query(huge.slice(0, 4 * 1024 * 1024 - 5)));
    assert.equal(session.of("statement").length, 1);
    session.client(c.query(huge.slice(0, 4 * 1024 * 1024 - 4)));
    assert.equal(session.of("statement").length, 1);
    assert.equal(session.of("denied")[0]?.reason, "statement-too-large");
  });

  test("may have no name that goes on for ever", () => {
    const session = new Conversation({ mayPassUnparsed: true });
    assert.throws(() => session.client(frame("P", "n".repeat(4 * 1024 * 1024 + 10))), { code: "malformed-message" });
  });
});

describe("a Bind that is larger than what is collected", () => {
  const prepared = (session: Conversation) => {
    session.client(c.parse("s", "insert into t values ($1, $2)"), c.SYNC);
    session.server(s.PARSE_COMPLETE, s.ready());
  };

  test("streams by: the values that fit are on record, and the digest of the whole", () => {
    const session = new Conversation();
    prepared(session);
    const message = c.bind("s", ["small", "x".repeat(3_000_000)]);
    const forwarded = Buffer.concat([
      session.client(message.subarray(0, 2_000_000)),
      session.client(message.subarray(2_000_000), c.execute(), c.SYNC),
    ]);
    assert.ok(forwarded.equals(Buffer.concat([message, c.execute(), c.SYNC])));
    assert.deepEqual(session.of("statement")[0]?.parameters, ["small"]);
    assert.deepEqual(session.of("body"), [{ kind: "body", statement: 2, bytes: message.length - 5, sha256: sha256(message.subarray(5)) }]);
    session.server(s.BIND_COMPLETE, s.complete("INSERT 0 1"), s.ready());
    session.assertIdle();
  });

  test("is collected up to its limit to the byte, and has a digest from there on", () => {
    const int = Buffer.from([0, 0, 0, 7]);
    for (const [size, streamed] of [
      [0, false],
      [1, true],
    ] as const) {
      const session = new Conversation();
      prepared(session);
      const fixed = c.bind("s", [""], "", true).length - 5;
      const message = c.bind("s", ["x".repeat(1024 * 1024 - fixed + size)], "", true);
      assert.ok(session.client(message).equals(message));
      assert.equal(session.of("body").length, streamed ? 1 : 0, String(size));
      session.client(c.describePortal(), c.execute(), c.SYNC);
      session.server(s.BIND_COMPLETE, s.columns({ name: "n", typeOid: 23 }), s.row(int), s.complete("SELECT 1"), s.ready());
      // The formats of results stand at the end of the message, which a streamed one is not read to.
      assert.deepEqual(session.of("rows")[0]?.rows, [[streamed ? "\0\0\0\x07" : "7"]]);
    }
  });
});

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
