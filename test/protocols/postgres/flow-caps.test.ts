/**
 * Results beyond the limit, message by message: whichever comes first, the target's end of a statement or the cancel request,
 * the client sees one error and the transaction's real state, and nothing of what it takes for skipped is done unsaid.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Judgement } from "#protocols/wire/judgement.ts";
import * as c from "#test/protocols/postgres/client-bytes.ts";
import { assertTranscript, Conversation, type ConversationOptions } from "#test/protocols/postgres/conversation.ts";
import { allowed, denied } from "#test/protocols/postgres/judgements.ts";
import * as s from "#test/protocols/postgres/server-bytes.ts";
import { describeMessages } from "#test/protocols/postgres/transcript.ts";

/** Of each statement in a text, `write …` leaves something. */
function judge(sql: string): Judgement {
  return sql.startsWith("refuse") ? denied(sql) : allowed(sql, { lasting: sql.split(";").map((text) => text.trim().startsWith("write")) });
}

const capped = (rowsPerStatement: number, more: Partial<ConversationOptions> = {}) =>
  new Conversation({ judge, ...more, caps: { rowsPerStatement, ...more.caps } });

const tags = (bytes: Buffer): string =>
  describeMessages("server", bytes)
    .map((line) => line.split(" ")[0])
    .join(" ");
const rows = (count: number, from = 1): Buffer => Buffer.concat(Array.from({ length: count }, (_, index) => s.row(String(from + index))));
const CANCELLED = s.error("57014", "canceling statement due to user request");

function errorOf(session: Conversation) {
  const errors = session.of("error");
  assert.equal(errors.length, 1, JSON.stringify(errors));
  const { fields, from } = errors[0] ?? assert.fail();
  return { code: fields["C"], detail: fields["D"], from };
}

