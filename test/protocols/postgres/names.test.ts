/** Names as the server will have them: each change undone by itself, in whatever order answers and errors come. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Names, type Prepared } from "#protocols/postgres/names.ts";
import type { NameUse } from "#protocols/wire/judgement.ts";
import * as c from "#test/protocols/postgres/client-bytes.ts";
import { Conversation } from "#test/protocols/postgres/conversation.ts";
import { allowed } from "#test/protocols/postgres/judgements.ts";
import * as s from "#test/protocols/postgres/server-bytes.ts";

const statement = (sql: string): Prepared => ({
  name: "s",
  judgement: allowed(sql),
  columns: undefined,
  parameterTypes: [],
  inText: false,
});
const candidatesOf = (names: Names) => names.candidates("s")?.map(({ judgement }) => judgement.recordedSql);
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
    assert.deepEqual(names.candidates("s"), []);
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
    assert.equal(sqlOf(names), "d");
    names.endSegment();
    assert.equal(sqlOf(names), undefined);
    assert.deepEqual(candidatesOf(names), ["d", "b", "a"]);
  });

  test("is one of 200,000 at most", () => {
    const names = new Names();
    for (let index = 0; index < 200_000; index++) names.setStatement(`s${index}`, statement("a")).settle();
    names.setStatement("s0", statement("b"));
    assert.throws(() => names.setStatement("one more", statement("b")), { code: "unexpected-message" });
    names.closeStatement("s1").settle();
    names.setStatement("one more", statement("b"));
  });

  /** Segments of changes; `error` is where the server meets an error, which skips to the segment's end. */
  const change = fc.option(fc.constantFrom("a", "b", "d"));
  const segments = fc.array(fc.record({ changes: fc.array(change, { maxLength: 4 }), error: fc.nat({ max: 8 }) }), {
    minLength: 1,
    maxLength: 4,
  });

  /** Works the changes off; the `answered` first of them are answered already when the name is looked up. */
  function lookUp(list: readonly { readonly changes: readonly (string | null)[]; readonly error: number }[], answered: number) {
    const names = new Names();
    let server: string | undefined;
    let reached = true;
    const answers: (() => void)[] = [];
    for (const [index, { changes, error }] of list.entries()) {
      if (index > 0) names.endSegment();
      for (const [at, value] of changes.entries()) {
        const made = value === null ? names.closeStatement("s") : names.setStatement("s", statement(value));
        const fails = value !== null && server !== undefined && at < error;
        reached = at < error && !fails;
        const done = reached;
        answers.push(() => (done ? made.settle() : made.undo()));
        if (reached) server = value ?? undefined;
        if (!reached) {
          for (const skipped of changes.slice(at + 1)) {
            const unmade = skipped === null ? names.closeStatement("s") : names.setStatement("s", statement(skipped));
            answers.push(() => unmade.undo());
          }
          break;
        }
      }
    }
    for (const answer of answers.slice(0, answered)) answer();
    return { names, server, reached, rest: answers.slice(answered) };
  }

  test("is what a server has when it gets there, or not said at all", () => {
    fc.assert(
      fc.property(segments, fc.nat({ max: 16 }), (list, answered) => {
        const { names, server, reached } = lookUp(list, answered);
        const said = sqlOf(names);
        if (reached && said !== undefined && server !== undefined) assert.equal(said, server);
      }),
      { numRuns: 2000 },
    );
  });

  test("is exactly what a server has when all is answered", () => {
    fc.assert(
      fc.property(segments, (list) => {
        const { names, server, rest } = lookUp(list, 0);
        for (const answer of rest) answer();
        assert.equal(sqlOf(names), server);
      }),
      { numRuns: 2000 },
    );
  });

  test("is said in the segment that changes it, since it is reached only if the change was", () => {
    const names = new Names();
    names.setStatement("s", statement("a")).settle();
    names.endSegment();
    names.closeStatement("s");
    names.setStatement("s", statement("b"));
    assert.equal(sqlOf(names), "b");
    names.endSegment();
    assert.equal(sqlOf(names), undefined);
  });
});

