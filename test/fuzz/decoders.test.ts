/** Every decoder, fed anything: it reads or throws a Fault, nothing else, and always ends. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import * as decode from "#protocols/postgres/decode.ts";
import { readOpening } from "#protocols/postgres/negotiation.ts";
import { upstreamParameters } from "#protocols/postgres/parameters.ts";
import { PasswordReader } from "#protocols/postgres/password.ts";
import { QueryRun } from "#protocols/postgres/query-run.ts";
import { rebuilt } from "#protocols/postgres/rebuilt-errors.ts";
import { checkServerFinal, readChallenge, scramFirst } from "#protocols/postgres/scram.ts";
import { readFirstMessage, requestedTarget } from "#protocols/postgres/startup.ts";
import { takeMessage } from "#protocols/postgres/take-message.ts";
import { UpstreamLogin } from "#protocols/postgres/upstream-login.ts";
import { recordedValue } from "#protocols/postgres/values.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { recordedText } from "#protocols/wire/recorded.ts";
import { Secret } from "#protocols/wire/secret.ts";
import { cuts, mutated, someBytes } from "#test/fuzz/mutations.ts";
import * as b from "#test/protocols/postgres/bytes.ts";
import * as c from "#test/protocols/postgres/client-bytes.ts";
import { allowed } from "#test/protocols/postgres/judgements.ts";
import { cutAt } from "#test/protocols/postgres/scripted-handler.ts";
import * as s from "#test/protocols/postgres/server-bytes.ts";
import { corpus, fuzzing } from "#test/support/fuzz.ts";

/** Runs it; a Fault is an answer, anything else thrown is a find. */
function reads(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof Fault, `threw something else: ${error instanceof Error ? error.stack : error}`);
  }
}

const text = fc.oneof(fc.string({ unit: "binary", maxLength: 30 }), fc.constantFrom("-c a=b", "--role=x", "\\", "orders", "user@orders"));
const map = fc.array(fc.tuple(fc.oneof(text, fc.constantFrom("options", "role", "database", "client_encoding")), text), { maxLength: 6 });

const bodies: readonly Buffer[] = [
  c.query("select 1"),
  c.parse("s", "x", [23]),
  c.bind("s", ["a", null]),
  c.execute("p", 1),
  c.describePortal("p"),
]
  .concat([
    s.columns("a", "b"),
    s.row("1", null),
    s.error("42601", "m", { P: "1" }),
    s.setting("a", "b"),
    s.notification("a", "b"),
    s.complete("X"),
  ])
  .map((message) => message.subarray(5));

const READERS: Readonly<Record<string, (body: Buffer) => unknown>> = {
  readQuery: decode.readQuery,
  readParse: decode.readParse,
  "readBind, whole": (body) => decode.readBind(body, true),
  "readBind, its beginning": (body) => decode.readBind(body, false),
  readNamed: (body) => decode.readNamed(body, "Describe"),
  readExecute: decode.readExecute,
  readRowDescription: decode.readRowDescription,
  readDataRow: decode.readDataRow,
  readErrorFields: decode.readErrorFields,
  readParameterStatus: decode.readParameterStatus,
  readNotification: decode.readNotification,
  readCommandTag: decode.readCommandTag,
  readOpening,
  readFirstMessage,
  takeMessage: (body) => takeMessage(body, 1000),
  recordedValue: (body) =>
    [16, 21, 23, 26, 20, 700, 701, 2950, 25, 0].flatMap((type) => [recordedValue(body, true, type), recordedValue(body, false, type)]),
};