describe("a result of more rows than the target allows", () => {
  test("passes up to the limit; then the target is to be cancelled, and its error becomes the client's", (t) => {
    const session = capped(3);
    session.client(c.query("select n from big"));
    session.server(s.columns("n"), rows(3));
    assert.equal(session.state.interrupts, false);
    session.server(rows(1, 4));
    assert.equal(session.state.interrupts, true);
    session.server(rows(5, 5), CANCELLED, s.ready());
    session.assertIdle();
    assert.equal(session.state.interrupts, false);
    assert.deepEqual(errorOf(session), { code: "54000", detail: "reason=row-limit outcome=cancelled", from: "gateway" });
    assert.equal(session.state.counts.rows, 3);
    assertTranscript(t, session, "row-limit-cancelled");
  });

  test("of exactly as many rows as the limit passes whole", () => {
    const session = capped(3);
    session.client(c.query("select n from big"));
    const answer = Buffer.concat([s.columns("n"), rows(3), s.complete("SELECT 3"), s.ready()]);
    session.server(answer);
    assert.deepEqual(session.toClient, answer);
    assert.equal(session.of("error").length, 0);
  });

  test("that the target completes before it can be stopped ends in the error all the same, with its real state", (t) => {
    const session = capped(2);
    session.client(c.query("begin"));
    session.server(s.complete("BEGIN"), s.ready("T"));
    session.client(c.query("select n from big"));
    session.server(s.columns("n"), rows(4), s.complete("SELECT 4"), s.ready("T"));
    session.assertIdle();
    assert.equal(session.state.interrupts, false);
    assert.deepEqual(errorOf(session), { code: "54000", detail: "reason=row-limit outcome=completed", from: "gateway" });
    assert.equal(session.state.transaction, "T");
    assert.deepEqual(
      session.of("result").map(({ tag, rows: count }) => [tag, count]),
      [
        ["BEGIN", 0],
        ["SELECT 4", 2],
      ],
    );
    session.client(c.query("select 1"));
    session.server(s.columns("n"), rows(1), s.complete("SELECT 1"), s.ready("T"));
    session.assertIdle();
    assertTranscript(t, session, "row-limit-completed");
  });

  test("that changed something and was completed says that this stands", () => {
    const session = capped(2);
    session.client(c.query("write returning n"));
    session.server(s.columns("n"), rows(3), s.complete("UPDATE 3"), s.ready());
    assert.match(session.of("error")[0]?.fields["M"] ?? "", /what it changed stands/);
    session.client(c.query("select n"));
    session.server(s.columns("n"), rows(3), s.complete("SELECT 3"), s.ready());
    assert.doesNotMatch(session.of("error")[1]?.fields["M"] ?? "", /stands/);
  });

  test("that fails on the target otherwise ends in the error of the limit", () => {
    const session = capped(1);
    session.client(c.query("select 1/n from big"));
    session.server(s.columns("n"), rows(2), s.error("22012", "division by zero"), s.ready());
    session.assertIdle();
    assert.equal(errorOf(session).code, "54000");
  });

  test("whose target dies says so in the target's own words", () => {
    const session = capped(1);
    session.client(c.query("select n from big"));
    session.server(s.columns("n"), rows(2), s.fatal("57P01", "terminating connection due to administrator command"));
    assert.equal(session.state.fatal, true);
    assert.equal(errorOf(session).code, "57P01");
  });

  test("counts each result of a text by itself", () => {
    const session = capped(2);
    session.client(c.query("select 1; select 2; select 3"));
    session.server(s.columns("n"), rows(2), s.complete("SELECT 2"), s.columns("n"), rows(2), s.complete("SELECT 2"));
    assert.equal(session.of("error").length, 0);
    session.server(s.columns("n"), rows(3), CANCELLED, s.ready());
    assert.equal(errorOf(session).detail, "reason=row-limit outcome=cancelled");
    session.assertIdle();
  });

  test("ends its text: what the target reads behind it is kept from the client, and is to be stopped still", (t) => {
    const session = capped(2);
    session.client(c.query("select 1; select 2; select 3"));
    const shown = session.server(s.columns("n"), rows(3), s.complete("SELECT 3"), s.columns("n"), rows(1));
    assert.match(tags(shown), /ErrorResponse$/);
    assert.equal(session.state.interrupts, true);
    assert.equal(session.server(rows(1), s.complete("SELECT 2"), s.notice("still heard"), CANCELLED).includes("canceling"), false);
    session.server(s.ready());
    session.assertIdle();
    assert.equal(session.of("error").filter(({ from }) => from === "gateway").length, 1);
    assertTranscript(t, session, "row-limit-text");
  });

  test("with something done behind it in the text ends the session: an error would say that it was not", () => {
    for (const sql of ["select 1; write", "select 1; commit-like write"]) {
      const session = capped(1, { judge: (text) => allowed(text, { lasting: [false, true] }) });
      session.client(c.query(sql));
      assert.throws(() => session.server(s.columns("n"), rows(2), s.complete("SELECT 2"), s.complete("DELETE 7")), {
        code: "outcome-unknown",
      });
    }
  });

  test("of which nothing is known counts as having done something", () => {
    const session = capped(1, { judge: (sql) => allowed(sql) });
    session.client(c.query("select 1; select 2"));
    assert.throws(() => session.server(s.columns("n"), rows(2), s.complete("SELECT 2"), s.complete("SELECT 1")), {
      code: "outcome-unknown",
    });
  });

  test("before a COPY FROM STDIN in its text ends the session: the target would wait for data for ever", () => {
    const session = capped(1);
    session.client(c.query("select 1; write copy"));
    assert.throws(() => session.server(s.columns("n"), rows(2), s.complete("SELECT 2"), s.COPY_IN), { code: "outcome-unknown" });
  });

  test("sends nothing to the record that the client did not see", () => {
    const session = capped(2);
    session.client(c.query("select n from big"));
    session.server(s.columns("n"), rows(9), CANCELLED, s.ready());
    assert.deepEqual(
      session.of("rows").flatMap((event) => event.rows),
      [["1"], ["2"]],
    );
  });

  for (const cut of [1, 3, 7]) {
    test(`is cut at the same row when its bytes come in pieces of ${cut}`, () => {
      const session = capped(2);
      session.client(c.query("select n from big"));
      const bytes = Buffer.concat([s.columns("n"), rows(6), CANCELLED, s.ready()]);
      for (let at = 0; at < bytes.length; at += cut) session.server(bytes.subarray(at, at + cut));
      session.assertIdle();
      const whole = capped(2);
      whole.client(c.query("select n from big"));
      whole.server(bytes);
      assert.deepEqual(session.toClient, whole.toClient);
    });
  }
});

