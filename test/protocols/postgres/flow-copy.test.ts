/** COPY in both directions, simple and extended: data on record with the statement they belong to, failures in every place. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import * as c from "#test/protocols/postgres/client-bytes.ts";
import { assertTranscript, Conversation } from "#test/protocols/postgres/conversation.ts";
import { allowed } from "#test/protocols/postgres/judgements.ts";
import * as s from "#test/protocols/postgres/server-bytes.ts";

const copies = (session: Conversation) =>
  session.of("copy").map(({ statement, direction, data, bytes, outcome }) => [statement, direction, data, bytes, outcome]);

/** Parse, Bind and Execute of a COPY FROM STDIN, and the Sync that libpq sends behind them, which the server ignores. */
const EXTENDED_COPY = [c.parse("", "copy t from stdin"), c.bind(), c.execute(), c.SYNC];

describe("COPY FROM STDIN", () => {
  test("in a simple query", (t) => {
    const session = new Conversation();
    session.client(c.query("copy t from stdin"));
    session.server(s.COPY_IN);
    session.client(c.copyData("1\tone\n"), c.copyData("2\ttwo\n"));
    session.client(c.copyData("3\tthree\n"), c.COPY_DONE);
    session.server(s.complete("COPY 3"), s.ready());
    session.assertIdle();
    assertTranscript(t, session, "copy-in-simple");
  });

  test("in an extended query, as libpq sends it: the first Sync has no answer", (t) => {
    const session = new Conversation();
    session.client(...EXTENDED_COPY);
    session.server(s.PARSE_COMPLETE, s.BIND_COMPLETE, s.COPY_IN);
    session.client(c.copyData("1\n"), c.COPY_DONE, c.SYNC);
    session.server(s.complete("COPY 1"), s.ready());
    session.assertIdle();
    assertTranscript(t, session, "copy-in-extended");
  });

  test("whose Sync comes only after the server asked for data", () => {
    const session = new Conversation();
    session.client(...EXTENDED_COPY.slice(0, 3));
    session.server(s.PARSE_COMPLETE, s.BIND_COMPLETE, s.COPY_IN);
    session.client(c.SYNC, c.copyData("1\n"), c.FLUSH, c.COPY_DONE, c.SYNC, c.query("select 1"));
    session.server(s.complete("COPY 1"), s.ready(), s.complete("SELECT 0"), s.ready());
    session.assertIdle();
  });

  test("with its data ahead of the server's answer", () => {
    const session = new Conversation();
    session.client(c.query("copy t from stdin"), c.copyData("1\n"), c.COPY_DONE, c.query("select 1"));
    session.server(s.COPY_IN, s.complete("COPY 1"), s.ready(), s.complete("SELECT 0"), s.ready());
    session.assertIdle();
    assert.deepEqual(copies(session), [[1, "in", "1\n", 2, "done"]]);
  });

  test("twice in one pipeline: the data of each with its own statement", () => {
    for (const both of [false, true]) {
      const session = new Conversation();
      const first = [c.query("copy a from stdin"), c.copyData("a\n"), c.COPY_DONE];
      const second = [c.query("copy b from stdin"), c.copyData("b\n"), c.COPY_DONE];
      if (both) session.client(c.query("copy a from stdin; copy b from stdin"), ...first.slice(1), ...second.slice(1));
      else session.client(...first, ...second);
      session.server(s.COPY_IN, s.complete("COPY 1"), ...(both ? [] : [s.ready()]), s.COPY_IN, s.complete("COPY 1"), s.ready());
      session.assertIdle();
      assert.deepEqual(copies(session), [
        [1, "in", "a\n", 2, "done"],
        [both ? 1 : 2, "in", "b\n", 2, "done"],
      ]);
    }
  });

  test("that fails before it reads any data leaves the data of the next to the next", () => {
    const session = new Conversation();
    session.client(c.query("copy a from stdin"), c.query("copy b from stdin"), c.copyData("b\n"));
    session.server(s.COPY_IN, s.error("P0001"), s.ready(), s.COPY_IN);
    session.client(c.COPY_DONE);
    session.server(s.complete("COPY 1"), s.ready());
    session.assertIdle();
    assert.deepEqual(copies(session), [
      [1, "in", "", 0, "failed"],
      [2, "in", "b\n", 2, "done"],
    ]);
  });

  test("that the client breaks off with another message keeps what was sent for it", () => {
    const session = new Conversation();
    session.client(c.query("copy a from stdin"), c.copyData("a\n"), c.query("select 1"), c.copyData("stray\n"));
    session.server(s.COPY_IN, s.error("08P01"), s.fatal("08P01"));
    assert.deepEqual(copies(session), [[1, "in", "a\n", 2, "failed"]]);
  });

  test("without any data", () => {
    const session = new Conversation();
    session.client(c.query("copy t from stdin"), c.COPY_DONE);
    session.server(s.COPY_IN, s.complete("COPY 0"), s.ready());
    assert.deepEqual(copies(session), [[1, "in", "", 0, "done"]]);
  });

  test("of values for masked columns is on record as one digest, however it is cut into messages and however long", () => {
    const judge = (sql: string) => allowed(sql, { sensitiveCopy: sql.includes(" masked ") });
    const limits = { rowsPerStatement: 10, bytesPerStatement: 4 };
    const extended = [c.parse("", "copy masked from stdin"), c.bind(), c.execute(), c.SYNC];
    for (const begin of [[c.query("copy masked from stdin")], extended]) {
      const session = new Conversation({ judge, limits, underMask: true });
      session.client(...begin);
      if (begin.length > 1) session.server(s.PARSE_COMPLETE, s.parameterTypes(), s.NO_DATA, s.BIND_COMPLETE);
      session.server(s.COPY_IN);
      session.client(
        c.copyData("917-44-2051\n"),
        c.copyData("8"),
        c.copyData("36-52-7719\n"),
        c.COPY_DONE,
        ...(begin.length > 1 ? [c.SYNC] : []),
      );
      session.server(s.complete("COPY 2"), s.ready());
      session.assertIdle();
      assert.deepEqual(
        copies(session).map(([, ...rest]) => rest),
        [["in", "digest(32)", 24, "done"]],
      );
      assert.ok(!JSON.stringify(session.events).includes("917"));
      assert.deepEqual(session.of("copy")[0]?.beyond, null);
    }
  });

  test("of other columns is on record under a mask, too, and without data there is nothing to digest", () => {
    const judge = (sql: string) => allowed(sql, { sensitiveCopy: sql.includes(" masked ") });
    const session = new Conversation({ judge, underMask: true });
    session.client(c.query("copy plain from stdin"), c.copyData("a\n"), c.COPY_DONE, c.query("copy masked from stdin"), c.COPY_DONE);
    session.server(s.COPY_IN, s.complete("COPY 1"), s.ready(), s.COPY_IN, s.complete("COPY 0"), s.ready());
    assert.deepEqual(copies(session), [
      [1, "in", "a\n", 2, "done"],
      [2, "in", "", 0, "done"],
    ]);
  });

  test("that the client ends with CopyFail", (t) => {
    const session = new Conversation();
    session.client(...EXTENDED_COPY);
    session.server(s.PARSE_COMPLETE, s.BIND_COMPLETE, s.COPY_IN);
    session.client(c.copyData("1\n"), c.copyFail("no more"), c.SYNC);
    session.server(s.error("57014", "COPY from stdin failed: no more"), s.ready());
    session.assertIdle();
    assertTranscript(t, session, "copy-in-client-fails");
  });

  test("that fails in the middle of a simple query: what the client sends on is ignored and on no record", () => {
    for (const transaction of ["I", "T"] as const) {
      const session = new Conversation();
      if (transaction === "T") {
        session.client(c.query("begin"));
        session.server(s.complete("BEGIN"), s.ready("T"));
      }
      session.client(c.query("copy t from stdin"));
      session.server(s.COPY_IN);
      session.client(c.copyData("bad\n"), c.copyData("2\n"));
      session.server(s.error("22P04"), s.ready(transaction === "T" ? "E" : "I"));
      session.client(c.copyData("3\n"), c.COPY_DONE);
      session.assertIdle();
      session.client(c.query("rollback"), c.query("copy t to stdout"));
      session.server(
        s.complete("ROLLBACK"),
        s.ready(),
        s.COPY_OUT,
        s.serverCopyData("x\n"),
        s.SERVER_COPY_DONE,
        s.complete("COPY 1"),
        s.ready(),
      );
      session.assertIdle();
      const recorded = copies(session);
      assert.deepEqual(
        recorded.map(([, ...rest]) => rest),
        [
          ["in", "bad\n2\n", 6, "failed"],
          ["out", "x\n", 2, "done"],
        ],
      );
    }
  });

  test("that fails in the middle of an extended query is skipped to the client's Sync", (t) => {
    const session = new Conversation();
    session.client(...EXTENDED_COPY);
    session.server(s.PARSE_COMPLETE, s.BIND_COMPLETE, s.COPY_IN);
    session.client(c.copyData("bad\n"));
    session.server(s.error("22P04"));
    session.client(c.copyData("2\n"), c.COPY_DONE, c.SYNC);
    session.server(s.ready());
    session.assertIdle();
    session.client(c.query("select 1"));
    session.server(s.complete("SELECT 0"), s.ready());
    session.assertIdle();
    assertTranscript(t, session, "copy-in-extended-fails");
  });

  test("that fails before the server has read a Sync: that Sync is answered after all", () => {
    // A BEFORE STATEMENT trigger fails when the server has asked for data and read none of what follows.
    const session = new Conversation();
    session.client(...EXTENDED_COPY);
    session.server(s.PARSE_COMPLETE, s.BIND_COMPLETE, s.COPY_IN, s.error("P0001"), s.ready());
    session.assertIdle();
    session.client(c.parse("", "select 1"), c.bind(), c.execute(), c.SYNC);
    session.server(s.PARSE_COMPLETE, s.BIND_COMPLETE, s.complete("SELECT 0"), s.ready());
    session.assertIdle();
  });

  test("that fails with two Syncs behind it: whichever is answered, nothing is taken for another's answer", () => {
    for (const answered of [1, 2]) {
      const session = new Conversation();
      session.client(...EXTENDED_COPY);
      session.server(s.PARSE_COMPLETE, s.BIND_COMPLETE, s.COPY_IN);
      session.client(c.copyData("bad\n"), c.COPY_DONE, c.SYNC, c.query("select 1"), c.query("select 2"));
      session.server(s.error("22P04"), ...Array.from({ length: answered }, () => s.ready()));
      session.server(s.columns("a"), s.row("1"), s.complete("SELECT 1"), s.ready());
      session.server(s.columns("a"), s.row("2"), s.complete("SELECT 1"), s.ready());
      session.assertIdle();
      assert.deepEqual(
        session.of("rows").map((event) => [event.statement, event.rows]),
        [
          [3, [["1"]]],
          [4, [["2"]]],
        ],
      );
    }
  });

  test("that failed leaves no ReadyForQuery on credit behind the next answer", () => {
    const session = new Conversation();
    session.client(...EXTENDED_COPY);
    session.server(s.PARSE_COMPLETE, s.BIND_COMPLETE, s.COPY_IN);
    session.client(c.copyData("bad\n"), c.COPY_DONE, c.SYNC, c.query("select 1"));
    session.server(s.error("22P04"), s.ready(), s.columns("a"), s.complete("SELECT 0"), s.ready());
    session.assertIdle();
    assert.throws(() => session.server(s.ready()), { code: "upstream-out-of-step" });
  });

  test("never takes an early ReadyForQuery for the answer to a query", () => {
    const session = new Conversation();
    session.client(c.query("select 1"));
    assert.throws(() => session.server(s.ready()), { code: "upstream-out-of-step" });
  });
});