describe("a decoder fed anything", () => {
  for (const [name, reader] of Object.entries(READERS)) {
    test(`reads it or throws a Fault: ${name}`, () => {
      const openings = [b.startup(["user", "a", "database", "b"]), b.packet(b.SSL_REQUEST), b.packet(b.CANCEL_REQUEST, Buffer.alloc(8))];
      fc.assert(
        fc.property(fc.oneof(someBytes, mutated([...bodies, ...openings])), (body) => reads(() => reader(body))),
        fuzzing(200),
      );
    });
  }

  test("reads it or throws a Fault: PasswordReader, in chunks", () => {
    fc.assert(
      fc.property(mutated([b.frame("p", "token\0"), b.frame("p", "a\0b\0"), c.query("x")]), cuts, (bytes, offsets) => {
        const reader = new PasswordReader(1000);
        reads(() => {
          for (const chunk of cutAt(bytes, offsets)) if (reader.push(chunk) !== undefined) break;
        });
      }),
      fuzzing(200),
    );
  });

  test("reads it or throws a Fault: start-up parameters and targets", () => {
    fc.assert(
      fc.property(map, text, fc.boolean(), (parameters, name, underMask) => {
        reads(() => upstreamParameters(new Map(parameters), { user: "u", database: "d", mark: name, searchPath: null }, underMask));
        const startup = { kind: "startup", minor: 0, negotiate: null, user: name, parameters: new Map(parameters) } as const;
        reads(() => requestedTarget(startup, name, (target) => target === "orders"));
      }),
      fuzzing(300),
    );
  });

  test("never lets a start-up option through that sets the role, however it is spelt", () => {
    const piece = fc.constantFrom(
      "-c",
      "--",
      "role",
      "=",
      "x",
      " ",
      "\\",
      "\\ ",
      "\t",
      "-",
      "_",
      "session",
      "authorization",
      "a",
      "R",
      "\u00a0",
      "'",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const options = pieces.join("");
        let passed: string | undefined;
        reads(() => {
          passed = upstreamParameters(
            new Map([["options", options]]),
            { user: "u", database: "d", mark: "m", searchPath: null },
            false,
          ).get("options");
        });
        if (passed !== undefined)
          for (const name of settingsOf(passed)) assert.doesNotMatch(name, /^(role|session_authorization)$/i, options);
      }),
      fuzzing(1000),
    );
  });

  test("reads it or throws a Fault: SCRAM", () => {
    const first = scramFirst("SCRAM-SHA-256", "abc", null, false);
    const near = fc
      .array(fc.constantFrom("r=abcdef", ",s=AAAA", ",i=4096", ",i=9999999999", "v=", "AAAA", "e=x", ",", "=", "\n"), { maxLength: 5 })
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.oneof(text, near), (message) => {
        reads(() => readChallenge(first, message));
        reads(() => checkServerFinal({ message: "", signature: Buffer.alloc(32) }, message));
      }),
      fuzzing(300),
    );
  });

  test("reads it or throws a Fault: the upstream login", () => {
    const messages = [
      s.authentication(0),
      s.authentication(3),
      s.authentication(5, "salt"),
      s.authentication(10, "SCRAM-SHA-256\0\0"),
      s.authentication(11, "r=abcx,s=AAAA,i=1"),
      s.authentication(12, "v=AAAA"),
    ].concat([s.setting("a", "b"), s.keyData(1, Buffer.alloc(4)), s.ready(), s.notice("n"), s.error("28000"), s.row("1")]);
    fc.assert(
      fc.property(mutated(messages), fc.boolean(), fc.boolean(), (bytes, weak, secret) => {
        const password = secret ? new Secret("x") : null;
        const login = new UpstreamLogin({ credential: { user: "u", password, allowWeak: weak }, nonce: "abc", endPoint: null });
        reads(() => {
          for (let message = takeMessage(bytes, 1000); message !== undefined; message = takeMessage(message.rest, 1000)) {
            if (login.onMessage(message.tag, message.body).kind === "salt") login.onSalted(Buffer.alloc(32));
          }
        });
      }),
      fuzzing(500),
    );
  });

  test("reads it or throws a Fault: the catalogue reader's query, in chunks", () => {
    const messages = [s.columns("a", "__proto__"), s.row("1", null), s.complete("SELECT 1"), s.error("42P01"), s.notice("n"), s.ready()];
    fc.assert(
      fc.property(mutated(messages), cuts, (bytes, offsets) => {
        const run = new QueryRun("select 1");
        reads(() => {
          for (const chunk of cutAt(bytes, offsets)) if (run.push(chunk) !== undefined) break;
        });
      }),
      fuzzing(300),
    );
  });

  test("rebuilds any error into one that can be read", () => {
    const fields = fc.array(
      fc.tuple(
        fc.constantFrom(..."SVCMDHPpqWstcdnFLR"),
        fc.string({ unit: "grapheme" }).filter((value) => !value.includes("\0")),
      ),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(fields, fc.boolean(), fc.option(fc.integer()), (list, rebuild, place) => {
        const judgement = allowed("x", { upstreamSql: "y", mapPosition: () => place });
        const bytes = rebuilt(0x45, new Map(list), judgement, rebuild);
        if (bytes !== undefined) decode.readErrorFields(bytes.subarray(5));
      }),
      fuzzing(300),
    );
  });

  test("records any text within its limit", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.nat({ max: 20 }), (value, limit) => {
        const recorded = recordedText(value, limit);
        if (typeof recorded === "string") assert.equal(recorded, value);
        else assert.equal(recorded.bytes, Buffer.byteLength(value));
      }),
      fuzzing(300),
    );
  });

  test("reads what was found before", () => {
    for (const { chunks } of corpus("decoder"))
      for (const chunk of chunks) for (const reader of Object.values(READERS)) reads(() => reader(chunk));
  });
});

/** Names that PostgreSQL's own splitting (pg_split_opts) and getopt would set, read apart from the code under test. */
function settingsOf(options: string): readonly string[] {
  const words: string[] = [];
  for (let at = 0; at < options.length; ) {
    while (/[ \t\n\v\f\r]/.test(options[at] ?? "")) at++;
    if (at >= options.length) break;
    let word = "";
    let escaped = false;
    for (; at < options.length; at++) {
      const letter = options[at] ?? "";
      if (/[ \t\n\v\f\r]/.test(letter) && !escaped) break;
      escaped = !escaped && letter === "\\";
      if (!escaped) word += letter;
    }
    words.push(word);
  }
  const names: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    const given = word === "-c" || word === "--" ? words[++at] : /^(-c|--)/.test(word) ? word.slice(2) : undefined;
    if (given !== undefined) names.push((given.split("=")[0] ?? "").replaceAll("-", "_").trim());
  }
  return names;
}