describe("in the extended protocol", () => {
  const run = (sql: string, portal = "") => [c.parse("", sql), c.bind("", [], portal), c.describePortal(portal), c.execute(portal)];
  const begun = [s.PARSE_COMPLETE, s.BIND_COMPLETE, s.columns("n")];

  test("the error skips to the Sync, whether the target was stopped or had completed it", (t) => {
    const session = capped(2);
    session.client(...run("select n"), ...run("select 2"), c.SYNC);
    session.server(...begun, rows(3));
    assert.equal(session.state.interrupts, true);
    session.server(CANCELLED, s.ready());
    session.assertIdle();
    session.client(...run("select n"), ...run("select 2"), c.SYNC);
    session.server(...begun, rows(3), s.complete("SELECT 3"));
    assert.equal(session.state.interrupts, true);
    session.server(...begun, rows(1), s.complete("SELECT 1"), s.ready());
    session.assertIdle();
    assert.deepEqual(
      session.of("error").map(({ fields }) => fields["D"]),
      ["reason=row-limit outcome=cancelled", "reason=row-limit outcome=completed"],
    );
    assertTranscript(t, session, "row-limit-pipeline");
  });

  test("an error of the target's behind a completed result is not told as a second one", () => {
    const session = capped(1);
    session.client(...run("select n"), ...run("select bad"), c.SYNC);
    const shown = session.server(...begun, rows(2), s.complete("SELECT 2"), s.error("42703", "no such column"), s.ready());
    assert.equal(tags(shown).match(/ErrorResponse/g)?.length, 1);
    session.assertIdle();
  });

  test("what a client sends behind the error up to its Sync is left out, as the server would skip it", () => {
    const session = capped(1);
    session.client(...run("select n"), c.FLUSH);
    session.server(...begun, rows(2), s.complete("SELECT 2"));
    assert.equal(session.state.interrupts, false);
    assert.deepEqual(session.client(...run("write late"), c.query("write later")), Buffer.alloc(0));
    assert.deepEqual(session.client(c.SYNC, c.query("select 1")), Buffer.concat([c.SYNC, c.query("select 1")]));
    session.server(s.ready(), s.columns("n"), rows(1), s.complete("SELECT 1"), s.ready());
    session.assertIdle();
    assert.ok(!session.of("statement").some(({ sql }) => String(sql).startsWith("write")));
  });

  test("what was done behind it up to its Sync ends the session where something stays of it", () => {
    const behind: readonly (readonly [string, readonly Buffer[], Buffer])[] = [
      ["a write", run("write"), Buffer.concat([...begun, s.complete("DELETE 1")])],
      ["a prepared statement of a name", [c.parse("p", "select 1")], s.PARSE_COMPLETE],
      ["a portal of a name", [c.parse("", "select 1"), c.bind("", [], "q")], Buffer.concat([s.PARSE_COMPLETE, s.BIND_COMPLETE])],
      ["a Close", [c.closeStatement("p")], s.CLOSE_COMPLETE],
      ["a simple query, which an error would have skipped", [c.query("select 1")], Buffer.concat([s.columns("n"), s.complete("SELECT 0")])],
    ];
    for (const [what, sent, answer] of behind) {
      const session = capped(1);
      session.client(...run("select n"), ...sent, c.SYNC);
      assert.throws(() => session.server(...begun, rows(2), s.complete("SELECT 2"), answer), { code: "outcome-unknown" }, what);
    }
  });

  test("rows of a portal are counted over all of its Executes", (t) => {
    const session = capped(5);
    session.client(c.query("begin"));
    session.server(s.complete("BEGIN"), s.ready("T"));
    session.client(c.parse("", "select n"), c.bind("", [], "p"), c.describePortal("p"), c.execute("p", 3), c.SYNC);
    session.server(...begun, rows(3), s.PORTAL_SUSPENDED, s.ready("T"));
    session.client(c.execute("p", 3), c.SYNC);
    session.server(rows(3, 4), s.PORTAL_SUSPENDED, s.ready("T"));
    session.assertIdle();
    assert.deepEqual(errorOf(session), { code: "54000", detail: "reason=row-limit outcome=completed", from: "gateway" });
    session.client(c.execute("p", 3), c.SYNC);
    session.server(rows(1, 7), s.complete("SELECT 7"), s.ready("T"));
    assert.equal(session.state.counts.rows, 5);
    assertTranscript(t, session, "row-limit-portal");
  });

  test("each portal counts for itself", () => {
    const session = capped(2);
    for (let index = 0; index < 3; index++) {
      session.client(...run("select n"), c.SYNC);
      session.server(...begun, rows(2), s.complete("SELECT 2"), s.ready());
    }
    session.assertIdle();
    assert.equal(session.of("error").length, 0);
  });

  test("with other segments under way nothing is cancelled: it is drained, and what stands behind is answered", (t) => {
    const session = capped(1);
    session.client(...run("select n"), c.SYNC, ...run("select 2"), c.SYNC);
    session.server(...begun, rows(4));
    assert.equal(session.state.interrupts, false);
    session.server(rows(3), s.complete("SELECT 7"), s.ready(), ...begun, rows(1), s.complete("SELECT 1"), s.ready());
    session.assertIdle();
    assert.equal(errorOf(session).detail, "reason=row-limit outcome=completed");
    assertTranscript(t, session, "row-limit-drained");
  });

  test("a Query sent without a Sync before it counts as another segment: an error skips it, a cancel request does not", () => {
    const session = capped(1);
    session.client(...run("select n"), c.query("select 2"));
    session.server(...begun, rows(3));
    assert.equal(session.state.interrupts, false);
    assert.throws(() => session.server(s.complete("SELECT 3"), s.error("42601"), s.ready()), { code: "outcome-unknown" });
  });

  test("a result that does not end, with others behind it, ends the session", () => {
    const session = capped(1);
    session.client(c.query("select n"), c.query("select 2"));
    const large = s.row("x".repeat(1 << 20));
    session.server(s.columns("n"), rows(2));
    assert.throws(
      () => {
        for (let index = 0; index < 70; index++) session.server(large);
      },
      { code: "outcome-unknown" },
    );
  });
});