describe("COPY TO STDOUT", () => {
  test("in a simple query, and several in one", (t) => {
    const session = new Conversation();
    session.client(c.query("copy a to stdout; copy b to stdout"));
    session.server(s.COPY_OUT, s.serverCopyData("1\n"), s.serverCopyData("2\n"), s.SERVER_COPY_DONE, s.complete("COPY 2"));
    session.server(s.COPY_OUT, s.SERVER_COPY_DONE, s.complete("COPY 0"), s.ready());
    session.assertIdle();
    assertTranscript(t, session, "copy-out");
  });

  test("that fails in the middle", () => {
    const session = new Conversation();
    session.client(c.parse("", "copy t to stdout"), c.bind(), c.execute(), c.SYNC);
    session.server(s.PARSE_COMPLETE, s.BIND_COMPLETE, s.COPY_OUT, s.serverCopyData("1\n"), s.error("22012"), s.ready());
    session.assertIdle();
    assert.deepEqual(copies(session), [[2, "out", "1\n", 2, "failed"]]);
  });

  test("that is cut off with its connection", () => {
    const session = new Conversation();
    session.client(c.query("copy t to stdout"));
    session.server(s.COPY_OUT, s.serverCopyData("1\n"));
    session.cut();
    assert.deepEqual(copies(session), [[1, "out", "1\n", 2, "cut"]]);
  });

  test("while the client has sent the data of its next COPY already", () => {
    const session = new Conversation();
    session.client(c.query("copy a to stdout"), c.query("copy b from stdin"), c.copyData("in\n"), c.COPY_DONE);
    session.server(s.COPY_OUT, s.serverCopyData("out\n"), s.SERVER_COPY_DONE, s.complete("COPY 1"), s.ready());
    session.server(s.COPY_IN, s.complete("COPY 1"), s.ready());
    session.assertIdle();
    assert.deepEqual(copies(session), [
      [1, "out", "out\n", 4, "done"],
      [2, "in", "in\n", 3, "done"],
    ]);
  });

  test("shows bytes that are no text as hex", () => {
    const session = new Conversation();
    session.client(c.query("copy t to stdout (format binary)"));
    session.server(
      s.COPY_OUT,
      s.serverCopyData(Buffer.from("PGCOPY\n\xff\r\n\0", "latin1")),
      s.SERVER_COPY_DONE,
      s.complete("COPY 0"),
      s.ready(),
    );
    assert.deepEqual(session.of("copy")[0]?.data, { hex: "5047434f50590aff0d0a00" });
  });
});

