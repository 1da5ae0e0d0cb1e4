/** Sessions of principals under a mask: rewritten texts, the tripwire, and nothing that the server says unasked. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Judgement, NameUse } from "#protocols/wire/judgement.ts";
import * as c from "#test/protocols/postgres/client-bytes.ts";
import { assertTranscript, Conversation, type ConversationOptions } from "#test/protocols/postgres/conversation.ts";
import { allowed } from "#test/protocols/postgres/judgements.ts";
import * as s from "#test/protocols/postgres/server-bytes.ts";

const CANARY = "123-45-6789";
const LEAK = s.error("22P02", `invalid input syntax for type integer: "${CANARY}"`, { P: "30", D: CANARY });

/** Texts with `ssn` are rewritten and their errors rebuilt; texts with PREPARE bind a name; others pass. */
function judge(sql: string): Judgement {
  const uses = usesIn(sql);
  if (!sql.includes("ssn")) return allowed(sql, { uses });
  return allowed(sql, {
    verdict: "mask",
    rule: "pii",
    upstreamSql: `select '***' as ssn, id /* ${sql} */`,
    outputMasked: [[true, false]],
    mapPosition: (position) => (position > 20 ? position - 20 : null),
    rebuildErrors: true,
    sensitiveParameters: [2],
    uses,
  });
}

function usesIn(sql: string): readonly NameUse[] {
  return sql.split(";").flatMap((text, at): readonly NameUse[] => {
    const [, kind, name = ""] = /^\s*(prepare|execute|deallocate|declare|fetch) (\w+)/.exec(text) ?? [];
    if (kind === "deallocate") return [{ kind, at, name: name === "all" ? null : name }];
    return kind === "prepare" || kind === "execute" || kind === "declare" || kind === "fetch" ? [{ kind, at, name }] : [];
  });
}

const masked = (options: ConversationOptions = {}) =>
  new Conversation({ judge, underMask: true, isProtected: (table, attribute) => table === 666 && attribute === 2, ...options });
const shown = (session: Conversation) => session.toClient.toString("latin1");
const recorded = (session: Conversation) => JSON.stringify(session.events);
const PREPARED = [s.PARSE_COMPLETE, s.parameterTypes(), s.columns("ssn", "id")];

