/** Every message in every phase: allowed or a named violation, no third outcome. All 256 tags, both directions. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Fault } from "#protocols/wire/fault.ts";
import { frame } from "#test/protocols/postgres/bytes.ts";
import * as c from "#test/protocols/postgres/client-bytes.ts";
import { Conversation } from "#test/protocols/postgres/conversation.ts";
import { allowed, denied } from "#test/protocols/postgres/judgements.ts";
import * as s from "#test/protocols/postgres/server-bytes.ts";

type Script = readonly (readonly ["client" | "server", Buffer])[];

const judge = (sql: string) => (sql === "drop" ? denied(sql) : allowed(sql));

function sessionIn(script: Script): Conversation {
  const session = new Conversation({ judge });
  for (const [side, bytes] of script) session[side](bytes);
  return session;
}

/** @returns the fault's code; null when the message was allowed. Anything else thrown fails the test. */
function outcome(run: () => unknown): string | null {
  try {
    run();
    return null;
  } catch (error) {
    assert.ok(error instanceof Fault, `neither allowed nor a violation: ${error}`);
    return error.code;
  }
}

/** A good message of each kind, by its tag. */
const CLIENT: Readonly<Record<string, Buffer>> = {
  Q: c.query("select 1"),
  P: c.parse("", "select 1"),
  B: c.bind(),
  E: c.execute(),
  D: c.describePortal(),
  C: c.closePortal(""),
  S: c.SYNC,
  H: c.FLUSH,
  X: c.TERMINATE,
  F: c.functionCall(),
  d: c.copyData("x"),
  c: c.COPY_DONE,
  f: c.copyFail("x"),
};

const SERVER: Readonly<Record<string, Buffer>> = {
  "1": s.PARSE_COMPLETE,
  "2": s.BIND_COMPLETE,
  "3": s.CLOSE_COMPLETE,
  A: s.notification("a", "b"),
  C: s.complete("SELECT 1"),
  D: s.row("1"),
  E: s.error("22012"),
  G: s.COPY_IN,
  H: s.COPY_OUT,
  I: s.EMPTY_QUERY,
  N: s.notice("n"),
  S: s.setting("a", "b"),
  T: s.columns("a"),
  Z: s.ready(),
  c: s.SERVER_COPY_DONE,
  d: s.serverCopyData("x"),
  n: s.NO_DATA,
  s: s.PORTAL_SUSPENDED,
  t: s.parameterTypes(23),
};

const QUERY: Script = [["client", c.query("select 1")]];
const EXTENDED: Script = [
  ["client", Buffer.concat([c.parse("", "x"), c.bind(), c.describePortal(), c.execute(), c.closePortal(""), c.SYNC])],
];
const PHASES: Readonly<Record<string, Script>> = {
  idle: [],
  "a query": QUERY,
  "a query with columns": [...QUERY, ["server", s.columns("a")]],
  "a query with a result": [...QUERY, ["server", s.complete("X")]],
  "a query that failed": [...QUERY, ["server", s.error("22012")]],
  "a refused query": [["client", c.query("drop")]],
  parse: EXTENDED,
  "a refused parse": [["client", Buffer.concat([c.parse("", "drop"), c.bind(), c.SYNC])]],
  bind: [...EXTENDED, ["server", s.PARSE_COMPLETE]],
  describe: [...EXTENDED, ["server", Buffer.concat([s.PARSE_COMPLETE, s.BIND_COMPLETE])]],
  execute: [...EXTENDED, ["server", Buffer.concat([s.PARSE_COMPLETE, s.BIND_COMPLETE, s.NO_DATA])]],
  close: [...EXTENDED, ["server", Buffer.concat([s.PARSE_COMPLETE, s.BIND_COMPLETE, s.NO_DATA, s.complete("X")])]],
  sync: [["client", c.SYNC]],
  skipping: [
    ["client", c.parse("", "bad")],
    ["server", s.error("42601")],
  ],
  "copy in": [...QUERY, ["server", s.COPY_IN]],
  "copy out": [...QUERY, ["server", s.COPY_OUT]],
};

/** Notices, notifications and settings come at any time; an error wherever something is under way. */
const ALWAYS = "NAS";
const SERVER_ALLOWED: Readonly<Record<string, string>> = {
  idle: ALWAYS,
  "a query": `${ALWAYS}ECDGHIT`,
  "a query with columns": `${ALWAYS}ECDGHIT`,
  "a query with a result": `${ALWAYS}ECDGHITZ`,
  "a query that failed": `${ALWAYS}ECDGHITZ`,
  "a refused query": `${ALWAYS}E`,
  parse: `${ALWAYS}E1`,
  "a refused parse": `${ALWAYS}E`,
  bind: `${ALWAYS}E2`,
  describe: `${ALWAYS}ETnt`,
  execute: `${ALWAYS}ECDGHIs`,
  close: `${ALWAYS}E3`,
  sync: `${ALWAYS}EZ`,
  skipping: ALWAYS,
  "copy in": `${ALWAYS}EC`,
  "copy out": `${ALWAYS}Ecd`,
};

