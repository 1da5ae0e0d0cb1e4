/** What rows are recorded under when texts, or names that the server cuts, exchange what a name stands for. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { NameUse } from "#protocols/wire/judgement.ts";
import * as c from "#test/protocols/postgres/client-bytes.ts";
import { Conversation } from "#test/protocols/postgres/conversation.ts";
import { allowed } from "#test/protocols/postgres/judgements.ts";
import * as s from "#test/protocols/postgres/server-bytes.ts";

/** Statements of two words: `declare p`, `close p`, `close all`; `unread` is a text that nobody understands. */
function judge(sql: string) {
  const uses = sql.split("; ").flatMap((text, at): readonly NameUse[] => {
    const [kind, name = ""] = text.split(" ");
    if (kind === "close") return [{ kind, at, name: name === "all" ? null : name }];
    if (kind === "unread") return [{ kind: "any", at }];
    return kind === "declare" ? [{ kind, at, name }] : [];
  });
  return allowed(sql, { uses });
}

const LONG = "p".repeat(63);
const unmasked = () => new Conversation({ judge });

/** In a transaction, with portal `name` bound to `bound`. */
function opened(name: string): Conversation {
  const session = unmasked();
  session.client(c.query("begin"), c.parse("a", "bound"), c.bind("a", [], name), c.SYNC);
  session.server(s.complete("BEGIN"), s.ready("T"), s.PARSE_COMPLETE, s.BIND_COMPLETE, s.ready("T"));
  return session;
}

/** The text that the rows of an Execute stand under. */
function shownUnder(session: Conversation, name: string): string {
  session.client(c.execute(name), c.SYNC);
  session.server(s.row("1"), s.complete("SELECT 1"), s.ready("T"));
  session.assertIdle();
  const event = session.events[(session.of("rows").at(-1)?.statement ?? 0) - 1];
  return event?.kind === "statement" && typeof event.sql === "string" ? event.sql : "";
}

describe("rows of a portal stand on record", () => {
  test("under what was bound, as long as nothing has taken its place", () => {
    assert.equal(shownUnder(opened("p"), "p"), "bound");
  });

  test("not under what was bound once a text has closed it and declared a cursor of that name", () => {
    const session = opened("p");
    session.client(c.query("close p; declare p"));
    session.server(s.complete("CLOSE CURSOR"), s.complete("DECLARE CURSOR"), s.ready("T"));
    assert.equal(shownUnder(session, "p"), '-- Execute of portal "p"');
  });

  test("nor where that text is not answered yet, or failed where it may have been done", () => {
    const ahead = opened("p");
    ahead.client(c.query("close all; declare p"), c.execute("p"), c.SYNC);
    assert.equal(ahead.of("statement").at(-1)?.sql, '-- Execute of portal "p"');

    const failed = opened("p");
    failed.client(c.query("close p; declare p"));
    failed.server(s.complete("CLOSE CURSOR"), s.error("23503"), s.ready("T"));
    assert.equal(shownUnder(failed, "p"), '-- Execute of portal "p"');
  });

  test("under what was bound where the text was refused by the server", () => {
    const session = opened("p");
    session.client(c.query("declare p"));
    session.server(s.error("42P03"), s.ready("E"));
    session.client(c.query("select"));
    session.server(s.complete("SELECT 0"), s.ready("T"));
    session.client(c.bind("a", [], "q"), c.SYNC);
    session.server(s.BIND_COMPLETE, s.ready("T"));
    assert.equal(shownUnder(session, "q"), "bound");
  });

  test("under the one that was bound last, where the server cuts two names to one", () => {
    const session = opened(`${LONG}x`);
    session.client(c.closePortal(`${LONG}y`), c.parse("b", "other"), c.bind("b", [], `${LONG}y`), c.SYNC);
    session.server(s.CLOSE_COMPLETE, s.PARSE_COMPLETE, s.BIND_COMPLETE, s.ready("T"));
    assert.equal(shownUnder(session, `${LONG}x`), "other");
  });

  test("under no text where one that was not understood ran in between, and under their own where that failed at once", () => {
    const session = opened("p");
    session.client(c.query("unread"));
    session.server(s.complete("CLOSE CURSOR"), s.complete("DECLARE CURSOR"), s.ready("T"));
    assert.equal(shownUnder(session, "p"), '-- Execute of portal "p"');
    session.client(c.bind("a", [], "q"), c.SYNC);
    session.server(s.BIND_COMPLETE, s.ready("T"));
    assert.equal(shownUnder(session, "q"), '-- Bind of "a"', "what it prepared is not certain either");
    session.client(c.parse("a2", "later"), c.bind("a2", [], "r"), c.SYNC);
    session.server(s.PARSE_COMPLETE, s.BIND_COMPLETE, s.ready("T"));
    assert.equal(shownUnder(session, "r"), "later");

    const failed = opened("p");
    failed.client(c.query("unread"));
    failed.server(s.error("42601"), s.ready("T"));
    assert.equal(shownUnder(failed, "p"), "bound");
  });

  test("under no text while one that was not understood is under way", () => {
    const session = opened("p");
    session.client(c.query("unread"), c.execute("p"), c.SYNC);
    assert.equal(session.of("statement").at(-1)?.sql, '-- Execute of portal "p"');
  });
});

describe("names beyond ASCII", () => {
  const reasons = (session: Conversation) => session.of("denied").map(({ reason }) => reason);

  test("are refused in each message that has one, and the rest of the segment is skipped", () => {
    for (const name of ["é", "\u{1f600}"]) {
      for (const message of [
        c.parse(name, "x"),
        c.bind(name),
        c.bind("", [], name),
        c.execute(name),
        c.describeStatement(name),
        c.describePortal(name),
        c.closeStatement(name),
        c.closePortal(name),
      ]) {
        const session = unmasked();
        session.client(c.parse("", "select"), c.SYNC);
        session.server(s.PARSE_COMPLETE, s.ready());
        session.client(message, c.execute(), c.SYNC);
        assert.deepEqual(reasons(session), ["name-refused"], name);
        session.server(s.error("42601"), s.ready());
        session.assertIdle();
        assert.ok(!session.toUpstream.includes(Buffer.from(name)), "nothing of it goes upstream");
      }
    }
  });

  test("are not those with white space and control characters, which the server takes byte by byte", () => {
    const session = unmasked();
    session.client(c.parse("a\n\tb\u0001", "select"), c.SYNC);
    session.server(s.PARSE_COMPLETE, s.ready());
    assert.deepEqual(reasons(session), []);
    session.assertIdle();
  });

  test("are refused where the text streams by, too", () => {
    const session = new Conversation({ judge, mayPassUnparsed: true });
    session.client(c.parse("é", "x".repeat(5_000_000)), c.SYNC);
    assert.deepEqual(reasons(session), ["name-refused"]);
    session.server(s.error("42601"), s.ready());
    session.assertIdle();
  });
});