describe("data past the limit", () => {
  const limits = { rowsPerStatement: 10, bytesPerStatement: 10 };
  const pieces = ["12345\n", "6789\n", "x\n", "y\n"];
  const past = (frames: readonly Buffer[]) =>
    createHash("sha256")
      .update(Buffer.concat(frames.slice(1)))
      .digest("hex");

  test("are counted and digested, from the first that does not fit, however they are cut", () => {
    for (const size of [1, 2, 3, 5, 7, 100]) {
      const session = new Conversation({ limits });
      const frames = pieces.map((piece) => c.copyData(piece));
      session.client(c.query("copy t from stdin"));
      session.server(s.COPY_IN);
      feed(Buffer.concat([...frames, c.COPY_DONE]), size, (part) => session.client(part));
      session.server(s.complete("COPY 4"), s.ready());
      const [event] = session.of("copy");
      assert.deepEqual([event?.data, event?.bytes], ["12345\n", 15], String(size));
      assert.deepEqual(event?.beyond, { rows: 3, bytes: 9 + 15, sha256: past(frames) }, String(size));
    }
  });

  test("towards the client too", () => {
    for (const size of [1, 2, 3, 5, 7, 100]) {
      const session = new Conversation({ limits });
      const frames = pieces.map((piece) => s.serverCopyData(piece));
      session.client(c.query("copy t to stdout"));
      feed(Buffer.concat([s.COPY_OUT, ...frames, s.SERVER_COPY_DONE, s.complete("COPY 4"), s.ready()]), size, (part) =>
        session.server(part),
      );
      session.assertIdle();
      assert.deepEqual(session.of("copy")[0]?.beyond, { rows: 3, bytes: 9 + 15, sha256: past(frames) }, String(size));
    }
  });
});