describe("every message of a client", () => {
  for (const [phase, script] of Object.entries(PHASES)) {
    test(`in ${phase} is allowed when it belongs to a session, else a violation`, () => {
      for (let tag = 0; tag < 256; tag++) {
        const letter = String.fromCharCode(tag);
        const message = CLIENT[letter] ?? frame(letter);
        const expected = letter in CLIENT ? null : "unexpected-message";
        assert.equal(
          outcome(() => sessionIn(script).client(message)),
          expected,
          JSON.stringify(letter),
        );
      }
    });

    test(`in ${phase} is a violation when it is unknown, from its header on`, () => {
      for (const letter of ["p", "\0", "R", "\xff"]) {
        assert.equal(
          outcome(() => sessionIn(script).client(frame(letter, "", 1000))),
          "unexpected-message",
          JSON.stringify(letter),
        );
      }
    });
  }
});

describe("every message of a server", () => {
  for (const [phase, script] of Object.entries(PHASES)) {
    test(`in ${phase} is an answer that fits, else a violation`, () => {
      for (let tag = 0; tag < 256; tag++) {
        const letter = String.fromCharCode(tag);
        const message = SERVER[letter] ?? frame(letter);
        const expected = SERVER_ALLOWED[phase]?.includes(letter) ? null : "upstream-out-of-step";
        assert.equal(
          outcome(() => sessionIn(script).server(message)),
          expected,
          JSON.stringify(letter),
        );
      }
    });
  }

  test("is a violation when it belongs to a login, from its header on", () => {
    for (const letter of ["R", "K", "v", "W"]) {
      assert.equal(
        outcome(() => new Conversation().server(frame(letter, "", 1000))),
        "upstream-out-of-step",
        letter,
      );
    }
  });

  test("that is fatal is passed on in every phase, and the session's end is known", () => {
    for (const [phase, script] of Object.entries(PHASES)) {
      const session = sessionIn(script);
      assert.equal(
        outcome(() => session.server(s.fatal("57P01", "terminating"))),
        null,
        phase,
      );
      assert.equal(session.state.fatal, true, phase);
      assert.match(session.toClient.toString("latin1"), /terminating/, phase);
    }
  });
});

describe("a malformed message", () => {
  const CLIENT_BODIES = ["", "\0", "x", "x\0", "\0\0\0", "S", "Sx", "\xff\xff\xff\xff", "\0\0\xff\xff\xff\xff\xff\xff"];
  const bodied = new Set(["S", "H", "c", "X"]);

  test("of a client is a fault in every phase that reads it, and skipped where the server would skip it", () => {
    for (const [phase, script] of Object.entries(PHASES)) {
      for (const letter of Object.keys(CLIENT)) {
        for (const body of CLIENT_BODIES) {
          const code = outcome(() => sessionIn(script).client(frame(letter, Buffer.from(body, "latin1"))));
          assert.ok(code === null || code === "malformed-message", `${phase} ${letter}: ${code}`);
          if (bodied.has(letter) && body !== "")
            assert.equal(code, phase === "skipping" && letter === "c" ? null : "malformed-message", `${phase} ${letter}`);
        }
      }
    }
  });

  test("of a server is a fault in every phase", () => {
    for (const [phase, script] of Object.entries(PHASES)) {
      for (const letter of Object.keys(SERVER)) {
        for (const body of CLIENT_BODIES) {
          const code = outcome(() => sessionIn(script).server(frame(letter, Buffer.from(body, "latin1"))));
          assert.ok(code === null || code === "malformed-message" || code === "upstream-out-of-step", `${phase} ${letter}: ${code}`);
        }
      }
    }
  });

  test("of a server without a status, or with one that is none", () => {
    for (const status of ["", "II", "i", "X", "\0"]) {
      const session = sessionIn([["client", c.SYNC]]);
      assert.equal(
        outcome(() => session.server(frame("Z", status))),
        "upstream-out-of-step",
      );
    }
  });

  test("of a server that has a body where none belongs is a fault", () => {
    const empty: Readonly<Record<string, Script>> = {
      "1": PHASES["parse"] ?? [],
      "2": PHASES["bind"] ?? [],
      "3": PHASES["close"] ?? [],
      n: PHASES["describe"] ?? [],
      I: QUERY,
      c: PHASES["copy out"] ?? [],
    };
    for (const [letter, script] of Object.entries(empty)) {
      assert.equal(
        outcome(() => sessionIn(script).server(frame(letter, "x"))),
        "malformed-message",
        letter,
      );
    }
  });
});

describe("a length that no message of a session has", () => {
  test("is a fault at the header", () => {
    for (const letter of "DCEf")
      assert.equal(
        outcome(() => new Conversation().client(frame(letter, "", 1024 * 1024 + 1))),
        "message-too-large",
        letter,
      );
    for (const letter of "TECSNA")
      assert.equal(
        outcome(() => new Conversation().server(frame(letter, "", 16 * 1024 * 1024 + 1))),
        "upstream-out-of-step",
        letter,
      );
    for (const side of ["client", "server"] as const) {
      for (const length of [0, 3, 0x40000000, 0xffffffff])
        assert.equal(
          outcome(() => new Conversation()[side](frame("d", "", length))),
          "malformed-message",
        );
    }
  });
});
