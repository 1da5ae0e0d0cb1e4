/** PREPARE, EXECUTE, DECLARE and FETCH in texts of principals under a mask: what is asked again, described and recorded. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Judgement, NameUse } from "#protocols/wire/judgement.ts";
import * as c from "#test/protocols/postgres/client-bytes.ts";
import { Conversation, type ConversationOptions } from "#test/protocols/postgres/conversation.ts";
import { allowed } from "#test/protocols/postgres/judgements.ts";
import * as s from "#test/protocols/postgres/server-bytes.ts";

const stale = new Set<string>();

/** Statements of two words each, `prepare a … ssn`; those with `ssn` show a masked and a bare column. */
function judge(sql: string): Judgement {
  const texts = sql.split("; ");
  const uses = texts.flatMap((text, at): readonly NameUse[] => {
    const [kind, name = ""] = text.split(" ");
    if (kind === "deallocate") return [{ kind, at, name: name === "all" ? null : name }];
    return kind === "prepare" || kind === "execute" || kind === "declare" || kind === "fetch" ? [{ kind, at, name }] : [];
  });
  const outputMasked = texts.map((text) => (text.includes("ssn") ? [true, false] : []));
  return allowed(sql, { uses, outputMasked, rebuildErrors: true, holds: () => !stale.has(sql) });
}

const masked = (options: ConversationOptions = {}) => new Conversation({ judge, underMask: true, ...options });
const ROW = [s.columns("ssn", "id"), s.row("***", "1")];
const PARSED = [s.PARSE_COMPLETE, s.parameterTypes(), s.NO_DATA];
const maskedIn = (session: Conversation) => session.of("rows").map((event) => event.columns.map((column) => column.masked));
const reasons = (session: Conversation) => session.of("denied").map(({ reason, message }) => `${reason}: ${message}`);

describe("rows that come of a name", () => {
  test("are recorded with the masked columns of what was prepared or declared under it, also in the same text", () => {
    const session = masked();
    session.client(c.query("begin; prepare p as ssn; execute p; declare k as ssn; fetch k; execute q; fetch r"));
    session.server(s.complete("BEGIN"), s.complete("PREPARE"), ...ROW, s.complete("SELECT 1"));
    session.server(s.complete("DECLARE CURSOR"), ...ROW, s.complete("FETCH 1"), ...ROW, s.complete("SELECT 1"));
    session.server(...ROW, s.complete("FETCH 1"), s.ready("T"));
    session.assertIdle();
    assert.deepEqual(maskedIn(session), [
      [true, false],
      [true, false],
      [false, false],
      [false, false],
    ]);
    assert.equal(session.state.counts.maskedCells, 2);
  });

  test("are described for us behind each Bind, since a description of before need not be theirs", () => {
    const session = masked();
    session.client(c.query("prepare p as ssn"), c.parse("e", "execute p"), c.parse("f", "fetch k"), c.SYNC);
    session.server(s.complete("PREPARE"), s.ready(), ...PARSED, ...PARSED, s.ready());
    for (const name of ["p", "e", "f"]) {
      const before = session.toClient.length;
      session.client(c.bind(name), c.execute(), c.SYNC);
      assert.ok(session.toUpstream.includes(Buffer.concat([c.describePortal(""), c.execute()])), name);
      session.server(s.BIND_COMPLETE, ...ROW, s.complete("SELECT 1"), s.ready());
      assert.ok(!session.toClient.subarray(before).includes("ssn"), "the description is ours alone");
    }
    session.assertIdle();
    assert.deepEqual(maskedIn(session), [
      [true, false],
      [true, false],
      [false, false],
    ]);
  });

  test("trip the wire when they are protected columns themselves", () => {
    const session = masked({ isProtected: (table, attribute) => table === 666 && attribute === 2 });
    session.client(c.query("prepare p as ssn"), c.bind("p"), c.execute(), c.SYNC);
    session.server(s.complete("PREPARE"), s.ready(), s.BIND_COMPLETE);
    assert.throws(() => session.server(s.columns({ name: "ssn", tableOid: 666, attribute: 2 })), { code: "masking-tripwire" });
  });

  test("are not asked for by a Bind that streams by: there is no place behind it for a Describe", () => {
    const session = masked();
    session.client(c.query("prepare p as ssn"));
    session.server(s.complete("PREPARE"), s.ready());
    session.client(c.bind("p", ["x".repeat(1_100_000)]), c.execute(), c.SYNC);
    session.server(s.error("42601"), s.ready());
    session.assertIdle();
    assert.deepEqual(reasons(session), [
      'masked-unsupported: prepared statement "p" was prepared in a text, and a Bind of this size is not taken for it',
    ]);
    assert.ok(session.toUpstream.length < 10_000);
  });
});