describe("stray messages", () => {
  test("of a COPY that is not there pass to the server, which ignores them, and leave nothing behind", () => {
    const session = new Conversation();
    const stray = [c.copyData("x\n"), c.COPY_DONE, c.copyFail("y"), c.copyData("z\n")];
    assert.ok(session.client(...stray).equals(Buffer.concat(stray)));
    session.assertIdle();
    assert.equal(session.state.quiet, true);
    session.client(c.query("select 1"), ...stray, c.query("copy t from stdin"), c.copyData("1\n"), c.COPY_DONE);
    session.server(s.complete("SELECT 0"), s.ready(), s.COPY_IN, s.complete("COPY 1"), s.ready());
    session.assertIdle();
    assert.deepEqual(copies(session), [[2, "in", "1\n", 2, "done"]]);
    assert.deepEqual(
      session.events.map(({ kind }) => kind),
      ["statement", "statement", "result", "copy", "result"],
    );
  });

  test("of the server inside a COPY end the session", () => {
    for (const copy of [s.COPY_IN, s.COPY_OUT]) {
      const inside = [
        s.ready(),
        s.columns("a"),
        s.row("1"),
        s.COPY_IN,
        s.COPY_OUT,
        s.PARSE_COMPLETE,
        s.NO_DATA,
        s.EMPTY_QUERY,
        s.PORTAL_SUSPENDED,
      ];
      inside.push(copy === s.COPY_IN ? s.SERVER_COPY_DONE : s.complete("COPY 1"));
      if (copy === s.COPY_IN) inside.push(s.serverCopyData("x"));
      for (const message of inside) {
        const session = new Conversation();
        session.client(c.query("copy t"));
        session.server(copy);
        assert.throws(() => session.server(message), { code: "upstream-out-of-step" }, message.toString("latin1"));
      }
    }
  });
});

function feed(bytes: Buffer, size: number, push: (part: Buffer) => void): void {
  for (let at = 0; at < bytes.length; at += size) push(bytes.subarray(at, at + size));
}