describe("a rewritten statement", () => {
  test("goes upstream as the judge wrote it, and its masked cells are counted", (t) => {
    const session = masked();
    session.client(c.query("select ssn, id from users"));
    session.server(s.columns("ssn", "id"), s.row("***", "1"), s.row("***", "2"), s.complete("SELECT 2"), s.ready());
    session.assertIdle();
    assert.equal(session.state.counts.maskedCells, 2);
    assertTranscript(t, session, "masked-query");
  });

  test("in the extended protocol is described for us at once, unseen by the client", (t) => {
    const session = masked();
    session.client(c.parse("s", "select ssn, id from users where id = $1 and ssn = $2"), c.describeStatement("s"), c.SYNC);
    session.server(...PREPARED, s.parameterTypes(), s.columns("ssn", "id"), s.ready());
    session.client(c.bind("s", ["7", CANARY]), c.execute(), c.SYNC);
    session.server(s.BIND_COMPLETE, s.row("***", "7"), s.complete("SELECT 1"), s.ready());
    session.assertIdle();
    assert.equal(session.state.counts.maskedCells, 1);
    assert.deepEqual(session.of("statement")[0]?.parameters, ["7", "digest(11)"]);
    assertTranscript(t, session, "masked-extended");
  });

  test("is refused when a parameter is given a type of the database's own, which could run code", () => {
    const session = masked();
    session.client(c.parse("s", "select $1::text", [25, 16384]), c.SYNC);
    session.server(s.error("42601", "syntax error"), s.ready());
    session.assertIdle();
    assert.match(shown(session), /parameter \$2 is given a type that is not the server's own/);
    assert.equal(session.of("denied")[0]?.reason, "masked-function");
  });

  test("that was prepared is not bound once its text would be judged otherwise", () => {
    let holds = true;
    const session = masked({ judge: (sql) => allowed(sql, { holds: () => holds }) });
    session.client(c.parse("s", "select total from open_orders"), c.SYNC);
    session.server(s.PARSE_COMPLETE, s.parameterTypes(), s.columns("total"), s.ready());
    session.client(c.bind("s", []), c.execute(), c.SYNC);
    session.server(s.BIND_COMPLETE, s.row("5"), s.complete("SELECT 1"), s.ready());
    holds = false;
    const before = session.toUpstream.length;
    session.client(c.bind("s", []), c.execute(), c.SYNC);
    assert.doesNotMatch(session.toUpstream.subarray(before).toString("latin1"), /B\0\0/);
    session.server(s.error("42601", "syntax error"), s.ready());
    session.assertIdle();
    assert.match(shown(session), /has changed since it was prepared/);
    assert.equal(session.of("denied")[0]?.reason, "masked-unresolved");
  });

  test("keeps its masked cells when its portal is fetched in parts and described again", () => {
    const session = masked();
    session.client(
      c.parse("", "select ssn, id"),
      c.bind("", [], "p"),
      c.describePortal("p"),
      c.execute("p", 1),
      c.describePortal("p"),
      c.execute("p", 1),
      c.SYNC,
    );
    // Each description once for the client and once for us: a text may have exchanged what the portal's name stands for.
    const described = [s.columns("ssn", "id"), s.columns("ssn", "id")];
    session.server(...PREPARED, s.BIND_COMPLETE, ...described, s.row("***", "1"), s.PORTAL_SUSPENDED);
    session.server(...described, s.row("***", "2"), s.complete("SELECT 1"), s.ready());
    session.assertIdle();
    assert.equal(session.toClient.toString("latin1").split("ssn").length - 1, 2);
    assert.equal(session.state.counts.maskedCells, 2);
    assert.deepEqual(
      session.of("rows").map((event) => event.columns[0]?.masked),
      [true, true],
    );
  });

  test("of several in one text has its own masked columns", () => {
    const outputMasked = [[true], [], [false, true]];
    const session = masked({ judge: (sql) => allowed(sql, { upstreamSql: "x", outputMasked }) });
    session.client(c.query("select ssn; set x = y; select id, ssn"));
    session.server(s.columns("ssn"), s.row("***"), s.complete("SELECT 1"), s.complete("SET"));
    session.server(s.columns("id", "ssn"), s.row("1", "***"), s.row("2", "***"), s.complete("SELECT 2"), s.ready());
    assert.deepEqual(
      session.of("rows").map((event) => event.columns.map(({ masked }) => masked)),
      [[true], [false, true]],
    );
    assert.equal(session.state.counts.maskedCells, 3);
  });

  test("that fails while it is described is the client's error, in its Parse's place", () => {
    const session = masked();
    session.client(c.parse("s", "select ssn"), c.bind("s"), c.execute(), c.SYNC);
    session.server(s.PARSE_COMPLETE, s.error("57014"), s.ready());
    session.assertIdle();
    assert.equal(session.state.names.statement("s")?.name, "s");
  });
});

describe("the tripwire", () => {
  const protectedColumn = s.columns({ name: "ssn", tableOid: 666, attribute: 2 });

  test("ends the session when a protected column comes back as itself, and nothing of it passes", () => {
    for (const start of [[c.query("select 1")], [c.parse("", "select 1"), c.SYNC], [c.describeStatement("x"), c.SYNC]]) {
      const session = masked();
      session.client(...start);
      if (start[0]?.[0] === 0x50) session.server(s.PARSE_COMPLETE, s.parameterTypes());
      assert.throws(() => session.server(protectedColumn, s.row(CANARY)), { code: "masking-tripwire" });
      assert.doesNotMatch(shown(session) + recorded(session), new RegExp(CANARY));
    }
  });

  test("does not mind other columns of the table, other tables, or a principal under no mask", () => {
    const others = s.columns({ name: "a", tableOid: 666, attribute: 1 }, { name: "b", tableOid: 667, attribute: 2 }, "c");
    const session = masked();
    session.client(c.query("select 1"));
    session.server(others);
    const free = masked({ underMask: false });
    free.client(c.query("select 1"));
    free.server(protectedColumn);
  });

  test("ends the session when rows come whose columns are not known", () => {
    const starts = [
      { client: [c.query("select 1")], server: [] },
      { client: [c.query("select 1; select 2")], server: [s.columns("a"), s.complete("SELECT 0")] },
      {
        client: [c.parse("", "x"), c.bind(), c.execute(), c.SYNC],
        server: [s.PARSE_COMPLETE, s.parameterTypes(), s.NO_DATA, s.BIND_COMPLETE],
      },
    ];
    for (const { client, server } of starts) {
      const session = masked();
      session.client(...client);
      session.server(...server);
      assert.throws(() => session.server(s.row(CANARY)), { code: "masking-tripwire" });
      assert.doesNotMatch(shown(session) + recorded(session), new RegExp(CANARY));
    }
  });
});

describe("errors and notices under a mask", () => {
  test("of a statement that could carry values are rebuilt, their position in the client's own text", (t) => {
    const session = masked();
    session.client(c.query("select ssn::int from users"));
    session.server(s.notice(CANARY, { D: CANARY }), LEAK, s.ready());
    assert.doesNotMatch(shown(session) + recorded(session), new RegExp(CANARY));
    assertTranscript(t, session, "masked-error");
  });

  test("of a statement that could not pass as they came", () => {
    const session = masked();
    session.client(c.query("select bad"));
    session.server(s.error("42703", 'column "bad" does not exist', { P: "8" }), s.ready());
    assert.match(shown(session), /column "bad" does not exist/);
  });

  test("that come on their own are rebuilt", () => {
    const session = masked();
    session.server(s.notice(CANARY), s.fatal("57P01", CANARY));
    assert.doesNotMatch(shown(session) + recorded(session), new RegExp(CANARY));
    assert.match(shown(session), /terminating connection due to administrator command/);
  });

  /** Ways to have one text judged and another's error come: the error must be rebuilt, or the bind refused. */
  const harmless = "select 1";
  const exchanged: Readonly<Record<string, (session: Conversation) => void>> = {
    "a name that PREPARE failed to take": (session) => {
      session.client(c.parse("x", "select ssn::int"), c.SYNC);
      session.server(...PREPARED, s.ready());
      session.client(c.query(`prepare x as ${harmless}`), c.bind("x"), c.execute(), c.SYNC);
    },
    "a name that DEALLOCATE and PREPARE gave to another text": (session) => {
      session.client(c.parse("x", harmless), c.SYNC);
      session.server(...PREPARED, s.ready());
      session.client(c.query("deallocate x; prepare x as select ssn::int"), c.bind("x"), c.execute(), c.SYNC);
    },
    "a name that PREPARE in the extended protocol may give to another text": (session) => {
      session.client(c.parse("x", harmless), c.parse("d", "deallocate x"), c.parse("p", "prepare x as select ssn::int"), c.SYNC);
      session.server(...PREPARED, ...PREPARED, ...PREPARED, s.ready());
      session.client(c.bind("d"), c.execute(), c.SYNC, c.bind("p"), c.execute(), c.SYNC, c.bind("x"), c.execute(), c.SYNC);
    },
  };
  for (const [name, run] of Object.entries(exchanged)) {
    test(`can't be had by ${name}: it is not bound`, () => {
      const session = masked();
      run(session);
      assert.equal(session.of("denied").at(-1)?.reason, "masked-unsupported");
      assert.doesNotMatch(session.toUpstream.toString("latin1"), /B...[^\0]\0x\0/);
    });
  }

  test("can't be had by a cursor under the name of a portal", () => {
    const session = masked();
    session.client(c.query("begin"), c.parse("", harmless), c.bind("", [], "c"), c.SYNC);
    session.server(s.complete("BEGIN"), s.ready("T"), ...PREPARED, s.BIND_COMPLETE, s.ready("T"));
    session.client(c.query("close c; declare c cursor for select ssn::int from users"), c.execute("c"), c.SYNC);
    // A code of the kind that quotes the client's own text where the text is the one that was judged.
    const quoting = s.error("42704", `no such thing as ${CANARY}`);
    session.server(s.complete("CLOSE CURSOR"), s.complete("DECLARE CURSOR"), s.ready("T"), quoting, s.ready("E"));
    assert.doesNotMatch(shown(session) + recorded(session), new RegExp(CANARY));
  });

  test("can't be had by a Flush with a body, whose error would be taken for another's", () => {
    const session = masked();
    for (const tag of ["H", "S", "c", "X"]) {
      assert.throws(() => session.client(Buffer.from(`${tag}\0\0\0\x05x`, "latin1")), { code: "malformed-message" });
    }
  });
});

describe("what is not known by name", () => {
  test("is not bound, executed or shown under a mask", (t) => {
    const session = masked();
    session.client(c.bind("made-in-sql"), c.execute(), c.SYNC, c.execute("cursor"), c.SYNC, c.query("select 1"));
    const syntax = s.error("42601");
    session.server(syntax, s.ready(), syntax, s.ready(), s.columns("a"), s.complete("SELECT 0"), s.ready());
    session.assertIdle();
    assert.equal(session.of("statement").length, 1);
    assertTranscript(t, session, "masked-unknown-name");
  });
});

describe("what the server says unasked", () => {
  test("is not told under a mask where it could carry anything: notifications and settings that are not on the list", (t) => {
    const session = masked();
    session.server(
      s.notification("jobs", CANARY),
      s.setting("TimeZone", "UTC"),
      s.setting("app.secret", CANARY),
      s.setting("search_path", CANARY),
    );
    assert.doesNotMatch(shown(session) + recorded(session), new RegExp(CANARY));
    assertTranscript(t, session, "masked-server-speaks");
  });

  test("ends the session, for everyone, when statements could be read in another way", () => {
    for (const options of [{}, { underMask: false }]) {
      for (const [name, value] of [
        ["client_encoding", "SJIS"],
        ["standard_conforming_strings", "off"],
      ] as const) {
        assert.throws(() => masked(options).server(s.setting(name, value)), { code: "upstream-out-of-step" });
      }
      masked(options).server(s.setting("client_encoding", "UTF8"), s.setting("standard_conforming_strings", "on"));
    }
  });
});