describe("EXECUTE", () => {
  const sentOn = (session: Conversation, ...parts: readonly Buffer[]) => session.client(...parts).toString("latin1");

  test("asks whether all that may stand under the name would be judged the same now", () => {
    const session = masked();
    session.client(c.query("prepare p as one"), c.query("prepare p as two"), c.parse("e", "execute p"), c.SYNC);
    session.server(s.complete("PREPARE"), s.ready(), s.error("42P05"), s.ready(), ...PARSED, s.ready());
    assert.match(sentOn(session, c.query("execute p")), /execute p/);
    session.server(...ROW, s.complete("SELECT 1"), s.ready());
    for (const changed of ["prepare p as one", "prepare p as two"]) {
      stale.clear();
      stale.add(changed);
      assert.doesNotMatch(sentOn(session, c.query("execute p")), /execute p/);
      session.server(s.error("42601"), s.ready());
      // Refused at Bind: what would be described behind it is not what was judged.
      assert.doesNotMatch(sentOn(session, c.bind("e"), c.SYNC), /D\0\0/);
      session.server(s.error("42601"), s.ready());
      stale.clear();
      session.client(c.bind("e"));
      stale.add(changed);
      assert.doesNotMatch(sentOn(session, c.execute(), c.SYNC), /E\0\0/);
      session.server(s.BIND_COMPLETE, s.NO_DATA, s.error("42601"), s.ready());
    }
    stale.clear();
    session.assertIdle();
    assert.equal(session.of("denied").length, 6);
    assert.ok(reasons(session).every((reason) => reason.startsWith('masked-unresolved: what prepared statement "p" reads has changed')));
  });

  test("of a name under which nothing was prepared is the server's to refuse", () => {
    const session = masked();
    assert.match(sentOn(session, c.query("execute nothing")), /execute nothing/);
    session.server(s.error("26000"), s.ready());
    session.client(c.parse("p", "select 1"), c.closeStatement("p"), c.SYNC);
    session.server(...PARSED, s.CLOSE_COMPLETE, s.ready());
    stale.add("select 1");
    assert.match(sentOn(session, c.query("execute p")), /execute p/);
    stale.clear();
  });

  test("is refused where more may stand under the name than is kept", () => {
    const session = masked();
    for (let index = 0; index < 17; index++) {
      session.client(c.query(`prepare p as ${index}`));
      session.server(s.error("42P05"), s.ready());
    }
    assert.doesNotMatch(sentOn(session, c.query("execute p")), /execute/);
    session.server(s.error("42601"), s.ready());
    assert.deepEqual(reasons(session), ['masked-unsupported: what prepared statement "p" stands for is not known']);
    session.client(c.query("deallocate p"));
    session.server(s.complete("DEALLOCATE"), s.ready());
    assert.match(sentOn(session, c.query("execute p")), /execute p/);
  });

  test("of those under no mask is not asked about", () => {
    const session = masked({ underMask: false });
    stale.add("prepare p as one");
    session.client(c.query("prepare p as one"));
    assert.match(sentOn(session, c.query("execute p")), /execute p/);
    stale.clear();
  });

  test("behind a named portal is described once more, since a text can exchange what the name stands for", () => {
    const session = masked();
    session.client(c.parse("", "prepare p as ssn"), c.bind("", [], "door"), c.execute("door"), c.SYNC);
    session.server(...PARSED, s.BIND_COMPLETE, s.NO_DATA, s.complete("PREPARE"), s.ready("T"));
    // It may have been a cursor that was run, so that nothing was prepared.
    assert.equal(session.state.names.statement("p"), undefined);
    assert.equal(session.state.names.candidates("p")?.length, 1);
  });
});