describe("names in a pipeline", () => {
  const bound = (session: Conversation) => {
    session.client(c.bind("s"), c.execute(), c.SYNC);
    return session.of("statement").at(-1)?.sql;
  };

  test("are not said when a Parse may fail that the Bind does not depend on", () => {
    // The server runs the first text: the second Parse fails, since the name is taken, and the Bind is behind a Sync.
    const session = new Conversation();
    session.client(c.parse("s", "evil"), c.SYNC, c.parse("s", "innocent"), c.SYNC, c.bind("s", ["value"]), c.execute(), c.SYNC);
    assert.equal(session.of("statement")[0]?.sql, '-- Bind of "s"');
    assert.deepEqual(session.of("statement")[0]?.parameters, ["value"]);
    const masked = new Conversation({ underMask: true });
    masked.client(c.parse("", "evil"), c.SYNC);
    masked.server(s.PARSE_COMPLETE, s.parameterTypes(), s.NO_DATA, s.ready());
    masked.client(c.execute("no such"), c.SYNC, c.execute("no such"), c.parse("", "innocent"), c.SYNC, c.bind(), c.SYNC);
    assert.equal(masked.of("statement").length, 1);
  });

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

  const uses = (sql: string): readonly NameUse[] => {
    const texts = sql.split("; ");
    return texts.flatMap((text, at): readonly NameUse[] => {
      const [kind, name = ""] = text.split(" ");
      if (kind === "deallocate") return [{ kind, at, name: name === "all" ? null : name }];
      return kind === "prepare" ? [{ kind, at, name }] : [];
    });
  };
  const judge = (sql: string) => allowed(sql, { uses: uses(sql) });

  test("of PREPARE in a text are those that its answer says", () => {
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

  test("of a text that failed are those that it got to, and in doubt where it stopped", () => {
    const session = new Conversation({ judge });
    session.client(c.parse("s", "old"), c.SYNC);
    session.server(s.PARSE_COMPLETE, s.ready());
    session.client(c.query("prepare a as 1; deallocate s; prepare s as 2; prepare b as 3"));
    session.server(s.complete("PREPARE"), s.complete("DEALLOCATE"), s.error("42P05"), s.ready());
    const { names } = session.state;
    const found = (name: string) => names.candidates(name)?.map(({ judgement }) => judgement.recordedSql);
    assert.deepEqual([found("a")?.length, found("s")?.length, found("b")], [1, 1, []]);
    assert.deepEqual([names.answered("a")?.name, names.statement("s"), names.statement("b")], ["a", undefined, undefined]);
  });

  test("are none behind DEALLOCATE ALL, but for those made behind it and the unnamed one", () => {
    const session = new Conversation({ judge });
    session.client(
      c.parse("", "unnamed"),
      c.parse("s", "a"),
      c.parse("t", "b"),
      c.SYNC,
      c.query("deallocate all"),
      c.query("prepare t as c"),
    );
    const { names } = session.state;
    const found = () => ["", "s", "t"].map((name) => names.candidates(name)?.map(({ judgement }) => judgement.recordedSql));
    assert.deepEqual(found(), [["unnamed"], ["a"], ["prepare t as c", "b"]]);
    session.server(s.PARSE_COMPLETE, s.PARSE_COMPLETE, s.PARSE_COMPLETE, s.ready(), s.complete("DEALLOCATE ALL"), s.ready());
    assert.deepEqual(found(), [["unnamed"], [], ["prepare t as c"]]);
    session.server(s.complete("PREPARE"), s.ready());
    assert.equal(names.statement("t")?.inText, true);
  });

  test("that are longer than a server keeps stand for the same statement", () => {
    const names = new Names();
    const long = "x".repeat(63);
    names.setStatement(`${long}a`, statement("a")).settle();
    assert.equal(names.statement(`${long}b`)?.judgement.recordedSql, "a");
    assert.equal(names.statement(long)?.judgement.recordedSql, "a");
    assert.equal(names.statement("x".repeat(62)), undefined);
  });

  test("whose doubts are too many stand for nothing known until they are closed", () => {
    const names = new Names();
    for (let index = 0; index < 16; index++) names.setStatement("s", statement(`${index}`)).doubt();
    assert.equal(names.candidates("s")?.length, 16);
    names.setStatement("s", statement("one more")).doubt();
    assert.equal(names.candidates("s"), undefined);
    names.setStatement("s", statement("and another")).doubt();
    assert.equal(names.candidates("s"), undefined);
    names.closeStatement("s").settle();
    assert.deepEqual(names.candidates("s"), []);
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
