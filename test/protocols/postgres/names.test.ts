/** Names as the server will have them: each change undone by itself, in whatever order answers and errors come. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type Change, Names, type Prepared } from "#protocols/postgres/names.ts";
import * as c from "#test/protocols/postgres/client-bytes.ts";
import { Conversation } from "#test/protocols/postgres/conversation.ts";
import { allowed } from "#test/protocols/postgres/judgements.ts";
import * as s from "#test/protocols/postgres/server-bytes.ts";

const statement = (sql: string): Prepared => ({ name: "s", judgement: allowed(sql), columns: undefined, parameterTypes: [] });
const sqlOf = (names: Names) => names.statement("s")?.judgement.recordedSql;

describe("a name", () => {
  test("stands for the newest change that was not undone", () => {
    const names = new Names();
    const a = names.setStatement("s", statement("a"));
    const b = names.setStatement("s", statement("b"));
    const closed = names.closeStatement("s");
    const d = names.setStatement("s", statement("d"));
    assert.equal(sqlOf(names), "d");
    b.undo();
    assert.equal(sqlOf(names), "d");
    d.undo();
    assert.equal(sqlOf(names), undefined);
    closed.undo();
    assert.equal(sqlOf(names), "a");
    a.undo();
    assert.equal(sqlOf(names), undefined);
  });

  test("that was settled does not come back", () => {
    const names = new Names();
    names.setStatement("s", statement("a")).settle();
    names.closeStatement("s").settle();
    const b = names.setStatement("s", statement("b"));
    b.undo();
    assert.equal(sqlOf(names), undefined);
  });

  test("in doubt stands for nothing, and for nothing that was there before", () => {
    const names = new Names();
    names.setStatement("s", statement("a"));
    const b = names.setStatement("s", statement("b"));
    b.doubt();
    assert.equal(sqlOf(names), undefined);
    names.setStatement("s", statement("d"));
    b.doubt();
    assert.equal(sqlOf(names), "d");
  });

  test("is one of 200,000 at most", () => {
    const names = new Names();
    for (let index = 0; index < 200_000; index++) names.setStatement(`s${index}`, statement("a")).settle();
    names.setStatement("s0", statement("b"));
    assert.throws(() => names.setStatement("one more", statement("b")), { code: "unexpected-message" });
    names.closeStatement("s1").settle();
    names.setStatement("one more", statement("b"));
  });

  test("is as a server has it that works off the same changes and skips some", () => {
    const change = fc.record({ set: fc.option(fc.constantFrom("a", "b", "d")), skipped: fc.boolean() });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), fc.nat({ max: 12 }), (changes, answered) => {
        const names = new Names();
        const made: Change[] = changes.map(({ set }) =>
          set === null ? names.closeStatement("s") : names.setStatement("s", statement(set)),
        );
        let server: string | undefined;
        let predicted: string | undefined;
        for (const [index, { set, skipped }] of changes.entries()) {
          if (index < answered) {
            if (skipped) made[index]?.undo();
            else made[index]?.settle();
          }
          if (!(skipped && index < answered)) predicted = set ?? undefined;
          if (!skipped) server = set ?? undefined;
        }
        assert.equal(sqlOf(names), predicted);
        for (const [index, { skipped }] of changes.entries()) if (index >= answered && skipped) made[index]?.undo();
        assert.equal(sqlOf(names), server);
      }),
    );
  });
});

describe("names in a pipeline", () => {
  const bound = (session: Conversation) => {
    session.client(c.bind("s"), c.execute(), c.SYNC);
    return session.of("statement").at(-1)?.sql;
  };

  test("are those of a Parse that came behind one that failed", () => {
    const session = new Conversation();
    session.client(c.parse("s", "bad"), c.SYNC, c.parse("s", "good"), c.SYNC);
    session.server(s.error("42601"), s.ready(), s.PARSE_COMPLETE, s.ready());
    assert.equal(bound(session), "good");
  });

  test("are not those of a statement that was closed and made anew behind a failure", () => {
    const session = new Conversation();
    session.client(c.parse("s", "innocent"), c.SYNC);
    session.server(s.PARSE_COMPLETE, s.ready());
    session.client(c.parse("s", "taken"), c.SYNC, c.closeStatement("s"), c.parse("s", "other"), c.SYNC);
    session.server(s.error("42P05"), s.ready(), s.CLOSE_COMPLETE, s.PARSE_COMPLETE, s.ready());
    assert.equal(bound(session), "other");
  });

  test("are those before a Parse that was skipped", () => {
    const session = new Conversation();
    session.client(c.parse("s", "first"), c.SYNC, c.bind("x"), c.closeStatement("s"), c.parse("s", "skipped"), c.SYNC);
    session.server(s.PARSE_COMPLETE, s.ready(), s.error("26000"), s.ready());
    assert.equal(bound(session), "first");
  });

  test("of PREPARE in a text are relied on where the name was free, and not where the text failed or the name was taken", () => {
    const judge = (sql: string) => allowed(sql, { prepares: sql.startsWith("prepare") ? [{ name: "s", sql }] : [] });
    const good = new Conversation({ judge });
    good.client(c.query("prepare s as select 1"));
    good.server(s.complete("PREPARE"), s.ready());
    assert.equal(bound(good), "prepare s as select 1");

    const failed = new Conversation({ judge });
    failed.client(c.query("prepare s as select 1"));
    failed.server(s.error("42P05"), s.ready());
    assert.equal(bound(failed), '-- Bind of "s"');

    const taken = new Conversation({ judge });
    taken.client(c.parse("s", "evil"), c.SYNC, c.query("prepare s as select 1"));
    assert.equal(bound(taken), '-- Bind of "s"');
  });

  test("of portals are gone when the transaction is over and nothing is under way", () => {
    const session = new Conversation();
    session.client(c.parse("", "select 1"), c.bind("", [], "p"), c.SYNC);
    session.server(s.PARSE_COMPLETE, s.BIND_COMPLETE, s.ready("T"));
    assert.notEqual(session.state.names.portal("p"), undefined);
    session.client(c.query("commit"));
    session.server(s.complete("COMMIT"), s.ready());
    assert.equal(session.state.names.portal("p"), undefined);
  });
});
