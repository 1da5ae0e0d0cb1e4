/** The two flows, fed anything in any cuts: they go on or throw a Fault; what goes on is whole messages, and no text goes upstream unjudged. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { readParse, readQuery } from "#protocols/postgres/decode.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { cuts, mutated, someBytes } from "#test/fuzz/mutations.ts";
import { frame } from "#test/protocols/postgres/bytes.ts";
import * as c from "#test/protocols/postgres/client-bytes.ts";
import { Conversation } from "#test/protocols/postgres/conversation.ts";
import { allowed, denied } from "#test/protocols/postgres/judgements.ts";
import { cutAt } from "#test/protocols/postgres/scripted-handler.ts";
import * as s from "#test/protocols/postgres/server-bytes.ts";
import { corpus, fuzzing } from "#test/support/fuzz.ts";

const CLIENT = [
  c.query("select 1"),
  c.query("drop"),
  c.parse("s", "select 1"),
  c.parse("", "drop"),
  c.bind("s", ["a"]),
  c.bind("", [], "p"),
  c.execute(),
  c.execute("p", 1),
].concat([
  c.describeStatement("s"),
  c.describePortal(),
  c.closeStatement("s"),
  c.closePortal("p"),
  c.SYNC,
  c.SYNC,
  c.FLUSH,
  c.copyData("data"),
  c.COPY_DONE,
  c.copyFail("no"),
  c.functionCall(),
  c.TERMINATE,
]);
const SERVER = [
  s.PARSE_COMPLETE,
  s.BIND_COMPLETE,
  s.CLOSE_COMPLETE,
  s.NO_DATA,
  s.columns("a"),
  s.parameterTypes(23),
  s.row("1"),
  s.row("long value"),
  s.complete("SELECT 1"),
  s.EMPTY_QUERY,
  s.PORTAL_SUSPENDED,
].concat([
  s.error("42601"),
  s.notice("n"),
  s.ready(),
  s.ready("T"),
  s.COPY_IN,
  s.COPY_OUT,
  s.serverCopyData("data"),
  s.SERVER_COPY_DONE,
  s.setting("a", "b"),
  s.notification("a", "b"),
  s.fatal("57P01"),
]);

interface Fed {
  readonly side: "client" | "server";
  readonly bytes: Buffer;
  readonly offsets: readonly number[];
}

const fed: fc.Arbitrary<Fed> = fc.oneof(
  fc.record({ side: fc.constant("client" as const), bytes: fc.oneof(mutated(CLIENT), mutated(CLIENT), someBytes), offsets: cuts }),
  fc.record({ side: fc.constant("server" as const), bytes: fc.oneof(mutated(SERVER), mutated(SERVER), someBytes), offsets: cuts }),
);

function run(list: readonly Fed[], underMask: boolean): void {
  const judged = new Set<string>();
  const judge = (sql: string) => {
    judged.add(sql);
    return sql.includes("drop") ? denied(sql) : allowed(sql);
  };
  const session = new Conversation({ judge, underMask, limits: { rowsPerStatement: 2, bytesPerStatement: 20 } });
  try {
    for (const { side, bytes, offsets } of list) for (const chunk of cutAt(bytes, offsets)) session[side](chunk);
  } catch (error) {
    assert.ok(error instanceof Fault, `threw something else: ${error instanceof Error ? error.stack : error}`);
  }
  const up = wholeMessages(session.toUpstream);
  for (const message of up.messages) {
    const tag = message.toString("latin1", 0, 1);
    const sql = tag === "Q" ? readQuery(message.subarray(5)) : tag === "P" ? readParse(message.subarray(5)).sql : null;
    assert.ok(
      sql === null || sql.startsWith("sallyport refused") || (judged.has(sql) && !sql.includes("drop")),
      `went upstream unjudged: ${sql}`,
    );
    assert.notEqual(tag, "F");
  }
  const down = wholeMessages(session.toClient);
  if (session.atBoundary) assert.equal(down.rest, 0, "an error of ours would stand inside a message");
}

function wholeMessages(bytes: Buffer): { readonly messages: readonly Buffer[]; readonly rest: number } {
  const messages: Buffer[] = [];
  let at = 0;
  while (bytes.length - at >= 5) {
    const end = at + 1 + bytes.readUInt32BE(at + 1);
    if (end > bytes.length) break;
    messages.push(bytes.subarray(at, end));
    at = end;
  }
  return { messages, rest: bytes.length - at };
}

describe("the flows fed anything", () => {
  test("go on or throw a Fault", () => {
    fc.assert(fc.property(fc.array(fed, { maxLength: 6 }), fc.boolean(), run), fuzzing(1000));
  });

  test("go on or throw a Fault, in every plan of the framer: bodies of any length, none too long to be kept", () => {
    const large = fc
      .constantFrom("Q", "P", "B", "d", "F", "D", "p")
      .chain((tag) =>
        fc
          .constantFrom(0, 5, 1 << 20, (1 << 20) + 1, (4 << 20) - 4, (4 << 20) + 1, 0x3fffffff - 4)
          .map((length) => frame(tag, "x\0y\0\0\0\0\0\0\0", length + 4)),
      );
    fc.assert(
      fc.property(large, fc.boolean(), fc.boolean(), (bytes, underMask, mayPassUnparsed) => {
        const session = new Conversation({ underMask, mayPassUnparsed });
        session.client(c.query("select 1"));
        try {
          session.client(bytes);
          session.client(Buffer.alloc(3 << 20));
        } catch (error) {
          assert.ok(error instanceof Fault, `threw something else: ${error instanceof Error ? error.stack : error}`);
        }
      }),
      { numRuns: 60 },
    );
  });

  test("go on or throw a Fault with what was found before", () => {
    for (const { name, chunks } of corpus("flows")) {
      const side = name.includes("server") ? "server" : "client";
      for (const underMask of [false, true])
        run(
          chunks.map((bytes) => ({ side, bytes, offsets: [] })),
          underMask,
        );
    }
  });
});