describe("COPY TO STDOUT", () => {
  const line = (n: number) => s.serverCopyData(`${n}\n`);

  test("is capped by its rows, stopped or completed", (t) => {
    const session = capped(2);
    session.client(c.query("copy big to stdout"));
    session.server(s.COPY_OUT, line(1), line(2), line(3));
    assert.equal(session.state.interrupts, true);
    session.server(line(4), CANCELLED, s.ready());
    session.assertIdle();
    session.client(c.query("copy big to stdout"));
    session.server(s.COPY_OUT, line(1), line(2), line(3), s.SERVER_COPY_DONE, s.complete("COPY 3"), s.ready());
    session.assertIdle();
    assert.deepEqual(
      session.of("copy").map(({ data, outcome }) => [data, outcome]),
      [
        ["1\n2\n", "failed"],
        ["1\n2\n", "cut"],
      ],
    );
    assertTranscript(t, session, "row-limit-copy");
  });

  test("of exactly the limit passes, the trailer of the binary format included", () => {
    const session = capped(2);
    const binary = Buffer.from(s.COPY_OUT);
    binary[5] = 1;
    session.client(c.query("copy big to stdout (format binary)"));
    const trailer = s.serverCopyData(Buffer.from([0xff, 0xff]));
    const answer = Buffer.concat([binary, line(1), line(2), trailer, s.SERVER_COPY_DONE, s.complete("COPY 2"), s.ready()]);
    session.server(answer);
    assert.deepEqual(session.toClient, answer);
  });

  test("counts anew for the next one", () => {
    const session = capped(2);
    for (let index = 0; index < 3; index++) {
      session.client(c.query("copy big to stdout"));
      session.server(s.COPY_OUT, line(1), line(2), s.SERVER_COPY_DONE, s.complete("COPY 2"), s.ready());
    }
    assert.equal(session.of("error").length, 0);
  });
});
