/** Commands of a client, step by step: what is read when, and what never reaches the target. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { AHEAD_BYTES_MAX } from "#protocols/mysql/client-flow.ts";
import { CAPABILITY, COMMAND } from "#protocols/mysql/constants.ts";
import type { StackedStatement } from "#protocols/mysql/judge.ts";
import { readError } from "#protocols/mysql/outcome.ts";
import { packets } from "#protocols/mysql/packet.ts";
import { STATEMENT_BYTES_MAX } from "#protocols/wire/limits.ts";
import { allowed, MysqlTalk, SPOKEN, type Step } from "#test/protocols/mysql/conversation.ts";
import { answer, column, command, eof, failure, OK, prepare, query } from "#test/protocols/mysql/server-bytes.ts";

function textsOf({ upstream }: Step): readonly string[] {
  return upstream.map(({ payload }) => payload.toString("utf8", 1));
}

function refusalOf({ client, upstream }: Step): string {
  assert.equal(upstream.length, 0, "it went upstream");
  const { errno, message } = readError(client[0]?.payload ?? Buffer.from([0xff, 0, 0]), CAPABILITY.protocol41);
  return `${errno} ${message}`;
}

describe("commands in a row", () => {
  test("go upstream one at a time, each once the one before it is answered", () => {
    const made = new MysqlTalk();
    assert.deepEqual(textsOf(made.client(query("one"), query("two"), query("three"))), ["one"]);
    assert.equal(made.of("statement").length, 1, "what has not had its turn is on record");
    assert.deepEqual(textsOf(made.server(answer(OK))), ["two"]);
    assert.deepEqual(textsOf(made.server(answer(failure(1064, "no")))), ["three"]);
    assert.deepEqual(textsOf(made.server(answer(OK))), []);
  });

  test("are kept up to a limit, beyond which the client is not to be read until they have had their turn", () => {
    const made = new MysqlTalk();
    made.client(query("one"), query("x".repeat(AHEAD_BYTES_MAX)));
    assert.equal(made.full, true);
    made.server(answer(OK));
    assert.equal(made.full, false);
  });

  test("behind COM_QUIT are not read", () => {
    const made = new MysqlTalk();
    const { upstream } = made.client(command(COMMAND.quit), query("more"));
    assert.deepEqual([upstream.length, made.ended], [1, true]);
    assert.deepEqual(made.client(query("more")).upstream, []);
    assert.deepEqual(made.events, []);
  });

  test("wait for a judgement that takes its time, which is asked for once whatever comes meanwhile", async () => {
    const made = new MysqlTalk({ judge: async () => ({}) });
    assert.deepEqual(textsOf(made.client(query("one"))), []);
    assert.deepEqual(textsOf(made.client(query("two"))), []);
    assert.deepEqual(textsOf(made.server(answer(failure(1053, "shutdown")))), []);
    assert.equal(made.asked.length, 1);
    const [one] = made.asked;
    assert.ok(one !== undefined);
    assert.deepEqual(textsOf(made.judged(await one)), ["one"]);
    assert.equal(made.asked.length, 1, "the next is judged before its turn");
    assert.deepEqual(textsOf(made.server(answer(OK))), []);
    const [, two] = made.asked;
    assert.ok(two !== undefined);
    assert.deepEqual(textsOf(made.judged(await two)), ["two"]);
    assert.equal(made.asked.length, 2);
  });

  test("do not begin with another number than 0, and have a byte at least", () => {
    const malformed = { code: "malformed-message" };
    assert.throws(() => new MysqlTalk().client(packets(query("one").subarray(4), 1)), malformed);
    assert.throws(() => new MysqlTalk().client(packets(Buffer.alloc(0), 0)), malformed);
  });

  test("mean the same however they are cut", () => {
    const whole = Buffer.concat([query("one"), command(COMMAND.ping)]);
    for (let at = 1; at < whole.length; at++) {
      const made = new MysqlTalk();
      const before = made.client(whole.subarray(0, at));
      const after = made.client(whole.subarray(at));
      assert.deepEqual([...textsOf(before), ...textsOf(after)], ["one"]);
      assert.equal(made.server(answer(OK)).upstream[0]?.payload[0], COMMAND.ping);
    }
  });
});

describe("a text that is too large to be judged", () => {
  const large = "x".repeat(STATEMENT_BYTES_MAX);

  test("is refused and dropped, and what stands behind it is read", () => {
    for (const sent of [query(large), prepare(large)]) {
      const made = new MysqlTalk();
      assert.match(refusalOf(made.client(sent)), /^1153 .*reason=statement-too-large/);
      assert.deepEqual(
        made.of("denied").map(({ reason }) => reason),
        ["statement-too-large"],
      );
      assert.deepEqual(textsOf(made.client(query("one"))), ["one"]);
    }
  });

  test("passes for whom texts need not be understood; its beginning and its digest are on record", () => {
    const made = new MysqlTalk({ mayPassUnparsed: true });
    const sent = query(large);
    made.client(sent);
    const payload = sent.subarray(4);
    assert.deepEqual(made.of("body"), [
      { kind: "body", statement: 0, bytes: payload.length, sha256: createHash("sha256").update(payload).digest("hex") },
    ]);
    made.server(answer(OK));
    assert.equal(made.of("result").length, 1);
  });
});

describe("several statements", () => {
  const SETTINGS = new MysqlTalk().state.settings;
  const several: readonly StackedStatement[] = ["one", "two"].map((sql, index) => ({
    ...{ judgement: allowed(sql), sql, settings: SETTINGS },
    ...{ behind: index === 0 ? null : 0, before: index === 0 ? 0 : null },
  }));
  const judge = (sql: string) => (sql === "one;two" ? { several } : {});
  const without = SPOKEN & ~CAPABILITY.multiStatements;

  test("are cut apart only for a client that asked for them, and go no further for another", () => {
    assert.deepEqual(textsOf(new MysqlTalk({ judge }).client(query("one;two"))), ["one"]);
    const terms = { judge, clientCapabilities: without, upstreamCapabilities: without };
    assert.match(refusalOf(new MysqlTalk(terms).client(query("one;two"))), /^1064 /);
    assert.match(refusalOf(new MysqlTalk({ ...terms, underMask: true }).client(query("one;two"))), /reason=masked-statement-kind/);
  });

  test("are asked for and renounced by COM_SET_OPTION, once the target has said yes", () => {
    const made = new MysqlTalk({ judge, clientCapabilities: without, upstreamCapabilities: without });
    const [on, off] = [Buffer.from([0, 0]), Buffer.from([1, 0])];
    const tried = (option: Buffer, said: Buffer) => {
      made.client(command(COMMAND.setOption, option));
      made.server(answer(said));
      const texts = textsOf(made.client(query("one;two")));
      if (texts.length > 0) made.server(answer(failure(1064, "no")));
      return texts;
    };
    assert.deepEqual(tried(on, failure(1047, "no")), []);
    assert.deepEqual(tried(on, eof()), ["one"]);
    assert.deepEqual(tried(off, eof()), []);
  });

  test("can't be prepared under a mask", () => {
    assert.match(refusalOf(new MysqlTalk({ judge, underMask: true }).client(prepare("one;two"))), /reason=masked-statement-kind/);
  });
});

describe("commands that stand for statements", () => {
  const denial = { verdict: "deny", reason: "access-not-granted", rule: null, message: "no", hint: "", position: null } as const;

  test("are judged as those, names quoted", () => {
    const seen: string[] = [];
    const judge = (sql: string) => {
      seen.push(sql);
      return { verdict: "deny" as const, denial };
    };
    const made = new MysqlTalk({ judge });
    for (const sent of [command(COMMAND.initDb, "a`b"), command(COMMAND.fieldList, "a`b\0%")]) {
      assert.match(refusalOf(made.client(sent)), /^1142 .*reason=access-not-granted/);
    }
    assert.deepEqual(seen, ["USE `a``b`", "SHOW COLUMNS FROM `a``b`"]);
  });

  test("KILL is never prepared, and reaches what the gateway knows of alone", () => {
    const instead = { kind: "kill", id: 9, connection: false } as const;
    const killed: unknown[] = [];
    const kill = (id: number, connection: boolean) => killed.push([id, connection]) === 1;
    const made = new MysqlTalk({ judge: () => ({ instead }), effects: { kill } });
    assert.match(refusalOf(made.client(prepare("KILL QUERY 9"))), /^1227 .*reason=command-refused/);
    assert.deepEqual(killed, []);
    assert.equal(made.client(query("KILL QUERY 9")).client[0]?.payload[0], 0);
    const id = Buffer.from([9, 0, 0, 0]);
    assert.match(refusalOf(made.client(command(COMMAND.processKill, id))), /^1094 /);
    assert.deepEqual(killed, [
      [9, false],
      [9, true],
    ]);
  });

  test("COM_STATISTICS tells of others, and is refused under a mask", () => {
    assert.match(refusalOf(new MysqlTalk({ underMask: true }).client(command(COMMAND.statistics))), /reason=command-refused/);
    const made = new MysqlTalk();
    made.client(command(COMMAND.statistics));
    assert.equal(made.server(answer(Buffer.from("Uptime: 1"))).client.length, 1);
    assert.equal(made.state.answer, null);
  });

  test("the default of a column comes with COM_FIELD_LIST under no mask alone", () => {
    const field = Buffer.concat([column("a"), Buffer.from("\u0006secret")]);
    for (const underMask of [false, true]) {
      const made = new MysqlTalk({ underMask });
      made.client(command(COMMAND.fieldList, "t\0"));
      const told = made.server(answer(field, eof())).client[0]?.payload.toString("latin1");
      assert.equal(told?.includes("secret"), !underMask);
    }
  });
});

describe("query attributes", () => {
  const terms = { clientCapabilities: SPOKEN | CAPABILITY.queryAttributes };
  // None, in one set.
  const sent = command(COMMAND.query, Buffer.from([0, 1]), "SELECT 1");

  test("go with the text to a target that knows them, and are left out for one that does not", () => {
    const knows = new MysqlTalk({ ...terms, upstreamCapabilities: SPOKEN | CAPABILITY.queryAttributes });
    assert.deepEqual(textsOf(knows.client(sent)), ["\0\u0001SELECT 1"]);
    const made = new MysqlTalk(terms);
    assert.deepEqual(textsOf(made.client(sent)), ["SELECT 1"]);
    assert.deepEqual(
      made.of("statement").map(({ sql }) => sql),
      ["SELECT 1"],
    );
  });
});
